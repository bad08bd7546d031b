package signin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/shelf"
)

// storedSubject is what an item says of a link between an account and a provider's
// user. Its ID is the hash of the provider's and the user's.
type storedSubject struct {
	Issuer, Subject string
	Name            string    `json:",omitempty"` // by which people know the user
	Since           time.Time `json:",omitzero"`
}

func subjectID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return hex.EncodeToString(sum[:])
}

// Identity is a provider's user that an account is connected with: whoever signs in there
// as them signs in here.
type Identity struct {
	ID     string // names it in lists; it is no secret
	Issuer string
	Name   string    // of the user there
	Since  time.Time // zero: nobody knows
	Good   bool      // it is of the provider that people sign in with now
}

// Identities returns what an account is connected with.
func (s *Service) Identities(ctx context.Context, id uint32) ([]Identity, error) {
	items, err := s.shelf.Of(ctx, id, kindSubject)
	if err != nil {
		return nil, err
	}
	opts := s.opts.Load()
	all := make([]Identity, len(items))
	for i, item := range items {
		var x storedSubject
		if err := json.Unmarshal(item.Body, &x); err != nil {
			return nil, fmt.Errorf("reading an identity: %w", err)
		}
		good := opts.OIDC != nil && opts.PublicURL != nil && opts.OIDC.Issuer == x.Issuer
		all[i] = Identity{item.ID, x.Issuer, cmp.Or(x.Name, x.Subject), x.Since, good}
	}
	return all, nil
}

// keepIdentity connects a provider's user, who has no account, with one.
func (s *Service) keepIdentity(ctx context.Context, rules *OIDC, claimed *claims, id uint32) error {
	body, err := json.Marshal(storedSubject{rules.Issuer, claimed.Subject, claimed.known(), s.now().UTC().Truncate(time.Millisecond)})
	if err != nil {
		return fmt.Errorf("keeping an identity: %w", err)
	}
	_, err = s.shelf.Put(ctx, shelf.Item{Kind: kindSubject, ID: subjectID(rules.Issuer, claimed.Subject), Account: id, Body: body})
	return err
}

// BeginConnect returns where to send somebody who is signed in and wants to connect their
// account with the provider's user that they are, and the cookie to be set by
// SetStateCookie until they are back. The session wants a fresh proof. It fails with
// ErrOff where there is no provider, and with ErrConnected when the account is connected
// with it already.
func (s *Service) BeginConnect(ctx context.Context, session Session) (to, cookie string, err error) {
	a, err := s.mayConnect(ctx, session)
	if err != nil {
		return "", "", err
	}
	return s.sendThere(ctx, ticket{For: forConnect, Account: a.ID, Session: session.hash})
}

// mayConnect returns the account of a session whose owner may connect it.
func (s *Service) mayConnect(ctx context.Context, session Session) (account.Account, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return a, err
	}
	all, err := s.Identities(ctx, a.ID)
	if err == nil && slices.ContainsFunc(all, func(i Identity) bool { return i.Good }) {
		err = ErrConnected
	}
	return a, err
}

// IsConnect tells whether a cookie of SetStateCookie is that of BeginConnect: then
// FinishConnect wants it, and else FinishOIDC.
func (s *Service) IsConnect(ctx context.Context, cookie string) bool {
	_, err := s.openTicket(ctx, cookie, forConnect)
	return err == nil
}

