package update

import (
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Placeholder is the text of the TXT record that stands at a host while it has
// no address, so that no wildcard above answers in its place.
const Placeholder = "stayput: no address at present"

// SetAddresses returns what makes addrs, and no others, the addresses of h in
// st. An address that stands already keeps its source, every other gets src. The
// records have the TTL of h; without addresses its alias stands there, or the
// placeholder. When h is offline, addrs count for nothing, and what stands is
// what its options say. The wildcard below and the mail exchanger follow, too.
//
// h itself is stored if it differs from the host of its name in st, so it may be a
// new one or have new options. A CNAME gives way to addresses, also one that h was
// not given; all else at the name stays. An alias gives way to whatever else
// stands there (RFC 1034 §3.6.2), as at the apex of a zone, and then the
// placeholder stands in its place. The result is empty when nothing is to change.
//
// The name of h must be in a zone of st. SetAddresses is pure and safe for
// concurrent use.
func SetAddresses(st *registry.State, h account.Host, addrs []netip.Addr, src account.Source) registry.Changes {
	z := st.Zones.Find(h.Name)
	was, _ := st.Accounts.Host(h.Name)
	return setAddresses(z, z.Node(h.Name), &was, h, addrs, src)
}

// setAddresses is SetAddresses where zone and node of the host have been found,
// and what is stored of it, the zero Host if nothing is.
func setAddresses(z *zone.Zone, node zone.Node, was *account.Host, h account.Host, addrs []netip.Addr, src account.Source) registry.Changes {
	switch {
	case h.IsOffline():
		addrs = nil
	case len(addrs) > 0:
		h.Alias = ""
	}
	v4, v6 := zone.AddressSets(h.Name, h.TTL, addrs)
	var c registry.Changes
	if sets := recordChanges(z, node, was, &h, v4, v6, present); len(sets) > 0 {
		c.Records = []registry.ZoneRecords{{Zone: z.Origin(), Sets: sets}}
	}
	h.Sources = sources(node, h.Sources, v4, v6, src)
	if !h.Equal(was) {
		c.Accounts.Hosts = []account.Host{h}
	}
	return c
}

// sources returns a source for each address, in order of address.
func sources(node zone.Node, known []account.Source, v4, v6 zone.RRset, src account.Source) []account.Source {
	src.At = src.At.UTC().Truncate(time.Millisecond)
	var out []account.Source
	stand := standing(node)
	for _, a := range append(v4.Addresses(), v6.Addresses()...) {
		i := slices.IndexFunc(known, func(s account.Source) bool { return s.Addr == a })
		if i >= 0 && slices.Contains(stand, a) {
			out = append(out, known[i])
			continue
		}
		src.Addr = a
		out = append(out, src)
	}
	return out
}

// standing returns the addresses at a node, IPv4 first, each family in order.
func standing(node zone.Node) []netip.Addr {
	var out []netip.Addr
	for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
		out = appendAddrs(out, node.Lookup(t))
	}
	return out
}

func appendAddrs(dst []netip.Addr, r zone.Records) []netip.Addr {
	for d := range r.All() {
		if a, ok := netip.AddrFromSlice(d); ok {
			dst = append(dst, a)
		}
	}
	return dst
}
