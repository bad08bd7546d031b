package webhook

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/feed"
	"stayput.dev/internal/registry"
)

const (
	maxWait   = time.Hour       // between two tries
	minTries  = 8               // before a hook is given up, so that one that slept has a chance
	saveEvery = 2 * time.Second // while commits come
	saveTime  = 5 * time.Second // for the last time that the cursor is kept
)

// courier brings what happens to one receiver, in order.
type courier struct {
	*Sender
	hook  account.Hook
	stop  context.CancelFunc
	ended chan struct{}   // closed when it has stopped
	back  chan goBackWish // to the courier
	at    registry.Revision
	kept  registry.Revision
	saved time.Time
}

// goBackWish asks a courier to go on after another revision.
type goBackWish struct {
	after registry.Revision
	done  chan error
}

// start starts a courier, which ends with ctx or its stop.
func (s *Sender) start(ctx context.Context, h account.Hook) *courier {
	ctx, stop := context.WithCancel(ctx)
	c := &courier{Sender: s, hook: h, stop: stop, ended: make(chan struct{}), back: make(chan goBackWish)}
	go func() {
		defer close(c.ended)
		defer stop()
		c.run(ctx)
	}()
	return c
}

func (c *courier) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// goBack makes the courier go on after a revision.
func (c *courier) goBack(ctx context.Context, after registry.Revision) error {
	w := goBackWish{after, make(chan error, 1)}
	select {
	case c.back <- w:
		return <-w.done
	case <-c.ended:
		return errors.New("the webhook is being changed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run brings everything from where the hook was left, until ctx ends.
func (c *courier) run(ctx context.Context) {
	for {
		err := c.begin(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		c.log.Error("a webhook cannot be sent to", "webhook", c.hook.ID, "error", err)
		pause(ctx, c.opts.Wait)
	}
	defer c.save()
	for ctx.Err() == nil {
		leg, cancel := context.WithCancel(ctx)
		left := make(chan error, 1)
		var following sync.WaitGroup
		following.Go(func() { left <- c.follow(leg) }) // ends with leg
		select {
		case err := <-left:
			if errors.Is(err, errOver) {
				cancel()
				return
			}
			c.lost(ctx, err)
		case w := <-c.back:
			cancel()
			following.Wait()
			err := c.setCursor(ctx, c.hook.ID, w.after)
			if err == nil {
				c.at, c.kept = w.after, w.after
			}
			w.done <- err
		}
		cancel()
	}
}

// begin finds where the hook was left.
func (c *courier) begin(ctx context.Context) error {
	at, err := c.cursors.Cursor(ctx, cursorPrefix+c.hook.ID)
	if err != nil {
		return fmt.Errorf("reading how far it is: %w", err)
	}
	if c.at, c.kept = at, at; at == 0 {
		c.at = registry.Revision(c.hook.After)
		return c.setCursor(ctx, c.hook.ID, c.at)
	}
	return nil
}

// follow brings what each commit means until ctx ends.
func (c *courier) follow(ctx context.Context) error {
	if at := c.registry.State().Revision; c.at > at {
		c.at = at // a backup was restored
	}
	for commit, err := range c.registry.Follow(ctx, c.at) {
		if err != nil {
			return err
		}
		if err := c.bring(ctx, &commit); err != nil {
			return err
		}
		c.at = commit.Revision
		c.note(c.hook.ID, func(s *State) { s.Revision = c.at })
		if c.now().Sub(c.saved) >= saveEvery {
			c.save()
		}
	}
	return ctx.Err()
}

// lost deals with the end of following.
func (c *courier) lost(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, registry.ErrTrimmed):
		st := c.registry.State()
		c.log.Warn("a webhook is so far behind that events are missing", "webhook", c.hook.ID, "revision", c.at)
		m := message{fmt.Sprintf("reset_%s_%d", c.hook.ID, st.Revision), plain{"reset", c.now().UTC(), struct{}{}}}
		if c.deliver(ctx, m, c.now()) == nil {
			c.at = st.Revision
		}
	default:
		c.log.Warn("following for a webhook failed", "webhook", c.hook.ID, "error", err)
		pause(ctx, c.opts.Wait)
	}
}

// bring sends all events of a commit that are for the hook.
func (c *courier) bring(ctx context.Context, commit *registry.Commit) error {
	st := c.registry.State()
	for _, e := range feed.Of(commit, st) {
		if !c.wants(&e) {
			continue
		}
		if err := c.deliver(ctx, message{messageID(st.Lineage, &e), e}, e.At); err != nil {
			return err
		}
	}
	return nil
}

func (c *courier) wants(e *feed.Event) bool {
	return (c.hook.Account == 0 || c.hook.Account == e.Account) &&
		(len(c.hook.Events) == 0 || slices.Contains(c.hook.Events, e.Kind))
}

// errOver says that the hook is no longer what the courier was started for.
var errOver = errors.New("the webhook has changed")

// deliver sends a message until it is taken. It fails when ctx ends, or when it is
// time to give up.
func (c *courier) deliver(ctx context.Context, m message, made time.Time) error {
	wait := c.opts.Wait
	for tries := 1; ; tries++ {
		if h, ok := c.registry.State().Accounts.Hook(c.hook.ID); !ok || !reflect.DeepEqual(h, c.hook) {
			return errOver // from the moment that it is paused
		}
		err := c.send(ctx, &c.hook, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			c.note(c.hook.ID, func(s *State) {
				*s = State{Sent: s.Sent + 1, Last: c.now(), Revision: s.Revision}
			})
			return nil
		}
		if errors.Is(err, errGone) || tries >= minTries && c.now().Sub(made) > c.opts.DeadAfter {
			return c.giveUp(ctx, err)
		}
		next := wait
		if status, ok := errors.AsType[*statusError](err); ok {
			next = max(next, min(status.wait, maxWait))
		}
		next += time.Duration(rand.Int64N(int64(next/4) + 1)) // so that not all come back at once
		c.failed(err, made, next, tries)
		pause(ctx, next)
		wait = min(2*wait, maxWait)
	}
}

func (c *courier) failed(err error, made time.Time, next time.Duration, tries int) {
	c.note(c.hook.ID, func(s *State) {
		s.Failures++
		s.Error, s.Since, s.NextTry = err.Error(), made, c.now().Add(next)
	})
	if tries == 1 || next >= maxWait {
		c.log.Warn("a webhook was not taken, it is tried again", "webhook", c.hook.ID, "error", err, "waits_since", made, "again_in", next.Round(time.Second))
	}
}

// giveUp makes the hook a dead one.
func (c *courier) giveUp(ctx context.Context, why error) error {
	c.log.Error("a webhook is dead, nothing more is sent to it", "webhook", c.hook.ID, "error", why)
	c.note(c.hook.ID, func(s *State) { s.Failures++; s.Error = why.Error() })
	c.save()
	for c.opts.Bury != nil && ctx.Err() == nil { // one that is not marked would be sent to again
		err := c.opts.Bury(ctx, c.hook.ID, why.Error())
		if err == nil {
			break
		}
		c.log.Error("a dead webhook could not be marked as such", "webhook", c.hook.ID, "error", err)
		pause(ctx, c.opts.Wait)
	}
	return errOver
}

// save keeps how far the hook has come. Where that fails, some is sent twice.
func (c *courier) save() {
	if c.saved = c.now(); c.at == c.kept {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveTime)
	defer cancel()
	if err := c.setCursor(ctx, c.hook.ID, c.at); err != nil {
		c.log.Warn("a webhook may be sent again what it has", "error", err)
		return
	}
	c.kept = c.at
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
