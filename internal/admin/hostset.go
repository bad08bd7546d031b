package admin

import (
	"context"
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// HostChange is what to change of a host; nil fields stay.
type HostChange struct {
	TTL       *uint32
	Addresses *[]netip.Addr      // all of them; empty for none
	Account   *string            // name of the new owner
	NonGlobal *account.NonGlobal // of what its devices report; Addresses are always taken

	// InterfaceID is an IPv6 address whose low bits the host keeps when its
	// prefix changes; Follows is the host of the same account whose prefix
	// that is. The zero Addr and the zero Name undo them.
	InterfaceID *netip.Addr
	Follows     *zone.Name

	// Alias makes the host an alias, in the place of its addresses, until a
	// device reports one; the zero Name ends that. TakeOffline lets what
	// Options.WhenOffline says stand there until then. Addresses and Alias put
	// the host online.
	Alias       *zone.Name
	TakeOffline bool
	Options     HostOptions

	Force bool // lets the new owner's host lie within another account's, or the reverse, and sets aside the owner's plan
}

// LeadsInside tells whether a host with these would lead into the networks of whoever asks
// for it: it has an address that cannot be reached from outside, has one while it is
// offline, or takes them from its devices. Only admins may want that: by a name of the
// house, any page could have browsers speak to what stands behind their firewalls. when
// may be nil.
func LeadsInside(addrs []netip.Addr, when *account.WhenOffline, n account.NonGlobal) bool {
	if when != nil && slices.ContainsFunc(when.Addrs, update.IsNonGlobal) {
		return true
	}
	return n == account.NonGlobalAccept || slices.ContainsFunc(addrs, update.IsNonGlobal)
}

// SetHost changes a host. Given addresses stand at once, in the place of those
// that its devices reported.
func (s *Service) SetHost(ctx context.Context, name zone.Name, c HostChange) (Host, error) {
	if err := c.normalise(); err != nil {
		return Host{}, err
	}
	err := s.edit(ctx, func(d *draft) error {
		h, err := findHost(d.state, name)
		if err != nil {
			return err
		}
		return d.setHost(h, c)
	})
	if err != nil {
		return Host{}, err
	}
	return s.Host(name)
}

func (c *HostChange) normalise() error {
	if c.TTL != nil {
		if *c.TTL == 0 {
			return invalid("the TTL of a host is at least 1")
		}
		if err := checkTTL(*c.TTL); err != nil {
			return err
		}
	}
	if c.Addresses != nil {
		addrs, err := checkAddresses(*c.Addresses)
		if err != nil {
			return err
		}
		c.Addresses = &addrs
	}
	if c.isTorn() {
		return invalid("a host has addresses, or is an alias, or is offline: one of them").but("choose one")
	}
	if err := c.Options.normalise(); err != nil {
		return err
	}
	if id := c.InterfaceID; id != nil && id.IsValid() && (!id.Is6() || id.Is4In6() || id.Zone() != "" || id.IsUnspecified()) {
		return invalid("%s is not an interface identifier", id).but("write it as an IPv6 address: ::1:2")
	}
	return nil
}

// isTorn tells whether more is asked for than can stand at one name.
func (c *HostChange) isTorn() bool {
	count := 0
	for _, wanted := range [...]bool{c.Addresses != nil && len(*c.Addresses) > 0, c.Alias != nil && *c.Alias != "", c.TakeOffline} {
		if wanted {
			count++
		}
	}
	return count > 1
}

func (d *draft) setHost(h account.Host, c HostChange) error {
	sources := d.wanted(h)
	z := d.state.Zones.Find(h.Name)
	if c.Account != nil {
		if err := d.giveHost(&h, *c.Account, c.Force); err != nil {
			return err
		}
	}
	if c.Addresses != nil {
		known := account.Host{Sources: sources}
		sources = d.sources(known, *c.Addresses)
		h.Offline = account.Source{}
	}
	if c.Alias != nil {
		if err := d.makeAlias(z, &h, *c.Alias); err != nil {
			return err
		}
		if *c.Alias != "" {
			sources, h.Offline = nil, account.Source{}
		}
	}
	if c.TakeOffline {
		d.takeOffline(&h)
	}
	if err := c.Options.choose(d, z, &h); err != nil {
		return err
	}
	if c.TTL != nil {
		h.TTL = *c.TTL
	}
	if c.NonGlobal != nil {
		h.NonGlobal = *c.NonGlobal
	}
	if c.InterfaceID != nil {
		h.InterfaceID = *c.InterfaceID
	}
	if c.Follows != nil {
		if err := d.checkFollows(h, *c.Follows); err != nil {
			return err
		}
		h.Follows = *c.Follows
	}
	owner, _ := d.state.Accounts.AccountByID(h.Account)
	d.place(d.state, h, sources, owner.Suspended)
	return nil
}

// giveHost makes another account the owner of h. What followed it, or it
// followed, stays behind.
func (d *draft) giveHost(h *account.Host, name string, force bool) error {
	owner, err := d.account(name)
	if err != nil || owner.ID == h.Account {
		return err
	}
	if owner, err = d.owner(name); err != nil {
		return err
	}
	if err := d.checkHosts(owner, 1); err != nil && !force {
		return err
	}
	if z := d.state.Zones.Find(h.Name); z != nil && !force {
		if err := (&naming{draft: d}).checkNeighbours(z, h.Name, owner); err != nil {
			return err
		}
	}
	d.unfollow(h.Name, nil)
	h.Account, h.Follows, h.Prefix = owner.ID, "", netip.Prefix{}
	return nil
}

// checkFollows makes sure that h may follow the host with the name: one of the
// same account, and not in a circle.
func (d *draft) checkFollows(h account.Host, name zone.Name) error {
	for at := name; at != ""; {
		next, err := findHost(d.state, at)
		switch {
		case err != nil:
			return err
		case next.Account != h.Account:
			return conflict("%s belongs to another account than %s", at, h.Name)
		case next.Name == h.Name:
			return conflict("%s would follow itself", h.Name)
		}
		at = next.Follows
	}
	return nil
}
