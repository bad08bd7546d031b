package dnsserver_test

import (
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