// FinishConnect takes what the provider says, as FinishOIDC does, and connects the account
// of the session; its owner hears of it by mail. The session must be the one of
// BeginConnect, with a proof that is still fresh. It fails with ErrLink when cookie,
// query and session do not belong together or come too late, with ErrWrong when the
// provider did not say who it is, with ErrNotAllowed when that user may not sign in here,
// or is no member of staff there while the account is, and with ErrTaken when they have
// another account.
func (s *Service) FinishConnect(ctx context.Context, c Client, session Session, cookie string, query url.Values) error {
	t, err := s.openTicket(ctx, cookie, forConnect)
	if err != nil {
		return err
	}
	if session.hash == "" || t.Session != session.hash || t.Account != session.Account {
		return ErrLink
	}
	a, err := s.mayConnect(ctx, session)
	if err != nil {
		return err
	}
	rules, claimed, role, err := s.comeBack(ctx, c, &t, query)
	if err != nil {
		return err
	}
	if rules.rules() && !rules.mayLink(&a, role) { // they would cease to be staff when they sign in there
		return ErrNotAllowed
	}
	if err := s.freeIdentity(ctx, subjectID(rules.Issuer, claimed.Subject)); err != nil {
		return err
	}
	if err := s.stillThere(ctx, session); err != nil {
		return err
	}
	err = s.keepIdentity(ctx, rules, claimed, a.ID)
	if errors.Is(err, shelf.ErrChanged) { // they got an account in this moment
		return ErrTaken
	}
	if err != nil {
		return err
	}
	s.note(ctx, c, a.Name, a, AccountLinked, rules.Name)
	s.tellConnected(ctx, c, a, mail.Connected, rules.Name, claimed.known())
	return nil
}

// freeIdentity forgets that a provider's user was connected with an account that is gone,
// and fails with ErrTaken when there is one.
func (s *Service) freeIdentity(ctx context.Context, id string) error {
	item, err := s.shelf.Get(ctx, kindSubject, id)
	if errors.Is(err, shelf.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.accountByID(item.Account); err == nil {
		return ErrTaken
	}
	return s.takeAll(ctx, kindSubject, id)
}

// Disconnect ends what an account is connected with, by the ID that Identities shows, and
// all other sessions that began at the provider; its owner hears of it by mail. The
// session wants a fresh proof. It fails with ErrInvalid when the account is not connected
// so, and with ErrLastWay when nobody could sign in to it any more.
func (s *Service) Disconnect(ctx context.Context, c Client, session Session, id string) error {
	a, err := s.mayChange(session)
	if err != nil {
		return err
	}
	all, err := s.Identities(ctx, a.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(i Identity) bool { return i.ID == id })
	if at < 0 {
		return fmt.Errorf("%w: no such identity", ErrInvalid)
	}
	if err := s.keepsWay(ctx, a, id); err != nil {
		return err
	}
	if err := s.remove(ctx, kindSubject, id, func() error { return s.keepsWay(ctx, a, "") }); err != nil {
		return err
	}
	provider := all[at].Issuer
	if name, ok := s.Provider(); ok && all[at].Good {
		provider = name
	}
	s.note(ctx, c, a.Name, a, AccountUnlinked, provider)
	s.tellConnected(ctx, c, a, mail.Disconnected, provider, all[at].Name)
	return s.dropProviderSessions(ctx, a.ID, session.ID)
}

// keepsWay fails with ErrLastWay when nobody can sign in to an account without the
// identity or the passkey of the ID, which may be empty. A link that comes by mail is no way on which to rely.
func (s *Service) keepsWay(ctx context.Context, a account.Account, without string) error {
	if a.Password != "" {
		return nil
	}
	identities, err := s.Identities(ctx, a.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(identities, func(i Identity) bool { return i.Good && i.ID != without }) {
		return nil
	}
	keys, err := s.passkeysOf(ctx, a.ID)
	if err != nil {
		return err
	}
	_, off := s.relyingParty()
	// One that does not make sure who holds it is a second factor alone.
	suits := func(k passkey) bool { return k.Credential.Flags.UserVerified && k.item.ID != without }
	if off != nil || !slices.ContainsFunc(keys, suits) {
		return ErrLastWay
	}
	return nil
}

// dropProviderSessions ends the sessions of an account that began at the provider, but not
// the one with the ID.
func (s *Service) dropProviderSessions(ctx context.Context, id uint32, exceptID string) error {
	all, err := s.Sessions(ctx, id)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Method == ByProvider && all[i].ID != exceptID {
			err = errors.Join(err, s.drop(ctx, all[i].hash))
		}
	}
	return err
}

// tellConnected writes to the owner of an account with which provider's user it is
// connected now, or no longer.
func (s *Service) tellConnected(ctx context.Context, c Client, a account.Account, kind mail.Kind, provider, user string) {
	s.tell(ctx, c, a, kind, mail.Data{At: s.now(), Place: addressText(c), Provider: provider, Identity: user})
}
