// Package archive remembers what is no longer so: which addresses each host had and
// when, and what people changed.
//
// It follows the commits of the registry with a durable cursor, so it misses nothing
// that a crash or a full disk comes between, and no update waits for it. It serves
// whoever is asked who had an address at some time, the line of a host's addresses,
// and the audit log. What is older than it is told to keep, and what belongs to a
// customer who wants to be forgotten, it drops.
package archive

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"stayput.dev/internal/zone"
)

// Change is what became of a host's addresses of one family at a moment. Of two within
// one millisecond only the latter is kept.
type Change struct {
	Host    zone.Name
	IPv6    bool         // the family
	Addrs   []netip.Addr // from then on; empty: none
	At      time.Time    // to the millisecond
	Account uint32       // ID of the owner; 0 when the host was deleted
	Key     uint32       // ID of the update key; 0 when none was used
	Via     string       // the dialect, "admin", "api"
}

// Stay is the time during which a host had an address.
type Stay struct {
	Host    zone.Name
	Addr    netip.Addr
	From    time.Time
	Until   time.Time // zero: it still does
	Account uint32    // ID of the owner then
	Key     uint32    // ID of the update key; 0 when none was used
	Via     string
}

// Deed is something that somebody did.
type Deed struct {
	ID      string // unique; of those of one moment, the order in which they were done
	At      time.Time
	Actor   uint32 // ID of the account that did it; 0 for the operator at the admin socket
	Via     string // "admin", "api", "web"
	From    string // its address; may be empty
	Verb    string // "add", "set", "delete" …
	Subject string // "host home.dyn.example.org"
	Account uint32 // ID of the account that it concerns; 0 for none
	Detail  string // what is different; may be empty
}

// Filter chooses deeds; what is zero does not restrict.
type Filter struct {
	Account uint32 // that they concern, or that did them
	Subject string // exactly
	Before  string // the ID of a deed: only those before it
	Limit   int    // at most so many; 0: MaxPage
}

// MaxPage is the most that one question is answered with.
const MaxPage = 1000

// Shelves keep it all, as store does.
type Shelves interface {
	Reader
	// KeepChanges keeps changes; one that is kept already stays once.
	KeepChanges(ctx context.Context, changes []Change) error
	// KeepDeeds keeps deeds; one that is kept already stays once.
	KeepDeeds(ctx context.Context, deeds []Deed) error
	// DropChanges drops what ended before a time, some at a time, and returns how
	// many: 0 when nothing is left of it.
	DropChanges(ctx context.Context, ended time.Time) (int, error)
	// DropDeeds drops what was done before a time, some at a time, and returns how
	// many.
	DropDeeds(ctx context.Context, before time.Time) (int, error)
	// Forget drops all that concerns an account.
	Forget(ctx context.Context, account uint32) error
}

// Reader answers questions about the past.
type Reader interface {
	// Changes returns what became of a host's addresses, the latest first.
	Changes(ctx context.Context, host zone.Name, limit int) ([]Change, error)
	// Stays returns which hosts had an address of the prefix at some time, the
	// latest first. With a zero time it returns all who ever had.
	Stays(ctx context.Context, p netip.Prefix, at time.Time, limit int) ([]Stay, error)
	// Deeds returns what was done, the latest first.
	Deeds(ctx context.Context, f Filter) ([]Deed, error)
}

// ErrBadAddress says that something is neither an address nor a prefix.
var ErrBadAddress = errors.New("not an address or prefix")

// ParsePrefix reads an address or a prefix. An address is the prefix of itself alone.
func ParsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q: %w", s, ErrBadAddress)
	}
	return p.Masked(), nil
}

// FirstID returns what the ID of every deed before a time is less than, and of no other.
func FirstID(at time.Time) string { return fmt.Sprintf("%016x", at.UnixMilli()) }
