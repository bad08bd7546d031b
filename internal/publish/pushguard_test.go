package publish_test

import (
	"fmt"
	"strings"
	"testing"

	"stayput.dev/internal/publish"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig/primary"
)

// hosts returns lines that give so many names an address or, with "", take it away.
func hosts(n int, address string) (lines []string) {
	for i := range n {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("h%d A %s", i, address)))
	}
	return lines
}

// TestManyAtOnceAreHeld: who deletes half of the hosts at once, by whatever way, must say
// so again before the target loses them. Meanwhile other names go on, what comes back is
// not deleted, and a restart changes nothing.
func TestManyAtOnceAreHeld(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		drop func(w *pushWorld)
	}{
		{"in a commit", func(w *pushWorld) { w.set(hosts(60, "")...) }},
		{"by another zone file", func(w *pushWorld) {
			w.replace(append(hosts(100, "192.0.2.1")[60:], `_acme-challenge.h1 TXT "x"`)...)
		}},
		{"one by one, while the target is away", func(w *pushWorld) {
			w.target.Kill()
			for _, line := range hosts(60, "") {
				w.set(line)
			}
			w.target.Start()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newPushWorld(t, primary.BIND.Run(t))
			w.set(append(hosts(100, "192.0.2.1"), `_acme-challenge.h1 TXT "x"`)...)
			w.push()
			w.arrive()
			test.drop(w)
			until(t, func() bool { return w.pusher.State().Held == 60 })
			w.set("late A 192.0.2.2", "_acme-challenge.h1 TXT", "h59 A 192.0.2.3")
			for _, name := range []string{"late", "_acme-challenge.h1", "h59"} {
				if err := w.pusher.Await(t.Context(), zone.MustName(name+".dyn.example.org")); err != nil {
					t.Fatal(err)
				}
			}
			w.push()
			until(t, func() bool { s := w.pusher.State(); return s.Held == 59 && s.Pending == 59 })
			if got, want := len(w.there()), 100+1+len(others); got != want {
				t.Errorf("the target has %d records while deletions are held, want %d", got, want)
			}
			w.reconcile(publish.ReconcileOptions{Mend: true, Delete: true})
			w.arrive()
			if got, want := len(w.there()), 41+1+len(others); got != want {
				t.Errorf("the target has %d records after they were let go, want %d", got, want)
			}
		})
	}
}
