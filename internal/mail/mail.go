// Package mail writes to people: invitations, links, warnings, in their language and
// under the name of the company that runs the service.
//
// It promises that a message which Send took is on the disk, is tried for days while
// the mail server does not answer, and leaves once: a second one with the same ID is
// not sent, save when the power fails between the server's answer and the note of it,
// and then both copies have the same Message-ID. It serves the rooms that have
// something to say. It never logs what a message says or where its links lead.
package mail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/shelf"
)

// Kind is what a message is about. Its built-in texts stand in text/, by language.
type Kind string

// The kinds.
const (
	Invitation      Kind = "invitation"       // Link, Expires
	PasswordReset   Kind = "password-reset"   // Link, Expires
	ConfirmEmail    Kind = "confirm-email"    // Link, Expires
	ConfirmSignUp   Kind = "confirm-signup"   // Link, Expires
	KnownAddress    Kind = "known-address"    // Link: somebody signs up with an address that has an account
	Approved        Kind = "approved"         // Link: staff approved an account that somebody asked for
	NewPlace        Kind = "new-place"        // At, Place, Agent
	PasswordChanged Kind = "password-changed" // At, Place
	FactorsChanged  Kind = "factors-changed"  // At, Place: another second factor, one less, or other recovery codes
	TokenMade       Kind = "token-made"       // At, Place, Token
	Connected       Kind = "connected"        // At, Place, Provider, Identity
	Disconnected    Kind = "disconnected"     // At, Place, Provider, Identity
	EmailChanged    Kind = "email-changed"    // At, Address: to the address before
	HostSilent      Kind = "host-silent"      // Host, At: when it was last heard of
	HostHeard       Kind = "host-heard"       // Host, At: it is heard of again
	HostChanged     Kind = "host-changed"     // Host, Address, At
	HostFailing     Kind = "host-failing"     // Host, Username, At: since when the secret is wrong
)

// Message is something to be said to somebody.
type Message struct {
	ID      string // what makes it one message however often it is sent, of 1 to 100 letters, digits, ".", "-" and "_"
	Kind    Kind
	To      string // a mail address
	Account uint32 // of the one it is for; 0: nobody has one yet

	Language    string    // as "de" or "pt-BR"; empty, or one that we do not speak: that of the brand
	Until       time.Time // when it is of no use any more; zero: never
	Unsubscribe string    // where one can say that no more of the kind are wanted; may be empty

	Data Data
}

// Data is what texts speak of. What a kind does not name is empty.
type Data struct {
	Name    string    `json:",omitempty"` // of the account
	Link    string    `json:",omitempty"` // a URL
	Expires time.Time `json:",omitzero"`
	At      time.Time `json:",omitzero"`
	Place   string    `json:",omitempty"` // an IP address
	Agent   string    `json:",omitempty"` // the browser, as it calls itself
	Host    string    `json:",omitempty"`
	Address string    `json:",omitempty"`

	Username string `json:",omitempty"` // of an update key
	Token    string `json:",omitempty"` // what an API token is for
	Provider string `json:",omitempty"` // of identities
	Identity string `json:",omitempty"` // name of the user there
}

// Brand is the company in whose name messages go.
type Brand struct {
	Name     string // empty: Stayput
	Colour   string // of buttons, as "#0b5fff"; empty: ours
	URL      string // of the pages; may be empty
	Footer   string // a line with who is responsible; may be empty
	Language string // the house's; empty: en
}

// Shelf keeps messages, see package shelf.
type Shelf interface {
	// Put keeps an item, see store.Shelf.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
	// Take deletes an item.
	Take(ctx context.Context, kind, id string) (shelf.Item, error)
	// Of returns the items that are about an account.
	Of(ctx context.Context, account uint32, kind string) ([]shelf.Item, error)
	// Due returns the items whose time has come.
	Due(ctx context.Context, kind string, until time.Time, limit int) ([]shelf.Item, error)
}

// Options say how messages leave. They may change while a Queue runs.
type Options struct {
	Server   string // host:port; empty: messages wait
	Security Security
	Username string // empty: the server wants none
	Password string
	From     string // as "Example DNS <dns@example.org>"
	RootCAs  string // file of certificates that the server's must lead to; empty: the system's

	Brand Brand
}

// Security is how the way to the mail server is protected.
type Security string

