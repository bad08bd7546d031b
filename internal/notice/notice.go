// Package notice tells the owners of hosts by mail that one has gone silent or is heard
// of again, has another address, or comes with a wrong secret, where they asked for it.
//
// It serves the pages and the API, which set what is wished. It promises that one
// silence is told once, that our own absence is none, and that a host which changes all
// the time makes a mail an hour at most, and a wrong secret one a week. No update waits for it: it looks at the state and at when hosts were seen.
package notice

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/history"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/zone"
)

// Wish is what the owner of a host wants to hear of it. The zero Wish is nothing.
type Wish struct {
	Silent  time.Duration // after how long without a report, from MinSilent to MaxSilent, and when it is heard of again; 0: never
	Changed bool          // that its addresses are others
	Failing bool          // that its updates have come with a wrong secret for more than a day
}

// The bounds of Wish.Silent.
const (
	MinSilent = 10 * time.Minute
	MaxSilent = 365 * 24 * time.Hour
)

// What can be wrong with a wish.
var (
	ErrBadWish   = errors.New("a silence is from ten minutes to 365 days")
	ErrNoAddress = errors.New("its account has no mail address")
)

// State is the live state, as package registry has it.
type State interface {
	// State returns the state after the last commit.
	State() *registry.State
}

// Seen tells when hosts were last heard of.
type Seen interface {
	// Last returns when the host with the number last reported; the zero time when
	// it never did.
	Last(host uint32) time.Time
}

// Presence knows when hosts could report to nobody, as update.Expiry does.
type Presence interface {
	// Present returns a moment, later by the time in which nobody was there since.
	Present(at time.Time) time.Time
	// StayAlive notes that hosts can report now.
	StayAlive()
}

// Failing tells which update keys fail, as history.History does.
type Failing interface {
	// Failing returns the update keys whose secret was wrong again and again.
	Failing() []history.Failure
}

// Shelf keeps wishes, see store.Shelf.
type Shelf interface {
	// Get returns an item, or shelf.ErrNotFound.
	Get(ctx context.Context, kind, id string) (shelf.Item, error)
	// Put keeps an item in the place of the one with its version.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
	// Drop deletes an item if it is of its version.
	Drop(ctx context.Context, item shelf.Item) error
	// Page returns items in order of their IDs.
	Page(ctx context.Context, kind, after string, limit int) ([]shelf.Item, error)
}

// Log remembers what people did, as registry.Registry does.
type Log interface {
	// Note keeps what by did; it is durable on return.
	Note(ctx context.Context, by registry.Actor, n registry.Note) error
}

// Mailer writes to people.
type Mailer interface {
	// Send takes a message; one with an ID that was taken before is passed over.
	Send(ctx context.Context, m mail.Message) error
}

// Config is what a Service needs.
type Config struct {
	State State  // must not be nil
	Seen  Seen   // must not be nil
	Shelf Shelf  // must not be nil
	Mail  Mailer // must not be nil
	Log   Log    // must not be nil

	Presence Presence // nil: somebody was always there
	Failing  Failing  // nil: none fails

	Logger *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now
}

// Service keeps wishes and fulfils them. It is safe for concurrent use.
type Service struct {
	Config
	pages atomic.Pointer[url.URL]
}

// New returns a service, which wants Run.
func New(c Config) *Service {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{Config: c}
}

// SetPages says where the pages are, on which owners change their wishes; nil: nobody
// knows.
func (s *Service) SetPages(u *url.URL) { s.pages.Store(u) }

// kind is that of our items, whose IDs are the numbers of hosts.
const kind = "notice"

// stored is what an item says.
type stored struct {
	Wish
	Host  zone.Name
	Told  time.Time    `json:",omitzero"`  // when the host was last heard of before the silence that was told
	Addrs []netip.Addr `json:",omitempty"` // that were told last, or stood there when the wish came
	Wrote time.Time    `json:",omitzero"`  // when another address was told last
	Wrong time.Time    `json:",omitzero"`  // when a wrong secret was told last
}

func itemID(host uint32) string { return fmt.Sprintf("%010d", host) }

// Wish returns what the owner of a host wants to hear.
func (s *Service) Wish(ctx context.Context, h *account.Host) (Wish, error) {
	item, x, err := s.read(ctx, h)
	if err != nil || item.Account != h.Account { // of the owner before
		return Wish{}, err
	}
	return x.Wish, nil
}

// read returns the item of a host, a new one when there is none.
func (s *Service) read(ctx context.Context, h *account.Host) (shelf.Item, stored, error) {
	var x stored
	item, err := s.Shelf.Get(ctx, kind, itemID(h.ID))
	switch {
	case errors.Is(err, shelf.ErrNotFound):
		return shelf.Item{Kind: kind, ID: itemID(h.ID), Account: h.Account}, x, nil
	case err == nil:
		err = json.Unmarshal(item.Body, &x)
	}
	if err != nil {
		return item, x, fmt.Errorf("reading what is wished of %s: %w", h.Name, err)
	}
	return item, x, nil
}

