package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// resolverConfig is for a BIND that asks the root of the judges' network.
const resolverConfig = `
options {
	directory "{dir}"; listen-on port 53 { 127.0.0.1; }; listen-on-v6 { none; };
	pid-file none; session-keyfile none; managed-keys-directory "{dir}";
	recursion yes; allow-recursion { any; }; dnssec-validation no;
};
controls { };
zone "." { type hint; file "{hints}"; };
`

// more is what the zone org delegates besides example.org.
const more = `
right.org.      NS ns1.right.org.
right.org.      NS ns2.example.org.
ns1.right.org.  A 192.0.2.53
glue.org.       NS ns1.glue.org.
glue.org.       NS ns2.example.org.
ns1.glue.org.   A 198.51.100.53
less.org.       NS ns1.example.org.
lame.org.       NS ns1.example.org.
lame.org.       NS a.root-servers.
signed.org.     NS ns1.example.org.
signed.org.     NS ns2.example.org.
signed.org.     DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
`

// checkNetwork starts the judges' network with a resolver, and in it a daemon that
// serves zones right and wrong.
func checkNetwork(t *testing.T) *world {
	t.Helper()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "nsd", "named")
	network, dir := newNetwork(t), t.TempDir()
	here := must(os.Getwd())(t)
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	org := write("org.zone", read(t, judges+"org.zone")+more)
	itself := write("itself.zone", "$TTL 86400\nitself.org. SOA ns1.example.org. h.itself.org. 1 300 60 1209600 60\nitself.org. NS ns1.example.org.\n")
	network.start(t, "nsd", "-d", "-c", write("nsd.conf", strings.Replace(read(t, judges+"nsd.conf"), judges+"org.zone", org, 1)+
		fmt.Sprintf("zone:\n\tname: itself.org\n\tzonefile: %q\n", itself)))
	network.start(t, "named", "-g", "-n", "1", "-c", write("named.conf",
		strings.NewReplacer("{dir}", dir, "{hints}", filepath.Join(here, judges, "hints.zone")).Replace(resolverConfig)))
	w := newWorld(t, "")
	w.prefix = network
	config := strings.Replace(read(t, judges+"stayput.toml"), "DATA", w.data, 1)
	w.write("stayput.toml", strings.Replace(config, "[dns]\n", "[dns]\nresolvers = [\"127.0.0.1\"]\n", 1))
	w.start()
	w.run("zone", "import", "example.org", judges+"example.org.zone")
	for _, zone := range []string{"less.org", "lame.org", "signed.org", "missing.org", "itself.org", "dyn.example.org"} {
		w.run("zone", "add", zone, "--ns", "ns1.example.org", "--ns", "ns2.example.org")
	}
	for _, zone := range []string{"right.org", "glue.org"} {
		w.run("zone", "add", zone, "--ns", "ns1."+zone+"=192.0.2.53", "--ns", "ns2.example.org")
	}
	return w
}

type finding struct{ Level, Topic, Text, Hint string }

func (f finding) String() string { return fmt.Sprintf("%s %s: %s", f.Level, f.Topic, f.Text) }

// check returns what a check of a zone finds besides what is well, and whether it
// succeeds.
func (w *world) check(args ...string) (odd []string, well bool) {
	w.t.Helper()
	out, stderr, err := w.output(append([]string{"zone", "check", "--json"}, args...)...)
	var found []finding
	if bad := json.Unmarshal([]byte(out), &found); bad != nil {
		w.t.Fatalf("zone check %v: %v\n%s%s", args, bad, out, stderr)
	}
	for _, f := range found {
		if f.Level != "ok" {
			odd = append(odd, f.String())
		}
	}
	return odd, err == nil
}

// A zone is found right or wrong, with a real zone above it and a real resolver.
func TestZoneCheck(t *testing.T) {
	t.Parallel()
	w := checkNetwork(t)
	until(t, "the resolver answers", func() bool {
		odd, _ := w.check("right.org")
		return len(odd) == 0
	})
	for _, tt := range []struct {
		zone string
		want []string
		well bool
	}{
		{"right.org", nil, true},
		{"dyn.example.org", nil, true},
		{"example.org", nil, true},
		{"itself.org", nil, true}, // a secondary of it serves the zone above
		{"missing.org", []string{"fail delegation: org does not delegate the zone: nobody finds it"}, false},
		{"less.org", []string{"warn delegation: org does not name ns2.example.org, which has an NS record here"}, true},
		{"glue.org", []string{
			"fail delegation: org has the address 198.51.100.53 for ns1.glue.org, which has another one here: 192.0.2.53",
			"warn delegation: org lacks the address 192.0.2.53 of ns1.glue.org",
		}, false},
		{"signed.org", []string{"fail delegation: org has a DS record for the zone, which is not signed: resolvers that validate take nothing from it"}, false},
		{"lame.org", []string{
			"warn delegation: org does not name ns2.example.org, which has an NS record here",
			"warn delegation: org names a.root-servers, which has no NS record here",
			"fail name servers: a.root-servers at 192.0.2.1: it does not answer with authority, so it does not serve the zone",
			"fail name servers: a.root-servers at 2001:db8:1::1: it does not answer with authority, so it does not serve the zone",
		}, false},
	} {
		t.Logf("%s: %v, want\n%s", tt.zone, tt.well, strings.Join(tt.want, "\n"))
		w.finds(func(got []string, well bool) bool { return slices.Equal(got, tt.want) && well == tt.well }, tt.zone)
	}
	w.finds(func(got []string, well bool) bool {
		return len(got) > 0 && well && strings.HasPrefix(got[0], "warn delegation: cannot find out who delegates to the zone: asking resolver 127.0.0.1:5399")
	}, "right.org", "--resolver", "127.0.0.1:5399")
	w.finds(func(got []string, well bool) bool { return len(got) == 0 && well }, "missing.org", "--inside")
	w.run("zone", "set", "right.org", "--secondary", "192.0.2.1")
	w.finds(func(got []string, well bool) bool {
		return !well && len(got) == 1 && strings.HasPrefix(got[0], "fail secondaries: 192.0.2.1:53: ")
	}, "right.org")
	until(t, "people are told what to do", func() bool {
		out, _, err := w.output("zone", "check", "missing.org")
		return err != nil && strings.Contains(out, "fail  delegation: org does not delegate the zone: nobody finds it\n      hint: whoever keeps org must add the NS records of ns1.example.org, ns2.example.org\n")
	})
}

// finds fails the test unless a check finds what it should, at the latest after a while:
// on a busy machine, whoever answers late looks as if it were away.
func (w *world) finds(right func(odd []string, well bool) bool, args ...string) {
	w.t.Helper()
	for late := time.Now().Add(patience); ; {
		odd, well := w.check(args...)
		if right(odd, well) {
			return
		}
		if time.Now().After(late) {
			w.t.Errorf("%s: %v, found\n%s", strings.Join(args, " "), well, strings.Join(odd, "\n"))
			return
		}
	}
}
