package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// applicationLife is how long an application waits for staff.
const applicationLife = 30 * 24 * time.Hour

// reserved are names that look like the service's own, or like one of its pages.
var reserved = []string{
	"abuse", "account", "admin", "administrator", "anonymous", "api", "applications", "billing", "daemon", "dns", "guest", "help", "hostmaster",
	"info", "mail", "me", "new", "noc", "nobody", "operator", "postmaster", "root", "sales", "security", "ssladmin", "staff", "stayput",
	"support", "sysadmin", "system", "test", "user", "webmaster", "www",
}

// SignUp sends a link to a mail address, with which its owner opens an account. Whoever
// asks hears the same whether the address has one already: then the mail says so. It
// fails with ErrOff when nobody may sign up, ErrInvalid when the text is no mail
// address, and ErrSlowed when the source has asked too often.
func (s *Service) SignUp(ctx context.Context, c Client, address string) error {
	opts := s.opts.Load()
	address = strings.TrimSpace(address)
	switch {
	case opts.SignUp == SignUpOff || !s.hasMail() || opts.PublicURL == nil:
		return ErrOff
	case !isAddress(address):
		return ErrInvalid
	}
	if err := s.admitRequest(c); err != nil {
		return err
	}
	s.leave(ctx, "link for a new account", func(ctx context.Context) {
		if err := s.sendSignUp(ctx, c, address); err != nil {
			s.log.WarnContext(ctx, "a link for a new account was not sent", "error", err)
		}
	})
	return nil
}

func (s *Service) sendSignUp(ctx context.Context, c Client, address string) error {
	if !has(s.limits.mails, named(strings.ToLower(address)), mailPace) {
		return nil
	}
	if all := s.people.find(s.registry.State().Accounts, address); len(all) > 0 {
		link, err := s.linkTo("/signin")
		if err == nil {
			s.tell(ctx, c, all[0], mail.KnownAddress, mail.Data{Link: link})
		}
		return err
	}
	link, expires, err := s.makeLink(ctx, 0, storedLink{Purpose: ForSignUp, Email: address, Language: c.Language}, signUpLife)
	if err != nil {
		return err
	}
	return s.send(ctx, mail.Message{
		ID: linkMailID(link), Kind: mail.ConfirmSignUp, To: address, Language: c.Language, Until: expires,
		Data: mail.Data{Link: link, Expires: expires},
	})
}

// ConfirmSignUp uses a link up: it opens an account with a name and a password and
// signs in, or, where staff must approve, applies for it, and the step is Waiting. It
// fails with ErrLink when the link is of no use, and, leaving it good, with
// ErrInvalid, ErrReserved or ErrTaken because of the name and with ErrPassword because
// of the password.
func (s *Service) ConfirmSignUp(ctx context.Context, c Client, token, name, password string) (Step, error) {
	opts := s.opts.Load()
	if opts.SignUp == SignUpOff {
		return Step{}, ErrOff
	}
	var step Step
	err := s.useLink(ctx, c, token, ForSignUp, func(l openLink) (err error) {
		isFree := func(st *registry.State) error {
			if len(s.people.find(st.Accounts, l.Email)) > 0 {
				return ErrLink // another link to the same address was quicker
			}
			return nil
		}
		if err := isFree(s.registry.State()); err != nil {
			return err
		}
		if err := s.checkNewName(name); err != nil {
			return err
		}
		wanted := account.Account{Name: name, Email: l.Email}
		if err := checkNew(&wanted, password); err != nil {
			return err
		}
		x := storedApplication{Name: name, Email: l.Email, Language: l.Language, At: s.now().UTC().Truncate(time.Millisecond), From: c.Addr.Unmap()}
		var made error
		if err := s.hash(ctx, func() { x.Hash, made = account.HashPassword(password) }); err != nil || made != nil {
			return errors.Join(err, made)
		}
		if opts.SignUp == SignUpApproval {
			step.Waiting = true
			return s.apply(ctx, c, &x)
		}
		a, err := s.open(ctx, oneself, &x, isFree)
		if err != nil {
			return err
		}
		s.note(ctx, c, a.Name, a, AccountMade, "signed up")
		step, err = s.enter(ctx, c, a, ByInvitation)
		return err
	})
	return step, err
}

