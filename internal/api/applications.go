package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
)

// Applications are those of people who would like an account, where staff approve them.
// What names one that is not there fails with admin.ErrNotFound.
type Applications interface {
	// Applications returns at most limit of them in order of their IDs, from behind the
	// one with the ID after, which may be empty.
	Applications(ctx context.Context, after string, limit int) ([]Application, error)
	// Approve makes the account. It fails with admin.ErrExists, dropping the application,
	// when the name is taken by now.
	Approve(ctx context.Context, by registry.Actor, id string) error
	// Decline drops the application.
	Decline(ctx context.Context, by registry.Actor, id string) error
}

// Application is somebody who would like an account.
type Application struct {
	ID       string    `json:"id" example:"alice"`
	Name     string    `json:"name" doc:"What the account is to be called."`
	Email    string    `json:"email" doc:"It was confirmed."`
	Language string    `json:"language,omitempty" doc:"Language tag of the pages when they were asked (RFC 5646)."`
	At       time.Time `json:"at"`
	From     string    `json:"from,omitempty" doc:"Address from which it came; absent when that is not known."`
}

// applicationPage is a page of applications.
type applicationPage struct {
	Applications []Application `json:"applications" nullable:"false"`
	Next         string        `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// applicationQuery is a request for a list of applications.
type applicationQuery struct {
	Start string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 without it."`
}

// applicationPath is a request about one application.
type applicationPath struct {
	Application string `path:"application"`
}

func (s *server) addApplications(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/applications", "list-applications", "List who waits for an account"), s.listApplications)
	approve := operation(http.MethodPost, "/applications/{application}/approve", "approve-application", "Make the account that somebody applied for")
	answer(s, api, approve, s.approveApplication)
	act(s, api, operation(http.MethodDelete, "/applications/{application}", "decline-application", "Drop an application"), s.declineApplication)
}

func (s *server) listApplications(ctx context.Context, in *applicationQuery) (applicationPage, error) {
	out := applicationPage{Applications: []Application{}}
	if s.applications == nil {
		return out, nil
	}
	limit := cmp.Or(in.Limit, 100)
	all, err := s.applications.Applications(ctx, in.Start, limit+1)
	if len(all) > limit {
		all = all[:limit]
		out.Next = all[limit-1].ID
	}
	out.Applications = append(out.Applications, all...)
	return out, err
}

// approveApplication answers with the account that it made, whose name the ID is but for
// its case.
func (s *server) approveApplication(ctx context.Context, in *applicationPath) (Account, error) {
	if s.applications == nil {
		return Account{}, missing("application", in.Application)
	}
	err := s.applications.Approve(ctx, s.actor(ctx), in.Application)
	switch {
	case errors.Is(err, admin.ErrNotFound):
		return Account{}, missing("application", in.Application)
	case errors.Is(err, admin.ErrExists):
		return Account{}, newProblem(http.StatusConflict, "an account is called "+in.Application+" by now: the application was dropped", "")
	case err != nil:
		return Account{}, err
	}
	return s.showAccount(ctx, &accountPath{in.Application})
}

func (s *server) declineApplication(ctx context.Context, in *applicationPath) error {
	if s.applications == nil {
		return missing("application", in.Application)
	}
	err := s.applications.Decline(ctx, s.actor(ctx), in.Application)
	if errors.Is(err, admin.ErrNotFound) {
		return missing("application", in.Application)
	}
	return err
}

// AllApplications yields who waits for an account, in order of their IDs, and an error at
// most once, at the end.
func (c *Client) AllApplications(ctx context.Context) iter.Seq2[Application, error] {
	return all(Page{}, func(p Page) ([]Application, string, error) {
		page, err := get[applicationPage](ctx, c, http.MethodGet, "/applications", values("start", p.Start), nil)
		return page.Applications, page.Next, err
	})
}

// Approve makes the account that somebody applied for, and returns it.
func (c *Client) Approve(ctx context.Context, id string) (Account, error) {
	return get[Account](ctx, c, http.MethodPost, "/applications/"+segment(id)+"/approve", nil, nil)
}

// Decline drops the application for an account.
func (c *Client) Decline(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/applications/"+segment(id), nil, nil)
}
