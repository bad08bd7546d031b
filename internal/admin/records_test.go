package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// setRecords makes records stand in dyn.example.org, of which at is a name.
func (w *world) setRecords(at, typ string, data ...string) error {
	w.t.Helper()
	origin := zone.MustName("dyn.example.org")
	name, err := admin.ParseOwner(at, origin)
	w.ok(nil, err)
	t, err := zone.ParseType(typ)
	w.ok(nil, err)
	return w.SetRecords(w.t.Context(), admin.RecordSet{Zone: origin, Name: name, Type: t, TTL: new(uint32(300)), Data: data})
}

// TestRecordsComeChangeAndGo: what is set stands, in the place of what stood, and the
// audit log says so.
func TestRecordsComeChangeAndGo(t *testing.T) {
	w := newTown(t)
	w.ok(nil, w.setRecords("www", "A", "192.0.2.80", "192.0.2.81"))
	w.ok(nil, w.setRecords("www", "TXT", `"in two" "parts"`))
	w.ok(nil, w.setRecords("@", "MX", "10 mail", "20 mail.example.net."))
	w.ok(nil, w.setRecords("_sip._tcp", "SRV", "0 5 5060 sip.dyn.example.org."))
	w.ok(nil, w.setRecords("new", "TYPE65300", `\# 2 abcd`))
	w.wantRecords("dyn.example.org", "www.dyn.example.org", "A 192.0.2.80", "A 192.0.2.81", `TXT "in two" "parts"`)
	if got := w.records("dyn.example.org", "dyn.example.org"); !slices.Contains(got, "MX 10 mail.dyn.example.org.") || !slices.Contains(got, "MX 20 mail.example.net.") {
		t.Errorf("at the apex there is %q", got)
	}
	w.ok(nil, w.setRecords("www", "A", "192.0.2.82"))
	w.ok(nil, w.setRecords("www", "TXT"))
	w.wantRecords("dyn.example.org", "www.dyn.example.org", "A 192.0.2.82")
	if last := w.store.notes[len(w.store.notes)-1]; last != "set zone dyn.example.org: www.dyn.example.org TXT" {
		t.Errorf("the last note is %q", last)
	}
}

