package dnsserver_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
)

// Servers of other makes that share our secret take our cookies, and we take theirs
// (RFC 9018 §1).
func TestCookiesLikeOthers(t *testing.T) {
	t.Parallel()
	namedToo, knotToo := bind, knot
	namedToo.config = func(dir string, port uint16, zones []string) string {
		return strings.Replace(bind.config(dir, port, zones), "options {",
			fmt.Sprintf("options {\n\tcookie-secret %q;\n\trequire-server-cookie yes;", secretA), 1)
	}
	knotToo.config = func(dir string, port uint16, zones []string) string {
		cookies := fmt.Sprintf("mod-cookies:\n  - id: ours\n    secret: 0x%s\n    badcookie-slip: 1\ntemplate:", secretA)
		text := strings.Replace(knot.config(dir, port, zones), "template:", cookies, 1)
		return strings.Replace(text, "- id: default\n", "- id: default\n    global-module: mod-cookies/ours\n", 1)
	}
	zones := exampleZones(t)
	opts := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA)}, RequireCookies: true}
	loopback := dnsserver.Client{Addr: netip.MustParseAddr("127.0.0.1")}
	ask := func(cookie string) *dns.Msg { return withCookie(question("home.example.org", dns.TypeA), cookie) }
	for name, p := range map[string]peer{"named": namedToo, "knotd": knotToo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := p.start(t, map[string]string{"example.org": example})
			theirs := cookieIn(exchange(t, "udp", address, ask("2464c4abcf10c957")))
			if reply := askFrom(t, opts, loopback, zones, ask(theirs)); len(reply.Answer) != 1 || cookieIn(reply) != theirs {
				t.Errorf("their %s:\n%v", theirs, reply)
			}
			ours := cookieIn(askFrom(t, opts, loopback, zones, ask("2464c4abcf10c958")))
			if reply := exchange(t, "udp", address, ask(ours)); len(reply.Answer) != 1 {
				t.Errorf("our %s:\n%v", ours, reply)
			}
			if reply := exchange(t, "udp", address, ask(ours[:16]+theirs[16:])); len(reply.Answer) != 0 {
				t.Errorf("a wrong one is taken:\n%v", reply)
			}
		})
	}
}
