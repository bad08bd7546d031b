package signin

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
)

// Password begins a sign-in by the name or mail address of an account and its
// password. The step is Done, or wants a second factor. It fails with ErrWrong
// whatever is wrong, after the same time; with ErrSlowed when too much was wrong
// lately; with ErrBusy when too many wait; and with ErrSuspended only for who knows
// the password. It takes some 20 ms.
func (s *Service) Password(ctx context.Context, c Client, nameOrMail, password string) (Step, error) {
	find := func(d account.Directory) account.Account { return s.findPerson(d, nameOrMail) }
	a, err := s.checkPassword(ctx, c, find, named(strings.ToLower(nameOrMail)), password)
	if err != nil {
		return Step{}, err
	}
	if a.Suspended {
		return Step{}, ErrSuspended
	}
	return s.afterPassword(ctx, c, a, ByPassword)
}

// checkPassword tells whether the password is that of the account that is found, which is
// the zero Account where there is none, and counts against the limits, by other where there
// is none. It returns the account as it is then; when it has changed meanwhile, what is made
// for it is of no use.
func (s *Service) checkPassword(ctx context.Context, c Client, find func(account.Directory) account.Account, other [16]byte, password string) (account.Account, error) {
	st := s.registry.State()
	a, owner := find(st.Accounts), other
	if a.ID != 0 {
		owner = limit.Number(a.ID)
	}
	g, err := s.limits.admit(c.Addr, owner, a.ID)
	if err != nil {
		s.noteSlowed(ctx, c, a)
		return a, err
	}
	fresh, err := s.registry.Fresh(ctx, st) // another process may have changed it a moment ago
	if err != nil {
		g.forgive()
		return a, err
	}
	a = find(fresh.Accounts)
	hash := a.Password
	if hash == "" {
		hash, _ = decoy() // which New has made
	}
	right := false
	err = s.hash(ctx, func() { right = account.CheckPassword(hash, password) })
	if err != nil {
		g.forgive()
		return a, err
	}
	if !right || a.Password == "" {
		s.noteWrong(ctx, c, a, WrongPassword)
		return a, ErrWrong
	}
	g.forgive()
	renewed, err := s.renewHash(ctx, c, a, password)
	if errors.Is(err, errMoved) { // as when two devices sign in at once
		return s.checkAgain(ctx, a.ID, password)
	}
	return renewed, err
}

// checkAgain is checkPassword for an account that has changed while it was checked.
func (s *Service) checkAgain(ctx context.Context, id uint32, password string) (account.Account, error) {
	a, ok := s.registry.State().Accounts.AccountByID(id)
	right := false
	if err := s.hash(ctx, func() { right = account.CheckPassword(a.Password, password) }); err != nil {
		return a, err
	}
	if !ok || !right {
		return a, ErrWrong
	}
	return a, nil
}

// renewHash keeps a password our way that another program's hash has found right.
func (s *Service) renewHash(ctx context.Context, c Client, a account.Account, password string) (account.Account, error) {
	if strings.HasPrefix(a.Password, "$argon2id$") {
		return a, nil
	}
	var own string
	var made error
	if err := s.hash(ctx, func() { own, made = account.HashPassword(password) }); err != nil || made != nil {
		return a, errors.Join(err, made)
	}
	return s.change(ctx, c.actor(a.ID), a, "password kept in another form", func(a *account.Account) { a.Password = own })
}

// afterPassword is the step after the first proof: a session, or a second factor.
func (s *Service) afterPassword(ctx context.Context, c Client, a account.Account, how Method) (Step, error) {
	f, err := s.Factors(ctx, a.ID)
	if err != nil {
		return Step{}, err
	}
	if !f.Any() {
		return s.enter(ctx, c, a, how)
	}
	mark := printOf(&a)
	text, err := s.sealTicket(ctx, ticket{For: forFactor, Account: a.ID, Print: mark[:]})
	if err != nil {
		return Step{}, err
	}
	return Step{Ticket: text, Factors: f.list()}, nil
}

