package account_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"stayput.dev/internal/account"
	"stayput.dev/internal/codec"
	"stayput.dev/internal/zone"
)

var (
	created = time.Date(2026, 3, 1, 12, 0, 0, int(5*time.Millisecond), time.UTC)
	home    = zone.MustName("home.dyn.example.org")
	nas     = zone.MustName("nas.dyn.example.org")
	equal   = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}
)

// apply returns the directory after changes that went through their binary form,
// as they do when a journal is read.
func apply(t interface{ Fatal(...any) }, d account.Directory, c account.Changes) account.Directory {
	r := codec.NewReader(c.Append(nil))
	back := account.ReadChanges(r)
	if r.Err() != nil || r.Len() != 0 {
		t.Fatal("changes do not read back: ", r.Err())
	}
	if diff := cmp.Diff(c, back, equal); diff != "" {
		t.Fatal("changes read back differently:\n", diff)
	}
	e := d.Edit()
	e.Apply(&back)
	return e.Freeze()
}

func secret(t testing.TB, token bool) (string, account.Secret) {
	t.Helper()
	s := account.NewSecret()
	kept, err := account.KeepSecret(s, token, false)
	if err != nil {
		t.Fatal(err)
	}
	return s, kept
}

// A name belongs to the nearest host at or above it, however many labels lie between.
func TestOwner(t *testing.T) {
	t.Parallel()
	var hosts []account.Host
	for i, name := range []string{"home.dyn.example.org", "nas.home.dyn.example.org", "a.b.tv.dyn.example.org"} {
		hosts = append(hosts, account.Host{ID: uint32(i + 1), Name: zone.MustName(name), Account: 1, TTL: 60})
	}
	d := apply(t, account.Directory{}, account.Changes{Accounts: []account.Account{{ID: 1, Name: "alice"}}, Hosts: hosts})
	for name, want := range map[string]string{
		"home.dyn.example.org":          "home.dyn.example.org",
		"x.home.dyn.example.org":        "home.dyn.example.org",
		"nas.home.dyn.example.org":      "nas.home.dyn.example.org",
		"_tcp.nas.home.dyn.example.org": "nas.home.dyn.example.org",
		"b.tv.dyn.example.org":          "",
		"x.a.b.tv.dyn.example.org":      "a.b.tv.dyn.example.org",
		"dyn.example.org":               "",
		"homes.dyn.example.org":         "",
		".":                             "",
		strings.Repeat("x.", 116) + "home.dyn.example.org": "home.dyn.example.org",
		strings.Repeat("x.", 127):                          "",
	} {
		h, ok := d.Owner(zone.MustName(name))
		if ok != (want != "") || ok && h.Name != zone.MustName(want) {
			t.Errorf("%s belongs to %q, want %q", name, h.Name, want)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	token, kept := secret(t, true)
	d := apply(t, account.Directory{}, account.Changes{
		Accounts: []account.Account{
			{ID: 1, Name: "Alice", Email: "alice@example.org", Role: account.Customer, Created: created},
			{ID: 2, Name: "bob", Role: account.Admin, Password: "hash", Suspended: true, Created: created, Resumed: created.Add(time.Hour)},
		},
		Hosts: []account.Host{
			{ID: 1, Name: home, Account: 1, TTL: 60, Created: created, Sources: []account.Source{
				{Addr: netip.MustParseAddr("192.0.2.7"), Key: 1, Via: "dyndns2", At: created},
				{Addr: netip.MustParseAddr("2001:db8::7"), Via: "radius", Session: "0000001F", At: created},
			}},
			{
				ID: 2, Name: nas, Account: 1, TTL: 300, Created: created, InterfaceID: netip.MustParseAddr("::1:2"), Follows: home,
				NonGlobal: account.NonGlobalAccept, Prefix: netip.MustParsePrefix("2001:db8:0:40::/59"), Text: "v=1",
			},
			{
				ID: 3, Name: zone.MustName("cam.dyn.example.org"), Account: 1, TTL: 60, Created: created,
				Options: account.Options{
					Wildcard: true, MX: zone.MustName("mail.example.org"), BackupMX: true,
					WhenOffline: account.WhenOffline{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("2001:db8::80")}},
					Expiry:      account.ExpiryNever, Devices: account.DeviceOptionsIgnore,
				},
				Alias:   zone.MustName("page.example.org"),
				Offline: account.Source{Key: 1, Via: "dyndns2", At: created},
			},
			{
				ID: 4, Name: zone.MustName("lab.dyn.example.org"), Account: 1, TTL: 60, Created: created,
				Options: account.Options{WhenOffline: account.WhenOffline{Alias: zone.MustName("page.example.org")}},
			},
			{
				ID: 5, Name: zone.MustName("tv.dyn.example.org"), Account: 1, TTL: 60, Created: created,
				Options: account.Options{WhenOffline: account.WhenOffline{NXDOMAIN: true}, Expiry: 3600},
			},
		},
		Keys: []account.Key{{
			ID: 1, Account: 1, Username: "k1", Hosts: []zone.Name{home}, Secret: kept, Token: true, Created: created,
			Unchanged: account.UnchangedGood, TLSOnly: true, BareGood: true, Patterns: []zone.Name{zone.MustName("*.u1.example.org")}, NewHosts: 7,
		}},
	})
	if a, ok := d.Account("aLiCe"); !ok || a.Name != "Alice" || a.ID != 1 {
		t.Errorf("Account(aLiCe) = %+v, %v", a, ok)
	}
	if h, ok := d.Host(home); !ok || len(h.Sources) != 2 || h.Sources[1].Session != "0000001F" || !h.Sources[0].At.Equal(created) {
		t.Errorf("Host(home) = %+v, %v", h, ok)
	}
	if h, ok := d.Owner(zone.MustName("_acme-challenge.home.dyn.example.org")); !ok || h.Name != home {
		t.Errorf("Owner = %+v, %v", h, ok)
	}
	if k, ok := d.KeyByToken(token); !ok || k.Username != "k1" {
		t.Errorf("KeyByToken = %+v, %v", k, ok)
	}
	if n := d.NextHostID(); n != 6 {
		t.Errorf("NextHostID() = %d, want 6", n)
	}

	// A key that is made anew under its name leaves nothing of the old one.
	_, other := secret(t, false)
	d = apply(t, d, account.Changes{Keys: []account.Key{{ID: 2, Account: 2, Username: "k1", Secret: other}}})
	if _, ok := d.KeyByToken(token); ok {
		t.Error("the token of a key that was replaced still works")
	}
	if n := len(slices.Collect(d.KeysOf(1))); n != 0 {
		t.Errorf("account 1 has %d keys, want 0", n)
	}

	// A host that moves to another account is listed there, and there alone.
	h, _ := d.Host(nas)
	h.Account = 2
	d = apply(t, d, account.Changes{
		Hosts: []account.Host{h}, DeletedHosts: []zone.Name{home},
		Rests: []account.Rest{{Name: home, Account: 1, Until: created}},
	})
	if n := len(slices.Collect(d.HostsOf(1))); n != 3 {
		t.Errorf("account 1 has %d hosts, want 3", n)
	}
	if got := slices.Collect(d.HostsOf(2)); len(got) != 1 || got[0].Name != nas {
		t.Errorf("hosts of account 2 = %v", got)
	}
	if r, ok := d.Resting(home); !ok || r.Account != 1 || !r.Until.Equal(created) {
		t.Errorf("Resting(home) = %+v, %v", r, ok)
	}
	if n := d.NextHostID(); n != 6 {
		t.Errorf("NextHostID() = %d, want 6: numbers are never given twice", n)
	}
}

// Accounts are found by their mail address, in whatever case it is written.
func TestAccountsByEmail(t *testing.T) {
	t.Parallel()
	d := apply(t, account.Directory{}, account.Changes{Accounts: []account.Account{
		{ID: 1, Name: "alice", Email: "Alice@example.org", Created: created},
		{ID: 2, Name: "family", Email: "alice@example.org", Created: created},
		{ID: 3, Name: "alice@example.org", Created: created},
		{ID: 4, Name: "bob", Email: "bob@example.org", Created: created},
	}})
	for address, want := range map[string][]string{
		"ALICE@example.org": {"alice", "family"}, "bob@example.org": {"bob"}, "bob": nil, "carol@example.org": nil,
	} {
		var got []string
		for a := range d.AccountsByEmail(address) {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("AccountsByEmail(%q) = %v, want %v", address, got, want)
		}
	}
}

// Whatever happens to hosts, the lists of accounts and of followers agree with the
// hosts themselves.
func TestIndexesAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := account.Directory{}
		want, follows := map[zone.Name]uint32{}, map[zone.Name]zone.Name{}
		for range rapid.IntRange(1, 60).Draw(t, "changes") {
			name := drawName(t, "host")
			if rapid.Bool().Draw(t, "delete") {
				d = apply(t, d, account.Changes{DeletedHosts: []zone.Name{name}})
				delete(want, name)
				delete(follows, name)
				continue
			}
			h := account.Host{ID: d.NextHostID(), Name: name, Account: uint32(rapid.IntRange(1, 3).Draw(t, "account"))}
			delete(follows, name)
			if rapid.Bool().Draw(t, "follows") {
				h.Follows = drawName(t, "followed")
				follows[name] = h.Follows
			}
			d = apply(t, d, account.Changes{Hosts: []account.Host{h}})
			want[name] = h.Account
		}
		checkFollowers(t, d, follows)
		got := map[zone.Name]uint32{}
		for id := range uint32(4) {
			all := slices.Collect(d.HostsOf(id))
			for _, h := range all {
				got[h.Name] = id
			}
			if n := d.CountHostsOf(id); n != len(all) {
				t.Fatalf("CountHostsOf(%d) = %d, want %d", id, n, len(all))
			}
			from := drawName(t, "from")
			later := slices.DeleteFunc(all, func(h account.Host) bool { return h.Name.Compare(from) < 0 })
			if rest := slices.Collect(d.HostsOfFrom(id, from)); len(rest) != len(later) {
				t.Fatalf("HostsOfFrom(%d, %s) = %v, want %v", id, from, rest, later)
			}
			if n := d.CountHostsBelow(from); n != len(slices.Collect(d.HostsBelow(from))) {
				t.Fatalf("CountHostsBelow(%s) = %d", from, n)
			}
		}
		if !maps.Equal(got, want) || d.CountHosts() != len(want) {
			t.Fatalf("hosts by account = %v, want %v", got, want)
		}
	})
}

