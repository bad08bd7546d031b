package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/registry"
)

// SignIn is how people sign in, as far as staff may help them.
type SignIn interface {
	// Invite makes a link with which the owner of an account chooses its password,
	// and sends it by mail or returns it.
	Invite(ctx context.Context, by registry.Actor, account, language string, byMail bool) (link string, err error)
	// ResetFactors removes all second factors of an account, by its number, and ends
	// its sessions.
	ResetFactors(ctx context.Context, by registry.Actor, account uint32) error
	// EndSessions ends all sessions of an account.
	EndSessions(ctx context.Context, by registry.Actor, account uint32) error
}

// NewInvitation asks for a link with which the owner of an account chooses its
// password.
type NewInvitation struct {
	Mail     bool   `json:"mail,omitempty" doc:"Send it to the account's mail address, and do not return it."`
	Language string `json:"language,omitempty" doc:"Language tag of the mail (RFC 5646), where the account has none."`
}

// Invitation is a link with which whoever has it chooses the password of an account
// and signs in, once.
type Invitation struct {
	Account string `json:"account"`
	Link    string `json:"link,omitempty" doc:"Only when it is not sent by mail. It works for seven days."`
}

// invitationPost is a request for an invitation.
type invitationPost struct {
	Account string `path:"account"`
	Body    NewInvitation
}

func (s *server) addSignIn(api huma.API) {
	op := operation(http.MethodPost, "/accounts/{account}/invitation", "invite", "Invite the owner of an account to choose its password")
	op.DefaultStatus = http.StatusCreated
	answer(s, api, op, s.invite)
	act(s, api, operation(http.MethodDelete, "/accounts/{account}/factors", "reset-factors", "Remove the second factors of an account"), s.resetFactors)
	act(s, api, operation(http.MethodDelete, "/accounts/{account}/sessions", "end-sessions", "End all sessions of an account"), s.endSessions)
}

// signInOf returns the number of an account that people sign in to.
func (s *server) signInOf(ctx context.Context, name string) (uint32, error) {
	if _, err := s.as(ctx).Account(name); err != nil {
		return 0, err
	}
	if s.signIn == nil {
		return 0, newProblem(http.StatusNotImplemented, "nobody signs in here", "")
	}
	a, _ := s.registry.State().Accounts.Account(name)
	return a.ID, nil
}

func (s *server) resetFactors(ctx context.Context, in *accountPath) error {
	id, err := s.signInOf(ctx, in.Account)
	if err != nil {
		return err
	}
	return s.signIn.ResetFactors(ctx, s.actor(ctx), id)
}

func (s *server) endSessions(ctx context.Context, in *accountPath) error {
	id, err := s.signInOf(ctx, in.Account)
	if err != nil {
		return err
	}
	return s.signIn.EndSessions(ctx, s.actor(ctx), id)
}

func (s *server) invite(ctx context.Context, in *invitationPost) (Invitation, error) {
	if _, err := s.signInOf(ctx, in.Account); err != nil {
		return Invitation{}, err
	}
	a, err := s.as(ctx).Account(in.Account)
	if err != nil {
		return Invitation{}, err
	}
	link, err := s.signIn.Invite(ctx, s.actor(ctx), a.Name, in.Body.Language, in.Body.Mail)
	if h, ok := err.(interface{ Hint() string }); ok {
		return Invitation{}, newProblem(http.StatusConflict, err.Error(), h.Hint())
	}
	return Invitation{Account: a.Name, Link: link}, err
}

// Invite makes a link with which the owner of an account chooses its password.
func (c *Client) Invite(ctx context.Context, account string, n NewInvitation) (Invitation, error) {
	return get[Invitation](ctx, c, http.MethodPost, "/accounts/"+segment(account)+"/invitation", nil, n)
}

// ResetFactors removes all second factors of an account, and ends its sessions.
func (c *Client) ResetFactors(ctx context.Context, account string) error {
	return c.do(ctx, http.MethodDelete, "/accounts/"+segment(account)+"/factors", nil, nil)
}

// EndSessions ends all sessions of an account.
func (c *Client) EndSessions(ctx context.Context, account string) error {
	return c.do(ctx, http.MethodDelete, "/accounts/"+segment(account)+"/sessions", nil, nil)
}
