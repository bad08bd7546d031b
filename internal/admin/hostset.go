package admin

import (
	"context"
	"net/netip"

	"stayput.dev/internal/account"
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

	Force bool // lets the new owner's host lie within another account's, or the reverse
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
	if id := c.InterfaceID; id != nil && id.IsValid() && (!id.Is6() || id.Is4In6() || id.Zone() != "" || id.IsUnspecified()) {
		return invalid("%s is not an interface identifier", id).but("write it as an IPv6 address: ::1:2")
	}
	return nil
}

func (d *draft) setHost(h account.Host, c HostChange) error {
	sources := d.wanted(h)
	if c.Account != nil {
		if err := d.giveHost(&h, *c.Account, c.Force); err != nil {
			return err
		}
	}
	if c.Addresses != nil {
		known := account.Host{Sources: sources}
		sources = d.sources(known, *c.Addresses)
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
	if z := d.state.Zones.Find(h.Name); z != nil && !force {
		if err := (&naming{draft: d}).checkNeighbours(z, h.Name, owner); err != nil {
			return err
		}
	}
	d.unfollow(h.Account, map[zone.Name]bool{h.Name: true})
	h.Account, h.Follows = owner.ID, ""
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
