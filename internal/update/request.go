package update

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"stayput.dev/internal/account"
)

// Faults of a request as a whole. Nothing has changed when Update returns one.
var (
	// ErrNoCredentials says that neither user name nor secret were given: a
	// client that waits to be asked, not a failed login. It is also an
	// account.ErrBadCredential.
	ErrNoCredentials = fmt.Errorf("no user name and secret: %w", account.ErrBadCredential)

	// ErrBadAddress says that what was given as an address is none, or one of
	// the other family, or that there are more than MaxAddresses.
	ErrBadAddress = errors.New("not an address")

	// ErrTooManyHosts says that more than MaxHosts were named.
	ErrTooManyHosts = fmt.Errorf("more than %d hosts", MaxHosts)

	// ErrNoHostNamed says that no host was named, and that the update key does
	// not cover exactly one.
	ErrNoHostNamed = errors.New("no host named")
)

// Limits of one request.
const (
	MaxHosts     = 20 // as in the Dyn Remote Access API
	MaxAddresses = 8  // in each family
)

// Action says what becomes of a host's addresses of one family.
type Action uint8

// The actions.
const (
	Keep       Action = iota // leave the family alone
	Set                      // exactly Addrs
	FromSource               // the client's address if it is of that family, else Keep
	Remove                   // none
)

// Family is what a request wants for one address family. The zero Family keeps it.
type Family struct {
	Action Action

	// Addrs are for Set: 1 to MaxAddresses of the family, in any order, where
	// IPv4-mapped IPv6 addresses count as IPv4. An invalid one stands for
	// text that could not be read, and makes the request fail.
	Addrs []netip.Addr
}

// Request is one "my address is now this".
type Request struct {
	Username string
	Secret   string
	// OtherSecrets are further readings of the secret that was sent, to be
	// tried in order, where the way that it came leaves a doubt.
	OtherSecrets []string

	Hosts   []string   // as the device wrote them; none: the one host that the key covers
	V4, V6  Family     // what to do
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
	Outcome Outcome

	// Addrs is what to tell of a success: the addresses that were sent, IPv4
	// first, or where none were, those that stand. It may be empty, and is
	// not to be modified.
	Addrs []netip.Addr

	// Unchanged is what the update key wants to be said of NoChange.
	Unchanged account.Unchanged
}
