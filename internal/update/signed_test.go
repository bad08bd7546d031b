package update_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// change makes an edit of the records of the zone, in the name of an account; 0 for the
// operator.
func (w *world) change(owner uint32, edit func(r *update.Records, z *zone.Zone) error) error {
	w.t.Helper()
	_, err := w.service.Change(w.t.Context(), update.RecordRequest{
		Key: "signer", Account: owner, Source: netip.MustParseAddr("198.51.100.1"), Via: "rfc2136",
		Edit: func(r *update.Records) error { return edit(r, r.State.Zones.Get(name("dyn.example.org"))) },
	})
	return err
}

func text(host zone.Name, texts ...string) zone.RRset {
	s := zone.RRset{Name: host, Type: zone.TypeTXT, TTL: 300}
	for _, t := range texts {
		s.Data = append(s.Data, zone.TextData(t))
	}
	return s
}

// texts returns the texts at a host of the zone.
func (w *world) texts(host zone.Name) []string {
	var out []string
	for d := range w.registry.State().Zones.Find(host).Node(host).Lookup(zone.TypeTXT).All() {
		out = append(out, string(d[1:]))
	}
	return out
}

// The placeholder stands exactly while there is neither an address nor an alias, whatever
// else comes and goes in the same change.
func TestChangeKeepsThePlaceholder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	home := name("home.dyn.example.org")
	alias := zone.RRset{Name: home, Type: zone.TypeCNAME, TTL: 60, Data: []zone.Rdata{zone.Rdata(name("example.org"))}}
	noAlias := zone.RRset{Name: home, Type: zone.TypeCNAME}
	for _, step := range []struct {
		about string
		sets  []zone.RRset
		v4    []netip.Addr
		want  []string
	}{
		{"a text beside an address", []zone.RRset{text(home, "x")}, addrs("203.0.113.1"), []string{"x"}},
		{"the address goes", nil, nil, []string{"x", update.Placeholder}},
		{"another text", []zone.RRset{text(home, "y")}, nil, []string{"y", update.Placeholder}},
		{"no text", []zone.RRset{text(home)}, nil, []string{update.Placeholder}},
		{"an alias", []zone.RRset{alias}, nil, nil},
		{"the alias goes", []zone.RRset{noAlias}, nil, []string{update.Placeholder}},
		{"an alias again", []zone.RRset{alias}, nil, nil},
		{"the alias gives way to an address and a text", []zone.RRset{noAlias, text(home, "z")}, addrs("203.0.113.9"), []string{"z"}},
		{"the address and the text give way to an alias", []zone.RRset{alias, text(home)}, nil, nil},
		{"all goes", []zone.RRset{noAlias}, nil, []string{update.Placeholder}},
	} {
		err := w.change(0, func(r *update.Records, z *zone.Zone) error { return r.PutHost(z, home, step.sets, step.v4, nil, false) })
		if err != nil {
			t.Errorf("%s: %v", step.about, err)
		}
		if got := w.texts(home); !slices.Equal(got, step.want) {
			t.Errorf("%s: texts = %q, want %q", step.about, got, step.want)
		}
		node := w.registry.State().Zones.Find(home).Node(home)
		if got := node.Lookup(zone.TypeA).RRset(home).Addresses(); !slices.Equal(got, step.v4) {
			t.Errorf("%s: addresses = %v, want %v", step.about, got, step.v4)
		}
	}
}

