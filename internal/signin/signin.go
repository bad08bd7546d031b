package signin

import (
	"cmp"
	"context"
	"crypto/cipher"
	"log/slog"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// Registry is the live state, as package registry has it.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Fresh returns the state, or a later one if that is needed to show all that
	// other processes had acknowledged before the call.
	Fresh(ctx context.Context, st *registry.State) (*registry.State, error)
	// Apply runs the edit; what it changed is durable and visible on return.
	Apply(ctx context.Context, by registry.Actor, e registry.Edit) (registry.Revision, error)
}

// Accounts makes accounts, by the rules of package admin.
type Accounts interface {
	// AddAccountBy makes an account in the name of by, if the state is as expected.
	AddAccountBy(ctx context.Context, by registry.Actor, n admin.NewAccount, expect func(*registry.State) error) (admin.Account, error)
	// DeleteAccount deletes an account, and with force also what it has.
	DeleteAccount(ctx context.Context, name string, force bool) error
}

// Shelf keeps sessions, factors, links and events; see store.Shelf, which says what
// each does.
type Shelf interface {
	Reader
	Writer
	Sweeper
}

// Reader reads items.
type Reader interface {
	// Get returns an item, or shelf.ErrNotFound.
	Get(ctx context.Context, kind, id string) (shelf.Item, error)
	// Page returns items in order of their IDs.
	Page(ctx context.Context, kind, after string, limit int) ([]shelf.Item, error)
	// Of returns the items that are about an account.
	Of(ctx context.Context, account uint32, kind string) ([]shelf.Item, error)
}

// Writer changes items.
type Writer interface {
	// Put keeps an item in the place of the one with its version.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
	// Take deletes an item and returns it: one of many who try gets it.
	Take(ctx context.Context, kind, id string) (shelf.Item, error)
	// Drop deletes an item if it is of its version.
	Drop(ctx context.Context, item shelf.Item) error
}

// Sweeper deletes what is of no use any more.
type Sweeper interface {
	// Sweep deletes the items of a kind whose time has come.
	Sweep(ctx context.Context, kind string, until time.Time) (int, error)
	// Accounts returns whom items are about.
	Accounts(ctx context.Context, after uint32, limit int) ([]uint32, error)
	// DropAccount deletes all that is about an account.
	DropAccount(ctx context.Context, account uint32) error
}

// Mailer writes to people.
type Mailer interface {
	// Send takes a message; it is durable on return.
	Send(ctx context.Context, m mail.Message) error
}

// SignUp says who may make an account of their own.
type SignUp string

// What SignUp can be.
const (
	SignUpOff      SignUp = "off"
	SignUpOn       SignUp = "on"
	SignUpApproval SignUp = "approval" // when staff approve
)

// Options are rules that may change while the service runs. The zero Options are
// usual.
type Options struct {
	PublicURL *url.URL // where the pages are; nil: no links, no passkeys, no provider

	Idle   time.Duration // after which an unused session ends; 0: DefaultIdle
	MaxAge time.Duration // after which every session ends; 0: DefaultMaxAge

	RequireFactor []account.Role // who must have a second factor
	SignUp        SignUp         // empty: SignUpOff
	ReservedNames []string       // that nobody may sign up with, besides those that never may

	OIDC *OIDC // nil: there is no provider
}

// How long sessions last where nothing else is said.
const (
	DefaultIdle   = 24 * time.Hour
	DefaultMaxAge = 30 * 24 * time.Hour
)

