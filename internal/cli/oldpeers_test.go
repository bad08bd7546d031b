package cli_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"stayput.dev/test/rig"
	"stayput.dev/test/rig/primary"
)

// bind runs BIND with a zone, as the old installation does: whoever has the key
// may change it and transfer it, and nobody else. $BIND says where it answers, at
// $BIND_PORT.
func bind(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: bind ZONE FILE KEYFILE")
	}
	for _, program := range []string{"named", "nsupdate"} {
		_, err := exec.LookPath(program)
		if err != nil && os.Getenv("CI") != "true" {
			return // the script stops
		}
		ts.Check(err)
	}
	dir, address := ts.MkAbs("."), freeAddress(ts)
	at, err := netip.ParseAddrPort(address)
	ts.Check(err)
	config := primary.NamedOptions(dir, at.Port()) + fmt.Sprintf(`
include %[1]q;
controls { };
zone %[2]q {
	type primary; file %[3]q;
	update-policy { grant dyndns zonesub ANY; };
	allow-transfer { key dyndns; };
};
`, ts.MkAbs(args[2]), args[0], ts.MkAbs(args[1]))
	path := filepath.Join(dir, "named.conf")
	ts.Check(os.WriteFile(path, []byte(config), 0o600))
	log, err := os.Create(filepath.Join(dir, "named.log"))
	ts.Check(err)
	ts.Defer(func() { _ = log.Close() })
	cmd := exec.Command("named", "-g", "-n", "1", "-c", path)
	cmd.Stderr = log
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if !answers(address, args[0]) {
		said, _ := os.ReadFile(log.Name())
		ts.Fatalf("named does not answer:\n%s", said)
	}
	ts.Setenv("BIND", address)
	ts.Setenv("BIND_PORT", fmt.Sprint(at.Port()))
}

// apache runs Apache before the daemon's HTTP, under the path /dyndns/ alone, or with
// the lines of a file in the place of that. $APACHE says where it answers.
func apache(ts *testscript.TestScript, _ bool, args []string) {
	lines := "ProxyPass        /dyndns/ http://{HTTP}/\nProxyPassReverse /dyndns/ http://{HTTP}/\n"
	if len(args) == 1 {
		lines = ts.ReadFile(args[0])
	}
	webServer(ts, "apache2", "APACHE", `
ServerName dyn.example.org
ServerRoot "{DIR}"
PidFile {DIR}/apache.pid
DefaultRuntimeDir "{DIR}"
ErrorLog {DIR}/apache2.log
Listen {ADDRESS}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
`+lines, "-X", "-f")
}

// nginx runs nginx with the lines of a file as what is in its "http". $NGINX says where
// it answers.
func nginx(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: nginx FILE")
	}
	webServer(ts, "nginx", "NGINX", `
daemon off;
master_process off;
pid {DIR}/nginx.pid;
error_log {DIR}/nginx.log;
events { }
http {
	client_body_temp_path {DIR}/body;
	proxy_temp_path {DIR}/proxy;
	fastcgi_temp_path {DIR}/fastcgi;
	uwsgi_temp_path {DIR}/uwsgi;
	scgi_temp_path {DIR}/scgi;
`+ts.ReadFile(args[0])+"}\n", "-e", filepath.Join(ts.MkAbs("."), "nginx.log"), "-c")
}

// webServer runs a web server with a configuration, behind the arguments, and sets a
// variable to where it answers. In the configuration {ADDRESS} stands for that, {HTTP}
// for the daemon, {OLD} for the old service, {DIR} for the directory of the script and {STAYPUT} for
// the program.
func webServer(ts *testscript.TestScript, program, variable, config string, args ...string) {
	if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "true" {
		return // the script stops
	}
	stayput, err := exec.LookPath("stayput")
	ts.Check(err)
	dir, address := ts.MkAbs("."), freeAddress(ts)
	config = strings.NewReplacer(
		"{ADDRESS}", address, "{HTTP}", ts.Getenv("HTTP"), "{OLD}", ts.Getenv("OLD"), "{DIR}", dir, "{STAYPUT}", stayput,
	).Replace(config)
	path := filepath.Join(dir, program+".conf")
	ts.Check(os.WriteFile(path, []byte(config), 0o600))
	cmd := exec.Command(program, append(args, path)...)
	cmd.Env = append(os.Environ(), raceOptions)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Apache signals all of its group
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // and it ends what it runs itself
		_ = cmd.Wait()
	})
	for range 1200 {
		if conn, err := net.Dial("tcp", address); err == nil {
			ts.Check(conn.Close())
			ts.Setenv(variable, address)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := os.ReadFile(filepath.Join(dir, program+".log"))
	ts.Fatalf("%s does not answer:\n%s", program, said)
}

// freeAddress returns one on which nothing listens.
func freeAddress(ts *testscript.TestScript) string {
	address, err := rig.FreePort()
	ts.Check(err)
	return address.String()
}

// answers tells whether a server answers for a zone before long.
func answers(address, origin string) bool {
	question := new(dns.Msg).SetQuestion(dns.Fqdn(origin), dns.TypeSOA)
	for range 1200 {
		if answer, err := dns.Exchange(question, address); err == nil && len(answer.Answer) == 1 {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}