// list returns what may be asked for.
func (f *Factors) list() []Factor {
	var all []Factor
	if len(f.Passkeys) > 0 {
		all = append(all, Passkey)
	}
	if f.TOTP {
		all = append(all, TOTP)
	}
	if f.RecoveryLeft > 0 {
		all = append(all, Recovery)
	}
	return all
}

// MinPassword is how many characters a password has at least.
const MinPassword = 10

// checkNew tells whether a password may be chosen, else ErrPassword. Rules about
// kinds of characters make passwords worse (NIST SP 800-63B §5.1.1.2).
func checkNew(a *account.Account, password string) error {
	lower := strings.ToLower(password)
	switch {
	case utf8.RuneCountInString(password) < MinPassword, len(password) > account.MaxPassword, !utf8.ValidString(password),
		lower == strings.ToLower(a.Name), a.Email != "" && lower == strings.ToLower(a.Email),
		strings.Trim(password, password[:1]) == "":
		return ErrPassword
	}
	return nil
}

// setPassword gives an account a password, and ends all of its sessions: they hang
// on the one before.
func (s *Service) setPassword(ctx context.Context, c Client, a account.Account, password string) (account.Account, error) {
	hash, err := s.hashNew(ctx, &a, password)
	if err != nil {
		return a, err
	}
	return s.keepPassword(ctx, c, a, hash)
}

// hashNew returns the hash of a password that an account may have.
func (s *Service) hashNew(ctx context.Context, a *account.Account, password string) (hash string, err error) {
	if err := checkNew(a, password); err != nil {
		return "", err
	}
	var made error
	if err := s.hash(ctx, func() { hash, made = account.HashPassword(password) }); err != nil {
		return "", err
	}
	if made != nil {
		return "", ErrPassword
	}
	return hash, nil
}

// keepPassword is setPassword for a password that is hashed.
func (s *Service) keepPassword(ctx context.Context, c Client, a account.Account, hash string) (account.Account, error) {
	changed, err := s.change(ctx, c.actor(a.ID), a, "password", func(a *account.Account) { a.Password = hash })
	if err != nil {
		return a, err
	}
	if err := s.dropSessions(ctx, a.ID, ""); err != nil { // they are of no use already
		s.log.WarnContext(ctx, "sessions that have ended stay for now", "account", a.Name, "error", err)
	}
	s.note(ctx, c, a.Name, a, PasswordChanged, "")
	return changed, nil
}

// ChangePassword gives the session's account another password. The session wants a
// fresh proof. All sessions end; the step is a new one.
func (s *Service) ChangePassword(ctx context.Context, c Client, session Session, password string) (Step, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return Step{}, err
	}
	hash, err := s.hashNew(ctx, &a, password)
	if err != nil {
		return Step{}, err
	}
	if err := s.stillThere(ctx, session); err != nil {
		return Step{}, err
	}
	a, err = s.keepPassword(ctx, c, a, hash)
	if errors.Is(err, errMoved) {
		return Step{}, ErrNoSession
	}
	if err != nil {
		return Step{}, err
	}
	s.tellPasswordChanged(ctx, c, a)
	return s.enter(ctx, c, a, session.Method)
}

// stillThere fails with ErrNoSession when a session has ended, by whatever way, while what
// it began took long.
func (s *Service) stillThere(ctx context.Context, session Session) error {
	_, err := s.findSession(ctx, session.hash)
	if err == nil && !s.isAlive(&session) {
		err = ErrNoSession
	}
	return err
}

// mayChange returns the account of a session that was proved lately, or
// ErrProofNeeded.
func (s *Service) mayChange(session Session) (account.Account, error) {
	a, err := s.accountByID(session.Account)
	if err != nil {
		return a, err
	}
	if !session.StandsFor(&a) {
		return a, ErrNoSession
	}
	if !session.Fresh(s.now()) {
		return a, ErrProofNeeded
	}
	return a, nil
}
