package publish

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// standing is a state that does not change.
type standing struct {
	Registry
	state *registry.State
}

func (s standing) State() *registry.State { return s.state }

// zonesOf returns a state with n zones at a serial.
func zonesOf(t *testing.T, n int, serial uint32) *registry.State {
	t.Helper()
	state := &registry.State{}
	for i := range n {
		origin := zone.MustName(fmt.Sprintf("z%d.example.org", i))
		d := zone.New(origin)
		if err := d.Put(zone.DefaultSOA(origin, origin, serial).RRset(origin)); err != nil {
			t.Fatal(err)
		}
		z, _, err := d.Finish()
		if err != nil {
			t.Fatal(err)
		}
		state.Zones = state.Zones.With(z)
	}
	return state
}

// TestQuietZones: where one zone of many changes all day, the others cost next to nothing:
// they are neither sorted nor is anything made for them.
func TestQuietZones(t *testing.T) {
	state := zonesOf(t, 2000, 1)
	n := NewNotifier(standing{state: state}, NotifyOptions{})
	n.SetSecondaries([]Secondary{{Addr: netip.MustParseAddrPort("192.0.2.53:53")}})
	secondaries, _ := n.current(state)
	one := secondaries[0]
	var zones latest
	zones.follow(state.Zones)
	for origin := range zones.all {
		what := one.told.notice(origin)
		what.taken, what.takenAny = 1, true
	}
	var under sync.WaitGroup
	look := func() {
		zones.follow(state.Zones)
		if wait := n.send(t.Context(), one, state, zones.all, &under); wait < time.Minute {
			t.Errorf("there is something to send in %s", wait)
		}
	}
	if allocs := testing.AllocsPerRun(5, look); allocs > 10 {
		t.Errorf("a look at zones that did not change takes %v allocations", allocs)
	}
}

// TestLatestZones: those that come, change and go.
func TestLatestZones(t *testing.T) {
	t.Parallel()
	var zones latest
	for _, state := range []*registry.State{zonesOf(t, 3, 1), zonesOf(t, 5, 2), zonesOf(t, 0, 0), zonesOf(t, 2, 3)} {
		zones.follow(state.Zones)
		if len(zones.all) != state.Zones.Len() {
			t.Errorf("%d zones, want %d", len(zones.all), state.Zones.Len())
		}
		for z := range state.Zones.All() {
			if zones.all[z.Origin()] != z {
				t.Errorf("%s is not as it is by now", z.Origin())
			}
		}
	}
}

// TestDeadSecondaryIsOneLine: a secondary that does not take notice of any of many zones
// fills no log.
func TestDeadSecondaryIsOneLine(t *testing.T) {
	t.Parallel()
	state := zonesOf(t, 50, 1)
	var log rig.Log
	n := NewNotifier(standing{state: state}, NotifyOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	n.SetSecondaries([]Secondary{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Key: zone.MustName("missing")}})
	secondaries, _ := n.current(state)
	var zones latest
	zones.follow(state.Zones)
	var under sync.WaitGroup
	n.send(t.Context(), secondaries[0], state, zones.all, &under)
	under.Wait()
	if lines := strings.Count(log.String(), "does not take notice"); lines != 1 {
		t.Errorf("%d lines, want 1:\n%s", lines, log.String())
	}
}