// TestRecordsAreHeldAgainstTheRules: nothing is set that would make the zone wrong, or
// change a host unseen.
func TestRecordsAreHeldAgainstTheRules(t *testing.T) {
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.7")
	w.addHost("cam.kids.dyn.example.org", "bob", "192.0.2.8")
	w.ok(w.SetHost(t.Context(), zone.MustName("home.dyn.example.org"), admin.HostChange{Options: admin.HostOptions{MX: ptr(zone.MustName("mail.example.net")), Wildcard: ptr(true)}}))
	w.addZone("sub.dyn.example.org")
	w.ok(nil, w.setRecords("www", "A", "192.0.2.80"))
	w.ok(nil, w.setRecords("alias", "CNAME", "www"))
	w.ok(nil, w.setRecords("far", "NS", "ns1.example.net."))
	w.ok(nil, w.setRecords("tree", "DNAME", "example.net."))
	for _, c := range []struct {
		at, typ string
		data    []string
		rule    admin.RecordRule
		kind    error
	}{
		{"www", "A", []string{"192.0.2.80", "192.0.2"}, admin.RuleData, admin.ErrInvalid},
		{"www", "MX", []string{"mail"}, admin.RuleData, admin.ErrInvalid},
		{"www", "TXT", []string{`"a" ; and`, "\"b\"\nwww A 192.0.2.66"}, admin.RuleData, admin.ErrInvalid},
		{"@", "SOA", []string{"ns1 hostmaster 1 2 3 4 5"}, admin.RuleSOA, admin.ErrConflict},
		{"@", "SOA", []string{"ns1"}, admin.RuleSOA, admin.ErrConflict}, // as which it would be wrong, too
		{"www.example.net.", "A", []string{"192.0.2.1"}, admin.RuleName, admin.ErrInvalid},
		{"x.sub", "A", []string{"192.0.2.1"}, admin.RuleName, admin.ErrConflict},
		{"sub", "NS", []string{"ns1.example.net."}, admin.RuleName, admin.ErrConflict},
		{"home", "A", []string{"192.0.2.9"}, admin.RuleHost, admin.ErrConflict},
		{"home", "AAAA", nil, admin.RuleHost, admin.ErrConflict},
		{"home", "CNAME", []string{"www"}, admin.RuleHost, admin.ErrConflict},
		{"home", "MX", []string{"10 mail"}, admin.RuleOption, admin.ErrConflict},
		{"*.home", "A", []string{"192.0.2.9"}, admin.RuleOption, admin.ErrConflict},
		{"www", "CNAME", []string{"@"}, admin.RuleAlias, admin.ErrConflict},
		{"@", "CNAME", []string{"www"}, admin.RuleAlias, admin.ErrConflict},
		{"alias", "TXT", []string{"a"}, admin.RuleAlias, admin.ErrConflict},
		{"alias", "CNAME", []string{"www", "home"}, admin.RuleSingle, admin.ErrInvalid},
		{"@", "NS", nil, admin.RuleServers, admin.ErrConflict},
		{"kids", "NS", []string{"ns1.example.net."}, admin.RuleHides, admin.ErrConflict},
		{"kids", "DNAME", []string{"example.net."}, admin.RuleHides, admin.ErrConflict},
		{"x.far", "TXT", []string{"a"}, admin.RuleHidden, admin.ErrConflict},
		{"far", "TXT", []string{"a"}, admin.RuleHidden, admin.ErrConflict},
		{"x.tree", "A", []string{"192.0.2.1"}, admin.RuleHidden, admin.ErrConflict},
		{"www", "AAAA", nil, admin.RuleNoRecord, admin.ErrNotFound},
	} {
		before := w.State().Revision
		err := w.setRecords(c.at, c.typ, c.data...)
		fault, ok := errors.AsType[*admin.RecordError](err)
		if !ok || fault.Rule != c.rule || !errors.Is(err, c.kind) {
			t.Errorf("%s %s %q: error = %v, want one of rule %s that is %v", c.at, c.typ, c.data, err, c.rule, c.kind)
		}
		if w.State().Revision != before {
			t.Errorf("%s %s %q: something changed", c.at, c.typ, c.data)
		}
	}
	for _, good := range [][]string{
		{"ns1.far", "A", "192.0.2.1"},
		{"far", "DS", "1 8 2 " + fmt.Sprintf("%064x", 7)},
		{"sub", "DS", "1 8 2 " + fmt.Sprintf("%064x", 7)},
		{"home", "TXT", "a"},
		{"*", "A", "192.0.2.1"},
	} {
		if err := w.setRecords(good[0], good[1], good[2:]...); err != nil {
			t.Errorf("%q: error = %v", good, err)
		}
	}
	w.ok(w.AddZone(t.Context(), admin.NewZone{Name: zone.MustName("catalog.example.org"), Catalog: true}))
	origin := zone.MustName("catalog.example.org")
	err := w.SetRecords(t.Context(), admin.RecordSet{Zone: origin, Name: origin, Type: zone.TypeTXT, Data: []string{"a"}})
	if fault, ok := errors.AsType[*admin.RecordError](err); !ok || fault.Rule != admin.RuleCatalog || admin.Hint(fault) != "" {
		t.Errorf("in a catalog: error = %v", err)
	}
}

// TestRecordsOfSilentHosts: the placeholder of a host without addresses is nobody's to
// see or to remove.
func TestRecordsOfSilentHosts(t *testing.T) {
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.7")
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Phase: ptr(account.Suspended)}))
	w.ok(nil, w.setRecords("home", "TXT", "a"))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", `TXT "a"`, placeholder)
	view, err := w.RecordsAt(zone.MustName("dyn.example.org"), zone.MustName("home.dyn.example.org"))
	w.ok(view, err)
	if len(view.Sets) != 1 || !slices.Equal(view.Sets[0].Data, []string{`"a"`}) || view.Sets[0].Fixed || !view.Host {
		t.Errorf("RecordsAt = %+v", view)
	}
	w.ok(nil, w.setRecords("home", "TXT"))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", placeholder)
}

