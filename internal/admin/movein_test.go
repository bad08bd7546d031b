package admin_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

const (
	oldHash   = "abZUedDuaYg4g"
	otherHash = "zZmDR.J4iUVRA"
)

const oldZone = `$TTL 300
@     SOA ns1.example.net. hostmaster.example.net. %d 300 60 1209600 60
@     NS  ns1.example.net.
home  90 A 192.0.2.1
home  90 AAAA 2001:db8::1
nas   A 192.0.2.2
alias CNAME home
www   A 192.0.2.80
`

// oldHouse is a small installation, with faults.
func oldHouse(serial int) admin.MoveIn {
	dyn := zone.MustName("dyn.example.org")
	name := func(label string) zone.Name { return zone.MustName(label + ".dyn.example.org") }
	return admin.MoveIn{
		Zones:    []admin.ZoneFile{{Zone: dyn, File: "dyn", Content: strings.NewReader(fmt.Sprintf(oldZone, serial))}},
		Accounts: []admin.NewAccount{{Name: "alice", Email: "alice@example.org"}, {Name: "bob"}, {Name: "no name"}, {Name: "Bob"}},
		Hosts: []admin.MovedHost{
			{Name: name("home"), Account: "alice"},
			{Name: name("nas"), Account: "alice", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, TTL: 300},
			{Name: name("new"), Account: "bob"},
			{Name: name("new"), Account: "bob"},
			{Name: name("alias"), Account: "bob"},
			{Name: name("www"), Account: "bob"},
			{Name: zone.MustName("home.example.com"), Account: "bob"},
			{Name: name("printer"), Account: "carol"},
		},
		Keys: []admin.MovedKey{
			{Username: "alice", AnyCase: true, Account: "alice", Hash: oldHash, Unchanged: account.UnchangedGood},
			{Username: "bob", Account: "bob", Secret: "s3cret"},
			{Username: "made", Account: "bob", Hosts: []zone.Name{name("new")}},
			{Username: "made", Account: "bob"},
			{Username: "plain", Account: "bob", Hash: "plain text"},
			{Username: "stranger", Account: "bob", Hosts: []zone.Name{name("home")}, Hash: oldHash},
			{Username: "half", Account: "bob", Hosts: []zone.Name{name("home"), name("new"), name("www")}, Hash: oldHash},
		},
	}
}