// checkNewName tells whether somebody may take the name. One that looks like a mail address
// could be another's, who then would not be found by it any more.
func (s *Service) checkNewName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case account.CheckName(name) != nil || len(name) < 3 || strings.Contains(name, "@"):
		return ErrInvalid
	case slices.Contains(reserved, lower) ||
		slices.ContainsFunc(s.opts.Load().ReservedNames, func(r string) bool { return strings.EqualFold(r, name) }):
		return ErrReserved
	}
	if _, taken := s.registry.State().Accounts.Account(name); taken {
		return ErrTaken
	}
	return nil
}

// oneself is in whose name accounts are made that nobody has to approve.
var oneself = registry.Actor{Via: "signin"}

// makeAccount makes an account of a customer and returns it, if the state is as expected.
func (s *Service) makeAccount(ctx context.Context, by registry.Actor, n admin.NewAccount, expect func(*registry.State) error) (account.Account, error) {
	made, err := s.accounts.AddAccountBy(ctx, by, n, expect)
	if err != nil {
		if errors.Is(err, admin.ErrExists) {
			err = ErrTaken
		}
		return account.Account{}, err
	}
	a, ok := s.registry.State().Accounts.Account(made.Name)
	if !ok {
		return a, errMoved
	}
	return a, nil
}

// open makes the account of an application, with the password that was chosen, if the
// state is as expected.
func (s *Service) open(ctx context.Context, by registry.Actor, x *storedApplication, expect func(*registry.State) error) (account.Account, error) {
	return s.makeAccount(ctx, by, admin.NewAccount{Name: x.Name, Email: x.Email, Language: x.Language, PasswordHash: x.Hash}, expect)
}

// storedApplication is what an item says of an application. Its ID is the lower-case
// name, so that nobody else applies for it meanwhile.
type storedApplication struct {
	Name, Email string
	Hash        string // of the password
	Language    string
	At          time.Time
	From        netip.Addr `json:",omitzero"`
	Approved    bool       `json:",omitempty"` // or about to be: nobody declines it any more
}

// apply keeps an application.
func (s *Service) apply(ctx context.Context, c Client, x *storedApplication) error {
	body, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("keeping an application: %w", err)
	}
	_, err = s.shelf.Put(ctx, shelf.Item{
		Kind: kindApplication, ID: strings.ToLower(x.Name), Due: s.now().Add(applicationLife), Body: body,
	})
	if errors.Is(err, shelf.ErrChanged) {
		return ErrTaken
	}
	if err == nil {
		s.note(ctx, c, "", account.Account{Name: x.Name}, Applied, "")
	}
	return err
}

// Applications returns at most limit applications in order of their IDs, from behind
// the one with the ID after, which may be empty.
func (s *Service) Applications(ctx context.Context, after string, limit int) ([]Application, error) {
	items, err := s.shelf.Page(ctx, kindApplication, after, limit)
	if err != nil {
		return nil, err
	}
	var all []Application
	for _, item := range items {
		var x storedApplication
		if err := json.Unmarshal(item.Body, &x); err != nil {
			return nil, fmt.Errorf("reading an application: %w", err)
		}
		all = append(all, x.view(item.ID))
	}
	return all, nil
}

// Application returns an application, or ErrLink when there is none.
func (s *Service) Application(ctx context.Context, id string) (Application, error) {
	_, x, err := s.application(ctx, id)
	return x.view(id), err
}

func (x *storedApplication) view(id string) Application {
	return Application{ID: id, Name: x.Name, Email: x.Email, Language: x.Language, At: x.At, From: x.From}
}

