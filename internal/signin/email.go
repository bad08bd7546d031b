package signin

import (
	"context"
	"errors"
	netmail "net/mail"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
)

// isAddress tells whether text is a mail address and nothing else.
func isAddress(text string) bool {
	a, err := netmail.ParseAddress(text)
	return err == nil && a.Address == text && len(text) <= 254 && !strings.ContainsAny(text, " \"<>()\r\n")
}

// ChangeEmail sends a link to another mail address for the session's account, which
// stays as it is until ConfirmEmail. The session wants a fresh proof. It fails with
// ErrInvalid when the text is no mail address, ErrSlowed when too many are written to,
// and ErrOff when no mail is sent here.
func (s *Service) ChangeEmail(ctx context.Context, c Client, session Session, address string) error {
	a, err := s.mayChange(session)
	if err != nil {
		return err
	}
	address = strings.TrimSpace(address)
	switch {
	case !s.hasMail():
		return ErrOff
	case !isAddress(address):
		return ErrInvalid
	}
	if err := s.admitRequest(c); err != nil {
		return err
	}
	if !has(s.limits.mails, named(strings.ToLower(address)), mailPace) {
		return &slowed{mailPace.Step}
	}
	if err := s.dropLinks(ctx, a.ID, ForEmail); err != nil {
		return err
	}
	mark := printOf(&a)
	link, expires, err := s.makeLink(ctx, a.ID, storedLink{Purpose: ForEmail, Email: address, Print: mark[:]}, emailLife)
	if err != nil {
		return err
	}
	return s.send(ctx, mail.Message{
		ID: linkMailID(link), Kind: mail.ConfirmEmail, To: address, Account: a.ID, Language: language(&a, &c), Until: expires,
		Data: mail.Data{Name: a.Name, Link: link, Expires: expires},
	})
}

// ConfirmEmail uses a link up: the address that it was sent to becomes the account's,
// and the one before hears of it.
func (s *Service) ConfirmEmail(ctx context.Context, c Client, token string) error {
	return s.useLink(ctx, c, token, ForEmail, func(l openLink) error {
		_, err := s.change(ctx, c.actor(l.account.ID), l.account, "email", func(a *account.Account) { a.Email = l.Email })
		if errors.Is(err, errMoved) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		s.note(ctx, c, l.account.Name, l.account, EmailChanged, "")
		s.tell(ctx, c, l.account, mail.EmailChanged, mail.Data{At: s.now(), Address: l.Email})
		return nil
	})
}
