package admin

import (
	"context"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// TSIGKey is what there is to see of a TSIG key. Its secret is shown by TSIGSecret
// alone.
type TSIGKey struct {
	Name    zone.Name
	Schemes []tsig.Scheme
	Account string       // name of the owner; empty: the operator
	Host    zone.Name    // that it is for; "" for none
	Grants  []tsig.Grant // what an UPDATE may change
	Created time.Time

	Transfers []zone.Name // zones that it may have whole
}

// NewTSIGKey is a TSIG key to be made.
type NewTSIGKey struct {
	Name    zone.Name
	Schemes []tsig.Scheme // none: hmac-sha256
	Secret  []byte        // nil: one is made
	Account string        // name of the owner, whose names alone it may change; empty: the host's, or the operator
	Host    zone.Name     // "" for none
	Types   []zone.Type   // at Host and below; none: its addresses
	Grants  []tsig.Grant  // beside what Host means

	Transfers []zone.Name // zones that it may have whole
}

// AddTSIGKey makes a TSIG key. Without a host and grants it may change nothing.
func (s *Service) AddTSIGKey(ctx context.Context, n NewTSIGKey) (TSIGKey, error) {
	if len(n.Schemes) == 0 {
		n.Schemes = []tsig.Scheme{{Algorithm: tsig.HMACSHA256, Octets: tsig.HMACSHA256.Size()}}
	}
	if n.Secret == nil {
		n.Secret = tsig.NewSecret()
	}
	if n.Host == "" && len(n.Types) > 0 {
		return TSIGKey{}, invalid("types without a host")
	}
	err := s.edit(ctx, func(d *draft) error { return d.addTSIGKey(n) })
	if err != nil {
		return TSIGKey{}, err
	}
	return s.TSIGKey(n.Name)
}

func (d *draft) addTSIGKey(n NewTSIGKey) error {
	if _, taken := d.state.TSIG.Get(n.Name); taken {
		return exists("TSIG key %s exists already", n.Name).but("choose another name")
	}
	k := tsig.Key{Name: n.Name, Schemes: n.Schemes, Secret: n.Secret, Host: n.Host, Grants: n.Grants, Created: d.now, Transfers: n.Transfers}
	if n.Account != "" {
		owner, err := d.account(n.Account)
		if err != nil {
			return err
		}
		k.Account = owner.ID
	}
	if n.Host != "" {
		h, err := findHost(d.state, n.Host)
		switch {
		case err != nil:
			return err
		case k.Account != 0 && k.Account != h.Account:
			return conflict("host %s does not belong to account %s", n.Host, n.Account)
		}
		k.Account = h.Account
		k.Grants = append([]tsig.Grant{hostGrant(n.Host, n.Types)}, n.Grants...)
	}
	return d.putTSIGKey(k)
}

// hostGrant is what a key of a host may change: its addresses, or records of the given
// types at the host and below it.
func hostGrant(host zone.Name, types []zone.Type) tsig.Grant {
	if len(types) == 0 {
		return tsig.Grant{Rule: tsig.Exactly, Name: host, Types: []zone.Type{zone.TypeA, zone.TypeAAAA}}
	}
	return tsig.Grant{Rule: tsig.Subdomain, Name: host, Types: types}
}

func (d *draft) putTSIGKey(k tsig.Key) error {
	if err := k.Check(); err != nil {
		return invalid("%v", err)
	}
	zones := slices.Clone(k.Transfers)
	for _, g := range k.Grants {
		if g.Zone != "" {
			zones = append(zones, g.Zone)
		}
	}
	for _, origin := range zones {
		if _, err := findZone(d.state, origin); err != nil {
			return err
		}
	}
	d.changes.TSIG.Keys = append(d.changes.TSIG.Keys, k)
	return nil
}

// TSIGChange is what to change of a TSIG key; nil fields stay.
type TSIGChange struct {
	Schemes *[]tsig.Scheme
	Types   *[]zone.Type  // at its host and below; none: its addresses
	Grants  *[]tsig.Grant // beside what its host means

	Transfers *[]zone.Name // zones that it may have whole
}

// SetTSIGKey changes a TSIG key. Its name and secret stay.
func (s *Service) SetTSIGKey(ctx context.Context, name zone.Name, c TSIGChange) (TSIGKey, error) {
	err := s.edit(ctx, func(d *draft) error {
		k, err := findTSIGKey(d.state, name)
		if err != nil {
			return err
		}
		if c.Schemes != nil {
			k.Schemes = *c.Schemes
		}
		own, others := splitGrants(k)
		if c.Types != nil {
			if k.Host == "" {
				return conflict("TSIG key %s is for no host", name).but("say which types in its grants")
			}
			own = []tsig.Grant{hostGrant(k.Host, *c.Types)}
		}
		if c.Grants != nil {
			others = *c.Grants
		}
		k.Grants = slices.Concat(own, others)
		if c.Transfers != nil {
			k.Transfers = *c.Transfers
		}
		return d.putTSIGKey(k)
	})
	if err != nil {
		return TSIGKey{}, err
	}
	return s.TSIGKey(name)
}

// splitGrants returns what a key may do because of its host, and what else.
func splitGrants(k tsig.Key) (own, others []tsig.Grant) {
	if k.Host == "" {
		return nil, k.Grants
	}
	return k.Grants[:1], k.Grants[1:]
}

// DeleteTSIGKey deletes a TSIG key.
func (s *Service) DeleteTSIGKey(ctx context.Context, name zone.Name) error {
	return s.edit(ctx, func(d *draft) error {
		if _, err := findTSIGKey(d.state, name); err != nil {
			return err
		}
		if origin, addr, used := keeper(d.state, name); used {
			return conflict("TSIG key %s is that of secondary %s of zone %s", name, addr, origin).
				but("give the secondary another key, or take it from the zone, with `stayput zone set`")
		}
		d.changes.TSIG.Deleted = []zone.Name{name}
		return nil
	})
}

// dropTSIGKeys deletes the TSIG keys of an account.
func (d *draft) dropTSIGKeys(owner account.Account) {
	for k := range d.state.TSIG.All() {
		if k.Account == owner.ID {
			d.changes.TSIG.Deleted = append(d.changes.TSIG.Deleted, k.Name)
		}
	}
}

// TSIGKey returns the TSIG key with the name.
func (s *Service) TSIGKey(name zone.Name) (TSIGKey, error) {
	st := s.State()
	k, err := findTSIGKey(st, name)
	if err != nil {
		return TSIGKey{}, err
	}
	return viewTSIGKey(st, k), nil
}

// TSIGSecret returns the secret of the TSIG key with the name.
func (s *Service) TSIGSecret(name zone.Name) ([]byte, error) {
	k, err := findTSIGKey(s.State(), name)
	return k.Secret, err
}

// TSIGKeys returns all TSIG keys in canonical order of their names.
func (s *Service) TSIGKeys() []TSIGKey {
	st := s.State()
	var out []TSIGKey
	for k := range st.TSIG.All() {
		out = append(out, viewTSIGKey(st, k))
	}
	return out
}

func findTSIGKey(st *registry.State, name zone.Name) (tsig.Key, error) {
	k, ok := st.TSIG.Get(name)
	if !ok {
		return k, notFound("no TSIG key %s", name)
	}
	return k, nil
}

func viewTSIGKey(st *registry.State, k tsig.Key) TSIGKey {
	owner, _ := st.Accounts.AccountByID(k.Account)
	return TSIGKey{Name: k.Name, Schemes: k.Schemes, Account: owner.Name, Host: k.Host, Grants: k.Grants, Created: k.Created, Transfers: k.Transfers}
}
