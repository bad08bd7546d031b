package admin

import (
	"context"
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// NewHost is a host to be made.
type NewHost struct {
	Name    zone.Name
	Account string // its name

	// Addresses may be empty: then the host takes over those that stand at
	// the name, as after an import, or is offline until its first update.
	Addresses []netip.Addr
	TTL       uint32            // seconds; 0: that of the records taken over, or Zone.HostTTL
	NonGlobal account.NonGlobal // of what its devices report; Addresses are always taken
	Alias     zone.Name         // what it is an alias of, in the place of addresses; empty for none
	Options   HostOptions

	// Force sets aside that a name is reserved, rests for another account,
	// belongs to a name server or lies within another account's host, and how
	// many hosts the account's plan allows.
	Force bool

	// Vacant wants nothing to stand at the name or below it but what is the
	// account's already: for those who may not take records over.
	Vacant bool
}

// AddHost makes a host.
func (s *Service) AddHost(ctx context.Context, n NewHost) (Host, error) {
	if err := s.AddHosts(ctx, []NewHost{n}); err != nil {
		return Host{}, err
	}
	return s.Host(n.Name)
}

// AddHosts makes all the hosts in one edit, or none.
func (s *Service) AddHosts(ctx context.Context, hosts []NewHost) error {
	hosts = slices.Clone(hosts)
	for i := range hosts {
		if err := hosts[i].normalise(); err != nil {
			return err
		}
	}
	return s.edit(ctx, func(d *draft) error { return d.addHosts(hosts) })
}

func (n *NewHost) normalise() (err error) {
	if n.Addresses, err = checkAddresses(n.Addresses); err != nil {
		return err
	}
	if n.Alias != "" && len(n.Addresses) > 0 {
		return invalid("%s cannot be an alias and have addresses", n.Name)
	}
	if err := n.Options.normalise(); err != nil {
		return err
	}
	return checkTTL(n.TTL)
}

func checkTTL(ttl uint32) error {
	if ttl > zone.MaxTTL {
		return invalid("TTL %d is over %d", ttl, zone.MaxTTL)
	}
	return nil
}

func (d *draft) addHosts(hosts []NewHost) error {
	owners := map[string]account.Account{}
	fresh := map[zone.Name]uint32{}
	more := map[uint32]int{} // hosts that count against the plan of an account, by its ID
	for _, n := range hosts {
		if _, ok := owners[n.Account]; !ok {
			owner, err := d.owner(n.Account)
			if err != nil {
				return err
			}
			owners[n.Account] = owner
		}
		if _, twice := fresh[n.Name]; twice {
			return invalid("host %s is given twice", n.Name)
		}
		owner := owners[n.Account]
		fresh[n.Name] = owner.ID
		if n.Force {
			continue
		}
		more[owner.ID]++
		if err := d.checkHosts(owner, more[owner.ID]); err != nil {
			return err
		}
	}
	id := d.state.Accounts.NextHostID()
	for i, n := range hosts {
		owner := owners[n.Account]
		z, err := (&naming{d, n.Force, fresh}).check(n.Name, owner)
		if err != nil {
			return err
		}
		if n.Vacant {
			if err := d.checkVacant(z, n.Name, owner.ID); err != nil {
				return err
			}
		}
		h := account.Host{ID: id + uint32(i), Name: n.Name, Account: owner.ID, Created: d.now, NonGlobal: n.NonGlobal}
		if err := d.addHost(n, z, h, owner.Suspended); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) addHost(n NewHost, z *zone.Zone, h account.Host, silent bool) error {
	if err := n.Options.choose(d, z, &h); err != nil {
		return err
	}
	if err := d.makeAlias(z, &h, n.Alias); err != nil {
		return err
	}
	node := z.Node(n.Name)
	addrs := n.Addresses
	if len(addrs) == 0 && n.Alias == "" {
		addrs = addresses(node)
	}
	switch h.TTL = n.TTL; {
	case h.TTL != 0:
	case node.Lookup(zone.TypeA).Len() > 0:
		h.TTL = node.Lookup(zone.TypeA).TTL()
	case node.Lookup(zone.TypeAAAA).Len() > 0:
		h.TTL = node.Lookup(zone.TypeAAAA).TTL()
	default:
		h.TTL = d.opts.hostTTL(z)
	}
	d.place(d.state, h, d.sources(h, addrs), silent)
	if _, rested := d.state.Accounts.Resting(n.Name); rested {
		d.changes.Accounts.DeletedRests = append(d.changes.Accounts.DeletedRests, n.Name)
	}
	return nil
}

// DeleteHost releases a host: its records and those of the names below go, and
// the name rests for a while, in which only the same account may have it again.
// Hosts and zones below it stay, and so does what else stands at the apex of a
// zone.
func (s *Service) DeleteHost(ctx context.Context, name zone.Name) error {
	return s.edit(ctx, func(d *draft) error {
		h, err := findHost(d.state, name)
		if err != nil {
			return err
		}
		d.erase(h)
		d.release([]account.Host{h})
		return nil
	})
}

// release takes hosts out of the directory and lets their names rest.
func (d *draft) release(hosts []account.Host) {
	c := &d.changes.Accounts
	gone := map[zone.Name]bool{}
	for _, h := range hosts {
		c.DeletedHosts = append(c.DeletedHosts, h.Name)
		c.Rests = append(c.Rests, account.Rest{Name: h.Name, Account: h.Account, Until: d.now.Add(d.rest(h.Account))})
		gone[h.Name] = true
	}
	for _, h := range hosts {
		d.unfollow(h.Name, gone)
	}
}

// unfollow makes sure that no host follows the one with the name, but for those that go with
// it.
func (d *draft) unfollow(name zone.Name, gone map[zone.Name]bool) {
	for h := range d.state.Accounts.Followers(name) {
		if !gone[h.Name] {
			h.Follows = ""
			d.changes.Accounts.Hosts = append(d.changes.Accounts.Hosts, h)
		}
	}
}

// erase removes the records of a host and of the names that belong to it.
func (d *draft) erase(h account.Host) {
	z := d.state.Zones.Find(h.Name)
	if z == nil {
		return
	}
	if h.Name == z.Origin() {
		for _, r := range update.Erase(d.state, h).Records {
			d.put(r.Zone, r.Sets...)
		}
		return
	}
	for name, node := range z.NodesBelow(h.Name) {
		if !d.belongsToOther(name, h.Name) {
			d.clear(z.Origin(), name, node)
		}
	}
}

// belongsToOther tells whether a name below the host top is that of another host
// or of a zone, or lies below one.
func (d *draft) belongsToOther(name, top zone.Name) bool {
	for ; name != top; name = name.Parent() {
		if _, isHost := d.state.Accounts.Host(name); isHost || d.state.Zones.Get(name) != nil {
			return true
		}
	}
	return false
}
