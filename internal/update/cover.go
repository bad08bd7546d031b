package update

import (
	"iter"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// parseHost reads the name of a host as devices write it.
func parseHost(text string) (zone.Name, error) { return zone.ParseName(strings.TrimSpace(text)) }

// hostsOf returns the names of the request's hosts, of two readings of one the one
// that the key covers.
func hostsOf(st *registry.State, key account.Key, req *Request) []string {
	if len(req.Hosts) != 1 || req.OtherHost == "" {
		return req.Hosts
	}
	p := plan{key: key}
	for _, text := range [...]string{req.Hosts[0], req.OtherHost} {
		if name, err := zone.ParseName(text); err == nil {
			if _, outcome := p.find(st, name); outcome == Good {
				return []string{text}
			}
		}
	}
	return req.Hosts
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

// covers tells whether the key covers a host that is named.
func (p *plan) covers(st *registry.State, text string) bool {
	name, err := parseHost(text)
	if err != nil {
		return false
	}
	_, outcome := p.find(st, name)
	return outcome == Good
}

// covered yields the hosts that the key covers.
func (p *plan) covered(st *registry.State) iter.Seq[account.Host] {
	if p.key.CoversAll() {
		return st.Accounts.HostsOf(p.key.Account)
	}
	if len(p.key.Patterns) > 0 {
		return func(yield func(account.Host) bool) {
			for h := range st.Accounts.HostsOf(p.key.Account) {
				if p.key.Covers(h) && !yield(h) {
					return
				}
			}
		}
	}
	return func(yield func(account.Host) bool) {
		for _, name := range p.key.Hosts {
			if h, ok := st.Accounts.Host(name); ok && h.Account == p.key.Account && !yield(h) {
				return
			}
		}
	}
}

// onlyHost returns the one host that the key covers.
func (p *plan) onlyHost(st *registry.State) (account.Host, error) {
	var only account.Host
	for h := range p.covered(st) {
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
