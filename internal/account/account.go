// Package account says who there is and what is theirs: accounts, hosts and
// update keys, in a directory whose versions never change, and how secrets and
// passwords are made, kept and checked.
//
// It serves the registry, which holds the directory, and every room that asks
// who may do what. It never writes to a disk or a network, and a secret leaves
// it only at the moment when it is made.
package account

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// Role says what an account may do beyond its own hosts.
type Role string

// The roles.
const (
	Customer Role = "customer" // sees and changes its own
	Support  Role = "support"  // sees all, changes what customers may change
	Admin    Role = "admin"    // may do everything
)

// Account is a person or company that owns hosts.
type Account struct {
	ID        uint32 // never 0, never given twice
	Name      string // unique, see CheckName
	Email     string // may be empty
	Role      Role
	Password  string // hash of the sign-in password in PHC form; empty: none set
	Suspended bool   // its hosts answer nothing, and its keys do nothing for now
	Created   time.Time
	Resumed   time.Time // when it was last no longer suspended; zero: it never was

	ExternalID string    // in the system that sends the bills, unique; empty for none, see CheckExternalID
	Plan       string    // name of a plan; empty for none, and so no limits
	FullName   string    // for people; may be empty
	Language   string    // language tag (RFC 5646); empty where nobody said one
	Terminated time.Time // when its names were released for good, and then it is Suspended; zero: they were not
}

// Host is a name that a customer keeps up to date. Its addresses are not here:
// they stand in the zone's RRsets alone.
type Host struct {
	ID      uint32    // never 0, never given twice
	Name    zone.Name // in a zone of ours
	Account uint32    // ID of the owner
	TTL     uint32    // seconds, of the records that updates write
	Created time.Time

	// InterfaceID, when valid, is an IPv6 address whose low bits the host keeps
	// when its prefix changes; Follows is the host whose prefix that is, empty
	// for the one that the router sends.
	InterfaceID netip.Addr
	Follows     zone.Name

	Sources []Source // where each address came from, in order of address

	NonGlobal NonGlobal // what becomes of reported addresses that cannot be reached from outside

	Options Options
	Alias   zone.Name // what the host is an alias of while it has no addresses; empty for none
	Offline Source    // what took it offline, without an address; the zero Source while it is online

	// Prefix is the IPv6 prefix that was sent last with the host's name, the
	// zero Prefix if none ever was. It need not hold an address of the host.
	Prefix netip.Prefix

	Text string // that a device put in a TXT record at the name; empty for none
}

// IsOffline tells whether the host is offline, so that Options.WhenOffline stands
// in the place of its addresses.
func (h *Host) IsOffline() bool { return !h.Offline.At.IsZero() }

// Equal tells whether the two are the same in every part.
func (h *Host) Equal(other *Host) bool {
	return h.ID == other.ID && h.Name == other.Name && h.Account == other.Account && h.TTL == other.TTL &&
		h.Created.Equal(other.Created) && h.InterfaceID == other.InterfaceID && h.Follows == other.Follows && h.NonGlobal == other.NonGlobal &&
		h.Prefix == other.Prefix && h.Text == other.Text &&
		h.Alias == other.Alias && h.Offline.Equal(other.Offline) && h.Options.Equal(&other.Options) &&
		slices.EqualFunc(h.Sources, other.Sources, Source.Equal)
}

// Source tells where an address value came from.
type Source struct {
	Addr    netip.Addr
	Key     uint32    // ID of the update key; 0 when none was used
	Via     string    // the dialect or network event: "dyndns2", "admin", "radius"
	Session string    // of a network event; empty for others
	At      time.Time // when it happened where it happened, to the millisecond
}

// Equal tells whether the two are the same in every part.
func (s Source) Equal(other Source) bool {
	at := s.At
	s.At = other.At
	return s == other && at.Equal(other.At)
}

// Key is an update key: the user name and secret that a router uses. It is
// never the sign-in password.
type Key struct {
	ID       uint32      // never 0, never given twice
	Account  uint32      // ID of the owner
	Username string      // unique, see CheckUsername
	AnyCase  bool        // the user name, which is in lower case, may come in any
	Hosts    []zone.Name // what it may update; without any, and without Patterns: all hosts of the account
	Secret   Secret      // how the secret is checked
	Token    bool        // the secret alone suffices, without the user name
	Created  time.Time

	Unchanged Unchanged // what its devices hear when nothing changed
	TLSOnly   bool      // it is refused where its secret crossed in the clear
	BareGood  bool      // its devices hear one word for all hosts, "good" also when nothing changed; of several hosts all change or none

	// Patterns are of further names that it may update, see CheckPattern. Those
	// that are no hosts yet become hosts by their first update, while fewer than
	// NewHosts of the account fit, at most MaxNewHosts.
	Patterns []zone.Name
	NewHosts uint32
}

// Covers tells whether the key may update h.
func (k Key) Covers(h Host) bool {
	return k.Account == h.Account && (k.CoversAll() || slices.Contains(k.Hosts, h.Name) || k.Fits(h.Name))
}

// CoversAll tells whether the key may update all hosts of its account.
func (k Key) CoversAll() bool { return len(k.Hosts) == 0 && len(k.Patterns) == 0 }

// Faults of names that people choose.
var (
	ErrBadName     = phrase.Errorf("bad account name")
	ErrBadUsername = phrase.Errorf("bad user name")
	ErrBadRole     = phrase.Errorf("no such role")
)

// CheckName tells whether s may name an account: 1 to 64 octets of letters,
// digits and ". _ - @ +", starting with a letter or digit. Case is kept but
// does not tell two accounts apart.
func CheckName(s string) error {
	if len(s) < 1 || len(s) > 64 || !isAlnum(s[0]) {
		return phrase.Errorf("%w %q: 1 to 64 characters, a letter or digit first", ErrBadName, s)
	}
	for _, c := range []byte(s) {
		if !isAlnum(c) && strings.IndexByte("._-@+", c) < 0 {
			return phrase.Errorf("%w %q: only letters, digits and . _ - @ +", ErrBadName, s)
		}
	}
	return nil
}

// CheckUsername tells whether s may be the user name of an update key: 1 to 255
// printable ASCII characters without a colon, at which HTTP Basic splits
// (RFC 7617 §2), and without blanks.
func CheckUsername(s string) error {
	if len(s) < 1 || len(s) > 255 {
		return phrase.Errorf("%w %q: 1 to 255 characters", ErrBadUsername, s)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return phrase.Errorf("%w %q: only printable ASCII without blanks and colons", ErrBadUsername, s)
		}
	}
	return nil
}

// ParseRole reads a role.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case Customer, Support, Admin:
		return r, nil
	}
	return "", phrase.Errorf("%w %q: customer, support or admin", ErrBadRole, s)
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
