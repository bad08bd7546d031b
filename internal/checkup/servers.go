package checkup

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// maxServers bounds the addresses of name servers that are asked.
const maxServers = 32

// place is where a name server is asked.
type place struct {
	name zone.Name
	addr netip.Addr
}

func (p place) phrase() phrase.Phrase { return say("%s at %s", p.name, p.addr) }

// checkServers asks all name servers of the zone, those that the zone above names among
// them, whether they answer for it.
func (c *checker) checkServers(ctx context.Context, above []referral) {
	names := c.ownServers()
	for _, r := range above {
		names = append(names, r.servers...)
	}
	slices.SortFunc(names, zone.Name.Compare)
	var places []place
	for _, name := range slices.Compact(names) {
		places = append(places, c.placesOf(ctx, name, above)...)
	}
	places = places[:min(len(places), maxServers)]
	found := make([]Finding, len(places))
	var asking sync.WaitGroup
	for i, p := range places {
		asking.Go(func() { found[i] = c.checkServer(ctx, p) })
	}
	asking.Wait()
	for _, f := range found {
		c.find(f)
	}
}

// placesOf returns where a name server is to be found.
func (c *checker) placesOf(ctx context.Context, name zone.Name, above []referral) (all []place) {
	addrs, err := c.addresses(ctx, name)
	if err != nil {
		c.find(Finding{Warn, Servers, say("cannot find out where %s is: %v", name, err), nothing})
		return nil
	}
	if name.IsWithin(c.zone.Origin()) {
		for _, r := range above {
			for _, g := range r.glue {
				if g.name == name && !slices.Contains(addrs, g.addr) {
					addrs = append(addrs, g.addr)
				}
			}
		}
	}
	if len(addrs) == 0 {
		c.find(Finding{Fail, Servers, say("%s has no address", name), say("give it one, or take it from the NS records")})
	}
	for _, addr := range addrs {
		all = append(all, place{name, addr})
	}
	return all
}

// checkServer asks one name server over UDP for its version of the zone, and over TCP
// whether it answers there, too.
func (c *checker) checkServer(ctx context.Context, p place) Finding {
	at := netip.AddrPortFrom(p.addr, portDNS)
	f := c.judgeSerial(ctx, Servers, p.phrase(), func(ctx context.Context) (uint32, error) {
		reply, err := ask(ctx, at, c.zone.Origin(), zone.TypeSOA, false)
		if err != nil {
			return 0, err
		}
		return serialIn(reply)
	})
	if f.Level != OK {
		return f
	}
	if _, err := exchange(ctx, "tcp", at, c.zone.Origin(), zone.TypeSOA, false); err != nil {
		return Finding{Fail, Servers, say("%s does not answer over TCP: %v", p.phrase(), err), say("open port 53 for TCP as well (RFC 7766)")}
	}
	return f
}

// serialIn returns the serial in a reply of somebody who answers for the zone.
func serialIn(reply *dns.Msg) (uint32, error) {
	switch {
	case reply.Rcode != dns.RcodeSuccess:
		return 0, phrase.Errorf("it answers %s, so it does not serve the zone", dns.RcodeToString[reply.Rcode])
	case !reply.Authoritative:
		return 0, phrase.Errorf("it does not answer with authority, so it does not serve the zone")
	}
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, phrase.Errorf("it has no SOA record for the zone")
}

// later is the finding that a server has what we never had.
func later(topic Topic, name phrase.Phrase, has, ours uint32) Finding {
	return Finding{
		Fail, topic, say("%s has serial %d, later than ours, %d: it does not take what we change", name, has, ours),
		say("is there another primary? Otherwise let the server fetch the zone anew"),
	}
}

// behind is the finding that a server does not have our version.
func behind(topic Topic, name phrase.Phrase, has, ours uint32) Finding {
	return Finding{
		Warn, topic, say("%s is %d changes behind: it has serial %d, not %d", name, ours-has, has, ours),
		say("is it among the secondaries that `stayput zone status` shows, and may it transfer the zone?"),
	}
}
