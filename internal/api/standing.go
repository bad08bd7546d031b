package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/zone"
)

// Tally tells who stood out in this hour and the one before.
type Tally interface {
	// StandingOut returns at most n of each kind, those who did it most often first.
	StandingOut(n int) StandingOut
}

// StandingOut is who stood out in this hour and the one before, those who did it most
// often first.
type StandingOut struct {
	Failing     []Standing `json:"failing" nullable:"false" doc:"Networks of devices that sent wrong passwords, or asked for hosts that there are not."`
	Limited     []Standing `json:"limited" nullable:"false" doc:"Networks that came to a limit."`
	LimitedKeys []Standing `json:"limited_keys" nullable:"false" doc:"Update keys that came to a limit."`
	Changing    []Standing `json:"changing" nullable:"false" doc:"Hosts that change their addresses most."`
}

// Standing is somebody who stood out.
type Standing struct {
	Of      string `json:"of" example:"192.0.2.7/32" doc:"A network, the user name of an update key, or the name of a host."`
	Account string `json:"account,omitempty" doc:"Whose it is; absent for networks, and for what is no longer there."`
	Times   int    `json:"times"`
}

// standingQuery is a request for who stands out.
type standingQuery struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"20" doc:"How many of each kind at most."`
}

func (s *server) addStanding(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/standing-out", "show-standing-out", "Show who stood out in this hour and the one before"), s.showStandingOut)
}

func (s *server) showStandingOut(_ context.Context, in *standingQuery) (StandingOut, error) {
	out := StandingOut{Failing: []Standing{}, Limited: []Standing{}, LimitedKeys: []Standing{}, Changing: []Standing{}}
	if s.tally == nil {
		return out, nil
	}
	now := s.tally.StandingOut(in.Limit)
	out.Failing, out.Limited = append(out.Failing, now.Failing...), append(out.Limited, now.Limited...)
	accounts := s.registry.State().Accounts
	owner := func(id uint32) string {
		a, _ := accounts.AccountByID(id)
		return a.Name
	}
	for _, x := range now.LimitedKeys {
		if k, known := accounts.Key(x.Of); known {
			x.Account = owner(k.Account)
		}
		out.LimitedKeys = append(out.LimitedKeys, x)
	}
	for _, x := range now.Changing {
		if name, err := zone.ParseName(x.Of); err == nil {
			if h, known := accounts.Host(name); known {
				x.Account = owner(h.Account)
			}
		}
		out.Changing = append(out.Changing, x)
	}
	return out, nil
}
