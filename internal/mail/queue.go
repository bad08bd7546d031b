package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"stayput.dev/internal/shelf"
)

const (
	batch      = 50                 // messages of one connection
	remembered = 7 * 24 * time.Hour // how long an ID is, after its message left
	lookEvery  = 2 * time.Second    // for messages whose time has come, or that another process took
	giveUp     = 4 * 24 * time.Hour // after the first attempt
)

// patience returns how long to wait after each attempt that failed; the last one
// stays.
func patience() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}
}

// Run sends what waits until ctx ends.
func (q *Queue) Run(ctx context.Context) {
	tick := time.NewTicker(q.look)
	defer tick.Stop()
	for {
		more, err := q.sendDue(ctx)
		if err != nil && ctx.Err() == nil {
			q.log.WarnContext(ctx, "mails wait: the queue cannot be read or written", "error", err)
			more = false
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-q.wake:
		}
	}
}

// sendDue sends some of what is due, and tells whether there may be more. Its error
// is the shelf's.
func (q *Queue) sendDue(ctx context.Context) (more bool, err error) {
	opts := q.opts.Load()
	if opts.Server == "" {
		return false, nil
	}
	items, err := q.shelf.Due(ctx, itemKind, time.Now(), batch)
	if err != nil || len(items) == 0 {
		return false, err
	}
	own, err := q.ownTexts(ctx)
	if err != nil {
		return false, err
	}
	line := &line{opts: opts, own: own}
	defer line.close()
	for _, item := range items {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err := q.handle(ctx, line, item); err != nil && !errors.Is(err, shelf.ErrChanged) {
			return false, err
		}
		if line.dead { // the others need not find out one by one
			return false, nil
		}
	}
	return len(items) == batch, nil
}

// handle does with an item what it is time for. Whoever puts the next attempt off
// first has the item to himself until then.
func (q *Queue) handle(ctx context.Context, line *line, item shelf.Item) error {
	var e entry
	if err := json.Unmarshal(item.Body, &e); err != nil || e.Message == nil {
		if err != nil {
			q.log.ErrorContext(ctx, "a mail cannot be read and is dropped", "id", item.ID, "error", err)
		}
		_, err := q.shelf.Take(ctx, itemKind, item.ID)
		if errors.Is(err, shelf.ErrNotFound) {
			err = nil
		}
		return err
	}
	m, now := e.Message, time.Now()
	if !m.Until.IsZero() && now.After(m.Until) {
		q.log.WarnContext(ctx, "a mail was not sent in time and is of no use any more", "kind", m.Kind, "id", m.ID, "account", m.Account)
		return q.done(ctx, item)
	}
	pause := q.pauses[min(e.Tries, len(q.pauses)-1)]
	e.Tries++
	item.Due = now.Add(pause)
	var err error
	if item.Body, err = json.Marshal(e); err != nil {
		return err
	}
	if item.Version, err = q.shelf.Put(ctx, item); err != nil {
		return err
	}
	switch err := line.send(ctx, m); {
	case err == nil:
		q.tell(nil, m)
		q.log.InfoContext(ctx, "mail sent", "kind", m.Kind, "id", m.ID, "account", m.Account)
		return q.done(ctx, item)
	case isFinal(err) || now.Sub(e.Began) > giveUp:
		q.log.ErrorContext(ctx, "a mail is given up", "kind", m.Kind, "id", m.ID, "account", m.Account, "error", q.tell(err, m))
		return q.done(ctx, item)
	default:
		q.log.WarnContext(ctx, "a mail could not be sent and is tried again", "kind", m.Kind, "id", m.ID, "account", m.Account, "after", pause, "error", q.tell(err, m))
		return nil
	}
}

// done forgets what a message says, and remembers that it was there.
func (q *Queue) done(ctx context.Context, item shelf.Item) error {
	body, err := json.Marshal(entry{})
	if err != nil {
		return fmt.Errorf("noting that a mail has left: %w", err)
	}
	item.Body, item.Due = body, time.Now().Add(remembered)
	_, err = q.shelf.Put(context.WithoutCancel(ctx), item)
	return err
}

// tell notes what became of an attempt. It returns the error in words, without the
// address, which is nobody's business.
func (q *Queue) tell(err error, m *Message) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.status.LastTried, q.status.LastError = time.Now(), ""
	if err != nil {
		q.status.LastError = strings.ReplaceAll(err.Error(), m.To, "the recipient")
		return q.status.LastError
	}
	q.status.Sent++
	q.status.LastSent = q.status.LastTried
	return ""
}