// Config is what a Service needs.
type Config struct {
	Registry Registry // must not be nil
	Accounts Accounts // must not be nil
	Shelf    Shelf    // must not be nil
	Mail     Mailer   // nil: none is sent, and what needs it is off
	Options  Options
	Shared   bool             // other processes use the shelf, too, and may end sessions
	Logger   *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// Service signs people in. It is safe for concurrent use.
type Service struct {
	registry Registry
	accounts Accounts
	shelf    Shelf
	mailer   atomic.Pointer[Mailer] // points to nil: none is sent
	log      *slog.Logger
	now      func() time.Time
	shared   bool

	opts     atomic.Pointer[Options]
	seal     sync.Mutex // held while the key is read or made
	box      atomic.Pointer[cipher.AEAD]
	sessions *cache
	limits   *limits
	hashing  chan struct{}              // held during a slow hash: bounds memory and CPU
	waiting  atomic.Int32               // for it
	later    chan func(context.Context) // for Run
	people   people
	provider providerCache
}

// maxWaiting is how many people may wait for their password to be hashed, or for a
// mail to be written.
const maxWaiting = 64

// New returns a service, which wants Run. It takes some 20 ms, once.
func New(c Config) (*Service, error) {
	if _, err := decoy(); err != nil {
		return nil, err
	}
	s := &Service{
		registry: c.Registry, accounts: c.Accounts, shelf: c.Shelf,
		log: cmp.Or(c.Logger, slog.Default()), now: c.Now, shared: c.Shared,
		sessions: newCache(),
		later:    make(chan func(context.Context), maxWaiting),
		hashing:  make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.limits = newLimits(s.now)
	s.SetOptions(c.Options)
	s.SetMail(c.Mail)
	return s, nil
}

// SetMail replaces who sends mail; nil for nobody.
func (s *Service) SetMail(m Mailer) { s.mailer.Store(&m) }

// hasMail tells whether mail is sent.
func (s *Service) hasMail() bool { return *s.mailer.Load() != nil }

// send sends a mail, or fails with ErrOff.
func (s *Service) send(ctx context.Context, m mail.Message) error {
	mailer := *s.mailer.Load()
	if mailer == nil {
		return ErrOff
	}
	return mailer.Send(ctx, m)
}

// decoy returns a hash that is checked where there is no account or no password, so
// that it takes as long.
var decoy = sync.OnceValues(func() (string, error) { return account.HashPassword(newToken()) })

// SetOptions replaces the options. Sessions that exist keep the times that they
// began with.
func (s *Service) SetOptions(o Options) {
	o.Idle, o.MaxAge = cmp.Or(o.Idle, DefaultIdle), cmp.Or(o.MaxAge, DefaultMaxAge)
	o.SignUp = cmp.Or(o.SignUp, SignUpOff)
	o.RequireFactor = slices.Clone(o.RequireFactor)
	s.opts.Store(&o)
}

// The kinds of our items.
const (
	kindSession     = "session"
	kindLink        = "link"
	kindTOTP        = "totp"
	kindRecovery    = "recovery"
	kindPasskey     = "passkey"
	kindPlaces      = "places"
	kindEvent       = "signin-event"
	kindApplication = "application"
	kindSubject     = "oidc-subject"
	kindKey         = "signin-key"
)

const (
	tidyEvery  = time.Minute
	sweepEvery = 10 // tidyings
)

// Run does what requests leave for later, writes down when sessions were used, and
// clears away what has expired and what was about accounts that are gone, until ctx
// ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	var seen account.Directory
	for round := 0; ; {
		select {
		case <-ctx.Done():
			s.saveSeen(context.WithoutCancel(ctx))
			return
		case do := <-s.later:
			do(ctx)
			continue
		case <-tick.C:
		}
		s.saveSeen(ctx)
		if now := s.registry.State().Accounts; round == 0 || !now.SameCredentials(seen) {
			if err := s.dropGone(ctx, now); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "what was about accounts that are gone stays for now", "error", err)
			} else {
				seen = now
			}
		}
		if round%sweepEvery == 0 {
			s.sweep(ctx)
		}
		round++
	}
}

// leave lets Run do what there is to do, so that who asks cannot tell by the time
// whether there was anything. When too much waits already, it is not done.
func (s *Service) leave(ctx context.Context, what string, do func(context.Context)) {
	select {
	case s.later <- do:
	default:
		s.log.WarnContext(ctx, "sign-in: too much waits, something was left out", "what", what)
	}
}

// sweep deletes what has expired.
func (s *Service) sweep(ctx context.Context) {
	for _, kind := range []string{kindSession, kindLink, kindEvent, kindApplication} {
		if _, err := s.shelf.Sweep(ctx, kind, s.now()); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "what has expired stays for now", "kind", kind, "error", err)
		}
	}
}

// dropGone deletes what is about accounts that d does not have.
func (s *Service) dropGone(ctx context.Context, d account.Directory) error {
	const page = 1000
	for after := uint32(0); ; {
		all, err := s.shelf.Accounts(ctx, after, page)
		if err != nil {
			return err
		}
		for _, id := range all {
			// NextAccountID: d may be older than the account.
			if _, ok := d.AccountByID(id); !ok && id < d.NextAccountID() {
				if err := s.shelf.DropAccount(ctx, id); err != nil {
					return err
				}
			}
			after = id
		}
		if len(all) < page {
			return nil
		}
	}
}

// hash makes or checks a password hash, when it is its turn.
func (s *Service) hash(ctx context.Context, slow func()) error {
	if s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		return ErrBusy
	}
	defer s.waiting.Add(-1)
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.hashing }()
	slow()
	return nil
}
