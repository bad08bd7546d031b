package update

import (
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// glueRecords returns what the zone above z, if it is ours, is to say of h when
// that is a name server of z: only there does a resolver find its addresses
// (RFC 9471). A name server without an address keeps its glue: without, nobody
// would find the zone.
func glueRecords(st *registry.State, z *zone.Zone, h account.Host, v4, v6 zone.RRset) []registry.ZoneRecords {
	above := st.Zones.Find(z.Origin().Parent())
	if above == nil || above == z || len(v4.Data)+len(v6.Data) == 0 {
		return nil
	}
	servers := above.Node(z.Origin()).Lookup(zone.TypeNS)
	if !slices.Contains(servers.RRset(z.Origin()).Data, zone.Rdata(h.Name)) {
		return nil
	}
	node := above.Node(h.Name)
	sets := slices.DeleteFunc([]zone.RRset{v4, v6}, func(s zone.RRset) bool {
		return slices.Equal(s.Data, node.Lookup(s.Type).RRset(s.Name).Data)
	})
	if len(sets) == 0 {
		return nil
	}
	for i := range sets {
		sets[i].TTL = servers.TTL()
	}
	return []registry.ZoneRecords{{Zone: above.Origin(), Sets: sets}}
}
