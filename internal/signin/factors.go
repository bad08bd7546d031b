package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// storedTOTP is what an item says of an app that makes codes. Its ID is the account's
// number.
type storedTOTP struct {
	Seed  []byte // the secret
	Since time.Time
	Last  int64 // step of the code that was taken last
}

// Factors returns the second factors of an account.
func (s *Service) Factors(ctx context.Context, id uint32) (Factors, error) {
	var f Factors
	_, totp, err := s.totpOf(ctx, id)
	switch {
	case err == nil:
		f.TOTP, f.TOTPSince = true, totp.Since
	case !errors.Is(err, shelf.ErrNotFound):
		return f, err
	}
	_, codes, err := s.recoveryOf(ctx, id)
	if err != nil && !errors.Is(err, shelf.ErrNotFound) {
		return f, err
	}
	f.RecoveryLeft = len(codes)
	keys, err := s.passkeysOf(ctx, id)
	if err != nil {
		return f, err
	}
	for _, k := range keys {
		f.Passkeys = append(f.Passkeys, k.info())
	}
	return f, nil
}

func (s *Service) totpOf(ctx context.Context, id uint32) (shelf.Item, storedTOTP, error) {
	var t storedTOTP
	item, err := s.shelf.Get(ctx, kindTOTP, number(id))
	if err == nil {
		err = json.Unmarshal(item.Body, &t)
	}
	return item, t, err
}

// Code is the step after Password: the code of an app, or a recovery code. It fails
// with ErrWrong when the code is wrong or was used before, with ErrSlowed when there
// were too many such, and with ErrLink when the ticket is of no use any more.
func (s *Service) Code(ctx context.Context, c Client, text, code string) (Step, error) {
	t, err := s.openTicket(ctx, text, forFactor)
	if err != nil {
		return Step{}, err
	}
	a, err := s.ticketOwner(ctx, &t)
	if err != nil {
		return Step{}, err
	}
	if err := s.checkCode(ctx, c, a, code); err != nil {
		return Step{}, err
	}
	return s.enter(ctx, c, a, ByFactor)
}

// ticketOwner returns the account of a ticket, or ErrLink when it is another by now
// than it was.
func (s *Service) ticketOwner(ctx context.Context, t *ticket) (account.Account, error) {
	suits := func(a *account.Account) bool { return a.ID != 0 && samePrint(a, t.Print) }
	a, err := s.latest(ctx, t.Account, suits)
	switch {
	case err != nil:
		return a, err
	case !suits(&a):
		return a, ErrLink
	case a.Suspended:
		return a, ErrSuspended
	}
	return a, nil
}

// checkCode uses up a code of an account.
func (s *Service) checkCode(ctx context.Context, c Client, a account.Account, code string) error {
	code = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
	isTOTP := len(code) == 6 && strings.Trim(code, "0123456789") == ""
	g := &guess{}
	if c.Addr.IsValid() {
		if wait, ok := g.take(s.limits.sources, limit.Source(c.Addr), sourcePace); !ok {
			s.noteSlowed(ctx, c, a)
			return &slowed{wait}
		}
	}
	// A recovery code is too long to be guessed: who guesses codes of the app cannot
	// keep the owner from it.
	if isTOTP {
		if wait, ok := g.take(s.limits.codes, limit.Number(a.ID), codePace); !ok {
			g.forgive()
			s.noteSlowed(ctx, c, a)
			return &slowed{wait}
		}
	}
	check := s.useRecovery
	if isTOTP {
		check = s.useTOTP
	}
	err := check(ctx, c, a, code)
	if errors.Is(err, ErrWrong) {
		s.noteWrong(ctx, c, a, WrongCode)
		return err
	}
	g.forgive()
	return err
}

func (s *Service) useTOTP(ctx context.Context, _ Client, a account.Account, code string) error {
	item, t, err := s.totpOf(ctx, a.ID)
	if errors.Is(err, shelf.ErrNotFound) {
		return ErrWrong
	}
	if err != nil {
		return err
	}
	step, ok := findStep(t.Seed, code, s.now(), t.Last)
	if !ok {
		return ErrWrong
	}
	t.Last = step
	if item.Body, err = json.Marshal(t); err != nil {
		return fmt.Errorf("noting a code: %w", err)
	}
	if _, err = s.shelf.Put(ctx, item); errors.Is(err, shelf.ErrChanged) {
		return ErrWrong // somebody else used it in this moment
	}
	return err
}

// BeginTOTP makes a secret for an app. Nothing is kept until ConfirmTOTP. The session
// wants a fresh proof.
func (s *Service) BeginTOTP(ctx context.Context, session Session) (Enrolment, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return Enrolment{}, err
	}
	secret := newTOTPSecret()
	e := Enrolment{Secret: inGroups(base32Text(secret)), URI: otpauth(secret, s.issuer(), a.Name)}
	if e.QR, err = drawQR(e.URI); err != nil {
		return Enrolment{}, err
	}
	e.Ticket, err = s.sealTicket(ctx, ticket{For: forTOTP, Account: a.ID, Seed: secret})
	return e, err
}

// issuer is who apps show that codes are for.
func (s *Service) issuer() string {
	if u := s.opts.Load().PublicURL; u != nil {
		return u.Hostname()
	}
	return "Stayput"
}

