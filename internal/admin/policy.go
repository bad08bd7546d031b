package admin

import (
	"net/netip"

	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// settlePolicy changes what is settled for a zone.
func (d *draft) settlePolicy(name zone.Name, c ZoneChange) error {
	if len(c.Secondaries)+len(c.DropSecondaries) == 0 && c.NotifyGap == nil {
		return nil
	}
	p := d.state.Policy.Of(name)
	for _, addr := range c.DropSecondaries {
		if _, known := p.Find(addr); !known {
			return notFound("zone %s has no secondary %s of its own", name, addr).
				but("those of all zones stand in the configuration, in dns.secondaries")
		}
		p = p.Without(addr)
	}
	for _, s := range c.Secondaries {
		if s.Key != "" {
			if _, err := findTSIGKey(d.state, s.Key); err != nil {
				return err
			}
		}
		p = p.With(s)
	}
	if c.NotifyGap != nil {
		p.NotifyGap = *c.NotifyGap
	}
	if err := p.Check(); err != nil {
		return invalid("%v", err)
	}
	d.changes.Policy.Zones = []policy.Zone{p}
	return nil
}

// keeper returns a zone and its secondary that has the TSIG key with the name.
func keeper(st *registry.State, key zone.Name) (origin zone.Name, addr netip.AddrPort, found bool) {
	for p := range st.Policy.All() {
		for _, s := range p.Secondaries {
			if s.Key == key {
				return p.Origin, s.Addr, true
			}
		}
	}
	return "", netip.AddrPort{}, false
}

// ParseServer reads where a DNS server is; its error is ErrInvalid.
func ParseServer(text string) (netip.AddrPort, error) {
	addr, err := policy.ParseAddr(text)
	if err != nil {
		return addr, invalid("%q is not the address of a DNS server", text).
			but("write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353; names are not looked up")
	}
	return addr, nil
}
