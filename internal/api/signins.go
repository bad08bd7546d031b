package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// SignIns tell what happened about signing in.
type SignIns interface {
	// Events returns a page of it, the latest first, and where the next page begins:
	// empty after the last one. The first begins at "".
	Events(ctx context.Context, start string, limit int) (events []SignInEvent, next string, err error)
	// EventsOf returns what happened about one account, the latest first.
	EventsOf(ctx context.Context, account uint32) ([]SignInEvent, error)
}

// SignInEvent is something that happened about signing in.
type SignInEvent struct {
	At      time.Time  `json:"at"`
	What    string     `json:"what" example:"wrong password"`
	Account string     `json:"account,omitempty" doc:"Whom it is about."`
	Actor   string     `json:"actor,omitempty" doc:"Name of the account that did it; absent for the operator, and for nobody who was signed in."`
	Source  netip.Addr `json:"source,omitzero" doc:"The client's address."`
	Detail  string     `json:"detail,omitempty" example:"password"`
}

type signInPage struct {
	Events []SignInEvent `json:"events" nullable:"false"`
	Next   string        `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// signInQuery is a request for what happened about signing in.
type signInQuery struct {
	Account string `query:"account" doc:"Only what happened about this account: the last 1000 things at most, all on one page."`
	Start   string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most."`
}

func (s *server) addSignIns(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/sign-ins", "list-sign-ins", "Show what happened about signing in, the latest first"), s.listSignIns)
}

func (s *server) listSignIns(ctx context.Context, in *signInQuery) (signInPage, error) {
	out := signInPage{Events: []SignInEvent{}}
	if in.Account != "" {
		if _, err := s.as(ctx).Account(in.Account); err != nil {
			return out, err
		}
	}
	if s.signIns == nil {
		return out, nil
	}
	var events []SignInEvent
	var err error
	if in.Account == "" {
		events, out.Next, err = s.signIns.Events(ctx, in.Start, in.Limit)
	} else {
		a, _ := s.registry.State().Accounts.Account(in.Account)
		events, err = s.signIns.EventsOf(ctx, a.ID)
	}
	out.Events = append(out.Events, events...)
	return out, err
}
