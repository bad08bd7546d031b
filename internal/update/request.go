package update

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// Faults of a request as a whole. Nothing has changed when Update returns one.
var (
	// ErrNoCredentials says that neither user name nor secret were given: a
	// client that waits to be asked, not a failed login. It is also an
	// account.ErrBadCredential.
	ErrNoCredentials = fmt.Errorf("no user name and secret: %w", account.ErrBadCredential)

	// ErrPlain says that the update key is for TLS only, and that its secret crossed in
	// the clear. It is also an account.ErrBadCredential: somebody must act.
	ErrPlain = fmt.Errorf("secret sent in the clear: %w", account.ErrBadCredential)

	// ErrBadAddress says that what was given as an address is none, or one of
	// the other family, or that there are more than MaxAddresses.
	ErrBadAddress = errors.New("not an address")

	// ErrBadText says that what was given as a text is empty, longer than
	// MaxText, or Placeholder.
	ErrBadText = errors.New("not a text")

	// ErrTooManyHosts says that more than MaxHosts were named, or that the key
	// covers more than MaxAll where All are meant, or more than MaxCovered
	// where a prefix was given.
	ErrTooManyHosts = errors.New("too many hosts")

	// ErrNoHostNamed says that no host was named, and that the update key does
	// not cover exactly one.
	ErrNoHostNamed = errors.New("no host named")
)

// KeyError is a fault of a request whose user name and secret were right.
type KeyError struct {
	Key account.Key
	Err error // never nil
}

// Error returns what the fault is.
func (e *KeyError) Error() string { return e.Err.Error() }

// Unwrap returns the fault itself.
func (e *KeyError) Unwrap() error { return e.Err }

// Limits of one request.
const (
	MaxHosts     = 20     // named, as in the Dyn Remote Access API
	MaxAll       = 1000   // meant by All
	MaxCovered   = 10_000 // covered by the key, where any of them may be renumbered
	MaxAddresses = 8      // in each family
	MaxText      = 1020   // octets, as four strings
)

// Action says what becomes of a host's addresses of one family.
type Action uint8

// The actions.
const (
	Keep       Action = iota // leave the family alone
	Set                      // exactly Addrs
	FromSource               // the client's address if it is of that family, else Keep
	Remove                   // none
	Renumber                 // the low bits of what stands, behind Prefix; IPv6 only
)

// Family is what a request wants for one address family. The zero Family keeps it.
type Family struct {
	Action Action

	// Addrs are for Set: 1 to MaxAddresses of the family, in any order, where
	// IPv4-mapped IPv6 addresses count as IPv4. An invalid one stands for
	// text that could not be read, and makes the request fail.
	Addrs []netip.Addr

	// Prefix is for Renumber: IPv6, of any length below 128. Bits behind the
	// length do not matter.
	Prefix netip.Prefix
}

// HostFamilies are what a request wants for one host by name, in the place of
// what it wants for all.
type HostFamilies struct {
	Host   string // as the device wrote it
	V4, V6 Family
}

// Switch turns an option of a host on or off, or leaves it. The zero Switch
// leaves it.
type Switch uint8

// The switches.
const (
	Leave Switch = iota
	On
	Off
)

// HostOptions are what a request wants of the options of its hosts. The zero
// HostOptions leave all as they are.
type HostOptions struct {
	Wildcard Switch  // whether all names below the host have its addresses
	MX       *string // mail exchanger; empty: none; nil: as it is
	BackupMX Switch  // whether MX stands behind the host itself
}

// Text is what a request wants of the text that devices may keep in a TXT record
// at the host's name. Texts of the customer there are no matter of it.
type Text struct {
	Value string // 1 to MaxText octets, in strings of 255; takes the place of the one before
	Clear bool   // take Value away, or without one, whatever text devices set
}

// Request is one "my address is now this".
type Request struct {
	Username string
	Secret   string
	// OtherSecrets are further readings of the secret that was sent, to be
	// tried in order, where the way that it came leaves a doubt.
	OtherSecrets []string
	Salted       *account.Salted // in the place of a secret, where the device sends this
	Plain        bool            // the secret crossed in the clear

	Hosts     []string // as the device wrote them; none, and no Each: the one host that the key covers
	OtherHost string   // a further reading of the only one of Hosts, for when the key covers no host of that name
	All       bool     // all hosts that the key covers, in the place of Hosts
	Short     bool     // one of Hosts with a single label means the one host of the key that begins with it
	Whole     bool     // when one host fails, all fail with it
	V4, V6    Family   // what to do with the addresses of each host

	Each    []HostFamilies // what to do otherwise with some of Hosts, or with further hosts
	Prefix  netip.Prefix   // if valid, an IPv6 prefix as in Family: renumbers whatever of the key's hosts hangs on it, named or not
	Offline bool           // the hosts go offline, whatever V4 and V6 say
	Options HostOptions
	Text    *Text      // nil: leave the texts alone
	Source  netip.Addr // the client's address; the zero Addr when it is not known
	Via     string     // the dialect; one of a few words, since it labels metrics
	Session string     // of a network event; empty for others
	At      time.Time  // when it happened, if it was reported; zero: now
}

// Outcome says what became of one host.
type Outcome uint8

// The outcomes.
const (
	Good     Outcome = iota // changed, durable, and answered by our own DNS
	NoChange                // all was so already
	Ignored                 // nothing changed: the address cannot be reached from outside
	NoHost                  // unknown, or not covered by the update key
	NotFQDN                 // not the name of a host
)

// String returns the label of the outcome in metrics.
func (o Outcome) String() string {
	return [...]string{"good", "nochange", "ignored", "nohost", "notfqdn"}[o]
}

// IsSuccess tells whether the device is to be told that all is well.
func (o Outcome) IsSuccess() bool { return o <= Ignored }

// Result is what became of one host of a request.
type Result struct {
	Host    string // as the device wrote it
	ID      uint32 // of the host; 0 unless the outcome is a success
	Account uint32 // ID of its account; 0 where ID is
	Key     uint32 // ID of the update key that the request came with
	Outcome Outcome

	// Addrs is what to tell of a success: the addresses that were sent, IPv4
	// first, or where none were, those that stand. It may be empty, and is
	// not to be modified.
	Addrs []netip.Addr

	// Unchanged is what the update key wants to be said of NoChange.
	Unchanged account.Unchanged

	// Pending are servers elsewhere that may not have yet what was acknowledged.
	Pending []netip.AddrPort

	// BareGood says that the update key wants one word to be said of all hosts,
	// and nothing else. Then either all succeeded or none did.
	BareGood bool

	// Followers are the IDs of further hosts that changed, because they hang on
	// a prefix that the request moved. They stand in the first result.
	Followers []uint32
}

// actor is who makes the changes that the request asks for with a key.
func (r *Request) actor(key *account.Key) registry.Actor {
	by := registry.Actor{Account: key.Account, Key: key.ID, Via: r.Via}
	if r.Source.IsValid() {
		by.From = r.Source.String()
	}
	return by
}
