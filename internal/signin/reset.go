package signin

import (
	"context"
	"errors"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
	"stayput.dev/internal/mail"
)

// RequestReset sends a link to whoever has the name or mail address, with which they
// choose another password, once, within an hour. Whoever asks hears the same whether
// there is such an account or not; it fails with ErrOff when no mail is sent here at
// all, and with ErrSlowed when the source has asked too often.
func (s *Service) RequestReset(ctx context.Context, c Client, nameOrMail string) error {
	if !s.hasMail() || s.opts.Load().PublicURL == nil {
		return ErrOff
	}
	if err := s.admitRequest(c); err != nil {
		return err
	}
	s.leave(ctx, "link for a new password", func(ctx context.Context) {
		for _, a := range s.findAll(nameOrMail) {
			if err := s.sendReset(ctx, c, a); err != nil {
				s.log.WarnContext(ctx, "a link for a new password was not sent", "account", a.Name, "error", err)
			}
		}
	})
	return nil
}

// admitRequest counts what makes us send mail.
func (s *Service) admitRequest(c Client) error {
	if !c.Addr.IsValid() {
		return nil
	}
	g := &guess{}
	if wait, ok := g.take(s.limits.requests, limit.Source(c.Addr), requestPace); !ok {
		return &slowed{wait}
	}
	return nil
}

// findAll returns the accounts that somebody may mean, by name or by a mail address
// that several may share.
func (s *Service) findAll(nameOrMail string) []account.Account {
	nameOrMail = strings.TrimSpace(nameOrMail)
	d := s.registry.State().Accounts
	if a, ok := d.Account(nameOrMail); ok {
		return []account.Account{a}
	}
	if !strings.Contains(nameOrMail, "@") || len(nameOrMail) > 254 {
		return nil
	}
	return s.people.find(d, nameOrMail)
}

func (s *Service) sendReset(ctx context.Context, c Client, a account.Account) error {
	if a.Email == "" || a.Suspended {
		return nil
	}
	// Whoever signs in with the provider alone would get round it.
	if linked, err := s.shelf.Of(ctx, a.ID, kindSubject); err != nil || a.Password == "" && len(linked) > 0 {
		return err
	}
	if !has(s.limits.mails, named(strings.ToLower(a.Email)), mailPace) {
		return nil
	}
	mark := printOf(&a)
	link, expires, err := s.makeLink(ctx, a.ID, storedLink{Purpose: ForReset, Email: a.Email, Print: mark[:], Language: c.Language}, resetLife)
	if err != nil {
		return err
	}
	s.note(ctx, c, "", a, LinkMade, string(ForReset))
	return s.send(ctx, mail.Message{
		ID: linkMailID(link), Kind: mail.PasswordReset, To: a.Email, Account: a.ID, Language: language(&a, &c), Until: expires,
		Data: mail.Data{Name: a.Name, Link: link, Expires: expires},
	})
}

// ResetPassword uses a link up: it sets the password, which ends all sessions and
// makes all other links useless. Second factors stay, so they sign in as usual then.
// It fails with ErrLink when the link is of no use, and with ErrPassword, leaving it
// good, when the password will not do.
func (s *Service) ResetPassword(ctx context.Context, c Client, token, password string) error {
	return s.useLink(ctx, c, token, ForReset, func(l openLink) error {
		a, err := s.setPassword(ctx, c, l.account, password)
		if errors.Is(err, errMoved) {
			return ErrLink
		}
		if err == nil {
			s.limits.know(c.Addr, a.ID) // they sign in next, however many others guess
			s.tellPasswordChanged(ctx, c, a)
		}
		return err
	})
}