// SetWish keeps what change makes of what the owner of a host wants to hear, as by says. It
// fails with the error of change; with ErrBadWish; with ErrNoAddress when there is nobody to
// write to; and with shelf.ErrChanged when somebody else changes it in the same moment.
//
// It is noted before it is done, so that nothing is done that nobody knows of.
func (s *Service) SetWish(ctx context.Context, by registry.Actor, h *account.Host, change func(Wish) (Wish, error)) error {
	item, x, err := s.read(ctx, h)
	if err != nil {
		return err
	}
	if item.Account != h.Account { // of the owner before
		item.Account, x = h.Account, stored{}
	}
	w, err := change(x.Wish)
	if err != nil {
		return err
	}
	a, known := s.State.State().Accounts.AccountByID(h.Account)
	switch {
	case w == x.Wish:
		return nil
	case w.Silent != 0 && (w.Silent < MinSilent || w.Silent > MaxSilent):
		return ErrBadWish
	case w != (Wish{}) && (!known || a.Email == ""):
		return ErrNoAddress
	}
	n := registry.Note{Verb: "set", Subject: "host " + h.Name.String(), Account: h.Account, Detail: w.changes(x.Wish)}
	if err := s.Log.Note(ctx, by, n); err != nil {
		return fmt.Errorf("noting what is wished of %s: %w", h.Name, err)
	}
	if w == (Wish{}) {
		return s.Shelf.Drop(ctx, item)
	}
	if !x.Changed {
		x.Addrs = addrsOf(h)
	}
	if w.Silent == 0 {
		x.Told = time.Time{}
	}
	x.Wish, x.Host = w, h.Name
	return s.keep(ctx, item, x)
}

// changes tells how a wish differs from the one before, in the words of package admin's
// notes.
func (w Wish) changes(was Wish) string {
	var out []string
	for _, part := range []struct {
		of      string
		was, is any
	}{{"silence", was.Silent, w.Silent}, {"changes", was.Changed, w.Changed}, {"wrong secrets", was.Failing, w.Failing}} {
		switch {
		case part.was == part.is:
		case part.was == false || part.was == time.Duration(0):
			out = append(out, fmt.Sprintf("told of %s %v", part.of, part.is))
		case part.is == false || part.is == time.Duration(0):
			out = append(out, fmt.Sprintf("told of %s %v → none", part.of, part.was))
		default:
			out = append(out, fmt.Sprintf("told of %s %v → %v", part.of, part.was, part.is))
		}
	}
	return strings.Join(out, ", ")
}

func (s *Service) keep(ctx context.Context, item shelf.Item, x stored) (err error) {
	if item.Body, err = json.Marshal(x); err != nil {
		return fmt.Errorf("keeping what is wished of %s: %w", x.Host, err)
	}
	_, err = s.Shelf.Put(ctx, item)
	return err
}

// addrsOf returns the addresses of a host, in order.
func addrsOf(h *account.Host) []netip.Addr {
	var all []netip.Addr
	for _, source := range h.Sources {
		all = append(all, source.Addr)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}

const (
	lookEvery = time.Minute
	pageSize  = 500
	oneMail   = time.Hour // about changes of one host

	wrongFor   = 24 * time.Hour     // with a wrong secret, before it is told
	wrongEvery = 7 * 24 * time.Hour // between two mails about that
)

// Run fulfils wishes until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "owners of hosts were not told what they want to hear", "error", err)
		}
	}
}

// look goes through all wishes once.
func (s *Service) look(ctx context.Context) error {
	failing := s.failing()
	for after := ""; ; {
		items, err := s.Shelf.Page(ctx, kind, after, pageSize)
		if err != nil {
			return err
		}
		if len(items) > 0 && s.Presence != nil {
			s.Presence.StayAlive()
		}
		d := s.State.State().Accounts
		for _, item := range items {
			after = item.ID
			// Somebody who changes a wish meanwhile wins; it is looked at again.
			if err := s.consider(ctx, d, item, failing); err != nil && !errors.Is(err, shelf.ErrChanged) {
				return err
			}
		}
		if len(items) < pageSize {
			return nil
		}
	}
}

// consider tells of one host what there is to tell. A wish goes with the host, and
// with its owner.
func (s *Service) consider(ctx context.Context, d account.Directory, item shelf.Item, failing map[uint32][]failure) error {
	var x stored
	if err := json.Unmarshal(item.Body, &x); err != nil {
		return fmt.Errorf("reading what is wished of host %s: %w", item.ID, err)
	}
	h, ok := d.Host(x.Host)
	if !ok || itemID(h.ID) != item.ID || h.Account != item.Account {
		return s.Shelf.Drop(ctx, item)
	}
	owner, ok := d.AccountByID(h.Account)
	if !ok || owner.Suspended || owner.Email == "" {
		return nil
	}
	if m, news := s.silence(&h, &x); news {
		return s.tell(ctx, item, x, &owner, m)
	}
	if m, news := s.change(&h, &x); news {
		return s.tell(ctx, item, x, &owner, m)
	}
	if m, news := s.wrong(&h, &x, failing[h.Account]); news {
		return s.tell(ctx, item, x, &owner, m)
	}
	return nil
}

