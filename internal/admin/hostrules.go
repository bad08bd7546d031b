package admin

import (
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// reserved are the labels that no host may have directly below the apex of a
// zone, because programs and people expect the zone's owner behind them. Labels
// with an underscore are no host names anyway.
var reserved = [...]string{
	"admin", "api", "autoconfig", "autodiscover", "broadcasthost", "hostmaster", "isatap", "localhost",
	"mail", "ns", "ns1", "ns2", "ns3", "ns4", "postmaster", "wpad", "www",
}

// naming checks whether names may become hosts of accounts. Force sets aside
// the rules of the house, never those of the DNS.
type naming struct {
	*draft
	force bool
	fresh map[zone.Name]uint32 // hosts that the same edit makes, and their accounts
}

// check tells why owner may not have a host with the name, or returns the zone
// that it will be in.
func (n *naming) check(name zone.Name, owner account.Account) (*zone.Zone, error) {
	if !name.IsHostname() {
		return nil, invalid("%s is not a host name", name).
			but("letters, digits and hyphens only, and no hyphen at the start or end of a label")
	}
	if other, ok := n.state.Accounts.Host(name); ok {
		holder, _ := n.state.Accounts.AccountByID(other.Account)
		return nil, exists("host %s exists already, account %s has it", name, holder.Name).toOthers("host %s exists already", name)
	}
	z := n.state.Zones.Find(name)
	if z == nil {
		return nil, invalid("%s is in no zone of ours", name).but("add its zone first").customers("choose a name in a zone that is offered here")
	}
	if z.IsCatalog() {
		return nil, invalid("%s is a catalog zone, which has no hosts", z.Origin())
	}
	if err := checkPlace(z, name); err != nil {
		return nil, err
	}
	if z.Node(name).Lookup(zone.TypeCNAME).Len() > 0 {
		return nil, conflict("%s is an alias (CNAME)", name)
	}
	if n.force {
		return z, nil
	}
	return z, n.checkHouse(z, name, owner)
}

// checkPlace tells why the zone answers nothing at the name, or returns nil.
func checkPlace(z *zone.Zone, name zone.Name) *fault {
	switch r := z.Lookup(name, zone.TypeA); r.Outcome {
	case zone.Delegation:
		return conflict("%s is at or below the delegation of %s", name, r.Owner)
	case zone.Redirect:
		return conflict("%s is below the DNAME at %s", name, r.Owner)
	default:
		return nil
	}
}

// checkHouse holds the name against the rules of the house.
func (n *naming) checkHouse(z *zone.Zone, name zone.Name, owner account.Account) error {
	if name.Parent() == z.Origin() && slices.Contains(reserved[:], name.First()) {
		return conflict("the name %s is reserved", name).but("choose another name, or force").customers("choose another name")
	}
	for target := range targets(z.Node(z.Origin()).Lookup(zone.TypeNS), name) {
		if target == name {
			return conflict("%s is a name server of %s", name, z.Origin()).but("choose another name, or force").customers("choose another name")
		}
	}
	if err := n.checkNeighbours(z, name, owner); err != nil {
		return err
	}
	return n.checkRest(z, name, owner)
}

// checkVacant makes sure that nothing stands at the name or below it that is not the
// owner's.
func (d *draft) checkVacant(z *zone.Zone, name zone.Name, owner uint32) error {
	for at := range z.NodesBelow(name) {
		if h, ok := d.state.Accounts.Owner(at); !ok || h.Account != owner {
			return conflict("records stand at %s", at).but("choose another name").toOthers("%s is taken", name)
		}
	}
	return nil
}

// checkRest makes sure that neither the name nor one above it was released by
// somebody else of late. A rest of the apex bars no name below it.
func (n *naming) checkRest(z *zone.Zone, name zone.Name, owner account.Account) error {
	for at := name; ; at = at.Parent() {
		rest, ok := n.state.Accounts.Resting(at)
		if ok && rest.Account != owner.ID && n.now.Before(rest.Until) {
			return conflict("%s was released and rests until %s", at, phrase.Day(rest.Until)).
				but("its last account may have it again, others by force").customers("choose another name")
		}
		if at == z.Origin() || at.Parent() == z.Origin() {
			return nil
		}
	}
}

// checkNeighbours makes sure that nobody's host lies within a host of somebody
// else. A host at the apex of the zone holds no names below it.
func (n *naming) checkNeighbours(z *zone.Zone, name zone.Name, owner account.Account) error {
	if name == z.Origin() {
		return nil
	}
	for at := name.Parent(); at != z.Origin(); at = at.Parent() {
		holder, ok := n.fresh[at]
		if h, found := n.state.Accounts.Host(at); found {
			holder, ok = h.Account, true
		}
		if ok && holder != owner.ID {
			return conflict("%s is within the host %s of another account", name, at)
		}
	}
	for h := range n.state.Accounts.HostsBelow(name) {
		if h.Name != name && h.Account != owner.ID && n.state.Zones.Find(h.Name) == z {
			return conflict("the host %s of another account is within %s", h.Name, name).toOthers("a host of another account is within %s", name)
		}
	}
	return nil
}
