package tree_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/tree"
)

// model is a map as simple as can be, to hold a tree against.
type model map[string]string

func check(t interface{ Fatalf(string, ...any) }, m tree.Map, want model) {
	if m.Len() != len(want) {
		t.Fatalf("Len() = %d, want %d", m.Len(), len(want))
	}
	keys := slices.Sorted(maps.Keys(want))
	i := 0
	for k, v := range m.All() {
		if i >= len(keys) || string(k) != keys[i] || string(v) != want[keys[i]] {
			t.Fatalf("entry %d = %q: %q, want %q", i, k, v, keys[min(i, len(keys)-1)])
		}
		i++
	}
	if i != len(keys) {
		t.Fatalf("All() yielded %d entries, want %d", i, len(keys))
	}
	for i, k := range keys {
		if got := m.Rank([]byte(k)); got != i {
			t.Fatalf("Rank(%q) = %d, want %d", k, got, i)
		}
		if v, ok := m.Get([]byte(k)); !ok || string(v) != want[k] {
			t.Fatalf("Get(%q) = %q, %v, want %q", k, v, ok, want[k])
		}
	}
}

func genKey(t *rapid.T) []byte {
	prefix := rapid.SampledFrom([]string{"", "org\x00", "org\x00example\x00", "net\x00"}).Draw(t, "prefix")
	return append([]byte(prefix), rapid.SliceOfN(rapid.ByteRange('a', 'd'), 0, 5).Draw(t, "key")...)
}

// Every version stays as it was, whatever is done to drafts made from it.
func TestVersions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var versions []tree.Map
		var models []model
		now, want := tree.Map{}, model{}
		for range rapid.IntRange(1, 6).Draw(t, "versions") {
			d := now.Edit()
			next := maps.Clone(want)
			for range rapid.IntRange(0, 300).Draw(t, "changes") {
				k := genKey(t)
				if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
					_, had := next[string(k)]
					if d.Delete(k) != had {
						t.Fatalf("Delete(%q) = %v, want %v", k, !had, had)
					}
					delete(next, string(k))
					continue
				}
				v := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "value")
				d.Put(k, v)
				next[string(k)] = string(v)
			}
			check(t, d.View(), next)
			now, want = d.Freeze(), next
			versions, models = append(versions, now), append(models, want)
		}
		for i := range versions {
			check(t, versions[i], models[i])
			checkDiff(t, versions[i], now, models[i], want)
		}
	})
}

// Maps of several levels, changed a little and much, by nodes that are split, joined and
// gone.
func TestDiffOfLargeMaps(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	key := func() []byte { return fmt.Appendf(nil, "org\x00example\x00h%05d\x00", rng.IntN(20_000)) }
	d, want := tree.Map{}.Edit(), model{}
	for range 15_000 {
		k := key()
		d.Put(k, k)
		want[string(k)] = string(k)
	}
	now := d.Freeze()
	for round := range 60 {
		before, was := now, maps.Clone(want)
		d := now.Edit()
		for range []int{1, 3, 30, 300, 3000}[round%5] {
			k, v := key(), fmt.Appendf(nil, "%d", rng.IntN(1000))
			switch rng.IntN(3) {
			case 0:
				d.Delete(k)
				delete(want, string(k))
			default:
				d.Put(k, v)
				want[string(k)] = string(v)
			}
		}
		if round%7 == 0 { // a whole piece goes
			start := key()
			for k := range now.From(start) {
				if len(want) < 5000 || string(k) > string(start[:len(start)-3]) {
					break
				}
				d.Delete(bytes.Clone(k))
				delete(want, string(k))
			}
		}
		now = d.Freeze()
		checkDiff(t, before, now, was, want)
		checkDiff(t, now, before, want, was)
	}
}

func checkDiff(t interface{ Fatalf(string, ...any) }, a, b tree.Map, was, is model) {
	got := maps.Clone(was)
	var last []byte
	for c := range tree.Diff(a, b) {
		if last != nil && bytes.Compare(last, c.Key) >= 0 {
			t.Fatalf("Diff out of order: %q after %q", c.Key, last)
		}
		last = slices.Clone(c.Key)
		if c.Old != nil && was[string(c.Key)] != string(c.Old) {
			t.Fatalf("Diff says %q was %q, want %q", c.Key, c.Old, was[string(c.Key)])
		}
		if got[string(c.Key)] = string(c.New); c.New == nil {
			delete(got, string(c.Key))
		}
	}
	if !maps.Equal(got, is) {
		t.Fatalf("Diff leads to %d entries, want %d", len(got), len(is))
	}
}

