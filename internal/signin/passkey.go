package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
	"stayput.dev/internal/shelf"
)

// maxPasskeys is how many passkeys an account may have.
const maxPasskeys = 20

// storedPasskey is what an item says of a passkey. Its ID is the hash of the
// credential's, which may be long.
type storedPasskey struct {
	Name       string
	Created    time.Time
	Used       time.Time `json:",omitzero"`
	Challenged time.Time `json:",omitzero"` // when the challenge was made that it answered last
	Credential webauthn.Credential
}

// passkey is a passkey as it stands on the shelf.
type passkey struct {
	item shelf.Item
	storedPasskey
}

func (k *passkey) info() PasskeyInfo {
	return PasskeyInfo{ID: k.item.ID, Name: k.Name, Created: k.Created, Used: k.Used, Synced: k.Credential.Flags.BackupState}
}

func passkeyID(credential []byte) string {
	sum := sha256.Sum256(credential)
	return hex.EncodeToString(sum[:])
}

func (s *Service) passkeysOf(ctx context.Context, id uint32) ([]passkey, error) {
	items, err := s.shelf.Of(ctx, id, kindPasskey)
	if err != nil {
		return nil, err
	}
	all := make([]passkey, len(items))
	for i, item := range items {
		all[i].item = item
		if err := json.Unmarshal(item.Body, &all[i].storedPasskey); err != nil {
			return nil, fmt.Errorf("reading a passkey: %w", err)
		}
	}
	return all, nil
}

// owner shows an account to the library.
type owner struct {
	account account.Account
	keys    []passkey
}

// WebAuthnID implements webauthn.User: it is the same for all passkeys of an account
// and says nothing of it.
func (o *owner) WebAuthnID() []byte {
	sum := sha256.Sum256([]byte("stayput account " + number(o.account.ID)))
	return sum[:]
}

// WebAuthnName implements webauthn.User.
func (o *owner) WebAuthnName() string { return o.account.Name }

// WebAuthnDisplayName implements webauthn.User.
func (o *owner) WebAuthnDisplayName() string { return o.account.Name }

// WebAuthnCredentials implements webauthn.User.
func (o *owner) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(o.keys))
	for i := range o.keys {
		all[i] = o.keys[i].Credential
	}
	return all
}

func (s *Service) ownerOf(ctx context.Context, id uint32) (*owner, error) {
	a, err := s.accountByID(id)
	if err != nil {
		return nil, err
	}
	keys, err := s.passkeysOf(ctx, id)
	return &owner{a, keys}, err
}

// mayHaveMore tells whether there may be another passkey.
func (o *owner) mayHaveMore() error {
	if len(o.keys) >= maxPasskeys {
		return fmt.Errorf("%w: an account has %d passkeys at most", ErrInvalid, maxPasskeys)
	}
	return nil
}

// relyingParty returns the library for our public URL, or ErrOff where passkeys cannot
// be used: they belong to a host name, and browsers want TLS everywhere but on
// localhost.
func (s *Service) relyingParty() (*webauthn.WebAuthn, error) {
	u := s.opts.Load().PublicURL
	if u == nil {
		return nil, ErrOff
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || u.Scheme != "https" && host != "localhost" {
		return nil, ErrOff
	}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: host, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: passkeys: %w", ErrOff, err)
	}
	return rp, nil
}

// BeginPasskey asks the browser for a passkey: with the ticket of Password as second
// factor, without one alone, when it must also make sure who its owner is.
func (s *Service) BeginPasskey(ctx context.Context, _ Client, text string) (Challenge, error) {
	rp, err := s.relyingParty()
	if err != nil {
		return Challenge{}, err
	}
	if text == "" {
		options, session, err := rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		return s.challenge(ctx, ticket{For: forPasskey}, options, session, err)
	}
	t, err := s.openTicket(ctx, text, forFactor)
	if err != nil {
		return Challenge{}, err
	}
	a, err := s.ticketOwner(ctx, &t)
	if err != nil {
		return Challenge{}, err
	}
	o, err := s.ownerOf(ctx, a.ID)
	if err != nil {
		return Challenge{}, err
	}
	options, session, err := rp.BeginLogin(o)
	return s.challenge(ctx, ticket{For: forPasskey, Account: a.ID, Print: t.Print}, options, session, err)
}

// BeginPasskeyProof asks the browser for a passkey that proves a session anew.
func (s *Service) BeginPasskeyProof(ctx context.Context, session Session) (Challenge, error) {
	rp, err := s.relyingParty()
	if err != nil {
		return Challenge{}, err
	}
	o, err := s.ownerOf(ctx, session.Account)
	if err != nil {
		return Challenge{}, err
	}
	options, data, err := rp.BeginLogin(o)
	return s.challenge(ctx, ticket{For: forPasskey, Account: o.account.ID, Session: session.hash, Print: session.print[:]}, options, data, err)
}

