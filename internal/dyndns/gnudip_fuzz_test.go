package dyndns

import (
	"net/netip"
	"strings"
	"testing"

	"stayput.dev/internal/update"
)

// FuzzGnuDIP: a line is taken apart without loss, and whatever it asks for makes a
// request that says something of the addresses, for a host within the domain.
func FuzzGnuDIP(f *testing.F) {
	for _, seed := range []string{
		"alice:0123456789abcdef0123456789abcdef:dyn.example.org:0:203.0.113.9", "a:b:c:0:2001:db8::9", "a:b:c:1", "a:b:c:2", "a:b:c:0:0.0.0.0",
		"a:b:c:0:::", "a:b:c:0:::ffff:1.2.3.4", ":::", "::::", "a:b", "", "\xff:\x00:\n:0:%",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		w, ok := parseGnuDIP(line)
		if !ok {
			if strings.Count(line, ":") >= 3 {
				t.Errorf("%q is not taken", line)
			}
			return
		}
		again := strings.Join([]string{w.user, w.pass, w.domn, w.reqc, w.addr}, ":")
		if again != line && again != line+":" {
			t.Errorf("%q came out as %q", line, again)
		}
		req := w.request("salt", netip.MustParseAddr("203.0.113.7"))
		if req.Salted.Salt != "salt" || req.Salted.Sum != w.pass || req.Secret != "" {
			t.Errorf("%q: credentials = %+v", line, req)
		}
		if len(req.Hosts) > 1 || len(req.Hosts) == 1 && !strings.HasSuffix(req.Hosts[0], req.OtherHost) {
			t.Errorf("%q: hosts = %q, %q", line, req.Hosts, req.OtherHost)
		}
		if !req.Offline && req.V4.Action == update.Keep && req.V6.Action == update.Keep {
			t.Errorf("%q: nothing is wanted: %+v", line, req)
		}
		for _, family := range []update.Family{req.V4, req.V6} {
			if (family.Action == update.Set) != (len(family.Addrs) == 1) {
				t.Errorf("%q: family = %+v", line, family)
			}
		}
	})
}