func reportText(parts []admin.Moved) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%s %s %s", p.Kind, p.Name, p.Outcome)
		if p.Why != "" {
			fmt.Fprintf(&b, ": %s", p.Why)
		}
		if p.Secret != "" {
			b.WriteString(" (secret made)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (w *world) moveIn(in admin.MoveIn, want string) {
	w.t.Helper()
	parts, err := w.MoveIn(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	if got := reportText(parts); got != strings.TrimLeft(want, "\n") {
		w.t.Errorf("report:\n%s\nwant:%s", got, want)
	}
}

const firstReport = `
zone dyn.example.org added: 5 names, serial 4711
account alice added
account bob added
account no name refused: bad account name "no name": only letters, digits and . _ - @ +
host home.dyn.example.org added
host nas.dyn.example.org added
host new.dyn.example.org added
host new.dyn.example.org refused: it is given twice
host alias.dyn.example.org refused: alias.dyn.example.org is an alias (CNAME)
host www.dyn.example.org refused: the name www.dyn.example.org is reserved
host home.example.com refused: home.example.com is in no zone of ours
host printer.dyn.example.org refused: no account carol
key alice added
key bob added
key made added (secret made)
key made refused: it is given twice
key plain refused: not a password hash of a known form
key stranger refused: none of its hosts belongs to account bob: home.dyn.example.org
key half added: without home.dyn.example.org www.dyn.example.org
`

func TestMoveIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dry := oldHouse(4711)
	dry.DryRun = true
	w.moveIn(dry, strings.ReplaceAll(firstReport, " (secret made)", ""))
	if r := w.State().Revision; r != 0 {
		t.Fatalf("a dry run made revision %d", r)
	}

	w.moveIn(oldHouse(4711), firstReport)
	if r := w.State().Revision; r != 1 {
		t.Errorf("revision = %d, want 1: all in one commit", r)
	}
	dyn := zone.MustName("dyn.example.org")
	home := w.host("home.dyn.example.org")
	if z := w.State().Zones.Get(dyn); z.Serial() != 4711 || home.TTL != 90 || len(home.Addresses) != 2 {
		t.Errorf("serial = %d, home = %+v", z.Serial(), home)
	}
	if k, _ := w.State().Accounts.KeyOf("Alice"); !k.Secret.IsForeign() || k.Unchanged != account.UnchangedGood {
		t.Errorf("key alice = %+v", k)
	}
	v := account.NewVerifier(1)
	if _, err := v.Check(t.Context(), w.State().Accounts, "bob", "s3cret"); err != nil {
		t.Errorf("bob's secret: %v", err)
	}

	// Again, with nothing new, changes nothing.
	again := strings.NewReplacer("added: 5 names, serial 4711", "kept", "added (secret made)", "kept", "added", "kept").Replace(firstReport)
	w.moveIn(oldHouse(4711), again)
	if r := w.State().Revision; r != 1 {
		t.Errorf("revision = %d, want 1: nothing changed", r)
	}
}

func TestMoveInAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.moveIn(oldHouse(4711), firstReport)
	name := func(label string) zone.Name { return zone.MustName(label + ".dyn.example.org") }
	addr := func(a string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(a)} }

	// A router has found its way here meanwhile, and with it its key.
	w.moved(name("home"), "198.51.100.7")
	w.upgrade("alice", "correct horse")
	in := admin.MoveIn{
		Zones: oldHouse(5000).Zones,
		Hosts: []admin.MovedHost{
			{Name: name("home"), Account: "alice", Addresses: addr("192.0.2.9"), TTL: 90},
			{Name: name("nas"), Account: "alice", Addresses: addr("192.0.2.3"), TTL: 120},
			{Name: name("new"), Account: "alice"},
		},
		Keys: []admin.MovedKey{
			{Username: "alice", Account: "alice", Hash: oldHash, Hosts: []zone.Name{name("nas")}},
			{Username: "bob", Account: "bob", Hash: otherHash},
			{Username: "made", Account: "alice"},
		},
	}
	w.moveIn(in, `
zone dyn.example.org changed: serial 5000
host home.dyn.example.org kept
host nas.dyn.example.org changed: 192.0.2.3
host new.dyn.example.org refused: account bob has it
key alice changed: hosts
key bob kept: its secret is kept here by now
key made refused: account bob has it
`)
	z := w.State().Zones.Get(zone.MustName("dyn.example.org"))
	if z.Serial() != 5000 {
		t.Errorf("serial = %d, want 5000", z.Serial())
	}
	if got := w.host("home.dyn.example.org").Addresses; len(got) != 1 || got[0].String() != "198.51.100.7" {
		t.Errorf("home = %v, want what its router reported", got)
	}
	if nas := w.host("nas.dyn.example.org"); nas.TTL != 120 || nas.Addresses[0].String() != "192.0.2.3" {
		t.Errorf("nas = %+v", nas)
	}

	// So does what staff has set here.
	w.ok(w.SetHost(w.t.Context(), name("nas"), admin.HostChange{Addresses: ptr(addr("192.0.2.4"))}))
	w.moveIn(admin.MoveIn{Hosts: in.Hosts[1:2]}, "\nhost nas.dyn.example.org kept\n")

	// As long as the same hash is imported, it counts.
	secret := func() account.Secret { k, _ := w.State().Accounts.Key("alice"); return k.Secret }
	until := secret().OldUntil
	w.Pass(account.Grace * 2 / 3)
	again := admin.MoveIn{Keys: []admin.MovedKey{{Username: "alice", Account: "alice", Hash: oldHash, Hosts: []zone.Name{name("nas")}}}}
	w.moveIn(again, "\nkey alice kept\n")
	if got := secret().OldUntil; got.Sub(until) < account.Grace/2 {
		t.Errorf("the old hash counts until %v, before until %v", got, until)
	}
	revision := w.State().Revision
	w.moveIn(again, "\nkey alice kept\n")
	if w.State().Revision != revision {
		t.Error("a second import in a row made a commit")
	}

	// A password that was changed there is taken over.
	again.Keys[0].Hash = otherHash
	w.moveIn(again, "\nkey alice changed: secret\n")
	if got := secret(); got.Password != otherHash || got.Old != "" {
		t.Errorf("secret = %+v", got)
	}
	for username, hash := range w.OldHashes() {
		if username == "alice" && hash != otherHash || username != "alice" && username != "half" {
			t.Errorf("old hash of %s = %s", username, hash)
		}
	}
}