func TestSeekAndProbe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := model{}
		d := tree.Map{}.Edit()
		for range rapid.IntRange(0, 400).Draw(t, "entries") {
			k := genKey(t)
			d.Put(k, k)
			want[string(k)] = string(k)
		}
		m := d.Freeze()
		keys := slices.Sorted(maps.Keys(want))
		for range 20 {
			k := genKey(t)
			i, found := slices.BinarySearch(keys, string(k))
			c := m.Seek(k)
			if c.Valid() != (i < len(keys)) || c.Valid() && string(c.Key()) != keys[i] {
				t.Fatalf("Seek(%q) is not at entry %d", k, i)
			}
			c.Prev()
			if c.Valid() != (i > 0) || c.Valid() && string(c.Key()) != keys[i-1] {
				t.Fatalf("Seek(%q) then Prev is not at entry %d", k, i-1)
			}
			below := slices.ContainsFunc(keys, func(s string) bool { return len(s) > len(k) && s[:len(k)] == string(k) })
			if got := m.Rank(k); got != i {
				t.Fatalf("Rank(%q) = %d, want %d", k, got, i)
			}
			v, gotFound, gotBelow := m.Probe(k)
			if gotFound != found || gotBelow != below || found && string(v) != string(k) {
				t.Fatalf("Probe(%q) = %q, %v, %v, want found %v, below %v", k, v, gotFound, gotBelow, found, below)
			}
		}
	})
}

// What starts with a prefix is counted as it would be one by one, also where the
// prefix ends in the greatest octets.
func TestCountPrefix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.SampledFrom([]byte{0, 1, 'a', 0xfe, 0xff})
		d, keys := tree.Map{}.Edit(), model{}
		for _, k := range rapid.SliceOfN(rapid.SliceOfN(octets, 0, 6), 0, 500).Draw(t, "keys") {
			d.Put(k, nil)
			keys[string(k)] = ""
		}
		m := d.Freeze()
		for range 20 {
			prefix, want := rapid.SliceOfN(octets, 0, 3).Draw(t, "prefix"), 0
			for k := range keys {
				if strings.HasPrefix(k, string(prefix)) {
					want++
				}
			}
			if got := m.CountPrefix(prefix); got != want {
				t.Fatalf("CountPrefix(%q) = %d, want %d", prefix, got, want)
			}
		}
	})
}

func TestLeavesMakeTheSameMap(t *testing.T) {
	t.Parallel()
	d, want := tree.Map{}.Edit(), model{}
	for i := range 10000 {
		k := fmt.Sprintf("org\x00example\x00h%06d\x00", rand.N(1_000_000))
		d.Put([]byte(k), []byte{byte(i)})
		want[k] = string([]byte{byte(i)})
	}
	m := d.Freeze()
	var b tree.Builder
	for piece := range m.Leaves() {
		if err := b.AddLeaf(piece); err != nil {
			t.Fatal(err)
		}
	}
	built := b.Map()
	check(t, built, want)
	e := built.Edit() // a built map takes changes like any other
	e.Put([]byte("zzz"), nil)
	e.Delete([]byte("zzz"))
	check(t, e.Freeze(), want)
	for range tree.Diff(m, built) {
		t.Fatal("a map and the one made of its leaves differ")
	}
}

func TestBuilderWantsOrder(t *testing.T) {
	t.Parallel()
	var b tree.Builder
	for i := range 1000 {
		if err := b.Add([]byte(fmt.Sprintf("%06d", i)), make([]byte, i%300)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add([]byte("000500"), nil); err == nil {
		t.Error("Add out of order: no error")
	}
	if got := b.Map().Len(); got != 1000 {
		t.Errorf("Len() = %d, want 1000", got)
	}
}

func FuzzAddLeaf(f *testing.F) {
	d := tree.Map{}.Edit()
	for i := range 70 {
		d.Put([]byte(fmt.Sprint("key", i)), []byte("value"))
	}
	for piece := range d.Freeze().Leaves() {
		f.Add(piece)
	}
	f.Fuzz(func(t *testing.T, piece []byte) {
		var b tree.Builder
		if b.AddLeaf(piece) != nil {
			return
		}
		m := b.Map()
		for k, v := range m.All() {
			if got, ok := m.Get(k); !ok || !bytes.Equal(got, v) {
				t.Fatalf("Get(%q) = %q, %v, want %q", k, got, ok, v)
			}
		}
	})
}

func million() tree.Map {
	var b tree.Builder
	for i := range 1_000_000 {
		_ = b.Add([]byte(fmt.Sprintf("org\x00example\x00dyn\x00h%07d\x00", i)), make([]byte, 40))
	}
	return b.Map()
}

func BenchmarkGet(b *testing.B) {
	m := million()
	key := []byte("org\x00example\x00dyn\x00h0000000\x00")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		copy(key[17:], fmt.Appendf(nil, "%07d", (i*7919)%1_000_000))
		if _, ok := m.Get(key); !ok {
			b.Fatal("missing")
		}
	}
}

func BenchmarkPut(b *testing.B) {
	m := million()
	value := make([]byte, 40)
	b.ReportAllocs()
	d := m.Edit()
	for i := 0; b.Loop(); i++ {
		d.Put(fmt.Appendf(nil, "org\x00example\x00dyn\x00h%07d\x00", (i*7919)%1_000_000), value)
		if i%100 == 99 {
			m = d.Freeze()
			d = m.Edit()
		}
	}
}
