// Package admin is what staff may change: zones, accounts, hosts and update
// keys, each change as one edit of the registry, and what staff may see of them.
//
// It serves the REST API and the pages. It judges whether a change is right (a
// name that may be a host, a user name that is free, a child zone that hides
// nobody), never who may ask for it: that is for the door through which the wish
// came. Passwords and secrets are hashed before an edit, never in it.
package admin

import (
	"cmp"
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

const (
	// DefaultTTL is the TTL of new hosts in seconds, when nothing else says one.
	DefaultTTL = 60

	// DefaultRest is how long a released name is kept from strangers.
	DefaultRest = 90 * 24 * time.Hour
)

// maxHashing is how many passwords are hashed at a time, each in 19 MiB.
const maxHashing = 4

// via names this room in actors and in the sources of addresses.
const via = "admin"

// Registry is the live state, as package registry has it.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Apply runs the edit; what it changed is durable and visible on return.
	Apply(ctx context.Context, by registry.Actor, e registry.Edit) (registry.Revision, error)
}

// Seen tells when hosts were last heard of.
type Seen interface {
	// Last returns when the host with the number last reported; the zero
	// time when it never did.
	Last(host uint32) time.Time
}

// Expiry tells when silent hosts go offline.
type Expiry interface {
	// Due returns when that is, and whether it is near; the zero time when it
	// is never.
	Due(h *account.Host, owner *account.Account) (at time.Time, near bool)
}

// CGNAT tells who shares addresses with others.
type CGNAT interface {
	// BehindCGNAT tells whether the host with the number and the addresses
	// does.
	BehindCGNAT(host uint32, addrs []netip.Addr) bool
}

// Teller writes to people about their accounts.
type Teller interface {
	// TellTokenMade tells the owner of an API token that by has made it, in the owner's
	// language or, where none is known, the given one.
	TellTokenMade(ctx context.Context, by registry.Actor, t account.Token, language string)
}

// Options are what a Service may be told. The zero Options are usual.
type Options struct {
	Seen   Seen             // nil: nothing is known of when hosts were seen
	Expiry Expiry           // nil: none goes offline
	CGNAT  CGNAT            // nil: nobody does
	Teller Teller           // nil: nobody is told
	TTL    uint32           // seconds, of new hosts; 0: DefaultTTL
	Rest   time.Duration    // of released names; 0: DefaultRest
	Now    func() time.Time // nil: time.Now
}

// Service makes the changes. All methods are safe for concurrent use. A method
// that changes something returns when the change is durable and visible, and
// with an error nothing has changed, save that after registry.ErrUnavailable it may
// still become so later; other errors are one of the sentinels of this package, or that
// of the context.
type Service struct {
	registry Registry
	by       registry.Actor
	opts     Options                     // but for TTL
	ttl      *atomic.Uint32              // Options.TTL, shared with all that As returned
	hashing  chan struct{}               // held while a password is hashed: bounds memory and CPU; shared likewise
	pinned   *registry.State             // that State returns; nil: the one after the last commit
	expect   func(*registry.State) error // that an edit asks first; may be nil
}

// New returns a service that acts as the operator.
func New(r Registry, opts Options) *Service {
	opts.Rest = cmp.Or(opts.Rest, DefaultRest)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Service{registry: r, by: registry.Actor{Via: via}, opts: opts, ttl: new(atomic.Uint32), hashing: make(chan struct{}, maxHashing)}
	s.SetTTL(opts.TTL)
	return s
}

// SetTTL replaces Options.TTL, also for those that As has returned.
func (s *Service) SetTTL(ttl uint32) { s.ttl.Store(cmp.Or(ttl, DefaultTTL)) }

// options returns the options as they are now.
func (s *Service) options() Options {
	opts := s.opts
	opts.TTL = s.ttl.Load()
	return opts
}

// As returns a service whose changes are made in the name of by.
func (s *Service) As(by registry.Actor) *Service {
	as := *s
	as.by = by
	return &as
}

// At returns a service that reads the given state, whatever happens meanwhile. It is
// not for changes.
func (s *Service) At(st *registry.State) *Service {
	at := *s
	at.pinned = st
	return &at
}

// Expecting returns a service whose changes ask first, of the very state that they
// change, whether it is as expected: with an error nothing changes, and the method
// returns it. It must not block, and may be asked again.
func (s *Service) Expecting(expect func(*registry.State) error) *Service {
	as := *s
	as.expect = expect
	return &as
}

// State returns the state that the service reads.
func (s *Service) State() *registry.State {
	if s.pinned != nil {
		return s.pinned
	}
	return s.registry.State()
}

// hash runs what hashes a password, when it is its turn. It fails with the context's error
// when that ends before.
func (s *Service) hash(ctx context.Context, slow func() error) error {
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.hashing }()
	return slow()
}

// edit runs e, which may run more than once, on the registry's writer.
func (s *Service) edit(ctx context.Context, e func(*draft) error) error {
	return s.apply(ctx, func(st *registry.State) (registry.Changes, error) {
		d := s.draft(st)
		if err := e(d); err != nil {
			return registry.Changes{}, err
		}
		if err := d.keepCatalogs(); err != nil {
			return registry.Changes{}, err
		}
		d.note()
		return d.changes, nil
	})
}

// apply runs e on the registry's writer, if the state is as expected.
func (s *Service) apply(ctx context.Context, e registry.Edit) error {
	_, err := s.registry.Apply(ctx, s.by, func(st *registry.State) (registry.Changes, error) {
		if s.expect != nil {
			if err := s.expect(st); err != nil {
				return registry.Changes{}, err
			}
		}
		return e(st)
	})
	return err
}

func (s *Service) draft(st *registry.State) *draft {
	return &draft{state: st, opts: s.options(), via: via, now: s.opts.Now().UTC().Truncate(time.Millisecond)}
}
