package dnsserver_test

import (
	"maps"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// What was given away is not kept for a secondary that never asks again: as the zone
// moves on, it would cost as much as the zone.
func TestGivenVersionsAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var state moving
		given := func() weak.Pointer[zone.Zone] {
			z := largeZone(t, 1)
			state.set(z)
			return weak.Make(z)
		}()
		s := dnsserver.New(state.Load, dnsserver.Options{Secondaries: everybody})
		state.set(largeZone(t, 2))
		runtime.GC()
		if given.Value() == nil {
			t.Error("the version is not kept at all")
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		runtime.GC()
		if given.Value() != nil {
			t.Error("the version is still there after hours")
		}
		runtime.KeepAlive(s)
	})
}

// A zone that was deleted and made again may have serials that the one before it had. What
// a secondary has is then what it was given, not what another was given of the same serial.
func TestSerialsAgain(t *testing.T) {
	t.Parallel()
	var state moving
	state.set(largeZone(t, 400))
	all := []dnsserver.Secondary{{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}}}
	s := serve(t, dnsserver.Options{Secondaries: all}, state.Load)
	one, other := secondary{address: s.tcp}, secondary{address: s.listenTCP(t, netip.MustParseAddrPort("[::1]:0"))}
	one.refresh(t)
	z := largeZone(t, 300)
	state.set(z)
	other.refresh(t)
	z = shuffled(t, z, 3)
	state.set(z)
	one.refresh(t)
	other.refresh(t)
	if want := recordsOf(t, z); !maps.Equal(one.records, want) || !maps.Equal(other.records, want) {
		t.Errorf("one has %d records and the other %d, want %d", len(one.records), len(other.records), len(want))
	}
}
