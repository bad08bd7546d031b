package checkup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// portDNS is where name servers are asked.
const portDNS = 53

// maxAsked bounds the addresses of the servers of the zone above that are asked.
const maxAsked = 12

// referral is what a server of the zone above says of the zone.
type referral struct {
	servers []zone.Name
	glue    []owned
	signed  bool // there is a DS record
	itself  bool // it answers for the zone itself, so the delegation cannot be seen
}

// checkDelegation looks at what the zone above says of the zone, and returns that.
func (c *checker) checkDelegation(ctx context.Context) []referral {
	origin := c.zone.Origin()
	if origin == zone.Root {
		return nil
	}
	above, all, err := c.referrals(ctx)
	if err != nil {
		c.find(Finding{Warn, Delegation, say("cannot find out who delegates to the zone: %v", err), say("name a resolver that knows the world with --resolver, or look only inside with --inside")})
		return nil
	}
	for i := range all {
		c.judge(above, &all[i])
	}
	seen := slices.ContainsFunc(all, func(r referral) bool { return !r.itself })
	switch {
	case !c.isWell(Delegation):
	case seen:
		c.find(Finding{Level: OK, Topic: Delegation, Text: say("%s delegates to the name servers of the zone", above)})
	default:
		c.find(Finding{Level: OK, Topic: Delegation, Text: say("all servers of %s answer for the zone themselves, so how they delegate cannot be seen", above)})
	}
	return all
}

// referrals returns what the servers of the zone above say, and its name.
func (c *checker) referrals(ctx context.Context) (above zone.Name, all []referral, err error) {
	origin := c.zone.Origin()
	if z := c.zones.Find(origin.Parent()); z != nil {
		return z.Origin(), []referral{ownReferral(z, origin)}, nil
	}
	above, servers, err := c.serversAbove(ctx)
	if err != nil {
		return above, nil, err
	}
	var asking sync.WaitGroup
	answers, faults := make([]*referral, len(servers)), make([]error, len(servers))
	for i, server := range servers {
		asking.Go(func() { answers[i], faults[i] = askAbove(ctx, server, origin) })
	}
	asking.Wait()
	for i, r := range answers {
		if r != nil {
			all = append(all, *r)
		} else if !errors.Is(faults[i], errNoWay) {
			c.find(Finding{Warn, Delegation, say("%s, which serves %s: %v", servers[i].Addr(), above, faults[i]), nothing})
		}
	}
	if len(all) == 0 {
		return above, nil, phrase.Errorf("no server of %s tells", above)
	}
	return above, all, nil
}

// ownReferral is what a zone of ours says of one below it.
func ownReferral(above *zone.Zone, origin zone.Name) referral {
	r := referral{signed: above.Node(origin).Lookup(zone.TypeDS).Len() > 0}
	for data := range above.Node(origin).Lookup(zone.TypeNS).All() {
		if target, _, err := zone.NameFromWire(data); err == nil {
			r.servers = append(r.servers, target)
			for _, addr := range addressesOf(above.Node(target)) {
				r.glue = append(r.glue, owned{target, addr})
			}
		}
	}
	return r
}

// serversAbove returns the zone above and where its servers are.
func (c *checker) serversAbove(ctx context.Context) (above zone.Name, at []netip.AddrPort, err error) {
	parent := c.zone.Origin().Parent()
	reply, err := c.resolve(ctx, parent, zone.TypeSOA)
	if err != nil {
		return "", nil, err
	}
	above = parent
	for _, rr := range slices.Concat(reply.Answer, reply.Ns) {
		if soa, ok := rr.(*dns.SOA); ok {
			if above, err = zone.ParseName(soa.Hdr.Name); err != nil {
				return "", nil, err
			}
		}
	}
	if reply, err = c.resolve(ctx, above, zone.TypeNS); err != nil {
		return above, nil, err
	}
	for _, server := range serversIn(reply.Answer, above) {
		addrs, err := c.addresses(ctx, server)
		if err != nil {
			return above, nil, err
		}
		for _, addr := range addrs {
			at = append(at, netip.AddrPortFrom(addr, portDNS))
		}
	}
	if len(at) == 0 {
		return above, nil, phrase.Errorf("%s has no name servers that can be found", above)
	}
	return above, at[:min(len(at), maxAsked)], nil
}

