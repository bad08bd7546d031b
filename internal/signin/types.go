package signin

import (
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"stayput.dev/internal/account"
)

// The paths that links lead to; the token follows as one more segment.
const (
	PathInvitation = "/signin/invitation"
	PathReset      = "/signin/reset"
	PathEmail      = "/signin/email"
	PathSignUp     = "/signin/signup"
	PathOIDC       = "/signin/oidc" // where the identity provider sends people back to; without a token
)

// What can go wrong. None says more than whoever asked may know.
var (
	ErrWrong       = errors.New("wrong name, password or code")
	ErrSlowed      = errors.New("too many wrong attempts")
	ErrBusy        = errors.New("too many people sign in just now")
	ErrSuspended   = errors.New("account is suspended")
	ErrNoSession   = errors.New("not signed in")
	ErrProofNeeded = errors.New("this needs the password or a passkey once more")
	ErrLink        = errors.New("link was used, has expired or never was")
	ErrOff         = errors.New("this is not enabled")
	ErrTaken       = errors.New("name is taken")
	ErrReserved    = errors.New("name is reserved")
	ErrPassword    = errors.New("password will not do")
	ErrInvalid     = errors.New("invalid")
	ErrNotAllowed  = errors.New("the provider's user may not sign in here")
	ErrLastFactor  = errors.New("the account must have a second factor, and this is its last")
	ErrLastWay     = errors.New("nobody could sign in to the account any more")
	ErrConnected   = errors.New("the account is connected with the provider already")
)

// Wait returns after how long an attempt that failed with ErrSlowed is worth
// repeating, and 0 for other errors.
func Wait(err error) time.Duration {
	if s, ok := errors.AsType[*slowed](err); ok {
		return s.wait
	}
	return 0
}

type slowed struct{ wait time.Duration }

func (s *slowed) Error() string { return ErrSlowed.Error() }
func (s *slowed) Unwrap() error { return ErrSlowed }

// Client is who asks, as far as the door can tell.
type Client struct {
	Addr     netip.Addr // from where; invalid: nobody knows
	Agent    string     // the User-Agent header
	Language string     // of mails that follow: "de"; empty: the house's
}

// Factor is a second proof of who somebody is.
type Factor string

// The factors.
const (
	TOTP     Factor = "totp"     // a code of an app (RFC 6238)
	Recovery Factor = "recovery" // one of the codes for when all others are lost
	Passkey  Factor = "passkey"
)

// Step is how far somebody has come.
type Step struct {
	Session Session  // the zero Session unless Done
	Cookie  string   // its secret, to be set; empty unless Done
	Ticket  string   // to come with the next step; empty if there is none
	Factors []Factor // what may be given next, with Ticket

	// RecoveryCodes are shown once, when the first second factor was set up.
	RecoveryCodes []string

	Waiting bool // for the approval of staff; nothing more is to be done
}

// Done tells whether somebody is signed in.
func (s *Step) Done() bool { return s.Cookie != "" }

// Session is somebody who is signed in somewhere.
type Session struct {
	ID      string // names it in lists; it is no secret
	Account uint32
	Role    account.Role
	Method  Method
	Created time.Time
	Seen    time.Time // about when it was used last
	Expires time.Time // at the latest
	Proven  time.Time // when its owner last proved who they are
	Addr    netip.Addr
	Agent   string

	// MustEnrol says that the account must have a second factor and has none:
	// only setting one up is allowed.
	MustEnrol bool

	print [printLen]byte // of the password that the account had
	hash  string         // of the cookie, by which it is kept
}

// FreshFor is how long after a proof what is dangerous may be done.
const FreshFor = 15 * time.Minute

// Fresh tells whether the session's owner has proved who they are so lately that
// what is dangerous may be done.
func (s *Session) Fresh(now time.Time) bool { return now.Sub(s.Proven) < FreshFor }

// StandsFor tells whether the session is one of the account as it is: not suspended, and with
// the role and the password that it had.
func (s *Session) StandsFor(a *account.Account) bool {
	return a.ID == s.Account && !a.Suspended && a.Role == s.Role && printOf(a) == s.print
}

// Method is how somebody has signed in.
type Method string

// The methods.
const (
	ByPassword   Method = "password"
	ByFactor     Method = "second factor" // after the password
	ByPasskey    Method = "passkey"       // alone
	ByProvider   Method = "provider"
	ByInvitation Method = "invitation"
)

// Challenge is what a browser's passkeys are asked.
type Challenge struct {
	Options json.RawMessage // for navigator.credentials.get or create
	Ticket  string          // to come with the response
}

// Factors are the second factors of an account.
type Factors struct {
	TOTP         bool
	TOTPSince    time.Time
	RecoveryLeft int // codes that were not used yet
	Passkeys     []PasskeyInfo
}

// Any tells whether there is a second factor besides recovery codes.
func (f *Factors) Any() bool { return f.TOTP || len(f.Passkeys) > 0 }

// PasskeyInfo is what there is to see of a passkey.
type PasskeyInfo struct {
	ID      string
	Name    string // as its owner calls it
	Created time.Time
	Used    time.Time // zero: never
	Synced  bool      // it is backed up by whoever made it
}

// Enrolment is a secret for an app that makes codes, on its way.
type Enrolment struct {
	Secret string // to be typed, in groups of four
	URI    string // otpauth://
	QR     string // the URI as an SVG image
	Ticket string // to come with the first code
}

// Link is what a link from a mail is for.
type Link struct {
	Purpose Purpose
	Account string // the account's name; empty for a sign-up
	Email   string // whom it was sent to
	Expires time.Time
}

// Purpose is what a link is for.
type Purpose string

// The purposes.
const (
	ForInvitation Purpose = "invitation"
	ForReset      Purpose = "reset"
	ForEmail      Purpose = "email"
	ForSignUp     Purpose = "signup"
)

// Application is somebody who would like an account.
type Application struct {
	ID       string
	Name     string
	Email    string // confirmed
	Language string // tag of what the pages spoke (RFC 5646); may be empty
	At       time.Time
	From     netip.Addr // whence it came; the zero Addr where that is not known
}

// Event is something that happened about signing in.
type Event struct {
	At      time.Time  `json:"at"`
	What    What       `json:"what"`
	Actor   string     `json:"actor,omitempty"`   // name of the account that did it; empty: nobody who was signed in
	Subject string     `json:"subject,omitempty"` // name of the account that it is about
	From    netip.Addr `json:"from,omitzero"`
	Detail  string     `json:"detail,omitempty"` // the method, the purpose of a link, the name of a passkey
}

// What happens.
type What string

// What can happen.
const (
	SignedIn        What = "signed in"
	SignedOut       What = "signed out"
	SessionEnded    What = "session ended"
	SessionsEnded   What = "all sessions ended"
	WrongPassword   What = "wrong password"
	WrongCode       What = "wrong code"
	PasswordChanged What = "password changed"
	EmailChanged    What = "mail address changed"
	FactorAdded     What = "second factor added"
	FactorRemoved   What = "second factor removed"
	RecoveryMade    What = "recovery codes made"
	RecoveryUsed    What = "recovery code used"
	LinkMade        What = "link made"
	LinkUsed        What = "link used"
	AccountMade     What = "account made"
	AccountLinked   What = "account linked to the provider"
	AccountUnlinked What = "account unlinked from the provider"
	RoleChanged     What = "role changed by the provider"
	Applied         What = "applied for an account"
	Declined        What = "application declined"
)
