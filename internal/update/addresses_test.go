package update_test

import (
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

func TestSetAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	src := account.Source{Via: "admin", At: start}
	setTo := func(h account.Host, texts ...string) registry.Changes {
		c := update.SetAddresses(w.registry.State(), h, addrs(texts...), src)
		w.apply(func(*registry.State) (registry.Changes, error) { return c, nil })
		return c
	}

	fresh := account.Host{ID: 9, Name: name("fresh.dyn.example.org"), Account: 1, TTL: 120}
	setTo(fresh)
	if got := w.records("fresh.dyn.example.org"); got != update.Placeholder {
		t.Errorf("records of a new host = %v, want the placeholder", got)
	}
	if got := w.host("fresh.dyn.example.org").ID; got != 9 {
		t.Errorf("ID of the new host = %d, want 9", got)
	}

	setTo(w.host("fresh.dyn.example.org"), "2001:db8::9", "203.0.113.9", "::ffff:203.0.113.9")
	if got, want := w.records("fresh.dyn.example.org"), "203.0.113.9 | 2001:db8::9"; got != want {
		t.Errorf("records = %v, want %v", got, want)
	}

	h := w.host("fresh.dyn.example.org")
	if c := setTo(h, "203.0.113.9", "2001:db8::9"); !c.IsEmpty() {
		t.Errorf("changes where nothing changes = %+v", c)
	}
	h.TTL = 30
	if c := setTo(h, "203.0.113.9", "2001:db8::9"); len(c.Records) != 1 || len(c.Records[0].Sets) != 2 {
		t.Errorf("changes of a new TTL = %+v, want both sets", c)
	}
	if got := w.host("fresh.dyn.example.org").TTL; got != 30 {
		t.Errorf("TTL = %d, want 30", got)
	}
}

func TestSetAddressesKeepsForeignTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	nas := w.host("nas.dyn.example.org")
	txt := func() zone.RRset {
		return w.registry.State().Zones.Find(nas.Name).Node(nas.Name).Lookup(zone.TypeTXT).RRset(nas.Name)
	}
	before := txt()
	apply := func(texts ...string) {
		w.apply(func(st *registry.State) (registry.Changes, error) {
			return update.SetAddresses(st, nas, addrs(texts...), account.Source{}), nil
		})
	}
	apply()
	if got := txt(); len(got.Data) != 2 || got.TTL != before.TTL {
		t.Errorf("TXT = %+v, want the customer's and the placeholder", got)
	}
	apply("203.0.113.9")
	if got := txt(); !got.Equal(before) {
		t.Errorf("TXT = %+v, want %+v", got, before)
	}
}

func TestAliasGivesWayToAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	alias := account.Host{ID: 9, Name: name("alias.dyn.example.org"), Account: 1, TTL: 60}
	cname := zone.RRset{Name: alias.Name, Type: zone.TypeCNAME, TTL: 60, Data: []zone.Rdata{zone.Rdata(name("example.org"))}}
	w.apply(func(*registry.State) (registry.Changes, error) {
		return registry.Changes{
			Records:  []registry.ZoneRecords{{Zone: name("dyn.example.org"), Sets: []zone.RRset{cname}}},
			Accounts: account.Changes{Hosts: []account.Host{alias}},
		}, nil
	})
	if c := update.SetAddresses(w.registry.State(), alias, nil, account.Source{}); !c.IsEmpty() {
		t.Errorf("changes of an alias without addresses = %+v, want none", c)
	}
	w.update(update.Request{Hosts: []string{"alias.dyn.example.org"}, V4: set("203.0.113.9")})
	if got, want := w.records("alias.dyn.example.org"), "203.0.113.9"; got != want {
		t.Errorf("records = %v, want %v", got, want)
	}
}