// tell sends a mail to the owner and notes it. After a crash in between the mail has
// the same ID again.
func (s *Service) tell(ctx context.Context, item shelf.Item, x stored, owner *account.Account, m mail.Message) error {
	m.To, m.Account, m.Language, m.Data.Name = owner.Email, owner.ID, owner.Language, owner.Name
	m.Until = s.Now().Add(24 * time.Hour)
	m.Data.Host = x.Host.String()
	if u := s.pages.Load(); u != nil {
		m.Unsubscribe = u.JoinPath("hosts", x.Host.String()).String()
	}
	if err := s.Mail.Send(ctx, m); err != nil {
		return err
	}
	return s.keep(ctx, item, x)
}

// silence returns what to tell of a host that has not been heard of for as long as
// its owner wants to know.
func (s *Service) silence(h *account.Host, x *stored) (mail.Message, bool) {
	last := s.Seen.Last(h.ID)
	if x.Silent > 0 && !x.Told.IsZero() && last.After(x.Told) {
		told := x.Told
		x.Told = time.Time{}
		return mail.Message{ID: fmt.Sprintf("heard-%d-%d", h.ID, told.UnixMilli()), Kind: mail.HostHeard, Data: mail.Data{At: last}}, true
	}
	// A host that never reported has not gone silent; an alias and one that is offline
	// have nothing to say.
	if x.Silent == 0 || last.IsZero() || h.Alias != "" || h.IsOffline() || s.Now().Sub(s.present(last)) < x.Silent || x.Told.Equal(last) {
		return mail.Message{}, false
	}
	x.Told = last
	return mail.Message{ID: fmt.Sprintf("silent-%d-%d", h.ID, last.UnixMilli()), Kind: mail.HostSilent, Data: mail.Data{At: last}}, true
}

// change returns what to tell of a host whose addresses are others than those that
// were told last.
func (s *Service) change(h *account.Host, x *stored) (mail.Message, bool) {
	addrs := addrsOf(h)
	if !x.Changed || len(addrs) == 0 || slices.Equal(addrs, x.Addrs) || s.Now().Sub(x.Wrote) < oneMail {
		return mail.Message{}, false
	}
	var at time.Time
	texts := make([]string, len(addrs))
	for i, source := range h.Sources {
		if source.At.After(at) {
			at = source.At
		}
		texts[i] = addrs[i].String()
	}
	// Addresses that come back may be as old as ones that were told before.
	id := fmt.Sprintf("changed-%d-%d-%d", h.ID, at.UnixMilli(), max(x.Wrote.Unix(), 0))
	x.Addrs, x.Wrote = addrs, s.Now().UTC()
	return mail.Message{
		ID: id, Kind: mail.HostChanged,
		Data: mail.Data{At: at, Address: strings.Join(texts, ", ")},
	}, true
}

// present returns a moment, later by the time in which nobody was there since.
func (s *Service) present(at time.Time) time.Time {
	if s.Presence == nil {
		return at
	}
	return s.Presence.Present(at)
}

// failure is an update key that has failed for long.
type failure struct {
	account.Key
	since time.Time
}

// failing returns the update keys that have failed for long, by account.
func (s *Service) failing() map[uint32][]failure {
	out := map[uint32][]failure{}
	if s.Failing == nil {
		return out
	}
	d := s.State.State().Accounts
	for _, f := range s.Failing.Failing() {
		if k, ok := d.Key(f.Username); ok && f.Last.Sub(f.Since) >= wrongFor {
			out[k.Account] = append(out[k.Account], failure{k, f.Since})
		}
	}
	return out
}

// wrong returns what to tell of a host whose updates come with a wrong secret.
func (s *Service) wrong(h *account.Host, x *stored, failing []failure) (mail.Message, bool) {
	if !x.Failing || s.Now().Sub(x.Wrong) < wrongEvery {
		return mail.Message{}, false
	}
	i := slices.IndexFunc(failing, func(f failure) bool { return f.Covers(*h) })
	if i < 0 {
		return mail.Message{}, false
	}
	id := fmt.Sprintf("wrong-%d-%d-%d", h.ID, failing[i].since.Unix(), max(x.Wrong.Unix(), 0))
	x.Wrong = s.Now().UTC()
	return mail.Message{ID: id, Kind: mail.HostFailing, Data: mail.Data{At: failing[i].since, Username: failing[i].Username}}, true
}
