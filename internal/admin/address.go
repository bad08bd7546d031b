package admin

import (
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// checkAddresses returns addrs as they are stored: in order, nothing twice,
// IPv4 as IPv4. Private addresses are staff's to give.
func checkAddresses(addrs []netip.Addr) ([]netip.Addr, error) {
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		a = a.Unmap()
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
			return nil, invalid("%s cannot be the address of a host", a)
		}
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	v4 := len(slices.DeleteFunc(slices.Clone(out), netip.Addr.Is6))
	if most := max(v4, len(out)-v4); most > update.MaxAddresses {
		return nil, invalid("%d addresses of one family, at most %d", most, update.MaxAddresses)
	}
	return out, nil
}

// addresses returns what A and AAAA records hold at a node, in order.
func addresses(n zone.Node) []netip.Addr {
	var out []netip.Addr
	for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
		for data := range n.Lookup(t).All() {
			if a, ok := netip.AddrFromSlice(data); ok {
				out = append(out, a)
			}
		}
	}
	return out
}

// standing returns the addresses that stand at a host.
func standing(st *registry.State, h account.Host) []netip.Addr {
	z := st.Zones.Find(h.Name)
	if z == nil {
		return nil
	}
	return addresses(z.Node(h.Name))
}

// wanted returns where the addresses of a host come from, also while its account
// is suspended and they do not stand in the zone. While it is offline it has none.
func (d *draft) wanted(h account.Host) []account.Source {
	if owner, ok := d.state.Accounts.AccountByID(h.Account); ok && owner.Suspended || h.IsOffline() {
		return h.Sources
	}
	return d.sources(h, standing(d.state, h))
}

// sources returns a source for each address: the one that h knows of, or the
// change being made.
func (d *draft) sources(h account.Host, addrs []netip.Addr) []account.Source {
	var out []account.Source
	for _, a := range addrs {
		i := slices.IndexFunc(h.Sources, func(s account.Source) bool { return s.Addr == a })
		if i >= 0 {
			out = append(out, h.Sources[i])
			continue
		}
		out = append(out, account.Source{Addr: a, Via: d.via, At: d.now})
	}
	slices.SortFunc(out, func(a, b account.Source) int { return a.Addr.Compare(b.Addr) })
	return out
}

func sourceAddrs(sources []account.Source) []netip.Addr {
	var out []netip.Addr
	for _, s := range sources {
		out = append(out, s.Addr)
	}
	return out
}
