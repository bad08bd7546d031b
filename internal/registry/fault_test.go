package registry_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
)

var errDisk = errors.New("disk on fire")

func failing() error { return errDisk }

// TestAFailingStoreShowsNothing and is tried again by itself.
func TestAFailingStoreShowsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w world) {
		before := w.State()
		w.store.around(failing, nil)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				_, err := w.Apply(t.Context(), registry.Actor{}, raise)
				if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, errDisk) {
					t.Errorf("error = %v, want %v for %v", err, registry.ErrUnavailable, errDisk)
				}
			})
		}
		group.Wait()
		if w.State() != before || !errors.Is(w.Err(), errDisk) {
			t.Errorf("fault = %v, want %v and the old state", w.Err(), errDisk)
		}
		nothing := func(*registry.State) (registry.Changes, error) { return registry.Changes{}, nil }
		if _, err := w.Apply(t.Context(), registry.Actor{}, nothing); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("an edit that finds nothing to do, on a state that may be old: %v", err)
		}
		time.Sleep(10 * time.Second)
		if w.Err() == nil {
			t.Error("the fault was forgotten")
		}

		w.store.around(nil, nil)
		time.Sleep(2 * time.Second)
		if w.Err() != nil || w.State() != before {
			t.Errorf("fault = %v, want none and the old state", w.Err())
		}
		apply(t, w.Registry, raise)
		if raised(w.State()) != 1 || w.Stats().Failures.Load() == 0 {
			t.Errorf("%d edits count, %d failures; want 1, and some", raised(w.State()), w.Stats().Failures.Load())
		}
	})
}

// TestUnknownOutcome: the store kept the commit and said that it failed.
func TestUnknownOutcome(t *testing.T) {
	fail := func(t *testing.T, w world) {
		t.Helper()
		w.store.around(nil, failing)
		if _, err := w.Apply(t.Context(), registry.Actor{}, raise); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("error = %v, want %v", err, registry.ErrUnavailable)
		}
		if raised(w.State()) != 0 {
			t.Error("what may have failed shows")
		}
		w.store.around(nil, nil)
	}
	t.Run("the next edit finds out", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w world) {
			fail(t, w)
			apply(t, w.Registry, raise)
			if raised(w.State()) != 2 || w.State().Revision != 3 || w.Err() != nil {
				t.Errorf("%d edits count in revision %d, fault %v; want 2 in 3", raised(w.State()), w.State().Revision, w.Err())
			}
		})
	})
	t.Run("the probe finds out", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w world) {
			fail(t, w)
			time.Sleep(2 * time.Second)
			if raised(w.State()) != 1 || w.State().Revision != 2 || w.Err() != nil {
				t.Errorf("%d edits count in revision %d, fault %v; want 1 in 2", raised(w.State()), w.State().Revision, w.Err())
			}
		})
	})
	t.Run("a restart finds out", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w world) {
			fail(t, w)
			other := start(t, w.store, quiet)
			if raised(other.State()) != 1 {
				t.Error("what the store holds does not show")
			}
		})
	})
}

// TestTwoRegistriesOnOneStore: an edit always sees the state that it changes,
// whoever made it.
func TestTwoRegistriesOnOneStore(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{})
	a := start(t, s, quiet)
	apply(t, a, put(newZone(origin, 1)))
	b := start(t, s, quiet)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { apply(t, a, raise) })
		group.Go(func() { apply(t, b, raise) })
	}
	group.Wait()
	apply(t, a, raise)
	apply(t, b, raise) // and has caught up, whoever was behind
	if got := raised(b.State()); got != 102 {
		t.Errorf("%d of 102 edits count", got)
	}
	stored, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, b.State(), stored)
}

// TestFarBehind: when the commits that a registry lacks are gone, it starts from
// the snapshot.
func TestFarBehind(t *testing.T) {
	t.Parallel()
	s := open(t, store.Options{SnapshotAfter: 1, JournalKeep: 1})
	slow := start(t, s, quiet)
	fast := start(t, s, quiet)
	apply(t, fast, put(newZone(origin, 1)))
	for range 10 {
		apply(t, fast, raise)
	}
	if err := s.Compact(t.Context(), fast.State()); err != nil {
		t.Fatal(err)
	}
	apply(t, slow, raise)
	if got := raised(slow.State()); got != 11 || slow.State().Revision != 12 {
		t.Errorf("%d edits count in revision %d, want 11 in 12", got, slow.State().Revision)
	}
}