// askAbove asks a server of the zone above for its referral.
func askAbove(ctx context.Context, server netip.AddrPort, origin zone.Name) (*referral, error) {
	reply, err := ask(ctx, server, origin, zone.TypeNS, false)
	if err != nil {
		return nil, err
	}
	if reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError {
		return nil, phrase.Errorf("it answers %s", dns.RcodeToString[reply.Rcode])
	}
	r := &referral{servers: serversIn(reply.Ns, origin), glue: addressesIn(reply.Extra)}
	if answered := serversIn(reply.Answer, origin); len(answered) > 0 {
		r.servers, r.itself = answered, true
	} else if len(r.servers) == 0 && !reply.Authoritative {
		return nil, phrase.Errorf("it does not know")
	}
	if reply, err = ask(ctx, server, origin, zone.TypeDS, false); err == nil {
		r.signed = slices.ContainsFunc(reply.Answer, func(rr dns.RR) bool { _, ok := rr.(*dns.DS); return ok })
	}
	return r, nil
}

// judge compares a referral with the zone.
func (c *checker) judge(above zone.Name, r *referral) {
	origin := c.zone.Origin()
	if r.signed && c.zone.Node(origin).Lookup(zone.TypeDNSKEY).Len() == 0 {
		c.find(Finding{Fail, Delegation, say("%s has a DS record for the zone, which is not signed: resolvers that validate take nothing from it", above), say("let the DS record be taken away there")})
	}
	if !r.itself {
		c.judgeServers(above, r)
	}
}

// judgeServers compares the name servers of a referral with ours.
func (c *checker) judgeServers(above zone.Name, r *referral) {
	origin, own := c.zone.Origin(), c.ownServers()
	if len(r.servers) == 0 {
		c.find(Finding{Fail, Delegation, say("%s does not delegate the zone: nobody finds it", above), say("whoever keeps %s must add the NS records of %s", above, list(own))})
		return
	}
	for _, name := range own {
		if !slices.Contains(r.servers, name) {
			c.find(Finding{Warn, Delegation, say("%s does not name %s, which has an NS record here", above, name), say("add it there, or take the record away here")})
		}
	}
	for _, name := range r.servers {
		if !slices.Contains(own, name) {
			c.find(Finding{Warn, Delegation, say("%s names %s, which has no NS record here", above, name), say("add the record here, or take it away there")})
		}
		if name.IsWithin(origin) {
			c.judgeGlue(above, name, r)
		}
	}
}

// judgeGlue compares the addresses that the zone above has of a name server with ours.
func (c *checker) judgeGlue(above, name zone.Name, r *referral) {
	var glue []netip.Addr
	for _, g := range r.glue {
		if g.name == name {
			glue = append(glue, g.addr)
		}
	}
	own := addressesOf(c.zone.Node(name))
	if len(glue) == 0 {
		c.find(Finding{Fail, Delegation, say("%s has no address for %s, which cannot be found without (glue)", above, name), say("let %s be added there", list(own))})
		return
	}
	for _, addr := range glue {
		if !slices.Contains(own, addr) {
			c.find(Finding{Fail, Delegation, say("%s has the address %s for %s, which has another one here: %s", above, addr, name, list(own)), say("let it be changed there")})
		}
	}
	for _, addr := range own {
		if !slices.Contains(glue, addr) {
			c.find(Finding{Warn, Delegation, say("%s lacks the address %s of %s", above, addr, name), say("let it be added there")})
		}
	}
}

// ownServers returns the targets of the NS records of the zone.
func (c *checker) ownServers() (all []zone.Name) {
	for data := range c.zone.Node(c.zone.Origin()).Lookup(zone.TypeNS).All() {
		if target, _, err := zone.NameFromWire(data); err == nil {
			all = append(all, target)
		}
	}
	return all
}

// list names things in a sentence.
func list[T fmt.Stringer](things []T) phrase.Phrase {
	if len(things) == 0 {
		return say("none")
	}
	var all []string
	for _, t := range things {
		all = append(all, t.String())
	}
	return say("%s", strings.Join(all, ", "))
}