// drawName draws one of a few names, of which some are below others and some begin
// as others do.
func drawName(t *rapid.T, label string) zone.Name {
	return zone.MustName(rapid.SampledFrom([]string{
		"a.dyn.example.org", "ab.dyn.example.org", "b.a.dyn.example.org", "b.dyn.example.org", "dyn.example.org", "a.example.org",
	}).Draw(t, label))
}

// checkFollowers holds the list of followers against the hosts that have one.
func checkFollowers(t *rapid.T, d account.Directory, want map[zone.Name]zone.Name) {
	got := map[zone.Name]zone.Name{}
	for _, of := range []string{"a.dyn", "ab.dyn", "b.a.dyn", "b.dyn", "dyn", "a", "c"} {
		followed, n := zone.MustName(of+".example.org"), len(got)
		for h := range d.Followers(followed) {
			got[h.Name] = followed
		}
		if d.IsFollowed(followed) != (len(got) > n) {
			t.Fatalf("IsFollowed(%v) = %v beside %d followers", followed, d.IsFollowed(followed), len(got)-n)
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("followers = %v, want %v", got, want)
	}
	same := apply(t, d, account.Changes{Accounts: []account.Account{{ID: 1, Name: "alice"}}})
	if !d.SameFollowers(same) {
		t.Fatal("followers differ where only accounts do")
	}
}

func TestLeavesMakeTheSameDirectory(t *testing.T) {
	t.Parallel()
	c := account.Changes{Accounts: []account.Account{{ID: 1, Name: "alice"}}}
	for i := range 500 {
		c.Hosts = append(c.Hosts, account.Host{ID: uint32(i + 1), Name: zone.MustName(fmt.Sprintf("h%d.dyn.example.org", i)), Account: 1, Follows: home})
	}
	d := apply(t, account.Directory{}, c)
	var l account.Loader
	for i := range account.Maps {
		for piece := range d.Leaves(i) {
			if err := l.Add(i, piece); err != nil {
				t.Fatal(err)
			}
		}
	}
	back := l.Directory(d.Counters())
	if diff := cmp.Diff(slices.Collect(d.HostsOf(1)), slices.Collect(back.HostsOf(1)), equal); diff != "" || back.NextHostID() != 501 {
		t.Errorf("next host %d; hosts differ:\n%s", back.NextHostID(), diff)
	}
	if n := len(slices.Collect(back.Followers(home))); n != 500 {
		t.Errorf("%d hosts follow, want 500", n)
	}
	if err := l.Add(account.Maps, nil); err == nil {
		t.Error("Add of a map that there is not: no error")
	}
}

func FuzzReadChanges(f *testing.F) {
	c := account.Changes{Hosts: []account.Host{{ID: 1, Name: home, Account: 1}}, DeletedKeys: []string{"k1"}}
	f.Add(c.Append(nil))
	c.Hosts[0].Alias, c.Hosts[0].Options.MX = nas, home
	c.Hosts[0].Options.WhenOffline.Addrs = []netip.Addr{netip.MustParseAddr("192.0.2.80")}
	f.Add(c.Append(nil))
	c.Hosts[0].Prefix, c.Hosts[0].Text = netip.MustParsePrefix("2001:db8:1::/56"), "v=1"
	f.Add(c.Append(nil))
	c.Plans, c.Hooks = []account.Plan{{Name: "home", Hosts: 2}}, []account.Hook{{ID: "w1", Events: []string{"host.changed"}}}
	c.Tokens = []account.Token{{ID: "t1", Account: 1, Hosts: []zone.Name{home}, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
	f.Add(c.Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := account.ReadChanges(codec.NewReader(data))
		d := account.Directory{}.Edit()
		d.Apply(&c)
		made := d.Freeze()
		for h := range made.Hosts(zone.Root) {
			_ = h.Name.String()
		}
		for token := range made.APITokens() {
			for _, name := range append(token.Hosts, token.Zones...) {
				_ = name.String()
			}
		}
		for k := range made.Keys("") {
			for _, name := range k.Hosts {
				_ = name.String()
			}
		}
	})
}

// What stands for a name and is none makes all of it fail.
func TestChangesWithBadNames(t *testing.T) {
	t.Parallel()
	bad := []zone.Name{"", "\x04home", "\x04home\x00\x00", "\x04HOME\x00", "home.dyn.example.org"}
	for _, name := range bad {
		for what, c := range map[string]account.Changes{
			"host":           {Hosts: []account.Host{{ID: 1, Name: name, Account: 1}}},
			"host followed":  {Hosts: []account.Host{{ID: 1, Name: home, Follows: name}}},
			"alias":          {Hosts: []account.Host{{ID: 1, Name: home, Alias: name}}},
			"mail exchanger": {Hosts: []account.Host{{ID: 1, Name: home, Options: account.Options{MX: name}}}},
			"page":           {Hosts: []account.Host{{ID: 1, Name: home, Options: account.Options{WhenOffline: account.WhenOffline{Alias: name}}}}},
			"host of a key":  {Keys: []account.Key{{ID: 1, Username: "k1", Hosts: []zone.Name{home, name}}}},
			"rest":           {Rests: []account.Rest{{Name: name}}},
			"host that goes": {DeletedHosts: []zone.Name{home, name}},
			"rest that goes": {DeletedRests: []zone.Name{name}},
		} {
			if name == "" && slices.Contains([]string{"host followed", "alias", "mail exchanger", "page"}, what) {
				continue // there is none
			}
			r := codec.NewReader(c.Append(nil))
			back := account.ReadChanges(r)
			if !errors.Is(r.Err(), codec.ErrMalformed) || !back.IsEmpty() {
				t.Errorf("%s %q: changes = %+v, error = %v, want %v", what, string(name), back, r.Err(), codec.ErrMalformed)
			}
			if err := c.Check(); !errors.Is(err, zone.ErrBadName) {
				t.Errorf("%s %q: Check() = %v, want %v", what, string(name), err, zone.ErrBadName)
			}
		}
	}
}

// What an earlier version has written, and what a later one may write, reads as the
// default.
func TestChoicesOfOtherVersions(t *testing.T) {
	t.Parallel()
	read := func(spoil func(key []byte) []byte) account.Unchanged {
		t.Helper()
		c := account.Changes{Keys: []account.Key{{ID: 1, Account: 1, Username: "k1", Unchanged: account.UnchangedGood}}}
		r := codec.NewReader(c.Append(nil))
		for range 2 {
			r.Uint() // how many accounts, how many hosts
		}
		r.Uint() // how many keys
		key := spoil(slices.Clone(r.Bytes()))
		data := codec.AppendString([]byte{0, 0, 1}, key)
		r = codec.NewReader(append(data, make([]byte, 11)...))
		back := account.ReadChanges(r)
		if r.Err() != nil || len(back.Keys) != 1 {
			t.Fatalf("changes = %+v, %v", back, r.Err())
		}
		return back.Keys[0].Unchanged
	}
	for name, tt := range map[string]struct {
		spoil func([]byte) []byte
		want  account.Unchanged
	}{
		"as written":                  {func(b []byte) []byte { return b }, account.UnchangedGood},
		"without a field":             {func(b []byte) []byte { return b[:len(b)-9] }, account.UnchangedDefault},
		"without the fields behind":   {func(b []byte) []byte { return b[:len(b)-8] }, account.UnchangedGood},
		"a choice of a later version": {func(b []byte) []byte { b[len(b)-9] = 77; return b }, account.UnchangedDefault},
		"more fields":                 {func(b []byte) []byte { return append(b, 1, 2, 3) }, account.UnchangedGood},
	} {
		if got := read(tt.spoil); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"alice": true, "Alice.Smith+1@example.org": true, "0": true, strings.Repeat("a", 64): true,
		"": false, "-a": false, "a b": false, "a/b": false, "ä": false, strings.Repeat("a", 65): false,
	} {
		if got := account.CheckName(name) == nil; got != ok {
			t.Errorf("CheckName(%q) is fine = %v, want %v", name, got, ok)
		}
	}
	for name, ok := range map[string]bool{
		"k1": true, "home.dyn.example.org": true, "a@example.org#group": true,
		"": false, "a:b": false, "a b": false, "a\n": false, "ä": false, strings.Repeat("a", 256): false,
	} {
		if got := account.CheckUsername(name) == nil; got != ok {
			t.Errorf("CheckUsername(%q) is fine = %v, want %v", name, got, ok)
		}
	}
}

// TestKeysFrom: update keys are found from a user name on, those of all and those of one
// account.
func TestKeysFrom(t *testing.T) {
	t.Parallel()
	var c account.Changes
	for i, username := range []string{"a", "b", "c", "d", "e"} {
		c.Keys = append(c.Keys, account.Key{ID: uint32(i + 1), Account: uint32(i%2 + 1), Username: username})
	}
	d := apply(t, account.Directory{}, c)
	for _, tt := range []struct {
		what string
		keys iter.Seq[account.Key]
		want string
	}{
		{"all", d.Keys(""), "abcde"},
		{"all from b", d.Keys("b"), "bcde"},
		{"all from bb", d.Keys("bb"), "cde"},
		{"those of 1", d.KeysOf(1), "ace"},
		{"those of 1 from b", d.KeysOfFrom(1, "b"), "ce"},
		{"those of 1 from f", d.KeysOfFrom(1, "f"), ""},
		{"those of 2 from b", d.KeysOfFrom(2, "b"), "bd"},
		{"those of 3", d.KeysOf(3), ""},
	} {
		got := ""
		for k := range tt.keys {
			got += k.Username
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, got, tt.want)
		}
	}
}

// ChangedAccounts tells what became of each account between two versions, in both
// directions, and of no other.
func TestChangedAccounts(t *testing.T) {
	t.Parallel()
	before := apply(t, account.Directory{}, account.Changes{Accounts: []account.Account{
		{ID: 1, Name: "Alice", Created: created}, {ID: 2, Name: "bob", Created: created}, {ID: 3, Name: "carol", Created: created},
	}})
	after := apply(t, before, account.Changes{
		DeletedAccounts: []string{"bob"},
		Accounts:        []account.Account{{ID: 3, Name: "carol", Email: "carol@example.org", Created: created}, {ID: 4, Name: "dora", Created: created}},
	})
	list := func(d, from account.Directory) (all []string) {
		for was, is := range d.ChangedAccounts(from) {
			all = append(all, was.Name+was.Email+" "+is.Name+is.Email)
		}
		return all
	}
	if got, want := list(after, before), []string{"bob ", "carol carolcarol@example.org", " dora"}; !slices.Equal(got, want) {
		t.Errorf("changed: %q, want %q", got, want)
	}
	if got, want := list(before, after), []string{" bob", "carolcarol@example.org carol", "dora "}; !slices.Equal(got, want) {
		t.Errorf("changed back: %q, want %q", got, want)
	}
}
