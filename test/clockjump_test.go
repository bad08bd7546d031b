package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stayput.dev/test/rig"
)

// jumps are what befalls the clock of a machine whose time is set right, or wrong.
var jumps = []struct {
	what string
	by   time.Duration
}{
	{"three hours back", -3 * time.Hour},
	{"ten days forward", 10 * 24 * time.Hour},
	{"right", 0},
	{"to before the data was made", -20 * 365 * 24 * time.Hour},
	{"right again", 0},
}

// needClocks skips the test where the clock of one process cannot be set.
func needClocks(t *testing.T) {
	t.Helper()
	if !rig.HasClocks() {
		t.Skip("the clock of one process cannot be set on this machine")
	}
}

// TestAClockJumps: whatever the clock says, addresses move and are seen, strangers are
// told apart, hosts can be made, and what happened is shown.
func TestAClockJumps(t *testing.T) {
	t.Parallel()
	needClocks(t)
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed(home)
	change(t, w, "192.0.2.1", user, secret)
	clock := rig.ClockOf(t, w.pid)
	for i, jump := range jumps {
		clock.Shift(t, jump.by)
		for j := range 5 {
			address := fmt.Sprintf("198.51.100.%d", 10*i+j+1)
			before := w.serial()
			if got := change(t, w, address, user, secret); got != "good" {
				t.Fatalf("%s: %s = %q, want good; the log:\n%s", jump.what, address, got, w.log)
			}
			awaitAddress(t, w, address)
			if after := w.serial(); after-before-1 >= 1<<31-1 {
				t.Errorf("%s: the serial went from %d to %d", jump.what, before, after)
			}
			if got := change(t, w, address, user, secret); got != "nochg" {
				t.Errorf("%s: %s again = %q, want nochg", jump.what, address, got)
			}
		}
		if got := change(t, w, "192.0.2.9", user, "wrong"); got != "badauth" {
			t.Errorf("%s: a wrong password = %q, want badauth", jump.what, got)
		}
		w.run("host", "add", fmt.Sprintf("h%d.dyn.example.org", i), "--account", "alice")
		if shown := w.run("host", "history", home); !strings.Contains(shown, fmt.Sprintf("198.51.100.%d", 10*i+5)) {
			t.Errorf("%s: the history is\n%s", jump.what, shown)
		}
	}
	w.stop()
	w.start()
	awaitAddress(t, w, fmt.Sprintf("198.51.100.%d", 10*len(jumps)-5))
	w.stop()
}

// TestTheClockOfANodeJumps: neither that node nor another one waits for a time that was
// or will be.
func TestTheClockOfANodeJumps(t *testing.T) {
	t.Parallel()
	needClocks(t)
	nodes, _ := newNodes(t, 2)
	nodes[0].start()
	user, secret := nodes[0].seed(home)
	nodes[1].start()
	clock := rig.ClockOf(t, nodes[0].pid)
	for i, jump := range jumps {
		for j := range 4 {
			at, address := nodes[j%2], fmt.Sprintf("198.51.100.%d", 10*i+j+1)
			if got := change(t, at, address, user, secret); got != "good" {
				t.Fatalf("%s: %s = %q at node %d, want good; the logs:\n%s\n%s", jump.what, address, got, j%2, nodes[0].log, nodes[1].log)
			}
			awaitAddress(t, nodes[1-j%2], address)
			if j == 1 { // each has just followed the other
				clock.Shift(t, jump.by)
			}
		}
	}
	for _, w := range nodes {
		w.stop()
	}
}
