// Package privacy makes the service forget a customer.
//
// It promises that of an account which was erased nothing is left within Limit, in
// the database or in memory, but what Service.Erase names; that an erasure which
// began goes on after a crash; and that what it remembers meanwhile are numbers. It
// serves staff. What the service's own log says, and what backups hold, is the
// operator's to forget.
package privacy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

const (
	// Limit is within which time nothing is left of an account, while the service
	// runs and its disk works.
	Limit = 24 * time.Hour

	gather   = 10 * time.Minute // for which an erasure waits for others, to share a snapshot
	patience = 20 * time.Hour   // for which it waits for followers of the state
	again    = 30 * time.Minute // after what failed

	awaited    = 30 // seconds for which the archive may be a little behind
	lookEvery  = time.Minute
	restsEvery = 60 // looks
	batch      = 100
)

// kind is that of our items.
const kind = "erasure"

// Registry is the live state, as registry.Registry is.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
}

// Accounts deletes what the state has of accounts, as admin.Service does.
type Accounts interface {
	// EraseAccount deletes an account with all that it has.
	EraseAccount(ctx context.Context, name string) (admin.Erased, error)
}

// Rests are names that were released.
type Rests interface {
	// DropRests forgets some of those that are free again, and returns how many.
	DropRests(ctx context.Context) (int, error)
}

// Shelf keeps what is still to be forgotten; see store.Shelf.
type Shelf interface {
	// Put keeps an item in the place of the one with its version.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
	// Take deletes an item.
	Take(ctx context.Context, kind, id string) (shelf.Item, error)
	// Due returns the items whose time has come.
	Due(ctx context.Context, kind string, until time.Time, limit int) ([]shelf.Item, error)
	// DropAccount deletes all that is about an account.
	DropAccount(ctx context.Context, account uint32) error
}

// Store is where the state and the past are kept.
type Store interface {
	// Forget drops what the archive has of an account.
	Forget(ctx context.Context, account uint32) error
	// Purge forgets what was before the state, see store.Store.
	Purge(ctx context.Context, state *registry.State, patience bool) error
}

// Past tells how far the archive has come.
type Past interface {
	// Written returns the revision up to which it has written down what happened.
	Written(ctx context.Context) (registry.Revision, error)
}

// History remembers what devices asked.
type History interface {
	// Forget drops all that is kept of hosts and update keys.
	Forget(hosts, keys []uint32)
}

// Strays drop what they keep about somebody who had no account yet.
type Strays interface {
	// ForgetPerson drops what is about nobody's account and has the name or the
	// mail address, which may be empty.
	ForgetPerson(ctx context.Context, name, email string) error
}

// Config is what a Service needs. What is above the blank line must be given.
type Config struct {
	Registry Registry
	Rests    Rests
	Shelf    Shelf
	Store    Store
	Past     Past
	History  History
	Strays   []Strays

	Logger *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now
}

// Service erases accounts. It is safe for concurrent use.
type Service struct{ Config }

// New returns a service, which wants Run.
func New(c Config) *Service {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{c}
}

// erasure is what an item says.
type erasure struct {
	Account uint32
	Began   time.Time
	Hosts   []uint32 `json:",omitempty"`
	Keys    []uint32 `json:",omitempty"`
}

// Erase deletes the account of a customer with its hosts, update keys, TSIG keys
// and sessions at once, and makes sure that all that tells of it is forgotten by the
// time that it returns. For good remain the names of its hosts until they no longer
// rest, with a number that is nobody's, and in the audit log that an account with this number was
// erased by whom. The error is one of package admin's, or the shelf's.
//
// It does so in the name of accounts.
func (s *Service) Erase(ctx context.Context, accounts Accounts, name string) (by time.Time, err error) {
	a, ok := s.Registry.State().Accounts.Account(name)
	if !ok {
		return by, fmt.Errorf("%w: no account %s", admin.ErrNotFound, name)
	}
	now := s.Now()
	item, err := newItem(&erasure{Account: a.ID, Began: now.UTC()}, now.Add(gather))
	if err != nil {
		return by, err
	}
	// It is kept before anything is deleted, lest a crash in between leave the rest.
	switch item.Version, err = s.Shelf.Put(ctx, item); {
	case errors.Is(err, shelf.ErrChanged):
		return by, fmt.Errorf("%w: account %s is being erased", admin.ErrConflict, a.Name)
	case err != nil:
		return by, fmt.Errorf("erasing an account: %w", err)
	}
	gone, err := s.delete(ctx, accounts, a.Name, a.Email)
	switch {
	case errors.Is(err, registry.ErrUnavailable): // the account may be gone all the same: Run will see
		return by, err
	case err != nil:
		_, _ = s.Shelf.Take(context.WithoutCancel(ctx), kind, item.ID) // or Run finds that the account is there
		return by, err
	}
	s.History.Forget(gone.Hosts, gone.Keys)
	version := item.Version
	item, err = newItem(&erasure{Account: a.ID, Began: now.UTC(), Hosts: gone.Hosts, Keys: gone.Keys}, now.Add(gather))
	if err == nil {
		item.Version = version
		_, err = s.Shelf.Put(context.WithoutCancel(ctx), item)
	}
	if err == nil {
		err = s.Shelf.DropAccount(context.WithoutCancel(ctx), a.ID)
	}
	if err != nil { // Run does the rest
		s.Logger.WarnContext(ctx, "what was about an account that was erased is there for now", "account", a.ID, "error", err)
	}
	return now.Add(Limit), nil
}

// delete deletes an account, and before that, while its name is known, what the strays keep
// about its owner.
func (s *Service) delete(ctx context.Context, accounts Accounts, name, email string) (admin.Erased, error) {
	for _, room := range s.Strays {
		if err := room.ForgetPerson(ctx, name, email); err != nil {
			return admin.Erased{}, fmt.Errorf("erasing an account: %w", err)
		}
	}
	return accounts.EraseAccount(ctx, name)
}

// maxNumbers is how many hosts or keys an item names. The history of others is pushed
// out in time.
const maxNumbers = 10_000

func newItem(e *erasure, due time.Time) (shelf.Item, error) {
	e.Hosts, e.Keys = e.Hosts[:min(len(e.Hosts), maxNumbers)], e.Keys[:min(len(e.Keys), maxNumbers)]
	body, err := json.Marshal(e)
	if err != nil {
		return shelf.Item{}, fmt.Errorf("erasing an account: %w", err)
	}
	// It must come back with a backup, in which the account may be half gone.
	return shelf.Item{Kind: kind, ID: strconv.FormatUint(uint64(e.Account), 10), Due: due, Body: body}, nil
}