// Approve makes the account of an application, with the password that was chosen then,
// and writes to its owner. It fails with ErrLink when there is no such application, and
// with ErrTaken, dropping it, when the name is taken by now. After any other failure the
// application is still there, cannot be declined, and whoever tries again ends what was begun.
func (s *Service) Approve(ctx context.Context, by registry.Actor, id string) error {
	x, err := s.markApproved(ctx, id)
	if err != nil {
		return err
	}
	a, isNew, err := s.openOnce(ctx, by, &x)
	if errors.Is(err, ErrTaken) {
		return errors.Join(err, s.takeAll(ctx, kindApplication, id))
	}
	if err != nil {
		return err
	}
	if isNew {
		s.note(ctx, staff(by), s.actorName(by), a, AccountMade, "approved")
	}
	if err := s.takeAll(ctx, kindApplication, id); err != nil || !s.hasMail() {
		return err
	}
	link, err := s.linkTo("/signin")
	if err != nil {
		s.log.WarnContext(ctx, "whoever applied is not told that the account is open", "account", a.Name, "error", err)
		return nil
	}
	return s.send(ctx, mail.Message{
		ID: "approved-" + number(a.ID), Kind: mail.Approved, To: a.Email, Account: a.ID, Language: x.Language,
		Data: mail.Data{Name: a.Name, Link: link},
	})
}

// markApproved returns an application, which nobody can decline from now on.
func (s *Service) markApproved(ctx context.Context, id string) (storedApplication, error) {
	for {
		item, x, err := s.application(ctx, id)
		if err != nil || x.Approved {
			return x, err
		}
		x.Approved = true
		if item.Body, err = json.Marshal(x); err != nil {
			return x, fmt.Errorf("approving an application: %w", err)
		}
		if _, err = s.shelf.Put(ctx, item); !errors.Is(err, shelf.ErrChanged) {
			return x, err
		}
	}
}

// openOnce makes the account of an application unless somebody did who could not end it,
// and tells whether it is new. The hash, with its salt, tells that the account is this one.
func (s *Service) openOnce(ctx context.Context, by registry.Actor, x *storedApplication) (a account.Account, isNew bool, err error) {
	a, err = s.open(ctx, by, x, nil)
	if errors.Is(err, ErrTaken) {
		if there, ok := s.registry.State().Accounts.Account(x.Name); ok && there.Password == x.Hash {
			return there, false, nil
		}
	}
	return a, true, err
}

// Decline drops an application, and says nothing to whoever applied. It fails with ErrLink
// when there is no such application, or somebody else decides in the same moment.
func (s *Service) Decline(ctx context.Context, by registry.Actor, id string) error {
	item, x, err := s.application(ctx, id)
	if err != nil {
		return err
	}
	if x.Approved {
		return ErrLink
	}
	err = s.shelf.Drop(ctx, item)
	if errors.Is(err, shelf.ErrChanged) {
		return ErrLink
	}
	if err == nil {
		s.note(ctx, staff(by), s.actorName(by), account.Account{Name: x.Name}, Declined, "")
	}
	return err
}

// dropApplications drops the applications from a mail address, which may be empty, and
// returns the names that they were for.
func (s *Service) dropApplications(ctx context.Context, email string) (names []string, err error) {
	items, err := s.shelf.Of(ctx, 0, kindApplication)
	if err != nil || email == "" {
		return nil, err
	}
	for _, item := range items {
		x, err := readApplication(item, nil)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(x.Email, email) {
			continue
		}
		if err := s.takeAll(ctx, kindApplication, item.ID); err != nil {
			return nil, err
		}
		names = append(names, x.Name)
	}
	return names, nil
}

// application returns an application as it stands on the shelf, or ErrLink when there is none.
func (s *Service) application(ctx context.Context, id string) (shelf.Item, storedApplication, error) {
	item, err := s.shelf.Get(ctx, kindApplication, id)
	x, err := readApplication(item, err)
	return item, x, err
}

func readApplication(item shelf.Item, err error) (x storedApplication, _ error) {
	if errors.Is(err, shelf.ErrNotFound) {
		return x, ErrLink
	}
	if err == nil {
		err = json.Unmarshal(item.Body, &x)
	}
	return x, err
}