// TestRecordsDoNotOverwriteUnseen: who began from something else is told.
func TestRecordsDoNotOverwriteUnseen(t *testing.T) {
	w := newTown(t)
	origin, name := zone.MustName("dyn.example.org"), zone.MustName("www.dyn.example.org")
	put := func(was []string, data ...string) error {
		return w.SetRecords(t.Context(), admin.RecordSet{Zone: origin, Name: name, Type: zone.TypeA, TTL: new(uint32(60)), Data: data, Was: &was})
	}
	w.ok(nil, put([]string{}, "192.0.2.1"))
	w.refused(put([]string{}, "192.0.2.2"), admin.ErrConflict, "www.dyn.example.org A was changed meanwhile")
	w.ok(nil, put([]string{"192.0.2.1"}, "192.0.2.2"))
}

// TestServersAreToldAbove: the zone above delegates to the servers that a zone has now.
func TestServersAreToldAbove(t *testing.T) {
	w := newTown(t)
	w.addZone("sub.dyn.example.org")
	origin := zone.MustName("sub.dyn.example.org")
	put := func(name string, typ zone.Type, data ...string) {
		w.ok(nil, w.SetRecords(t.Context(), admin.RecordSet{Zone: origin, Name: zone.MustName(name), Type: typ, TTL: new(uint32(60)), Data: data}))
	}
	put("sub.dyn.example.org", zone.TypeNS, "ns1", "ns1.example.net.")
	w.wantRecords("dyn.example.org", "sub.dyn.example.org", "NS ns1.sub.dyn.example.org.", "NS ns1.example.net.")
	put("ns1.sub.dyn.example.org", zone.TypeA, "192.0.2.54")
	w.wantRecords("dyn.example.org", "ns1.sub.dyn.example.org", "A 192.0.2.54")
}

// TestRecordsAreFoundByTheirBeginning: a page of names goes on where the one before
// ended, and looks below what is named.
func TestRecordsAreFoundByTheirBeginning(t *testing.T) {
	w := newTown(t)
	for _, at := range []string{"www", "www2", "a.www", "b.www", "mail", "wiki"} {
		w.ok(nil, w.setRecords(at, "A", "192.0.2.80"))
	}
	w.addHost("home.dyn.example.org", "alice", "192.0.2.7")
	w.addZone("sub.dyn.example.org")
	names := func(prefix string) (all []string) {
		q := admin.RecordQuery{Zone: zone.MustName("dyn.example.org"), Prefix: prefix, Limit: 2}
		for {
			page, next, err := w.Records(q)
			w.ok(page, err)
			for _, n := range page {
				all = append(all, n.Name.First())
			}
			if q.Start = next; next == "" || len(all) > 20 {
				return all
			}
		}
	}
	for prefix, want := range map[string][]string{
		"":      {"dyn", "home", "mail", "ns1", "sub", "ns1", "wiki", "www", "a", "b", "www2"},
		"ww":    {"www", "a", "b", "www2"},
		"WI":    {"wiki"},
		"a.www": {"a"},
		".www":  {"www", "a", "b"},
		"x":     nil,
		"..":    nil,
	} {
		if got := names(prefix); !slices.Equal(got, want) {
			t.Errorf("names that begin with %q are %q, want %q", prefix, got, want)
		}
	}
	page, _, err := w.Records(admin.RecordQuery{Zone: zone.MustName("dyn.example.org")})
	w.ok(page, err)
	for _, n := range page {
		first := n.Name.First()
		if n.Host != (first == "home") || n.Cut != n.Name.IsWithin(zone.MustName("sub.dyn.example.org")) || n.Sets[0].Fixed != (n.Host || n.Cut) && first != "dyn" {
			t.Errorf("the view of %s is %+v", n.Name, n)
		}
	}
	if sets := page[0].Sets; sets[0].Type != zone.TypeNS || sets[0].Fixed || sets[1].Type != zone.TypeSOA || !sets[1].Fixed {
		t.Errorf("at the apex there is %+v", sets)
	}
}
