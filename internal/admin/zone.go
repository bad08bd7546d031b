package admin

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"time"

	"stayput.dev/internal/policy"
	"stayput.dev/internal/zone"
)

// serverTTL is the TTL of NS records and of the addresses of name servers.
const serverTTL = 86400

// NameServer is a name server of a zone. Its addresses are kept where its name
// is within the zone, and passed over elsewhere.
type NameServer struct {
	Name  zone.Name
	Addrs []netip.Addr
}

// NewZone is a zone to be made.
type NewZone struct {
	Name        zone.Name
	NameServers []NameServer
	MName       zone.Name // primary name server; empty: the first of NameServers
	RName       zone.Name // mailbox of who answers for the zone; empty: hostmaster below the zone
	TTL         uint32    // seconds, of the SOA record and negative answers; 0: that of zone.DefaultSOA

	// Force takes hosts and names of the zone above along that would be
	// hidden by this one.
	Force bool

	// Catalog makes a catalog zone, from which secondaries learn which zones
	// there are (RFC 9432). It has no name servers.
	Catalog bool
}

// AddZone makes a zone. The zone above it, if it is ours, delegates to it in the
// same commit, and so does the new zone to zones of ours below it. What stands
// in the zone above at names of the new one moves into it, but hosts only with
// Force: without, AddZone fails with ErrConflict and names them.
func (s *Service) AddZone(ctx context.Context, n NewZone) (Zone, error) {
	serial := uint32(s.opts.Now().Unix())
	fresh, err := n.build(serial)
	if err != nil {
		return Zone{}, err
	}
	err = s.edit(ctx, func(d *draft) error {
		if d.state.Zones.Get(n.Name) != nil {
			return exists("zone %s exists already", n.Name)
		}
		d.changes.Replaced = []*zone.Zone{fresh}
		if n.Catalog {
			return nil
		}
		if err := d.takeFromAbove(fresh, n.Force); err != nil {
			return err
		}
		return d.delegate(d.state.Zones.With(fresh), map[zone.Name]bool{n.Name: true})
	})
	if err != nil {
		return Zone{}, err
	}
	return s.Zone(n.Name)
}

// build makes the zone as it stands before it meets others.
func (n NewZone) build(serial uint32) (*zone.Zone, error) {
	if n.Catalog {
		return n.buildCatalog(serial)
	}
	return n.buildUsual(serial)
}

func (n NewZone) buildUsual(serial uint32) (*zone.Zone, error) {
	soa, err := n.soa(serial)
	if err != nil {
		return nil, err
	}
	draft := zone.New(n.Name)
	sets := []zone.RRset{soa.RRset(n.Name)}
	ns := zone.RRset{Name: n.Name, Type: zone.TypeNS, TTL: serverTTL}
	for _, server := range n.NameServers {
		ns.Data = append(ns.Data, zone.Rdata(server.Name))
		glue, err := n.glue(server)
		if err != nil {
			return nil, err
		}
		sets = append(sets, glue...)
	}
	for _, set := range append(sets, ns) {
		if err := draft.Put(set); err != nil {
			return nil, invalid("%v", err)
		}
	}
	z, _, err := draft.Finish()
	return z, err
}

func (n NewZone) soa(serial uint32) (zone.SOA, error) {
	switch {
	case n.Name == "" || n.Name == zone.Root:
		return zone.SOA{}, invalid("the root cannot be a zone of ours")
	case len(n.NameServers) == 0:
		return zone.SOA{}, invalid("zone %s has no name server", n.Name).but("name at least one, such as ns1.%s with its address", n.Name)
	case n.TTL > zone.MaxTTL:
		return zone.SOA{}, invalid("TTL %d is over %d", n.TTL, zone.MaxTTL)
	}
	if n.MName == "" {
		n.MName = n.NameServers[0].Name
	}
	if n.RName == "" {
		var err error
		if n.RName, err = n.Name.Child("hostmaster"); err != nil {
			return zone.SOA{}, invalid("%s is too long for a zone", n.Name)
		}
	}
	soa := zone.DefaultSOA(n.MName, n.RName, serial)
	if n.TTL != 0 {
		soa.TTL, soa.Minimum = n.TTL, n.TTL
	}
	return soa, nil
}

