package admin

import (
	"iter"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Zone is what there is to see of a zone.
type Zone struct {
	Name        zone.Name
	SOA         zone.SOA
	NameServers []NameServer // in order of their data; with addresses where they are in the zone
	Names       int          // that have records
	Hosts       int          // in the zone, not in those below it
	HostTTL     uint32       // seconds, of new hosts that are given none
	Catalog     bool         // lists the others for secondaries
	Policy      policy.Zone  // what is settled for it
}

// Zone returns the zone with the given name, its hosts counted.
func (s *Service) Zone(name zone.Name) (Zone, error) {
	st := s.State()
	z, err := findZone(st, name)
	if err != nil {
		return Zone{}, err
	}
	view := s.options().view(z)
	view.Policy = st.Policy.Of(name)
	view.Hosts = st.Accounts.CountHostsBelow(name)
	for z := range st.Zones.All() {
		if above := zoneAbove(st, z); above != nil && above.Origin() == name {
			view.Hosts -= st.Accounts.CountHostsBelow(z.Origin())
		}
	}
	return view, nil
}

// zoneAbove returns the zone nearest above another, nil where there is none.
func zoneAbove(st *registry.State, z *zone.Zone) *zone.Zone {
	if z.Origin() == zone.Root {
		return nil
	}
	return st.Zones.Find(z.Origin().Parent())
}

// Zones returns all zones in canonical order, their hosts counted.
func (s *Service) Zones() []Zone {
	var out []Zone
	st := s.State()
	hidden := map[zone.Name]int{} // hosts of the zones right below each
	for z := range st.Zones.All() {
		view := s.options().view(z)
		view.Policy = st.Policy.Of(z.Origin())
		view.Hosts = st.Accounts.CountHostsBelow(z.Origin())
		if above := zoneAbove(st, z); above != nil {
			hidden[above.Origin()] += view.Hosts
		}
		out = append(out, view)
	}
	for i := range out {
		out[i].Hosts -= hidden[out[i].Name]
	}
	return out
}

func (o Options) view(z *zone.Zone) Zone {
	view := Zone{Name: z.Origin(), SOA: currentSOA(z), Names: z.Names(), HostTTL: o.hostTTL(z), Catalog: z.IsCatalog()}
	for data := range z.Node(z.Origin()).Lookup(zone.TypeNS).All() {
		name, _, err := zone.NameFromWire(data)
		if err != nil {
			continue
		}
		server := NameServer{Name: name}
		if name.IsWithin(z.Origin()) {
			server.Addrs = addresses(z.Node(name))
		}
		view.NameServers = append(view.NameServers, server)
	}
	return view
}

// maxLentTTL is up to which a zone's TTL is one for names that move.
const maxLentTTL = 900

// hostTTL returns the TTL of new hosts in the zone: the zone's own for negative
// answers where somebody has chosen one that suits names that move, and the
// house's elsewhere.
func (o Options) hostTTL(z *zone.Zone) uint32 {
	usual := zone.DefaultSOA("", "", 0).NegativeTTL()
	if ttl := currentSOA(z).NegativeTTL(); ttl != usual && ttl > 0 && ttl <= maxLentTTL {
		return ttl
	}
	return o.TTL
}

// currentSOA reads the SOA record as it stands, also in a zone that an edit sees
// and other edits of the same commit have changed.
func currentSOA(z *zone.Zone) zone.SOA {
	r := z.Node(z.Origin()).Lookup(zone.TypeSOA)
	for data := range r.All() {
		if soa, err := zone.ParseSOA(zone.Rdata(data)); err == nil {
			soa.TTL = r.TTL()
			return soa
		}
	}
	return z.SOA()
}

// hostsIn yields the hosts of one zone, but not those of zones below it.
func hostsIn(st *registry.State, origin zone.Name) iter.Seq[account.Host] {
	return func(yield func(account.Host) bool) {
		for h := range st.Accounts.HostsBelow(origin) {
			if z := st.Zones.Find(h.Name); z != nil && z.Origin() == origin && !yield(h) {
				return
			}
		}
	}
}

func collectHosts(st *registry.State, origin zone.Name) []account.Host {
	var out []account.Host
	for h := range hostsIn(st, origin) {
		out = append(out, h)
	}
	return out
}

// someNames names hosts in a sentence, without end when there are many.
func someNames(hosts []account.Host) phrase.Phrase {
	const most = 5
	var names []string
	for _, h := range hosts[:min(len(hosts), most)] {
		names = append(names, h.Name.String())
	}
	if len(hosts) > most {
		return phrase.New("%s and %d more", strings.Join(names, ", "), len(hosts)-most)
	}
	return phrase.New("%s", strings.Join(names, ", "))
}