// TestCatchingUpFails when the journal does not fit, and says so.
func TestCatchingUpFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w world) {
		before := w.State()
		w.store.around(func() error { return registry.ErrBehind }, nil) // of what is not there
		var err error
		var group sync.WaitGroup
		group.Go(func() { _, err = w.Apply(t.Context(), registry.Actor{}, raise) })
		time.Sleep(time.Minute)
		synctest.Wait()
		group.Wait()
		if !errors.Is(err, registry.ErrUnavailable) || w.State() != before {
			t.Errorf("error = %v, want %v and the old state", err, registry.ErrUnavailable)
		}
	})
}

// TestSerialsRiseOncePerCommit and, over any while, 1,250 times a second and
// 1,000 times more at most.
func TestSerialsRiseOncePerCommit(t *testing.T) {
	inWorld(t, func(t *testing.T, w world) {
		const edits = 5000
		var rises []time.Time
		last := w.State().Zones.Get(origin).Serial()
		for i := range edits {
			apply(t, w.Registry, move(home, []string{"192.0.2.1", "192.0.2.2"}[i%2]))
			serial := w.State().Zones.Get(origin).Serial()
			if serial != last+1 {
				t.Fatalf("serial rose from %d to %d, want by 1", last, serial)
			}
			last = serial
			rises = append(rises, time.Now())
			if i == 2000 {
				time.Sleep(time.Hour) // no more of it is saved up
			}
		}
		checkPace(t, rises)
		if took := rises[edits-1].Sub(rises[2001]); took > 3*time.Second {
			t.Errorf("%d serials took %v: too slow by half", edits-2001, took)
		}
	})
}

// checkPace checks that serials rose at times no faster than they may.
func checkPace(t *testing.T, rises []time.Time) {
	t.Helper()
	for i, at := range rises {
		for n := i + registry.SerialBurst + 1; n < len(rises); n += 97 {
			if least := time.Duration(n-i-registry.SerialBurst-1) * registry.SerialGap; rises[n].Sub(at) < least {
				t.Fatalf("serials %d to %d rose within %v, want %v at least", i, n, rises[n].Sub(at), least)
			}
		}
	}
}

// TestSerialOfAReplacedZone is kept when it is newer, else raised.
func TestSerialOfAReplacedZone(t *testing.T) {
	stories := []struct {
		name             string
		old, given, want uint32
	}{
		{"newer", 5, 70, 70},
		{"the same", 5, 5, 6},
		{"older", 5, 3, 6},
		{"newer beyond the wrap (RFC 1982)", 1<<32 - 2, 4, 4},
		{"older beyond the wrap", 4, 1<<32 - 2, 5},
		{"last before the wrap", 1<<32 - 1, 1<<32 - 1, 1},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w world) {
				name := zone.MustName("zone.example.org")
				apply(t, w.Registry, put(newZone(name, story.old)))
				apply(t, w.Registry, put(newZone(name, story.given)))
				if got := w.State().Zones.Get(name).Serial(); got != story.want {
					t.Errorf("serial = %d, want %d", got, story.want)
				}
			})
		})
	}
	t.Run("with records on top", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w world) {
			apply(t, w.Registry, func(s *registry.State) (registry.Changes, error) {
				c, err := move(home, "192.0.2.9")(s)
				c.Replaced = []*zone.Zone{newZone(origin, 1)}
				return c, err
			})
			z := w.State().Zones.Get(origin)
			if got := standsAt(w.State(), home); got != "[192.0.2.9]" || z.Serial() != 2 {
				t.Errorf("host stands at %s, serial %d; want [192.0.2.9] and 2", got, z.Serial())
			}
		})
	})
	t.Run("by the edit itself", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w world) {
			for _, step := range []struct{ given, want uint32 }{{90, 90}, {17, 91}} {
				apply(t, w.Registry, func(s *registry.State) (registry.Changes, error) {
					soa := s.Zones.Get(origin).SOA()
					soa.Serial, soa.Refresh = step.given, soa.Refresh+1
					sets := []zone.RRset{soa.RRset(origin)}
					return registry.Changes{Records: []registry.ZoneRecords{{Zone: origin, Sets: sets}}}, nil
				})
				if got := w.State().Zones.Get(origin).Serial(); got != step.want {
					t.Errorf("serial = %d, want %d", got, step.want)
				}
			}
		})
	})
}
