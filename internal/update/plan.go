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

// outcomes is what a plan comes to in one state.
type outcomes struct {
	state   *registry.State
	looked  []zone.Name // at the hosts of these names
	results []Result    // for each host of the request
	changes registry.Changes
}

// run returns what the plan comes to in st. It fails with ErrNoHostNamed.
func (p *plan) run(st *registry.State) (*outcomes, error) {
	o := &outcomes{state: st}
	if len(p.hosts) == 0 {
		h, err := p.onlyHost(st)
		if err != nil {
			return nil, err
		}
		o.results = []Result{p.runHost(st, h, h.Name.String(), &o.changes)}
		return o, nil
	}
	o.results, o.looked = make([]Result, len(p.hosts)), make([]zone.Name, 0, len(p.hosts))
	for i, text := range p.hosts {
		name, err := zone.ParseName(strings.TrimSpace(text))
		if err != nil {
			o.results[i] = Result{Host: text, Outcome: NotFQDN}
			continue
		}
		o.looked = append(o.looked, name)
		h, outcome := p.find(st, name)
		if outcome != Good {
			o.results[i] = Result{Host: text, Outcome: outcome}
			continue
		}
		o.results[i] = p.runHost(st, h, text, &o.changes)
	}
	return o, nil
}

// holdIn tells whether the plan, for the same key, surely comes to the same in
// st: all that it looked at is as it was.
func (o *outcomes) holdIn(st *registry.State) bool {
	if len(o.looked) == 0 {
		return false
	}
	for _, name := range o.looked {
		was, is := o.state.Zones.Find(name), st.Zones.Find(name)
		switch {
		case !st.Accounts.SameHost(o.state.Accounts, name):
			return false
		case was == is:
		case was == nil || is == nil || was.Origin() != is.Origin() || !was.Node(name).Equal(is.Node(name)):
			return false
		}
	}
	return true
}

// find returns the host with the name if the key covers it. Of foreign hosts it
// tells no more than of those that do not exist.
func (p *plan) find(st *registry.State, name zone.Name) (account.Host, Outcome) {
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
	more := setAddresses(z, node, &h, h, addrs, p.source)
	c.Records = append(c.Records, more.Records...)
	c.Accounts.Hosts = append(c.Accounts.Hosts, more.Accounts.Hosts...)
	return r
}
