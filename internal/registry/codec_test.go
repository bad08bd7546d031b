package registry_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// fullState is a state with something of everything, and many names.
func fullState() *registry.State { return stateOf(300) }

func stateOf(names int) *registry.State {
	s, err := (&registry.State{Lineage: "lineage"}).Apply(fullCommit(names))
	must(err)
	return s
}

func fullCommit(names int) registry.Commit {
	at := time.UnixMilli(1_790_000_000_123).UTC()
	z := newZone(origin, 7).Edit()
	for i := range names {
		name, _ := origin.Child(string(rune('a'+i%26)) + string(rune('a'+i/26)))
		must(z.Put(zone.RRset{Name: name, Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData("text"), zone.TextData("more")}}))
	}
	filled, _, err := z.Finish()
	must(err)
	h, _ := move(home, "192.0.2.1")(nil)
	return registry.Commit{
		Revision: 1, ID: "0123456789abcdef0123456789abcdef", At: at,
		By:       []registry.Actor{{Account: 1, Key: 2, Via: "dyndns2", From: "192.0.2.1"}, {Via: "admin"}},
		Replaced: []*zone.Zone{filled, newZone(zone.MustName("other.example.org"), 1<<32-1)},
		Accounts: account.Changes{
			Accounts: []account.Account{{ID: 1, Name: "Anna", Email: "anna@example.org", Role: account.Admin, Password: "hash", Created: at, ExternalID: "crm-1", Plan: "home", FullName: "Anna A.", Language: "pt-BR"}},
			Tokens: []account.Token{{
				ID: "t1", Account: 1, Name: "billing", Secret: account.Secret{Salt: []byte("salt"), Sum: []byte("sum"), Fingerprint: []byte("print")}, ReadOnly: true, Staff: true,
				Zones: []zone.Name{origin}, Hosts: []zone.Name{home}, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Created: at, Expires: at,
			}},
			Hooks: []account.Hook{{ID: "w1", URL: "https://billing.example.org/", Secret: []byte("secret"), Events: []string{"host"}, Account: 1, Paused: true, Dead: "gone", Created: at}},
			Plans: []account.Plan{{Name: "home", Text: "Home", Hosts: 2, Keys: 3, Interval: time.Minute, NoWildcard: true, NoMX: true, Rest: time.Hour}},
			Hosts: append(h.Accounts.Hosts, account.Host{ID: 2, Name: zone.MustName("b.dyn.example.org"), Account: 1, Follows: home}),
			Keys:  []account.Key{{ID: 3, Account: 1, Username: "user", Hosts: []zone.Name{home}, Secret: account.Secret{Password: "hash"}, Created: at}},
			Rests: []account.Rest{{Name: zone.MustName("old.dyn.example.org"), Account: 1, Until: at}},
		},
		TSIG: tsig.Changes{Keys: []tsig.Key{signer("router"), signer("secondary")}},
		Policy: policy.Changes{Zones: []policy.Zone{
			{Origin: zone.MustName("other.example.org"), NotifyGap: time.Minute},
			{Origin: origin, Secondaries: []policy.Secondary{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Key: zone.MustName("secondary")}}},
		}},
		Notes: []registry.Note{{By: 1, Verb: "add", Subject: "host b.dyn.example.org", Account: 1, Detail: "ttl 60"}},
	}
}

// signer returns a TSIG key.
func signer(name string) tsig.Key {
	return tsig.Key{
		Name: zone.MustName(name), Schemes: []tsig.Scheme{{Algorithm: tsig.HMACSHA256, Octets: 32}}, Secret: []byte("secret"),
		Account: 1, Host: home, Created: time.UnixMilli(1).UTC(),
	}
}

// changeCommit is a commit that follows the full one, with something of
// everything that it lacks.
func changeCommit() registry.Commit {
	s := stateOf(1)
	d := s.Zones.Get(origin).Edit()
	set, _ := zone.AddressSets(home, 60, nil)
	set.Data = []zone.Rdata{"\xc0\x00\x02\x01", "\xc0\x00\x02\x02"}
	must(d.Put(set))
	must(d.SetSerial(8))
	_, delta, err := d.Finish()
	must(err)
	return registry.Commit{
		Revision: 2, ID: "id", At: time.UnixMilli(1).UTC(), Removed: []zone.Name{zone.MustName("other.example.org")},
		Deltas: []zone.Delta{delta},
		Accounts: account.Changes{
			DeletedAccounts: []string{"anna"}, DeletedHosts: []zone.Name{home}, DeletedKeys: []string{"user"},
			DeletedRests: []zone.Name{zone.MustName("old.dyn.example.org")}, DeletedPlans: []string{"home"}, DeletedTokens: []string{"t1"}, DeletedHooks: []string{"w1"},
		},
		TSIG:   tsig.Changes{Deleted: []zone.Name{zone.MustName("secondary")}},
		Policy: policy.Changes{Zones: []policy.Zone{{Origin: zone.MustName("other.example.org")}}},
	}
}

func TestCommitsSurviveTheirBinaryForm(t *testing.T) {
	t.Parallel()
	for _, c := range []registry.Commit{{At: time.UnixMilli(0).UTC()}, fullCommit(300), changeCommit()} {
		data := c.Encode()
		got, err := registry.DecodeCommit(data)
		if err != nil {
			t.Fatalf("commit %d: %v", c.Revision, err)
		}
		if got.Revision != c.Revision || got.ID != c.ID || !got.At.Equal(c.At) || !slices.Equal(got.By, c.By) || !slices.Equal(got.Notes, c.Notes) {
			t.Errorf("commit = %+v, want %+v", got, c)
		}
		if !bytes.Equal(got.Encode(), data) {
			t.Errorf("commit %d has another binary form after it was read", c.Revision)
		}
	}
	full, change := fullCommit(300), changeCommit()
	want := fullState()
	same(t, reapplied(t, &registry.State{}, full), want)
	want, err := want.Apply(change)
	if err != nil {
		t.Fatal(err)
	}
	same(t, reapplied(t, fullState(), change), want)
}

