package cli

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/term"

	"stayput.dev/internal/daemon"
	"stayput.dev/internal/recipe"
)

// demoScreen says what to try. Its commands are ready to paste into a shell, and it fits
// a terminal of 80 columns. A line that begins with "# " is a heading.
const demoScreen = `
Stayput serves dyn.example.org with 1000 hosts, for as long as this runs.
alice owns home and nas, bob owns shop; the rest (h0001 to h0997) is shared.

# Look at the pages, as the customer alice or as admin:
http://{http}/
the password is "{password}"

# Move a host, as a router does (the answer is "good 192.0.2.7"):
curl -u alice:{secret} \
"http://{http}/nic/update?hostname=home.{zone}&myip=192.0.2.7"

# Ask the DNS for it:
dig @{dnshost} -p {dnsport} +short home.{zone}

# The same with ddclient:
D={dir}
cat > $D/ddclient.conf <<'END'
use=ip, ip=203.0.113.9
protocol=dyndns2
server={http}
login=alice
password={secret}
home.{zone},nas.{zone}
END
chmod 600 $D/ddclient.conf
ddclient -daemon=0 -noquiet -file $D/ddclient.conf -cache $D/ddclient.cache

# See what became of it, and look around:
{program} \
  --socket {socket} \
  host show home.{zone}
curl -s http://{http}/metrics | grep ^stayput

Ctrl-C ends it and deletes {dir}.
`

func (a *app) printDemo(dir string, addrs daemon.Addresses) {
	dns := addrs.DNS[0]
	text := strings.NewReplacer(
		"{secret}", aliceSecret, "{password}", demoPassword, "{zone}", demoZone, "{dir}", recipe.ShellWord(dir),
		"{http}", addrs.HTTP[0].String(), "{dnshost}", dns.Addr().String(), "{dnsport}", port(dns),
		"{socket}", recipe.ShellWord(addrs.Socket), "{program}", recipe.ShellWord(program()),
	).Replace(demoScreen)
	for line := range strings.Lines(text) {
		a.printDemoLine(line)
	}
}

func (a *app) printDemoLine(line string) {
	if strings.HasPrefix(line, "# ") && isTerminal(a.out.to) {
		line = "\x1b[1m" + strings.TrimSuffix(line, "\n") + "\x1b[0m\n"
	}
	fmt.Fprint(a.out, line)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func port(a netip.AddrPort) string { return fmt.Sprint(a.Port()) }

// program returns how this program is called from another terminal.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return "stayput"
	}
	return path
}
