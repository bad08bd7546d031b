package signin

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
)

// Invite makes a link with which whoever has it chooses the password of an account
// and signs in, once, within seven days; links that were made before are of no use any
// more. The caller gives it to its owner. It fails with ErrOff when no public URL is
// configured, and with ErrInvalid when there is no such account.
func (s *Service) Invite(ctx context.Context, by registry.Actor, name, language string) (link string, err error) {
	link, _, _, err = s.invite(ctx, by, name, language)
	return link, err
}

// InviteByMail makes a link as Invite does, and sends it to the account's mail
// address. It fails with ErrOff when no mail server is configured, and with
// ErrInvalid when there is no such account, or it has no address.
func (s *Service) InviteByMail(ctx context.Context, by registry.Actor, name, language string) error {
	a, ok := s.registry.State().Accounts.Account(name)
	switch {
	case !s.hasMail():
		return ErrOff
	case !ok || a.Email == "":
		return ErrInvalid
	}
	link, a, expires, err := s.invite(ctx, by, name, language)
	if err != nil {
		return err
	}
	return s.send(ctx, mail.Message{
		ID: linkMailID(link), Kind: mail.Invitation, To: a.Email, Account: a.ID, Language: cmp.Or(a.Language, language), Until: expires,
		Data: mail.Data{Name: a.Name, Link: link, Expires: expires},
	})
}

// linkMailID returns the ID of the mail with a link.
func linkMailID(link string) string {
	owner := named(link)
	return "link-" + hex.EncodeToString(owner[:])
}

func (s *Service) invite(ctx context.Context, by registry.Actor, name, language string) (link string, a account.Account, expires time.Time, err error) {
	a, ok := s.registry.State().Accounts.Account(name)
	if !ok {
		return "", a, expires, ErrInvalid
	}
	if err := s.dropLinks(ctx, a.ID, ForInvitation); err != nil {
		return "", a, expires, err
	}
	mark := printOf(&a)
	link, expires, err = s.makeLink(ctx, a.ID, storedLink{Purpose: ForInvitation, Email: a.Email, Print: mark[:], Language: language}, invitationLife)
	if err == nil {
		s.noteLink(ctx, by, a, ForInvitation)
	}
	return link, a, expires, err
}

// AcceptInvitation uses an invitation's link up: it sets the password and signs in,
// where no second factor is set up. It fails with ErrLink when the link is of no use,
// and with ErrPassword, leaving it good, when the password will not do.
func (s *Service) AcceptInvitation(ctx context.Context, c Client, token, password string) (Step, error) {
	var step Step
	err := s.useLink(ctx, c, token, ForInvitation, func(l openLink) error {
		if l.account.Suspended {
			return ErrSuspended
		}
		a, err := s.setPassword(ctx, c, l.account, password)
		if errors.Is(err, errMoved) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		step, err = s.afterPassword(ctx, c, a, ByInvitation)
		if err != nil { // the password is set: they can sign in with it
			s.log.WarnContext(ctx, "a session did not begin", "account", a.Name, "error", err)
		}
		return nil
	})
	return step, err
}