// reapplied returns the state after a commit that was stored in between.
func reapplied(t *testing.T, s *registry.State, c registry.Commit) *registry.State {
	t.Helper()
	got, err := registry.DecodeCommit(c.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Apply(got); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDamagedCommitsAreRefused(t *testing.T) {
	t.Parallel()
	full, change := fullCommit(300), changeCommit()
	for _, data := range [][]byte{full.Encode(), change.Encode()} {
		for n := range len(data) {
			if c, err := registry.DecodeCommit(data[:n]); err == nil {
				t.Errorf("the first %d octets of %d make a commit: %+v", n, len(data), c)
			}
		}
		if _, err := registry.DecodeCommit(append([]byte{3}, data[1:]...)); err == nil {
			t.Error("a commit of another format was read")
		}
	}
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	stories := map[string]func(*registry.Commit){
		"a gap":            func(c *registry.Commit) { c.Revision++ },
		"the same again":   func(c *registry.Commit) { c.Revision-- },
		"no such zone":     func(c *registry.Commit) { c.Deltas[0].Origin = home },
		"another serial":   func(c *registry.Commit) { c.Deltas[0].From-- },
		"to another":       func(c *registry.Commit) { c.Deltas[0].To++ },
		"a name elsewhere": func(c *registry.Commit) { c.Deltas[0].Changes[0].New.Name = zone.MustName("example.org") },
	}
	for name, spoil := range stories {
		s, c := fullState(), changeCommit()
		spoil(&c)
		if _, err := s.Apply(c); err == nil {
			t.Errorf("%s: commit was applied", name)
		}
		same(t, s, fullState())
	}
}

func TestStatesSurviveTheirPieces(t *testing.T) {
	t.Parallel()
	want := fullState()
	got, err := registry.RestoreState(wellRead(slices.Collect(want.Pieces())))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
	if got.Lineage != want.Lineage {
		t.Errorf("lineage = %q, want %q", got.Lineage, want.Lineage)
	}
	if got, err = registry.RestoreState(wellRead(nil)); err != nil || got.Revision != 0 {
		t.Errorf("no pieces make %v, %v, want the empty state", got, err)
	}
}

// wellRead is a source of pieces that meets no fault.
func wellRead(pieces [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, p := range pieces {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func TestDamagedPiecesAreRefused(t *testing.T) {
	t.Parallel()
	pieces := slices.Collect(fullState().Pieces())
	if len(pieces) < 10 {
		t.Fatalf("%d pieces, too few to damage", len(pieces))
	}
	for i := range pieces {
		for name, damaged := range map[string][][]byte{
			"cut short": slices.Replace(slices.Clone(pieces), i, i+1, pieces[i][:len(pieces[i])-1]),
			"empty":     slices.Replace(slices.Clone(pieces), i, i+1, []byte{}),
			"twice":     slices.Insert(slices.Clone(pieces), i, pieces[i]),
		} {
			if _, err := registry.RestoreState(wellRead(damaged)); err == nil {
				t.Errorf("piece %d %s: no error", i, name)
			}
		}
		boom := errors.New("boom")
		_, err := registry.RestoreState(func(yield func([]byte, error) bool) {
			for _, p := range pieces[:i] {
				if !yield(p, nil) {
					return
				}
			}
			yield(nil, boom)
		})
		if !errors.Is(err, boom) {
			t.Errorf("a fault of the source before piece %d: error = %v, want %v", i, err, boom)
		}
	}
}

// FuzzDecodeCommit: nothing that decodes does harm when it is applied, and all
// of it has one binary form.
func FuzzDecodeCommit(f *testing.F) {
	for _, c := range []registry.Commit{{}, fullCommit(2), changeCommit()} {
		f.Add(c.Encode())
	}
	empty, full := &registry.State{}, stateOf(2)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := registry.DecodeCommit(data)
		if err != nil {
			return
		}
		again, err := registry.DecodeCommit(c.Encode())
		if err != nil {
			t.Fatalf("what was written anew cannot be read: %v", err)
		}
		if !bytes.Equal(again.Encode(), c.Encode()) {
			t.Error("commit changes each time that it is read")
		}
		for _, s := range []*registry.State{empty, full} {
			c.Revision = s.Revision + 1
			next, err := s.Apply(c)
			if err != nil {
				continue
			}
			if got, err := registry.RestoreState(wellRead(slices.Collect(next.Pieces()))); err != nil {
				t.Errorf("the state after it cannot be stored: %v", err)
			} else {
				same(t, got, next)
			}
		}
	})
}

// FuzzRestoreState takes its input apart into pieces, and never panics.
func FuzzRestoreState(f *testing.F) {
	var seed []byte
	for p := range stateOf(2).Pieces() {
		seed = append(seed, byte(len(p)>>8), byte(len(p)))
		seed = append(seed, p...)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var pieces [][]byte
		for len(data) >= 2 {
			n := min(int(data[0])<<8|int(data[1]), len(data)-2)
			pieces = append(pieces, data[2:2+n])
			data = data[2+n:]
		}
		s, err := registry.RestoreState(wellRead(pieces))
		if err != nil {
			return
		}
		show(s)
		c := changeCommit()
		c.Revision = s.Revision + 1
		_, _ = s.Apply(c)
	})
}

func TestFollowOfARegistryEnds(t *testing.T) {
	inWorld(t, func(t *testing.T, w world) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range w.Follow(ctx, w.State().Revision) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v, want %v", err, context.Canceled)
			}
		}
	})
}