// Several hosts of several owners change in one commit, or none does.
func TestChangeOfManyHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := w.registry.State().Revision
	put := func(v4 ...string) error {
		return w.change(0, func(r *update.Records, z *zone.Zone) error {
			for _, host := range []string{"home", "printer", "nas"} {
				if err := r.PutHost(z, name(host+".dyn.example.org"), nil, addrs(v4...), nil, true); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := put("203.0.113.50"); err != nil {
		t.Fatal(err)
	}
	if got := w.registry.State().Revision; got != before+1 {
		t.Errorf("%d commits, want 1", got-before)
	}
	var many []string
	for i := range update.MaxAddresses + 1 {
		many = append(many, netip.AddrFrom4([4]byte{203, 0, 113, byte(100 + i)}).String())
	}
	if err := put(many...); !errors.Is(err, update.ErrRejected) {
		t.Errorf("too many addresses: %v", err)
	}
	for _, host := range []string{"home", "printer", "nas"} {
		full := name(host + ".dyn.example.org")
		got := w.registry.State().Zones.Find(full).Node(full).Lookup(zone.TypeA).RRset(full).Addresses()
		if !slices.Equal(got, addrs("203.0.113.50")) {
			t.Errorf("%s = %v", host, got)
		}
	}
}

// What is over a limit is put off, not refused, and says so in the log; the name of the
// key counts, whoever sends.
func TestChangeIsLimited(t *testing.T) {
	inTime(t, update.Limits{KeyChanges: update.Rate{PerSecond: 1, Burst: 2}}, func(t *testing.T, w *world) {
		free := name("free.dyn.example.org")
		put := func(value string) error {
			return w.change(0, func(r *update.Records, z *zone.Zone) error {
				r.Put(z.Origin(), text(free, value))
				return nil
			})
		}
		if err := errors.Join(put("a"), put("b")); err != nil {
			t.Fatal(err)
		}
		if err := put("c"); !errors.Is(err, update.ErrLimited) {
			t.Errorf("the third change: %v", err)
		}
		if got := w.texts(free); !slices.Equal(got, []string{"b"}) {
			t.Errorf("texts = %q", got)
		}
		if !strings.Contains(w.log.String(), "updates limited") || !strings.Contains(w.log.String(), "key=signer") {
			t.Errorf("the log:\n%s", w.log)
		}
	})
}

// Names at and below a host are its owner's; those of a host at the apex are not.
func TestWhoseNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	apex := account.Host{ID: 9, Name: name("dyn.example.org"), Account: 1, TTL: 60}
	w.apply(func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Accounts: account.Changes{Hosts: []account.Host{apex}}}, nil
	})
	for owner, names := range map[uint32]map[string]bool{
		0: {"dyn": true, "home.dyn": true, "printer.dyn": true, "free.dyn": true},
		1: {"dyn": true, "home.dyn": true, "x.home.dyn": true, "x.y.nas.dyn": true, "printer.dyn": false, "x.printer.dyn": false, "free.dyn": false},
		2: {"dyn": false, "printer.dyn": true, "x.printer.dyn": true, "home.dyn": false},
	} {
		err := w.change(owner, func(r *update.Records, z *zone.Zone) error {
			for short, want := range names {
				if got := r.IsTheirs(z, name(short+".example.org")); got != want {
					t.Errorf("%s is %d's: %v, want %v", short, owner, got, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if err := w.change(7, func(*update.Records, *zone.Zone) error { return nil }); !errors.Is(err, update.ErrRejected) {
		t.Errorf("an account that is not there: %v", err)
	}
}

// equip gives a host options, with all that this brings about.
func (w *world) equip(host zone.Name, options func(h *account.Host)) {
	w.t.Helper()
	w.apply(func(st *registry.State) (registry.Changes, error) {
		h, _ := st.Accounts.Host(host)
		options(&h)
		addrs := st.Zones.Find(host).Node(host).Lookup(zone.TypeA).RRset(host).Addresses()
		return update.SetAddresses(st, h, addrs, account.Source{Via: "test", At: start}), nil
	})
}

// standing returns the types that are there at a name for whoever changes records.
func (w *world) standing(host zone.Name) string {
	w.t.Helper()
	var types []string
	err := w.change(0, func(r *update.Records, z *zone.Zone) error {
		for _, set := range r.Standing(z, host) {
			types = append(types, set.Type.String())
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(types, " ")
}

// What stands at a host that is offline is not its own: the address that is added is its
// only one, and with it the host comes back.
func TestChangeOfAnOfflineHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	home := name("home.dyn.example.org")
	w.equip(home, func(h *account.Host) {
		h.Offline = account.Source{Via: "admin", At: start}
		h.Options.WhenOffline.Addrs = addrs("198.51.100.80")
	})
	if got := w.standing(home); got != "" {
		t.Errorf("standing: %q", got)
	}
	err := w.change(0, func(r *update.Records, z *zone.Zone) error {
		if !r.IsMade(z, home, zone.TypeCNAME) || r.IsMade(z, home, zone.TypeA) {
			t.Error("an alias may stand at a host that is offline, or no address")
		}
		return r.PutHost(z, home, nil, addrs("203.0.113.9"), nil, true)
	})
	h, _ := w.registry.State().Accounts.Host(home)
	if got := w.records("home.dyn.example.org"); err != nil || h.IsOffline() || !strings.Contains(got, "203.0.113.9") || strings.Contains(got, "198.51.100.80") {
		t.Errorf("records = %s, offline %v, %v", got, h.IsOffline(), err)
	}
}

// The mail exchanger, the wildcard and the alias of a host are its options', whatever an
// UPDATE wants of them; but an address takes the place of the alias.
func TestChangeBesideOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	home, below := name("home.dyn.example.org"), name("*.home.dyn.example.org")
	w.equip(home, func(h *account.Host) { h.Options.MX, h.Options.Wildcard = name("mail.example.org"), true })
	if got := w.standing(home); got != "A" {
		t.Errorf("standing: %q", got)
	}
	err := w.change(0, func(r *update.Records, z *zone.Zone) error {
		for typ, want := range map[zone.Type]bool{zone.TypeA: true, zone.TypeAAAA: true, zone.TypeCNAME: true, zone.TypeTXT: false} {
			if got := r.IsMade(z, below, typ); got != want {
				t.Errorf("%s at the wildcard is made: %v", typ, got)
			}
		}
		if !r.IsMade(z, home, zone.TypeMX) || r.IsMade(z, home, zone.TypeTXT) || r.IsMade(z, name("nas.dyn.example.org"), zone.TypeMX) {
			t.Error("what is made of options?")
		}
		return r.PutHost(z, home, []zone.RRset{text(home, "x")}, addrs("203.0.113.9"), nil, true)
	})
	if err != nil {
		t.Fatal(err)
	}
	node := w.registry.State().Zones.Find(home).Node(home)
	wild := w.registry.State().Zones.Find(home).Node(below).Lookup(zone.TypeA).RRset(below).Addresses()
	if node.Lookup(zone.TypeMX).Len() != 1 || !slices.Equal(w.texts(home), []string{"x"}) || !slices.Equal(wild, addrs("203.0.113.9")) {
		t.Errorf("records = %s, the wildcard has %v", w.records("home.dyn.example.org"), wild)
	}

	printer := name("printer.dyn.example.org")
	if err := w.change(0, func(r *update.Records, z *zone.Zone) error { return r.PutHost(z, printer, nil, nil, nil, false) }); err != nil {
		t.Fatal(err)
	}
	w.equip(printer, func(h *account.Host) { h.Alias = name("example.org") })
	if got := w.standing(printer); got != "" {
		t.Errorf("standing: %q", got)
	}
	if err := w.change(0, func(r *update.Records, z *zone.Zone) error {
		return r.PutHost(z, printer, nil, addrs("203.0.113.10"), nil, true)
	}); err != nil {
		t.Fatal(err)
	}
	h, _ := w.registry.State().Accounts.Host(printer)
	if got := w.records("printer.dyn.example.org"); h.Alias != "" || !strings.Contains(got, "203.0.113.10") || strings.Contains(got, "CNAME") {
		t.Errorf("records = %s, alias %s", got, h.Alias)
	}
}
