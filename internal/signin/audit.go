package signin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// KeepEvents is how long events are kept.
const KeepEvents = 365 * 24 * time.Hour

// note keeps an event about an account, made by whoever has the actor's name. What
// happened has happened: when the event cannot be kept, the log has it.
func (s *Service) note(ctx context.Context, c Client, actor string, subject account.Account, what What, detail string) {
	e := Event{What: what, Actor: actor, Subject: subject.Name, From: c.Addr.Unmap(), Detail: detail}
	s.log.InfoContext(ctx, "sign-in: "+string(what), "account", subject.Name, "by", actor, "source", e.From, "detail", detail)
	s.record(ctx, subject.ID, e)
}

// record puts an event on the shelf. The account goes with its events.
func (s *Service) record(ctx context.Context, subject uint32, e Event) {
	e.At = s.now().UTC().Truncate(time.Millisecond)
	body, err := json.Marshal(e)
	if err == nil {
		_, err = s.shelf.Put(ctx, shelf.Item{
			Kind: kindEvent, ID: eventID(e.At), Account: subject, Due: e.At.Add(KeepEvents), Body: body,
		})
	}
	if err != nil {
		s.log.WarnContext(ctx, "an event was not kept", "event", e.What, "error", err)
	}
}

// eventID returns an ID that sorts before those of earlier events.
func eventID(at time.Time) string {
	return fmt.Sprintf("%016x-%s", math.MaxInt64-at.UnixMilli(), rand.Text()[:12])
}

// actorName returns the name of the account behind an actor; empty when none is.
func (s *Service) actorName(by registry.Actor) string {
	if a, ok := s.registry.State().Accounts.AccountByID(by.Account); ok {
		return a.Name
	}
	return ""
}

// staff returns the client that an actor is.
func staff(by registry.Actor) Client {
	addr, _ := netip.ParseAddr(by.From)
	return Client{Addr: addr}
}

// noteWrong notes a wrong guess: in the log a few times of each source, and as an
// event a few times of each account, so that nobody fills the disk by guessing.
// People put passwords where the name belongs, so an unknown name is not written
// down.
func (s *Service) noteWrong(ctx context.Context, c Client, a account.Account, what What) {
	if a.ID == 0 {
		if s.mayLog(c) {
			s.log.InfoContext(ctx, "sign-in: "+string(what), "account", "unknown", "source", c.Addr)
		}
		return
	}
	if s.mayLog(c) {
		s.log.InfoContext(ctx, "sign-in: "+string(what), "account", a.Name, "source", c.Addr)
	}
	if has(s.limits.events, limit.Number(a.ID), eventPace) {
		e := Event{What: what, Subject: a.Name, From: c.Addr.Unmap()}
		s.leave(ctx, "event", func(ctx context.Context) { s.record(ctx, a.ID, e) })
	}
}

// noteSlowed notes that somebody has guessed too often.
func (s *Service) noteSlowed(ctx context.Context, c Client, a account.Account) {
	if !s.mayLog(c) {
		return
	}
	name := a.Name
	if a.ID == 0 {
		name = "unknown"
	}
	s.log.WarnContext(ctx, "sign-in: guesses slowed", "account", name, "source", c.Addr)
}

func (s *Service) mayLog(c Client) bool {
	return !c.Addr.IsValid() || has(s.limits.lines, limit.Source(c.Addr), linePace)
}

// maxEvents bounds a page of events.
const maxEvents = 1000

// Events returns a page of events, the latest first, and where the next page begins:
// empty after the last one. The first begins at "".
func (s *Service) Events(ctx context.Context, after string, limit int) (events []Event, next string, err error) {
	limit = min(max(limit, 1), maxEvents)
	items, err := s.shelf.Page(ctx, kindEvent, after, limit)
	if err != nil {
		return nil, "", err
	}
	if len(items) == limit {
		next = items[limit-1].ID
	}
	events, err = readEvents(items)
	return events, next, err
}

// EventsOf returns what happened about an account, the latest first.
func (s *Service) EventsOf(ctx context.Context, id uint32) ([]Event, error) {
	items, err := s.shelf.Of(ctx, id, kindEvent)
	if err != nil {
		return nil, err
	}
	return readEvents(items[:min(len(items), maxEvents)])
}

// ForgetPerson drops applications from the mail address, and events about somebody of the
// name, or of the name that was applied for, who had no account then.
func (s *Service) ForgetPerson(ctx context.Context, name, email string) error {
	names, err := s.dropApplications(ctx, email)
	if err != nil {
		return err
	}
	names = append(names, name)
	items, err := s.shelf.Of(ctx, 0, kindEvent)
	if err != nil {
		return err
	}
	for _, item := range items {
		var e Event
		if err := json.Unmarshal(item.Body, &e); err != nil {
			return fmt.Errorf("reading an event: %w", err)
		}
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(e.Subject, name) }) {
			continue
		}
		if err := s.takeAll(ctx, kindEvent, item.ID); err != nil {
			return err
		}
	}
	return nil
}

func readEvents(items []shelf.Item) ([]Event, error) {
	all := make([]Event, len(items))
	var faults []error
	for i, item := range items {
		if err := json.Unmarshal(item.Body, &all[i]); err != nil {
			faults = append(faults, fmt.Errorf("reading event %s: %w", item.ID, err))
		}
	}
	return all, errors.Join(faults...)
}
