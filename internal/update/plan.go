package update

import (
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// plan is a request that may be made, to be held against a state as often as
// need be. It never changes.
type plan struct {
	key    account.Key
	hosts  []string
	wish   wish
	source account.Source
}

// run returns what the plan comes to in st: a result for each host, and what is
// to change for them. It fails with ErrNoHostNamed.
func (p *plan) run(st *registry.State) ([]Result, registry.Changes, error) {
	var c registry.Changes
	if len(p.hosts) == 0 {
		h, err := p.onlyHost(st)
		if err != nil {
			return nil, c, err
		}
		return []Result{p.runHost(st, h, h.Name.String(), &c)}, c, nil
	}
	results := make([]Result, len(p.hosts))
	for i, name := range p.hosts {
		h, outcome := p.find(st, name)
		if outcome != Good {
			results[i] = Result{Host: name, Outcome: outcome}
			continue
		}
		results[i] = p.runHost(st, h, name, &c)
	}
	return results, c, nil
}

// find returns the host with the name if the key covers it. Of foreign hosts it
// tells no more than of those that do not exist.
func (p *plan) find(st *registry.State, text string) (account.Host, Outcome) {
	name, err := zone.ParseName(strings.TrimSpace(text))
	if err != nil {
		return account.Host{}, NotFQDN
	}
	if h, ok := st.Accounts.Host(name); ok && p.key.Covers(h) {
		return h, Good
	}
	if !name.IsHostname() || name.CountLabels() < 2 {
		return account.Host{}, NotFQDN
	}
	return account.Host{}, NoHost
}

// onlyHost returns the one host that the key covers.
func (p *plan) onlyHost(st *registry.State) (account.Host, error) {
	var only account.Host
	for h := range st.Accounts.HostsOf(p.key.Account) {
		if !p.key.Covers(h) {
			continue
		}
		if only.ID != 0 {
			return account.Host{}, ErrNoHostNamed
		}
		only = h
	}
	if only.ID == 0 {
		return account.Host{}, ErrNoHostNamed
	}
	return only, nil
}

// runHost says what becomes of one host and adds to c what is to change.
func (p *plan) runHost(st *registry.State, h account.Host, name string, c *registry.Changes) Result {
	z := st.Zones.Find(h.Name)
	if z == nil {
		return Result{Host: name, Outcome: NoHost} // its zone has gone
	}
	p = p.heed(h)
	r := Result{Host: name, ID: h.ID, Outcome: NoChange, Addrs: p.wish.told}
	node := z.Node(h.Name)
	v4, v6 := node.Lookup(zone.TypeA), node.Lookup(zone.TypeAAAA)
	if p.wish.v4.holds(v4) && p.wish.v6.holds(v6) {
		if p.wish.ignored {
			r.Outcome = Ignored
		}
		if len(r.Addrs) == 0 {
			r.Addrs = standing(node)
		}
		return r
	}
	r.Outcome = Good
	addrs := p.wish.v6.apply(p.wish.v4.apply(nil, v4), v6)
	if len(r.Addrs) == 0 {
		r.Addrs = addrs
	}
	more := SetAddresses(st, h, addrs, p.source)
	c.Records = append(c.Records, more.Records...)
	c.Accounts.Hosts = append(c.Accounts.Hosts, more.Accounts.Hosts...)
	return r
}