// challenge returns what the library wants to ask, with a ticket that remembers it.
func (s *Service) challenge(ctx context.Context, t ticket, options any, session *webauthn.SessionData, err error) (Challenge, error) {
	if err != nil {
		return Challenge{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var c Challenge
	if c.Options, err = json.Marshal(options); err != nil {
		return c, fmt.Errorf("asking for a passkey: %w", err)
	}
	if t.Challenge, err = json.Marshal(session); err != nil {
		return c, fmt.Errorf("asking for a passkey: %w", err)
	}
	c.Ticket, err = s.sealTicket(ctx, t)
	return c, err
}

// FinishPasskey takes the browser's answer, in the JSON form of
// PublicKeyCredential.toJSON, to BeginPasskey or BeginPasskeyProof. The step is Done.
// It fails with ErrWrong when the answer is wrong, and with ErrLink when it comes too
// late or twice.
func (s *Service) FinishPasskey(ctx context.Context, c Client, text string, response []byte) (Step, error) {
	t, err := s.openTicket(ctx, text, forPasskey)
	if err != nil {
		return Step{}, err
	}
	g := &guess{}
	if c.Addr.IsValid() {
		if wait, ok := g.take(s.limits.sources, limit.Source(c.Addr), sourcePace); !ok {
			s.noteSlowed(ctx, c, account.Account{})
			return Step{}, &slowed{wait}
		}
	}
	o, key, err := s.validate(ctx, &t, response)
	if err != nil {
		if errors.Is(err, ErrWrong) {
			s.log.InfoContext(ctx, "sign-in: wrong passkey", "source", c.Addr, "error", err)
			return Step{}, ErrWrong
		}
		return Step{}, err
	}
	g.forgive()
	if err := s.usePasskey(ctx, key, t.Made); err != nil {
		return Step{}, err
	}
	switch {
	case t.Session != "":
		return s.renew(ctx, Session{Account: o.account.ID, hash: t.Session}, nil)
	case t.Account != 0:
		return s.enter(ctx, c, o.account, ByFactor)
	}
	return s.enter(ctx, c, o.account, ByPasskey)
}

// validate returns whose passkey has answered a ticket's challenge, and the passkey
// as it is afterwards.
func (s *Service) validate(ctx context.Context, t *ticket, response []byte) (*owner, *passkey, error) {
	rp, err := s.relyingParty()
	if err != nil {
		return nil, nil, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(t.Challenge, &session); err != nil {
		return nil, nil, ErrLink
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	id := t.Account
	if id == 0 {
		item, err := s.shelf.Get(ctx, kindPasskey, passkeyID(parsed.RawID))
		if errors.Is(err, shelf.ErrNotFound) {
			return nil, nil, fmt.Errorf("%w: no such passkey", ErrWrong)
		}
		if err != nil {
			return nil, nil, err
		}
		id = item.Account
	}
	o, err := s.ownerOf(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	var credential *webauthn.Credential
	if t.Account == 0 {
		_, credential, err = rp.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return o, nil }, session, parsed)
	} else {
		credential, err = rp.ValidateLogin(o, session, parsed)
	}
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrWrong, err)
	case credential.Authenticator.CloneWarning: // its counter went back (WebAuthn §7.2, step 22)
		return nil, nil, fmt.Errorf("%w: the passkey seems to be a copy", ErrWrong)
	case t.Account != 0 && !samePrint(&o.account, t.Print):
		return nil, nil, ErrLink
	case o.account.Suspended:
		return nil, nil, ErrSuspended
	}
	for i := range o.keys {
		if k := &o.keys[i]; k.item.ID == passkeyID(credential.ID) {
			k.Credential = *credential
			return o, k, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: no such passkey", ErrWrong)
}

// usePasskey notes that a passkey has answered a challenge that was made at a time.
// An answer to that one or an earlier one is of no use any more, or it could be given
// twice: many passkeys count nothing.
func (s *Service) usePasskey(ctx context.Context, k *passkey, challenged time.Time) error {
	if !challenged.After(k.Challenged) {
		return ErrLink
	}
	k.Challenged, k.Used = challenged, s.now().UTC().Truncate(time.Millisecond)
	err := s.putPasskey(ctx, k)
	if errors.Is(err, shelf.ErrChanged) {
		return ErrLink
	}
	return err
}

func (s *Service) putPasskey(ctx context.Context, k *passkey) (err error) {
	if k.item.Body, err = json.Marshal(k.storedPasskey); err != nil {
		return fmt.Errorf("keeping a passkey: %w", err)
	}
	_, err = s.shelf.Put(ctx, k.item)
	return err
}

// BeginPasskeyEnrolment asks the browser to make a passkey. The session wants a fresh
// proof.
func (s *Service) BeginPasskeyEnrolment(ctx context.Context, session Session) (Challenge, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return Challenge{}, err
	}
	rp, err := s.relyingParty()
	if err != nil {
		return Challenge{}, err
	}
	o, err := s.ownerOf(ctx, a.ID)
	if err != nil {
		return Challenge{}, err
	}
	if err := o.mayHaveMore(); err != nil {
		return Challenge{}, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range o.WebAuthnCredentials() {
		known = append(known, c.Descriptor())
	}
	options, data, err := rp.BeginRegistration(o, webauthn.WithExclusions(known))
	return s.challenge(ctx, ticket{For: forNewKey, Account: a.ID}, options, data, err)
}

// FinishPasskeyEnrolment keeps the passkey that the browser has made, under a name of
// its owner's choice. The session gets a new cookie, and when the account had no
// recovery codes they come with the step.
func (s *Service) FinishPasskeyEnrolment(ctx context.Context, c Client, session Session, text, name string, response []byte) (Step, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return Step{}, err
	}
	t, err := s.openTicket(ctx, text, forNewKey)
	if err != nil {
		return Step{}, err
	}
	rp, err := s.relyingParty()
	if err != nil {
		return Step{}, err
	}
	o, err := s.ownerOf(ctx, a.ID)
	if err != nil {
		return Step{}, err
	}
	if err := o.mayHaveMore(); err != nil { // of many that were begun at once
		return Step{}, err
	}
	var data webauthn.SessionData
	if t.Account != a.ID || json.Unmarshal(t.Challenge, &data) != nil {
		return Step{}, ErrLink
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Step{}, ErrInvalid
	}
	credential, err := rp.CreateCredential(o, data, parsed)
	if err != nil {
		s.log.InfoContext(ctx, "sign-in: a new passkey was refused", "account", a.Name, "error", err)
		return Step{}, ErrInvalid
	}
	name = passkeyName(name)
	k := &passkey{
		shelf.Item{Kind: kindPasskey, ID: passkeyID(credential.ID), Account: a.ID},
		storedPasskey{Name: name, Created: s.now().UTC().Truncate(time.Millisecond), Credential: *credential},
	}
	if err := s.putPasskey(ctx, k); err != nil {
		if errors.Is(err, shelf.ErrChanged) { // WebAuthn §7.1, step 26
			return Step{}, ErrInvalid
		}
		return Step{}, err
	}
	return s.afterEnrolment(ctx, c, a, session, "passkey "+name)
}

// passkeyName returns a name as it is kept: 60 characters at most, "passkey" for none.
func passkeyName(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, name))
	for utf8.RuneCountInString(name) > 60 {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name == "" {
		return "passkey"
	}
	return name
}

// findPasskey returns a passkey of an account, or ErrInvalid.
func (s *Service) findPasskey(ctx context.Context, a account.Account, id string) (*passkey, error) {
	keys, err := s.passkeysOf(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if keys[i].item.ID == id {
			return &keys[i], nil
		}
	}
	return nil, fmt.Errorf("%w: no such passkey", ErrInvalid)
}

// RenamePasskey gives a passkey of the session's account another name.
func (s *Service) RenamePasskey(ctx context.Context, _ Client, session Session, id, name string) error {
	a, err := s.mayChange(session)
	if err != nil {
		return err
	}
	k, err := s.findPasskey(ctx, a, id)
	if err != nil {
		return err
	}
	k.Name = passkeyName(name)
	return s.putPasskey(ctx, k)
}

// RemovePasskey removes a passkey of the session's account, and with the last second
// factor the recovery codes. It fails with ErrLastFactor as RemoveTOTP does, and with
// ErrLastWay when nobody could sign in to the account any more.
func (s *Service) RemovePasskey(ctx context.Context, c Client, session Session, id string) error {
	a, err := s.mayRemove(ctx, session, func(f *Factors) {
		for i := range f.Passkeys {
			if f.Passkeys[i].ID == id {
				f.Passkeys = append(f.Passkeys[:i], f.Passkeys[i+1:]...)
				return
			}
		}
	})
	if err != nil {
		return err
	}
	k, err := s.findPasskey(ctx, a, id)
	if err != nil {
		return err
	}
	if err := s.keepsWay(ctx, a, id); err != nil {
		return err
	}
	suits := func() error {
		if err := s.keepsFactor(ctx, a, nil); err != nil {
			return err
		}
		return s.keepsWay(ctx, a, "")
	}
	if err := s.remove(ctx, kindPasskey, id, suits); err != nil {
		return err
	}
	s.note(ctx, c, a.Name, a, FactorRemoved, "passkey "+k.Name)
	s.tellFactorsChanged(ctx, c, a)
	return s.dropUselessRecovery(ctx, a)
}
