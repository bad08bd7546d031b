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
	// Fresh returns the state, or a later one if that is needed to show all that
	// other nodes had acknowledged before the call.
	Fresh(context.Context, *registry.State) (*registry.State, error)
}

// Options are what a service may be told. The zero Options are usual.
type Options struct {
	Verifier *account.Verifier // nil: one of its own
	Seen     *Seen             // hears of every host that reported or hangs on one that did; may be nil
	Rules    Rules
	Pushes   Pushes           // nil: there are none
	Maker    Maker            // nil: no names become hosts
	Logger   *slog.Logger     // nil: slog.Default
	Now      func() time.Time // must not go back; nil: time.Now
}

// Rules are what may change while a service runs. The zero Rules have no limits.
type Rules struct {
	// AcceptNonGlobal takes addresses that cannot be reached from outside,
	// which are otherwise answered with success and ignored. A host may decide
	// otherwise.
	AcceptNonGlobal bool

	// CGNATPools are networks of addresses that a carrier shares among its
	// customers, such as 100.64.0.0/10 (RFC 6598), and CGNAT is what becomes of
	// them. A host may decide otherwise.
	CGNATPools []netip.Prefix
	CGNAT      CGNAT

	// IgnoreOptions passes over the options that devices ask for, Request.Options.
	// A host may decide otherwise.
	IgnoreOptions bool

	Limits Limits
	Pushes PushRules
}

// Service answers requests. It is safe for concurrent use, and a
// prometheus.Collector of what it answered.
type Service struct {
	registry Registry
	verifier *account.Verifier
	seen     *Seen
	pushes   Pushes
	rules    atomic.Pointer[Rules]
	limiter  *limiter
	log      *slog.Logger
	now      func() time.Time
	answers  answers
	judges   bool  // and changes nothing
	maker    Maker // nil: no names become hosts
	counters
}

// slowChecks is how many passwords are checked at once, each with 19 MiB.
const slowChecks = 2

// New returns a service over the registry.
func New(reg Registry, opts Options) *Service {
	s := &Service{
		registry: reg, verifier: opts.Verifier, seen: opts.Seen, pushes: opts.Pushes, maker: opts.Maker,
		log: cmp.Or(opts.Logger, slog.Default()), now: opts.Now, counters: newCounters(),
	}
	s.SetRules(opts.Rules)
	if s.verifier == nil {
		s.verifier = account.NewVerifier(slowChecks)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.limiter = newLimiter(s.now)
	return s
}

// SetRules replaces the rules. Requests that come later heed them.
func (s *Service) SetRules(r Rules) { s.rules.Store(&r) }

// Update does what the request asks for and returns a result for each of its
// hosts, in its order. Whatever the results call Good is durable and visible.
// With an error nothing has changed, but with ErrNotPushed: account.ErrBadCredential, of which
// ErrNoCredentials is one, ErrBadAddress, ErrTooManyHosts and ErrNoHostNamed are
// the client's fault; registry.ErrUnavailable, ErrLimited, account.ErrSuspended or
// the context's error are not, or not for long, and asking again later may help.
// Where the user name and secret were right, the error is a *KeyError around these.
func (s *Service) Update(ctx context.Context, req Request) ([]Result, error) {
	var results []Result
	err := s.decide(func(st *registry.State, fresh bool) (err error) {
		results, err = s.update(ctx, st, fresh, &req)
		return err
	})
	s.count(req.Via, results, err)
	if isOurFault(err) {
		s.log.ErrorContext(ctx, "update failed", "via", req.Via, "error", err)
	}
	return results, err
}

func (s *Service) update(ctx context.Context, st *registry.State, fresh bool, req *Request) ([]Result, error) {
	key, err := s.authenticate(ctx, st, fresh, req)
	var results []Result
	if err == nil {
		results, err = s.carryOut(ctx, st, fresh, key, req)
	}
	if err != nil && key.ID != 0 {
		err = &KeyError{key, err}
	}
	return results, err
}

// carryOut does what the request of a key asks for.
func (s *Service) carryOut(ctx context.Context, st *registry.State, fresh bool, key account.Key, req *Request) ([]Result, error) {
	now := s.now()
	p, err := newPlan(st, req, key, s.rules.Load(), now)
	if errors.Is(err, ErrNoHostNamed) && !fresh {
		err = cmp.Or(s.isFresh(ctx, st), err)
	}
	if err != nil {
		return nil, err
	}
	if st, err = s.makeHosts(ctx, st, p, req); err != nil {
		return nil, err
	}
	o, err := p.run(st)
	if err != nil {
		return nil, err
	}
	if (o.changes.IsEmpty() || o.refuses()) && !fresh {
		if err := s.isFresh(ctx, st); err != nil {
			return nil, err
		}
	}
	s.markSeen(o, now, p.isShared(req.Source))
	if o.tooSoon {
		return nil, s.refuse(ctx, req, key.Username, "plan")
	}
	if !o.changes.IsEmpty() {
		// Those that follow are moved by others, who have limits of their own.
		if err := s.admit(ctx, req, key, o.changes.Accounts.Hosts[:o.own]); err != nil {
			return nil, err
		}
		if o, err = s.write(ctx, p, req, o); err != nil {
			return nil, err
		}
	}
	for i := range o.results {
		r := &o.results[i]
		r.Key, r.Unchanged, r.BareGood = key.ID, key.Unchanged, key.BareGood
	}
	s.logResults(ctx, o.results, key, req)
	if len(o.followers) > 0 {
		s.log.LogAttrs(ctx, slog.LevelInfo, "hosts renumbered with others", slog.Int("hosts", len(o.followers)),
			slog.String("key", key.Username), slog.String("via", req.Via), slog.String("source", text(req.Source)))
	}
	if err := s.awaitPushes(ctx, o); err != nil {
		return nil, err
	}
	return o.results, nil
}

// write makes one commit of all that the plan changes. What it came to before
// stands if nothing of it has changed meanwhile.
func (s *Service) write(ctx context.Context, p *plan, req *Request, before *outcomes) (*outcomes, error) {
	if s.judges {
		return before, nil
	}
	var o *outcomes
	_, err := s.registry.Apply(ctx, req.actor(&p.key), func(st *registry.State) (_ registry.Changes, err error) {
		o = before
		if !st.Accounts.SameCredentials(before.state.Accounts) && !isUnchanged(st.Accounts, p.key) {
			return registry.Changes{}, errKeyChanged
		}
		if p.all || !o.holdIn(st) { // it does not tell what else the key may cover by now
			if o, err = p.run(st); err != nil {
				return registry.Changes{}, err
			}
		}
		if o.tooSoon {
			return registry.Changes{}, ErrLimited
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

// markSeen notes that the hosts of the request reported, and with them those that
// hang on what they have.
func (s *Service) markSeen(o *outcomes, at time.Time, shared bool) {
	if s.seen == nil {
		return
	}
	for _, r := range o.results {
		if r.Outcome.IsSuccess() {
			s.seen.Mark(r.ID, at)
			s.seen.markShared(r.ID, shared)
		}
	}
	for id := range o.heard {
		s.seen.Mark(id, at)
	}
	if o.hanging != nil {
		for i := range o.hanging.others {
			s.seen.Mark(o.hanging.others[i].ID, at)
		}
	}
}

func (s *Service) logResults(ctx context.Context, results []Result, key account.Key, req *Request) {
	for _, r := range results {
		message := "address changed"
		switch r.Outcome {
		case Good:
			if req.Offline {
				message = "host went offline, its device says so"
			}
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