// moved gives a host an address as a router does.
func (w *world) moved(host zone.Name, address string) {
	w.t.Helper()
	a := netip.MustParseAddr(address)
	w.apply(func(st *registry.State) (registry.Changes, error) {
		h, _ := st.Accounts.Host(host)
		h.Sources = []account.Source{{Addr: a, Key: 1, Via: "dyndns2", At: w.Now().Truncate(time.Millisecond)}}
		return registry.Changes{
			Accounts: account.Changes{Hosts: []account.Host{h}},
			Records: []registry.ZoneRecords{{Zone: host.Parent(), Sets: []zone.RRset{
				{Name: host, Type: zone.TypeA, TTL: h.TTL, Data: []zone.Rdata{zone.Rdata(a.AsSlice())}}, {Name: host, Type: zone.TypeAAAA},
			}}},
		}, nil
	})
}

// upgrade replaces the foreign hash of a key as its first use does.
func (w *world) upgrade(username, secret string) {
	w.t.Helper()
	w.apply(func(st *registry.State) (registry.Changes, error) {
		k, _ := st.Accounts.Key(username)
		kept, err := account.KeepSecret(secret, false, false)
		if err != nil {
			return registry.Changes{}, err
		}
		kept.Old, kept.OldUntil = k.Secret.Password, w.Now().Add(account.Grace)
		k.Secret = kept
		return registry.Changes{Accounts: account.Changes{Keys: []account.Key{k}}}, nil
	})
}

func (w *world) apply(e registry.Edit) {
	w.t.Helper()
	if _, err := w.registry.Apply(w.t.Context(), registry.Actor{}, e); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) host(name string) admin.Host {
	w.t.Helper()
	h, err := w.Host(zone.MustName(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// TestKeyGivenTwice: of two keys with one user name the first counts, with its own secret.
func TestKeyGivenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := oldHouse(1)
	in.Keys = []admin.MovedKey{
		{Username: "twice", Account: "alice", Secret: "of alice"},
		{Username: "twice", Account: "bob", Secret: "of bob"},
	}
	if _, err := w.MoveIn(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	v := account.NewVerifier(1)
	if k, err := v.Check(t.Context(), w.State().Accounts, "twice", "of alice"); err != nil {
		t.Errorf("%v, key = %+v", err, k)
	}
	if k, err := v.Check(t.Context(), w.State().Accounts, "twice", "of bob"); err == nil {
		t.Errorf("the other secret opens %+v", k)
	}
}

// TestHostsWithinOthers: no host is taken over within one of another account, whichever of
// the two comes first.
func TestHostsWithinOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := oldHouse(1)
	in.Keys = nil
	in.Hosts = []admin.MovedHost{
		{Name: zone.MustName("x.one.dyn.example.org"), Account: "alice"},
		{Name: zone.MustName("one.dyn.example.org"), Account: "bob"},
		{Name: zone.MustName("two.dyn.example.org"), Account: "bob"},
		{Name: zone.MustName("x.two.dyn.example.org"), Account: "alice"},
		{Name: zone.MustName("y.two.dyn.example.org"), Account: "bob"},
	}
	in.Accounts = []admin.NewAccount{{Name: "alice"}, {Name: "bob"}}
	w.moveIn(in, `
zone dyn.example.org added: 5 names, serial 1
account alice added
account bob added
host x.one.dyn.example.org refused: x.one.dyn.example.org is within the host one.dyn.example.org of another account
host one.dyn.example.org added
host two.dyn.example.org added
host x.two.dyn.example.org refused: x.two.dyn.example.org is within the host two.dyn.example.org of another account
host y.two.dyn.example.org added
`)
}

// TestHostGivenTwice: of two hosts with one name the first counts, also when the import is
// repeated.
func TestHostGivenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := zone.MustName("nas.dyn.example.org")
	for range 2 {
		in := oldHouse(1)
		in.Hosts = []admin.MovedHost{
			{Name: name, Account: "alice", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}},
			{Name: name, Account: "alice", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.3")}},
		}
		if _, err := w.MoveIn(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if h := w.host("nas.dyn.example.org"); len(h.Addresses) != 1 || h.Addresses[0].String() != "192.0.2.2" {
			t.Errorf("addresses = %v", h.Addresses)
		}
	}
}
