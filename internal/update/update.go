// Package update hears "my address is now this": who may say so, what changes,
// and what to answer.
//
// It promises that Good is said only when the change is on disk and our own DNS
// answers it, that a request changes no host that its update key does not cover,
// and that one that changes nothing costs no write. All hosts of a request change
// in one commit. It serves every dialect, network events and the commands of
// staff; it knows no wire format, and never asks a DNS server what the address
// is now: the registry's state is the truth.
package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// Registry is the live state and its writer, as registry.Registry is.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Apply runs the edit; what it changed is durable and visible on return.
	Apply(context.Context, registry.Actor, registry.Edit) (registry.Revision, error)
}

// Options are what a service may be told. The zero Options are usual.
type Options struct {
	Verifier *account.Verifier // nil: one of its own
	Seen     *Seen             // hears of every host that reported; may be nil
	Rules    Rules
	Logger   *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// Rules are what may change while a service runs. The zero Rules have no limits.
type Rules struct {
	// AcceptNonGlobal takes addresses that cannot be reached from outside,
	// which are otherwise answered with success and ignored. A host may decide
	// otherwise.
	AcceptNonGlobal bool

	Limits Limits
}

// Service answers requests. It is safe for concurrent use, and a
// prometheus.Collector of what it answered.
type Service struct {
	registry Registry
	verifier *account.Verifier
	seen     *Seen
	rules    atomic.Pointer[Rules]
	limiter  *limiter
	log      *slog.Logger
	now      func() time.Time
	counters
}

// slowChecks is how many passwords are checked at once, each with 19 MiB.
const slowChecks = 2

// New returns a service over the registry.
func New(reg Registry, opts Options) *Service {
	s := &Service{
		registry: reg, verifier: opts.Verifier, seen: opts.Seen, limiter: newLimiter(),
		log: cmp.Or(opts.Logger, slog.Default()), now: opts.Now, counters: newCounters(),
	}
	s.SetRules(opts.Rules)
	if s.verifier == nil {
		s.verifier = account.NewVerifier(slowChecks)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// SetRules replaces the rules. Requests that come later heed them.
func (s *Service) SetRules(r Rules) { s.rules.Store(&r) }

// Update does what the request asks for and returns a result for each of its
// hosts, in its order. Whatever the results call Good is durable and visible.
// With an error nothing has changed: account.ErrBadCredential, of which
// ErrNoCredentials is one, ErrBadAddress, ErrTooManyHosts and ErrNoHostNamed are
// the client's fault; registry.ErrUnavailable, ErrLimited or the context's error
// are not, or not for long, and asking again later may help.
func (s *Service) Update(ctx context.Context, req Request) ([]Result, error) {
	results, err := s.update(ctx, &req)
	for errors.Is(err, errKeyChanged) {
		results, err = s.update(ctx, &req)
	}
	s.count(req.Via, results, err)
	if isOurFault(err) {
		s.log.ErrorContext(ctx, "update failed", "via", req.Via, "error", err)
	}
	return results, err
}

func (s *Service) update(ctx context.Context, req *Request) ([]Result, error) {
	st := s.registry.State()
	key, err := s.authenticate(ctx, st.Accounts, req)
	if err != nil {
		return nil, err
	}
	if len(req.Hosts) > MaxHosts {
		return nil, ErrTooManyHosts
	}
	w, err := read(req, s.rules.Load().AcceptNonGlobal)
	if err != nil {
		return nil, err
	}
	now := s.now()
	p := plan{key: key, hosts: req.Hosts, wish: w, source: account.Source{Key: key.ID, Via: req.Via, Session: req.Session, At: req.At}}
	if req.At.IsZero() {
		p.source.At = now
	}
	o, err := p.run(st)
	if err != nil {
		return nil, err
	}
	s.markSeen(o.results, now)
	if !o.changes.IsEmpty() {
		if err := s.admit(ctx, req, key); err != nil {
			return nil, err
		}
		if o, err = s.write(ctx, &p, req, o); err != nil {
			return nil, err
		}
	}
	for i := range o.results {
		o.results[i].Unchanged = key.Unchanged
	}
	s.logResults(ctx, o.results, key, req)
	return o.results, nil
}

// authenticate returns the update key that the request's user name and secret
// belong to.
func (s *Service) authenticate(ctx context.Context, d account.Directory, req *Request) (account.Key, error) {
	if req.Username == "" && req.Secret == "" {
		return account.Key{}, ErrNoCredentials
	}
	key, err := s.check(ctx, d, req, req.Secret)
	for _, other := range req.OtherSecrets {
		if !errors.Is(err, account.ErrBadCredential) {
			break
		}
		key, err = s.check(ctx, d, req, other)
	}
	if errors.Is(err, account.ErrBadCredential) && s.mayLog(req.Source) {
		s.logRefusal(ctx, d, req)
	}
	return key, err
}

// write makes one commit of all that the plan changes. What it came to before
// stands if nothing of it has changed meanwhile.
func (s *Service) write(ctx context.Context, p *plan, req *Request, before *outcomes) (*outcomes, error) {
	by := registry.Actor{Account: p.key.Account, Key: p.key.ID, Via: req.Via}
	if req.Source.IsValid() {
		by.From = req.Source.String()
	}
	var o *outcomes
	_, err := s.registry.Apply(ctx, by, func(st *registry.State) (_ registry.Changes, err error) {
		o = before
		if !st.Accounts.SameCredentials(before.state.Accounts) && !isUnchanged(st.Accounts, p.key) {
			return registry.Changes{}, errKeyChanged
		}
		if !o.holdIn(st) {
			if o, err = p.run(st); err != nil {
				return registry.Changes{}, err
			}
		}
		return o.changes, nil
	})
	if err != nil {
		return nil, fmt.Errorf("updating: %w", err)
	}
	return o, nil
}

// errKeyChanged says that an update key is no longer what it was when it was
// checked, so that it must be checked again.
var errKeyChanged = errors.New("update key changed")

// isUnchanged tells whether a key that was checked against an earlier state is
// the same, and may be used, in this one.
func isUnchanged(d account.Directory, key account.Key) bool {
	now, ok := d.Key(key.Username)
	owner, _ := d.AccountByID(key.Account)
	return ok && reflect.DeepEqual(now, key) && owner.ID != 0 && !owner.Suspended
}

func (s *Service) markSeen(results []Result, at time.Time) {
	if s.seen == nil {
		return
	}
	for _, r := range results {
		if r.Outcome.IsSuccess() {
			s.seen.Mark(r.ID, at)
		}
	}
}

func (s *Service) logResults(ctx context.Context, results []Result, key account.Key, req *Request) {
	for _, r := range results {
		message := "address changed"
		switch r.Outcome {
		case Good:
		case Ignored:
			message = "address ignored, it cannot be reached from outside"
		default:
			continue
		}
		s.log.LogAttrs(ctx, slog.LevelInfo, message,
			slog.String("host", r.Host), slog.String("addresses", join(r.Addrs)), slog.String("key", key.Username),
			slog.String("via", req.Via), slog.String("source", text(req.Source)))
	}
}

// join writes addresses as devices do, with commas between.
func join(addrs []netip.Addr) string {
	var buf [128]byte
	b := buf[:0]
	for i, a := range addrs {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.AppendTo(b)
	}
	return string(b)
}

// text is the address as text, empty for none.
func text(a netip.Addr) string { return join([]netip.Addr{a}) }

// logRefusal tells of a failed login, of each source once a second. People put
// secrets where the user name belongs, so a name that is none of ours is not
// written down.
func (s *Service) logRefusal(ctx context.Context, d account.Directory, req *Request) {
	name := "unknown"
	if key, ok := d.Key(req.Username); ok {
		name = key.Username
	}
	s.log.InfoContext(ctx, "update refused, bad user name or secret",
		"key", name, "via", req.Via, "source", req.Source)
}