// ConfirmTOTP takes the secret of BeginTOTP as second factor, in the place of one
// that there was, when the app's code shows that it has it. The session gets a new
// cookie, and when the account had no recovery codes they come with the step.
func (s *Service) ConfirmTOTP(ctx context.Context, c Client, session Session, text, code string) (Step, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return Step{}, err
	}
	t, err := s.openTicket(ctx, text, forTOTP)
	if err != nil {
		return Step{}, err
	}
	if t.Account != a.ID {
		return Step{}, ErrLink
	}
	step, ok := findStep(t.Seed, strings.ReplaceAll(code, " ", ""), s.now(), 0)
	if !ok {
		return Step{}, ErrWrong
	}
	item, before, err := s.totpOf(ctx, a.ID)
	if errors.Is(err, shelf.ErrNotFound) {
		item, err = shelf.Item{Kind: kindTOTP, ID: number(a.ID), Account: a.ID}, nil
	}
	if err != nil {
		return Step{}, err
	}
	if slices.Equal(before.Seed, t.Seed) {
		return Step{}, ErrLink // the form was sent twice
	}
	if item.Body, err = json.Marshal(storedTOTP{Seed: t.Seed, Since: s.now().UTC(), Last: step}); err != nil {
		return Step{}, fmt.Errorf("keeping a second factor: %w", err)
	}
	if _, err := s.shelf.Put(ctx, item); err != nil {
		return Step{}, err
	}
	return s.afterEnrolment(ctx, c, a, session, "app")
}

// afterEnrolment renews the session of an account that has a second factor more.
func (s *Service) afterEnrolment(ctx context.Context, c Client, a account.Account, session Session, what string) (Step, error) {
	s.note(ctx, c, a.Name, a, FactorAdded, what)
	s.tellFactorsChanged(ctx, c, a)
	step, err := s.renew(ctx, session, func(x *Session) { x.MustEnrol = false })
	if err != nil {
		return Step{}, err
	}
	if _, _, err = s.recoveryOf(ctx, a.ID); errors.Is(err, shelf.ErrNotFound) {
		step.RecoveryCodes, err = s.makeRecovery(ctx, c, a)
	}
	return step, err
}

// RemoveTOTP removes the app, and with the last second factor the recovery codes. The
// session wants a fresh proof. It fails with ErrLastFactor when the account must have
// a second factor and has no other.
func (s *Service) RemoveTOTP(ctx context.Context, c Client, session Session) error {
	a, err := s.mayRemove(ctx, session, func(f *Factors) { f.TOTP = false })
	if err != nil {
		return err
	}
	if err := s.remove(ctx, kindTOTP, number(a.ID), func() error { return s.keepsFactor(ctx, a, nil) }); err != nil {
		return err
	}
	s.note(ctx, c, a.Name, a, FactorRemoved, "app")
	s.tellFactorsChanged(ctx, c, a)
	return s.dropUselessRecovery(ctx, a)
}

// mayRemove returns the account of a session that may do without what without takes
// from its factors.
func (s *Service) mayRemove(ctx context.Context, session Session, without func(*Factors)) (account.Account, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return a, err
	}
	return a, s.keepsFactor(ctx, a, without)
}

// keepsFactor fails with ErrLastFactor when an account that must have a second factor has
// none without what without takes from its factors, which may be nil.
func (s *Service) keepsFactor(ctx context.Context, a account.Account, without func(*Factors)) error {
	f, err := s.Factors(ctx, a.ID)
	if err != nil {
		return err
	}
	if without != nil {
		without(&f)
	}
	if !f.Any() && slices.Contains(s.opts.Load().RequireFactor, a.Role) {
		return ErrLastFactor
	}
	return nil
}

// remove takes a way to sign in from the shelf, which need not be there. Where what is left
// does not suit, because another went in the same moment, it comes back, and remove fails
// as suits does.
func (s *Service) remove(ctx context.Context, kind, id string, suits func() error) error {
	item, err := s.shelf.Take(ctx, kind, id)
	if errors.Is(err, shelf.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err = suits(); err == nil {
		return nil
	}
	item.Version = 0
	_, again := s.shelf.Put(context.WithoutCancel(ctx), item)
	return errors.Join(err, again)
}

// dropUselessRecovery drops the recovery codes of an account without second factor.
func (s *Service) dropUselessRecovery(ctx context.Context, a account.Account) error {
	f, err := s.Factors(ctx, a.ID)
	if err != nil || f.Any() {
		return err
	}
	return s.takeAll(ctx, kindRecovery, number(a.ID))
}

// takeAll deletes items, which need not be there.
func (s *Service) takeAll(ctx context.Context, kind string, ids ...string) error {
	for _, id := range ids {
		if _, err := s.shelf.Take(ctx, kind, id); err != nil && !errors.Is(err, shelf.ErrNotFound) {
			return err
		}
	}
	return nil
}

// ResetFactors removes all second factors of an account, for somebody who has lost
// them, and ends its sessions. It is for staff who have made sure who asks.
func (s *Service) ResetFactors(ctx context.Context, by registry.Actor, id uint32) error {
	a, err := s.accountByID(id)
	if err != nil {
		return err
	}
	keys, err := s.passkeysOf(ctx, id)
	if err != nil {
		return err
	}
	err = errors.Join(s.takeAll(ctx, kindTOTP, number(id)), s.takeAll(ctx, kindRecovery, number(id)))
	for _, k := range keys {
		err = errors.Join(err, s.takeAll(ctx, kindPasskey, k.item.ID))
	}
	if err := errors.Join(err, s.dropSessions(ctx, id, "")); err != nil {
		return err
	}
	s.note(ctx, staff(by), s.actorName(by), a, FactorRemoved, "all, by staff")
	s.tellFactorsChanged(ctx, staff(by), a)
	return nil
}