// The ways.
const (
	StartTLS Security = "starttls" // must succeed
	TLS      Security = "tls"      // from the first octet
	Plain    Security = "none"
)

// ErrBadMessage says that a message can never be sent.
var ErrBadMessage = errors.New("bad message")

// Status is how the queue fares.
type Status struct {
	Sent      int       // since the process began
	LastSent  time.Time // zero: none was
	LastError string    // why the last attempt failed; empty: it did not
	LastTried time.Time
}

// Queue is messages that wait to be sent. It is safe for concurrent use.
type Queue struct {
	shelf Shelf
	log   *slog.Logger
	opts  atomic.Pointer[Options]
	wake  chan struct{}

	look   time.Duration   // how often to look for what is due
	pauses []time.Duration // after attempts that failed

	mu     sync.Mutex // guards status
	status Status
}

// New returns a queue, whose Run must be called for anything to leave. A nil
// logger is slog.Default.
func New(s Shelf, opts Options, log *slog.Logger) *Queue {
	q := &Queue{shelf: s, log: cmp.Or(log, slog.Default()), wake: make(chan struct{}, 1), look: lookEvery, pauses: patience()}
	q.opts.Store(&opts)
	return q
}

// SetOptions replaces the options from the next message on.
func (q *Queue) SetOptions(opts Options) { q.opts.Store(&opts) }

// Status returns how the queue fares.
func (q *Queue) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.status
}

// Send takes a message: it is durable when Send returns, and soon sent. One whose
// ID was taken within a week is passed over, without an error. It fails with
// ErrBadMessage when the message can never be sent.
func (q *Queue) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	item, err := newItem(&m)
	if err != nil {
		return err
	}
	item.Due = time.Now()
	if _, err = q.shelf.Put(ctx, item); err != nil && !errors.Is(err, shelf.ErrChanged) {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// Waiting returns the messages for an account that wait to be sent, without their
// links.
func (q *Queue) Waiting(ctx context.Context, account uint32) ([]Message, error) {
	items, err := q.shelf.Of(ctx, account, itemKind)
	if err != nil {
		return nil, err
	}
	var all []Message
	for _, item := range items {
		var e entry
		if err := json.Unmarshal(item.Body, &e); err != nil {
			return nil, fmt.Errorf("reading a mail: %w", err)
		}
		if e.Message != nil {
			e.Message.Data.Link, e.Message.Unsubscribe = "", ""
			all = append(all, *e.Message)
		}
	}
	return all, nil
}

// ForgetPerson drops messages to the address that are for nobody's account.
func (q *Queue) ForgetPerson(ctx context.Context, _, email string) error {
	items, err := q.shelf.Of(ctx, 0, itemKind)
	if err != nil || email == "" {
		return err
	}
	for _, item := range items {
		var e entry
		if err := json.Unmarshal(item.Body, &e); err != nil {
			return fmt.Errorf("reading a mail: %w", err)
		}
		if e.Message == nil || !strings.EqualFold(e.Message.To, email) {
			continue
		}
		if _, err := q.shelf.Take(ctx, itemKind, item.ID); err != nil && !errors.Is(err, shelf.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (m *Message) check() error {
	if m.ID == "" || len(m.ID) > 100 || strings.Trim(m.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
		return fmt.Errorf("%w: ID %q", ErrBadMessage, m.ID)
	}
	a, err := mail.ParseAddress(m.To)
	if err != nil || a.Address != m.To {
		return fmt.Errorf("%w: no mail address to send it to", ErrBadMessage)
	}
	if texts["en"].Lookup(string(m.Kind)) == nil {
		return fmt.Errorf("%w: kind %q", ErrBadMessage, m.Kind)
	}
	return nil
}

// itemKind is the kind of our items.
const itemKind = "mail"

// entry is what an item says: a message and how far it has come. Of a message that
// has left, or never will, only the ID remains.
type entry struct {
	Message *Message `json:",omitempty"`
	Tries   int      `json:",omitempty"`
	Began   time.Time
}

func newItem(m *Message) (shelf.Item, error) {
	body, err := json.Marshal(entry{Message: m, Began: time.Now().UTC()})
	if err != nil {
		return shelf.Item{}, fmt.Errorf("queueing a mail: %w", err)
	}
	return shelf.Item{Kind: itemKind, ID: m.ID, Account: m.Account, Body: body, Passing: true}, nil
}
