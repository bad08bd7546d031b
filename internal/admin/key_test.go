package admin_test

import (
	"context"
	"errors"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
)

// TestHashingWaits: however many choose a short secret or a password at once, few are hashed
// at a time, in whosever name; who gives up meanwhile gets nothing. Random secrets wait for
// nobody.
func TestHashingWaits(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	free := w.OccupyHashing()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	as := w.As(registry.Actor{Via: "api"})
	if _, _, err := as.AddKey(gone, admin.NewKey{Account: "alice", Username: "router", Secret: "short"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a short secret: %v, want %v", err, context.Canceled)
	}
	password := "short, too"
	if _, err := as.SetAccount(gone, "alice", admin.AccountChange{Password: &password}); !errors.Is(err, context.Canceled) {
		t.Errorf("a password: %v, want %v", err, context.Canceled)
	}
	_, _, err := as.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "random"})
	w.ok(nil, err)
	free()
	_, _, err = as.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "router", Secret: "short"})
	w.ok(nil, err)
}

// TestExpectingAsksFirst: no change is made of a state that is not as expected, whatever it
// is that changes.
func TestExpectingAsksFirst(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	errOther := errors.New("it is another state")
	picky := w.Expecting(func(*registry.State) error { return errOther })
	if _, err := picky.MoveIn(t.Context(), admin.MoveIn{Accounts: []admin.NewAccount{{Name: "carol"}}}); !errors.Is(err, errOther) {
		t.Errorf("MoveIn = %v, want %v", err, errOther)
	}
	if _, err := picky.AddAccount(t.Context(), admin.NewAccount{Name: "carol"}); !errors.Is(err, errOther) {
		t.Errorf("AddAccount = %v, want %v", err, errOther)
	}
}
