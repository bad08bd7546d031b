// Package webhook sends what happens to other systems, in the form of Standard
// Webhooks 1.0: signed, at least once, in order for each of them.
//
// It promises that an event is sent until its receiver takes it, also after a
// restart: the journal of commits is the queue, and a durable cursor for each
// receiver says how far it has come. It carries the state that is by then, not
// history. It never sends to an address that is not public unless that is allowed,
// and follows no redirect. One slow receiver holds up no other.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// Registry is what there is to tell.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Follow yields the commits after a revision, then waits for more.
	Follow(ctx context.Context, after registry.Revision) iter.Seq2[registry.Commit, error]
}

// Cursors keeps how far receivers have come.
type Cursors interface {
	// Cursor returns what SetCursor kept last under the name, 0 if nothing.
	Cursor(ctx context.Context, name string) (registry.Revision, error)
	// SetCursor keeps a place in the journal, which is not trimmed behind it.
	SetCursor(ctx context.Context, name string, at registry.Revision) error
	// DropFollowers forgets the places under names that begin with the prefix, but those
	// that are to be kept, so that nothing waits for who never comes.
	DropFollowers(ctx context.Context, prefix string, keep []string) error
}

// Options are what a Sender may be told. The zero Options are usual.
type Options struct {
	// Allowed returns networks to which is sent although they are not public. It
	// is asked for each connection. Nil: there are none.
	Allowed func() []netip.Prefix

	// Bury notes durably that a hook is dead, and why. Nil: nobody does.
	Bury func(ctx context.Context, id, why string) error

	DeadAfter time.Duration // how old an event may be that is still tried; 0: DefaultDeadAfter
	Wait      time.Duration // after the first failure, then doubled; 0: 5 s
	Logger    *slog.Logger  // nil: slog.Default
	Now       func() time.Time
}

// DefaultDeadAfter is after how long sending is given up.
const DefaultDeadAfter = 5 * 24 * time.Hour

// Sender sends to all hooks. It is safe for concurrent use.
type Sender struct {
	registry Registry
	cursors  Cursors
	opts     Options
	client   *http.Client
	log      *slog.Logger
	now      func() time.Time

	mu      sync.Mutex // guards states and courier
	states  map[string]State
	courier map[string]*courier
}

// State is how a hook fares, since the start.
type State struct {
	Sent     uint64    // messages that the receiver took
	Last     time.Time // when it last took one; the zero time when it did not
	Failures int       // in a row
	Error    string    // of the last of them
	Since    time.Time // when the message was made that is tried; the zero time when none waits
	NextTry  time.Time
	Revision registry.Revision // up to which it has all
}

// New returns a sender that sends nothing yet.
func New(r Registry, c Cursors, opts Options) *Sender {
	if opts.Allowed == nil {
		opts.Allowed = func() []netip.Prefix { return nil }
	}
	if opts.DeadAfter == 0 {
		opts.DeadAfter = DefaultDeadAfter
	}
	if opts.Wait == 0 {
		opts.Wait = 5 * time.Second
	}
	s := &Sender{
		registry: r, cursors: c, opts: opts, client: newClient(opts.Allowed), log: opts.Logger, now: opts.Now,
		states: map[string]State{}, courier: map[string]*courier{},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// States returns how the hooks fare, by ID; those of which there is nothing to say
// are missing.
func (s *Sender) States() map[string]State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]State, len(s.states))
	for id, state := range s.states {
		out[id] = state
	}
	return out
}

// note changes what is known of a hook.
func (s *Sender) note(id string, change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.states[id]
	change(&state)
	s.states[id] = state
}

// watch is how often Run looks whether hooks have changed.
const watch = 250 * time.Millisecond

// Run sends until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	defer s.sync(ctx, nil)
	tick := time.NewTicker(watch)
	defer tick.Stop()
	var seen *registry.State
	for {
		if st := s.registry.State(); seen == nil || !st.Accounts.SameHooks(seen.Accounts) || s.hasEnded() {
			var hooks []account.Hook
			for h := range st.Accounts.Hooks() {
				hooks = append(hooks, h)
			}
			s.sync(ctx, hooks)
			s.dropGone(ctx, hooks)
			seen = st
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// dropGone forgets how far hooks have come that are there no more, whose couriers have
// ended. Where that fails, it is done when a hook changes next, or after a start.
func (s *Sender) dropGone(ctx context.Context, hooks []account.Hook) {
	keep := make([]string, len(hooks))
	for i := range hooks {
		keep[i] = cursorPrefix + hooks[i].ID
	}
	if err := s.cursors.DropFollowers(ctx, cursorPrefix, keep); err != nil && ctx.Err() == nil {
		s.log.Warn("how far deleted webhooks have come is kept for now", "error", err)
	}
}

// cursorPrefix begins the names of cursors; the ID of the hook follows.
const cursorPrefix = "webhook/"

// hasEnded tells whether a courier has ended by itself.
func (s *Sender) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.courier {
		if c.hasEnded() {
			return true
		}
	}
	return false
}

// sync makes sure that there is a courier for each hook that is to be sent to, and
// none for others.
func (s *Sender) sync(ctx context.Context, hooks []account.Hook) {
	want := map[string]account.Hook{}
	for _, h := range hooks {
		if !h.Paused && h.Dead == "" {
			want[h.ID] = h
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ending sync.WaitGroup
	for id, c := range s.courier {
		if h, ok := want[id]; !ok || c.hasEnded() || !reflect.DeepEqual(h, c.hook) {
			c.stop()
			ending.Go(func() { <-c.ended })
			delete(s.courier, id)
		}
	}
	s.mu.Unlock()
	ending.Wait()
	s.mu.Lock()
	for id, h := range want {
		if s.courier[id] == nil && ctx.Err() == nil {
			s.courier[id] = s.start(ctx, h)
		}
	}
}

// Test sends a message of type "test" once, also to a hook that is paused, and
// returns why it was not taken.
func (s *Sender) Test(ctx context.Context, id string) error {
	h, ok := s.registry.State().Accounts.Hook(id)
	if !ok {
		return fmt.Errorf("no webhook %s", id)
	}
	at := s.now().UTC()
	return s.send(ctx, &h, message{
		fmt.Sprintf("test_%s_%d", id, at.UnixNano()),
		plain{"test", at, struct{}{}},
	})
}

// plain is a message about no commit.
type plain struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// ErrAhead says that a revision is yet to come.
var ErrAhead = errors.New("that revision is yet to come")

// Replay sends again what happened after a revision, as far back as the journal
// goes. A hook that is paused gets it when it no longer is.
func (s *Sender) Replay(ctx context.Context, id string, after registry.Revision) error {
	st := s.registry.State()
	h, ok := st.Accounts.Hook(id)
	if !ok {
		return fmt.Errorf("no webhook %s", id)
	}
	if after > st.Revision {
		return ErrAhead
	}
	s.mu.Lock()
	c := s.courier[id]
	s.mu.Unlock()
	if c != nil {
		return c.goBack(ctx, after)
	}
	return s.setCursor(ctx, h.ID, after)
}

// setCursor keeps how far a hook has come. Revision 0 is kept as "from the start".
func (s *Sender) setCursor(ctx context.Context, id string, at registry.Revision) error {
	if err := s.cursors.SetCursor(ctx, cursorPrefix+id, at); err != nil {
		return fmt.Errorf("keeping how far webhook %s is: %w", id, err)
	}
	return nil
}
