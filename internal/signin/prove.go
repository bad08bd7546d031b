package signin

import (
	"context"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
)

// Prove renews a session whose owner gives the password once more, with a new cookie.
// It fails as Password does.
func (s *Service) Prove(ctx context.Context, c Client, session Session, password string) (Step, error) {
	find := func(d account.Directory) account.Account {
		a, _ := d.AccountByID(session.Account)
		return a
	}
	if _, err := s.checkPassword(ctx, c, find, limit.Number(session.Account), password); err != nil {
		return Step{}, err
	}
	return s.renew(ctx, session, nil)
}

// ProveByCode renews a session whose owner gives a code. It fails as Code does.
func (s *Service) ProveByCode(ctx context.Context, c Client, session Session, code string) (Step, error) {
	a, err := s.accountByID(session.Account)
	if err != nil {
		return Step{}, err
	}
	if err := s.checkCode(ctx, c, a, code); err != nil {
		return Step{}, err
	}
	return s.renew(ctx, session, nil)
}
