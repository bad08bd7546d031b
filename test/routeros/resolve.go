package routeros

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// resolve returns the address of a name, which it asks of the router's resolver.
func (f *frame) resolve(c *command) (value, error) {
	given := map[string]string{"type": "ipv4"}
	for name, e := range c.named {
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		given[name] = text(v)
	}
	if len(c.args) == 1 {
		v, err := c.args[0].eval(f)
		if err != nil {
			return nil, err
		}
		given["domain-name"] = text(v)
	}
	qtype, ok := map[string]uint16{"ipv4": dns.TypeA, "ipv6": dns.TypeAAAA}[given["type"]]
	if !ok {
		return nil, errors.New("type= is ipv4 or ipv6")
	}
	server := f.router.Resolver
	if given["server"] != "" {
		server = f.router.nameServer(given["server"])
	}
	r, err := rig.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(given["domain-name"]), qtype), server)
	if err != nil {
		return nil, fmt.Errorf("failure: dns server failure: %w", err)
	}
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			return netip.AddrFrom4([4]byte(rr.A.To4())), nil
		case *dns.AAAA:
			return netip.AddrFrom16([16]byte(rr.AAAA)), nil
		}
	}
	return nil, errors.New("failure: dns name does not exist")
}
