// Package shelf says what is kept beside the state: small records that are
// durable and belong to no zone, such as sessions, second factors, invitations
// and mails that wait to be sent.
//
// Each room names the kinds of its own items and alone knows what their bodies
// say. Package store keeps them; a room declares the few of its methods that it
// needs. What stands here never changes an answer of the DNS.
package shelf

import (
	"errors"
	"fmt"
	"time"
)

// What can be the matter with an item.
var (
	// ErrNotFound says that there is no such item.
	ErrNotFound = errors.New("nothing on the shelf has that name")

	// ErrChanged says that the item is not of the version that was expected, or
	// exists although it should not, or is gone.
	ErrChanged = errors.New("somebody else changed it meanwhile")

	// ErrBadItem says that an item cannot be kept as it is.
	ErrBadItem = errors.New("bad item")
)

// These bound an item.
const (
	MaxName = 128       // octets of Kind, and of ID
	MaxBody = 256 << 10 // octets
)

// Item is one record.
type Item struct {
	Kind    string    // whose it is and what it is: "session", "mail"
	ID      string    // unique within the kind
	Account uint32    // whom it is about; 0: nobody
	Due     time.Time // when something is to happen to it, to the millisecond; zero: never
	Body    []byte    // what its room wrote

	// Version is 0 of an item that was never kept, and another each time that it
	// is. A later one is larger, also when the item was deleted in between.
	Version uint64

	// Passing says that the item must not come back from a backup, because what
	// it allows may have been used since: links, sessions, mails.
	Passing bool
}

// Check tells whether the item can be kept: Kind and ID have 1 to MaxName octets
// of printable ASCII, so that every database sorts them alike, and Body at most
// MaxBody octets. Its error is ErrBadItem.
func (i *Item) Check() error {
	switch {
	case !isName(i.Kind):
		return fmt.Errorf("%w: kind %q", ErrBadItem, i.Kind)
	case !isName(i.ID):
		return fmt.Errorf("%w: %s %q", ErrBadItem, i.Kind, i.ID)
	case len(i.Body) > MaxBody:
		return fmt.Errorf("%w: %s %s has %d octets", ErrBadItem, i.Kind, i.ID, len(i.Body))
	}
	return nil
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= MaxName
}

// NextVersion returns the version that follows another, 0 for none, at a time.
func NextVersion(version uint64, now time.Time) uint64 {
	return max(version+1, uint64(now.UnixMicro()))
}
