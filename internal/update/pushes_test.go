package update_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// elsewhere is a server that takes names after a time.
type elsewhere struct {
	pending bool
	takes   time.Duration
}

var elsewhereAddr = netip.MustParseAddrPort("192.0.2.53:53")

func (*elsewhere) Any() bool { return true }

func (e *elsewhere) PendingAt(zone.Name) []netip.AddrPort {
	if e.pending {
		return []netip.AddrPort{elsewhereAddr}
	}
	return nil
}

func (e *elsewhere) Await(ctx context.Context, _ ...zone.Name) error {
	select {
	case <-time.After(e.takes):
		e.pending = false
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestPushes: an update waits for servers elsewhere, not for ever, and says neither that
// nothing changed nor, where that is strict, that all is well until they have it.
func TestPushes(t *testing.T) {
	t.Parallel()
	const soon, never = time.Millisecond, time.Hour
	for _, test := range []struct {
		name    string
		address string // 203.0.113.1 is what the host has
		pending bool
		takes   time.Duration
		strict  bool
		want    update.Outcome
		err     error
	}{
		{"changed and taken", "203.0.113.9", true, soon, true, update.Good, nil},
		{"changed, not taken", "203.0.113.9", true, never, false, update.Good, nil},
		{"changed, not taken, strict", "203.0.113.9", true, never, true, 0, update.ErrNotPushed},
		{"the same and there", "203.0.113.1", false, soon, true, update.NoChange, nil},
		{"the same and pending", "203.0.113.1", true, never, false, update.Good, nil},
		{"the same and pending, strict", "203.0.113.1", true, never, true, 0, update.ErrNotPushed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wait := 20 * time.Millisecond
			if test.takes == soon {
				wait = time.Minute
			}
			w := newWorld(t, update.Options{
				Pushes: &elsewhere{test.pending, test.takes},
				Rules:  update.Rules{Pushes: update.PushRules{Wait: wait, Strict: test.strict}},
			})
			results, err := w.service.Update(t.Context(), update.Request{
				Username: "alice", Secret: aliceSecret, Hosts: []string{"home.dyn.example.org"}, V4: set(test.address),
			})
			if !errors.Is(err, test.err) || err == nil && results[0].Outcome != test.want {
				t.Errorf("got %v, %v, want %v, %v", results, err, test.want, test.err)
			}
			if err == nil && (len(results[0].Pending) == 1) != (test.takes == never) {
				t.Errorf("pending at %v", results[0].Pending)
			}
		})
	}
}
