package importer

import (
	"slices"

	"stayput.dev/internal/api"
)

// lists are names in the order of their coming, with what belongs to each.
type lists struct {
	order []string
	of    map[string][]string
}

func newLists() *lists { return &lists{of: map[string][]string{}} }

func (l *lists) add(name string, values ...string) {
	if _, known := l.of[name]; !known {
		l.order = append(l.order, name)
		l.of[name] = nil
	}
	for _, v := range values {
		if !slices.Contains(l.of[name], v) {
			l.of[name] = append(l.of[name], v)
		}
	}
}

// members are the users of an installation that knows no accounts, and the hosts
// that each may update.
type members struct {
	users    *lists            // who have a password
	hosts    *lists            // with their users
	patterns *lists            // of further hosts, with their users
	known    map[string]string // accounts of the update keys that there are
}

// strangers returns those who have hosts and no password.
func (m *members) strangers() []string {
	out := newLists()
	for _, l := range [...]*lists{m.hosts, m.patterns} {
		for _, h := range l.order {
			for _, u := range l.of[h] {
				if _, known := m.users.of[u]; !known {
					out.add(u)
				}
			}
		}
	}
	return out.order
}

// plan adds accounts, hosts with what stands in the zones, and keys, for whose
// secret key is asked.
func (m *members) plan(p *Plan, zones []*Zone, key func(user string) api.MovedKey) {
	accounts, made := m.group(), map[string]bool{}
	for _, u := range slices.Concat(m.users.order, m.strangers()) {
		if a := accounts[u]; !made[a] {
			made[a] = true
			p.Accounts = append(p.Accounts, api.NewCustomer{Name: a})
		}
	}
	covers := map[string][]string{}
	for _, name := range m.hosts.order {
		h := api.MovedHost{Name: name, Account: accounts[m.hosts.of[name][0]]}
		place(&h, zones)
		p.Hosts = append(p.Hosts, h)
		for _, u := range m.hosts.of[name] {
			covers[u] = append(covers[u], name)
		}
	}
	fits := map[string][]string{}
	for _, pattern := range m.patterns.order {
		for _, u := range m.patterns.of[pattern] {
			fits[u] = append(fits[u], pattern)
		}
	}
	for _, u := range m.users.order {
		if len(covers[u])+len(fits[u]) == 0 {
			p.problem(u, "the user has no host: no key is made, and one that is here stays as it is")
			continue
		}
		k := key(u)
		k.Username, k.Account, k.Hosts, k.Patterns = u, accounts[u], covers[u], fits[u]
		if len(k.Patterns) == 0 {
			k.NewHosts = 0
		}
		p.Keys = append(p.Keys, k)
	}
}

// group returns the account of each user. Those who share a host, or are tied by
// others who do, have the same, since a host belongs to one account.
func (m *members) group() map[string]string {
	order := slices.Concat(m.users.order, m.strangers())
	leader := map[string]string{} // another user of the group, or the user itself
	for _, u := range order {
		leader[u] = u
	}
	lead := func(u string) string {
		for leader[u] != u {
			leader[u] = leader[leader[u]]
			u = leader[u]
		}
		return u
	}
	for _, l := range [...]*lists{m.hosts, m.patterns} {
		for _, h := range l.order {
			for _, u := range l.of[h][1:] {
				leader[lead(u)] = lead(l.of[h][0])
			}
		}
	}
	names := map[string]string{}
	for _, u := range order {
		if account, known := m.known[u]; known && names[lead(u)] == "" {
			names[lead(u)] = account
		}
	}
	accounts := map[string]string{}
	for _, u := range order {
		if names[lead(u)] == "" {
			names[lead(u)] = u // the first of its group
		}
		accounts[u] = names[lead(u)]
	}
	return accounts
}