// glue returns the address sets of a name server.
func (n NewZone) glue(server NameServer) ([]zone.RRset, error) {
	if !server.Name.IsHostname() {
		return nil, invalid("%s is not the name of a name server", server.Name).but("letters, digits and hyphens only")
	}
	addrs, err := checkAddresses(server.Addrs)
	switch {
	case err != nil:
		return nil, err
	case !server.Name.IsWithin(n.Name):
		return nil, nil
	case len(addrs) == 0:
		return nil, invalid("name server %s is inside the zone and has no address", server.Name).
			but("give its address: %s=192.0.2.53", server.Name)
	}
	v4, v6 := zone.AddressSets(server.Name, serverTTL, addrs)
	return []zone.RRset{v4, v6}, nil
}

// ZoneChange is what to change of a zone: of its SOA record, and of what is settled for
// it (package policy). Nil fields stay.
type ZoneChange struct {
	TTL   *uint32 // seconds, of the SOA record and negative answers
	MName *zone.Name
	RName *zone.Name

	Secondaries     []policy.Secondary // that come, in the place of those with their addresses
	DropSecondaries []netip.AddrPort   // that go, before others come
	NotifyGap       *time.Duration     // between two notices to one secondary; 0: as for all zones
}

// SetZone changes a zone.
func (s *Service) SetZone(ctx context.Context, name zone.Name, c ZoneChange) (Zone, error) {
	if c.TTL != nil && *c.TTL > zone.MaxTTL {
		return Zone{}, invalid("TTL %d is over %d", *c.TTL, zone.MaxTTL)
	}
	err := s.edit(ctx, func(d *draft) error {
		z, err := findZone(d.state, name)
		if err != nil {
			return err
		}
		if err := d.settlePolicy(name, c); err != nil {
			return err
		}
		if soa := c.apply(currentSOA(z)); soa != currentSOA(z) {
			d.put(name, soa.RRset(name))
		}
		return nil
	})
	if err != nil {
		return Zone{}, err
	}
	return s.Zone(name)
}

// apply returns an SOA record after the change.
func (c *ZoneChange) apply(soa zone.SOA) zone.SOA {
	if c.TTL != nil {
		soa.TTL, soa.Minimum = *c.TTL, *c.TTL
	}
	if c.MName != nil {
		soa.MName = *c.MName
	}
	if c.RName != nil {
		soa.RName = *c.RName
	}
	return soa
}

// DeleteZone drops a zone and its delegation from the zone above, which then
// delegates to the zones of ours below. While there are hosts in it, it fails
// with ErrConflict unless force is set; then the hosts go in the same commit.
func (s *Service) DeleteZone(ctx context.Context, name zone.Name, force bool) error {
	return s.edit(ctx, func(d *draft) error {
		if _, err := findZone(d.state, name); err != nil {
			return err
		}
		hosts := collectHosts(d.state, name)
		if len(hosts) > 0 && !force {
			return conflict("zone %s has hosts: %s", name, someNames(hosts)).
				but("delete them first, or force to delete them along with it")
		}
		d.release(hosts)
		d.changes.Removed = []zone.Name{name}
		if p := d.state.Policy.Of(name); !p.IsUsual() {
			d.changes.Policy.Zones = []policy.Zone{{Origin: name}}
		}
		return d.delegate(d.withdraw(name), map[zone.Name]bool{})
	})
}

// ExportZone writes the zone as a master file (RFC 1035 §5).
func (s *Service) ExportZone(name zone.Name, w io.Writer) error {
	z, err := findZone(s.State(), name)
	if err != nil {
		return err
	}
	return z.WriteMaster(w)
}

// ParseMailbox reads who answers for a zone, as a mail address or as the domain
// name that stands in an SOA record (RFC 1035 §8).
func ParseMailbox(s string) (zone.Name, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return ParseName(s)
	}
	domain, err := zone.ParseName(s[at+1:])
	if err != nil || !domain.IsHostname() || !isPrintable(s[:at]) {
		return "", invalid("%q is not a mail address", s)
	}
	name, err := domain.Child(s[:at])
	if err != nil {
		return "", invalid("%q is not a mail address", s)
	}
	return name, nil
}

// isPrintable tells whether s is printable ASCII without blanks.
func isPrintable(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// ParseName reads a domain name; its error is ErrInvalid.
func ParseName(s string) (zone.Name, error) {
	name, err := zone.ParseName(s)
	if err != nil {
		return "", invalid("%v", err)
	}
	return name, nil
}
