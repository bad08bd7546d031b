package update

import (
	"net/netip"
	"reflect"
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
// records have the TTL of h; without addresses the placeholder stands there. h
// itself is stored if it differs from the host of its name in st, so it may be a
// new one or have new options. A CNAME gives way to addresses; all else at the
// name stays. The result is empty when nothing is to change.
//
// The name of h must be in a zone of st. SetAddresses is pure and safe for
// concurrent use.
func SetAddresses(st *registry.State, h account.Host, addrs []netip.Addr, src account.Source) registry.Changes {
	z := st.Zones.Find(h.Name)
	node := z.Node(h.Name)
	v4, v6 := zone.AddressSets(h.Name, h.TTL, addrs)
	var c registry.Changes
	if sets := recordChanges(node, h, v4, v6); len(sets) > 0 {
		c.Records = []registry.ZoneRecords{{Zone: z.Origin(), Sets: sets}}
	}
	h.Sources = sources(node, h.Sources, v4, v6, src)
	if was, known := st.Accounts.Host(h.Name); !known || !reflect.DeepEqual(was, h) {
		c.Accounts.Hosts = []account.Host{h}
	}
	return c
}

// recordChanges returns those sets at the host's name that are to differ.
func recordChanges(node zone.Node, h account.Host, v4, v6 zone.RRset) []zone.RRset {
	alias := node.Lookup(zone.TypeCNAME).Len() > 0
	empty := len(v4.Data)+len(v6.Data) == 0
	want := []zone.RRset{v4, v6, placeholderSet(node, h, empty && !alias)}
	if alias && !empty {
		want = append(want, zone.RRset{Name: h.Name, Type: zone.TypeCNAME}) // RFC 1034 §3.6.2
	}
	return slices.DeleteFunc(want, func(s zone.RRset) bool {
		stands := node.Lookup(s.Type)
		return len(s.Data) == 0 && stands.Len() == 0 || s.Equal(stands.RRset(s.Name))
	})
}

// placeholderSet returns the TXT set at the host's name with or without the
// placeholder. Texts of the customer stay, and their TTL with them.
func placeholderSet(node zone.Node, h account.Host, with bool) zone.RRset {
	placeholder := zone.TextData(Placeholder)
	s := node.Lookup(zone.TypeTXT).RRset(h.Name)
	s.Type = zone.TypeTXT
	s.Data = slices.DeleteFunc(s.Data, func(d zone.Rdata) bool { return d == placeholder })
	if len(s.Data) == 0 {
		s.TTL = h.TTL
	}
	if with {
		s.Data = append(s.Data, placeholder)
	}
	return s.Sorted()
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
