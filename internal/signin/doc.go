// Package signin is how people prove who they are: passwords, second factors,
// passkeys, an identity provider of the operator's (OpenID Connect), and the links
// that come by mail; and what follows from it, their sessions.
//
// It serves the pages, which show its steps as forms, and the command line, which
// asks for invitations. It promises that whoever does not know a secret learns
// nothing: not whether an account exists, nor what was wrong; that a link, a code
// and a recovery code work once; that a session ends everywhere at once when it is
// revoked, or when the account's password or role changes, is suspended or goes; that
// guessing becomes slow, while the owner is never locked out where they were before; and
// that a secret is neither logged nor kept where a hash will do.
//
// Accounts, with their passwords and roles, are part of the state and change by edits
// of the registry. All else stands on the shelf: sessions, second factors, links,
// and what happened (Event). No page view reads the disk.
//
// # For the pages
//
// A Client says who asks. What signs somebody in returns a Step: when it is Done, its
// Cookie is to be set with SetCookie, always, since it is another each time; otherwise
// its Ticket, to be carried in a hidden field, and its Factors say what comes next.
//
//	Password(ctx, client, name, password) (Step, error)        name or mail address
//	Code(ctx, client, ticket, code) (Step, error)              of an app, or a recovery code
//	BeginPasskey(ctx, client, ticket) (Challenge, error)       ticket "": a passkey alone
//	FinishPasskey(ctx, client, ticket, response) (Step, error) ticket of the Challenge
//	Provider() (name string, ok bool)                          whether to show its button
//	BeginOIDC(ctx, client, back) (to, cookie string, err error)
//	FinishOIDC(ctx, client, cookie, query) (step Step, back string, err error)
//
// Somebody who is signed in may connect the account with the provider's user that they
// are, with a fresh session as for second factors:
//
//	Identities(ctx, account) ([]Identity, error)
//	BeginConnect(ctx, session) (to, cookie string, err error)
//	IsConnect(ctx, cookie) bool                                at PathOIDC: whose cookie it is
//	FinishConnect(ctx, client, session, cookie, query) error
//	Disconnect(ctx, client, session, id) error
//
// A request's session, and what its owner may do with it. Session.MustEnrol says that
// only the pages for second factors may be shown. What is dangerous wants
// Session.Fresh(now), and else a proof first:
//
//	SetCookie(w, r, value), ClearCookie(w, r), CookieOf(r) string
//	SetStateCookie(w, r, value), StateCookieOf(w, r) string       for the way to the provider and back
//	Session(ctx, client, cookie) (Session, error)              from memory
//	Sessions(ctx, account) ([]Session, error)
//	SignOut(ctx, client, cookie) error
//	End(ctx, client, account, id) error
//	EndAll(ctx, client, account, exceptID) error
//	EndAllBy(ctx, by, account) error                           by staff
//	Prove(ctx, client, session, password) (Step, error)
//	ProveByCode(ctx, client, session, code) (Step, error)
//	BeginPasskeyProof(ctx, session) (Challenge, error)         then FinishPasskey
//
// Second factors; all that changes something needs a fresh session or fails with
// ErrProofNeeded:
//
//	Factors(ctx, account) (Factors, error)
//	BeginTOTP(ctx, session) (Enrolment, error)
//	ConfirmTOTP(ctx, client, session, ticket, code) (Step, error)
//	RemoveTOTP(ctx, client, session) error
//	NewRecoveryCodes(ctx, client, session) ([]string, error)
//	BeginPasskeyEnrolment(ctx, session) (Challenge, error)
//	FinishPasskeyEnrolment(ctx, client, session, ticket, name, response) (Step, error)
//	RenamePasskey(ctx, client, session, id, name) error
//	RemovePasskey(ctx, client, session, id) error
//	ResetFactors(ctx, by, account) error                       by staff, for who has lost them
//
// Links, which lead to the paths below, each with the token as its last segment. Opening
// one changes nothing (programs that scan mail open links): Link looks at it, and the
// form on its page uses it up:
//
//	Link(ctx, token) (Link, error)                             whose it is and what for
//	Invite(ctx, by, account, language) (link string, err error) without mail
//	InviteByMail(ctx, by, account, language) error
//	AcceptInvitation(ctx, client, token, password) (Step, error)
//	RequestReset(ctx, client, nameOrMail) error                the same whoever it is
//	ResetPassword(ctx, client, token, password) error          then sign in as usual
//	ChangePassword(ctx, client, session, password) (Step, error)
//	ChangeEmail(ctx, client, session, address) error           mails a link there
//	ConfirmEmail(ctx, client, token) error
//	SignUp(ctx, client, address) error                         mails a link there
//	ConfirmSignUp(ctx, client, token, name, password) (Step, error)
//	Applications(ctx, after, limit) ([]Application, error)     what waits for approval
//	Application(ctx, id) (Application, error)
//	Approve(ctx, by, id) error, Decline(ctx, by, id) error
//
// What happened, the latest first:
//
//	Events(ctx, after, limit) (events []Event, next string, err error)
//	EventsOf(ctx, account) ([]Event, error)
//
// Errors are one of ErrWrong, ErrSlowed (see Wait), ErrBusy, ErrSuspended, ErrNoSession,
// ErrProofNeeded, ErrLink, ErrOff, ErrTaken, ErrReserved, ErrPassword, ErrInvalid,
// ErrLastFactor, ErrLastWay, ErrConnected, ErrNotAllowed, or those of the registry, the
// shelf and the context, for which 503 is the answer.
package signin
