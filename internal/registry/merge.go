package registry

import (
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// deletes tells whether anything goes.
func deletes(c account.Changes) bool {
	return len(c.DeletedAccounts)+len(c.DeletedHosts)+len(c.DeletedKeys)+len(c.DeletedRests)+len(c.DeletedPlans)+len(c.DeletedTokens)+len(c.DeletedHooks) > 0
}

// join makes one of the changes of several edits that delete nothing: they come
// in the same order.
func join(list []account.Changes) account.Changes {
	var c account.Changes
	count := 0 // of hosts, of which each update moves some
	for i := range list {
		count += len(list[i].Hosts)
	}
	c.Hosts = slices.Grow(c.Hosts, count)
	for i := range list {
		c.Accounts = append(c.Accounts, list[i].Accounts...)
		c.Hosts = append(c.Hosts, list[i].Hosts...)
		c.Keys = append(c.Keys, list[i].Keys...)
		c.Rests = append(c.Rests, list[i].Rests...)
		c.Plans = append(c.Plans, list[i].Plans...)
		c.Tokens = append(c.Tokens, list[i].Tokens...)
		c.Hooks = append(c.Hooks, list[i].Hooks...)
	}
	return c
}

// merge makes one of the changes of several edits: what came last counts. What
// went and came again both goes and comes, because a key or host that is made
// anew must not inherit from the old one.
func merge(list []account.Changes) account.Changes {
	accounts := newThings(func(a account.Account) string { return strings.ToLower(a.Name) })
	hosts := newThings(func(h account.Host) zone.Name { return h.Name })
	keys := newThings(func(k account.Key) string { return k.Username })
	rests := newThings(func(r account.Rest) zone.Name { return r.Name })
	plans := newThings(func(p account.Plan) string { return strings.ToLower(p.Name) })
	tokens := newThings(func(t account.Token) string { return t.ID })
	hooks := newThings(func(h account.Hook) string { return h.ID })
	for i := range list {
		for _, name := range list[i].DeletedAccounts {
			accounts.remove(strings.ToLower(name))
		}
		for _, name := range list[i].DeletedPlans {
			plans.remove(strings.ToLower(name))
		}
		hosts.remove(list[i].DeletedHosts...)
		keys.remove(list[i].DeletedKeys...)
		rests.remove(list[i].DeletedRests...)
		accounts.put(list[i].Accounts)
		hosts.put(list[i].Hosts)
		keys.put(list[i].Keys)
		rests.put(list[i].Rests)
		plans.put(list[i].Plans)
		tokens.remove(list[i].DeletedTokens...)
		tokens.put(list[i].Tokens)
		hooks.remove(list[i].DeletedHooks...)
		hooks.put(list[i].Hooks)
	}
	return account.Changes{
		Accounts: accounts.come(), DeletedAccounts: accounts.gone,
		Hosts: hosts.come(), DeletedHosts: hosts.gone,
		Keys: keys.come(), DeletedKeys: keys.gone,
		Rests: rests.come(), DeletedRests: rests.gone,
		Plans: plans.come(), DeletedPlans: plans.gone,
		Tokens: tokens.come(), DeletedTokens: tokens.gone,
		Hooks: hooks.come(), DeletedHooks: hooks.gone,
	}
}

// things holds what becomes of the things of one kind in a group of edits.
// Names stand in order of their first coming or going, so that the same edits
// always make the same commit.
type things[K comparable, V any] struct {
	name    func(V) K
	now     map[K]V
	came    map[K]bool
	order   []K // of came
	removed map[K]bool
	gone    []K // removed, in order
}

func newThings[K comparable, V any](name func(V) K) *things[K, V] {
	return &things[K, V]{name: name, now: map[K]V{}, came: map[K]bool{}, removed: map[K]bool{}}
}

func (t *things[K, V]) put(list []V) {
	for _, v := range list {
		k := t.name(v)
		t.now[k] = v
		if !t.came[k] {
			t.came[k] = true
			t.order = append(t.order, k)
		}
	}
}

func (t *things[K, V]) remove(names ...K) {
	for _, k := range names {
		delete(t.now, k)
		if !t.removed[k] {
			t.removed[k] = true
			t.gone = append(t.gone, k)
		}
	}
}

// come returns what is there in the end, of what came.
func (t *things[K, V]) come() []V {
	var out []V
	for _, k := range t.order {
		if v, ok := t.now[k]; ok {
			out = append(out, v)
		}
	}
	return out
}
