package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/history"
)

// exchangeList is what devices asked and were told, the latest first.
type exchangeList struct {
	History []Exchange `json:"history" nullable:"false"`
}

func (s *server) addHistory(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/hosts/{host}/history", "show-host-history", "Show what devices asked of a host and were told"), s.hostHistory)
	answer(s, api, operation(http.MethodGet, "/keys/{username}/history", "show-key-history", "Show what came with an update key and reached no host"), s.keyHistory)
}

func (s *server) hostHistory(ctx context.Context, in *hostPath) (exchangeList, error) {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return exchangeList{}, err
	}
	if _, err := s.as(ctx).Host(name); err != nil {
		return exchangeList{}, err
	}
	return viewHistory(s.history.Host(name)), nil
}

func (s *server) keyHistory(ctx context.Context, in *keyPath) (exchangeList, error) {
	if _, err := s.as(ctx).Key(in.Username); err != nil {
		return exchangeList{}, err
	}
	return viewHistory(s.history.Key(in.Username)), nil
}

func viewHistory(entries []history.Entry) exchangeList {
	out := exchangeList{[]Exchange{}}
	for _, e := range entries {
		out.History = append(out.History, Exchange{
			First: e.First, Last: e.Last, Count: e.Count, Source: e.Source, Username: e.Username, Via: e.Via,
			Request: e.Request, Agent: e.Agent, Status: e.Status, Reply: e.Reply, Why: e.Why.String(), Pending: e.Pending,
		})
	}
	return out
}

// failures returns what there is to say of the update keys that fail, by user name.
func (s *server) failures() map[string]*Failing {
	all := map[string]*Failing{}
	for _, f := range s.history.Failing() {
		all[f.Username] = &Failing{f.Refusals, f.Since, f.Last, f.Source}
	}
	return all
}

// failingKeys returns the update keys that fail, those of an account unless its
// name is empty.
func (s *server) failingKeys(ctx context.Context, owner string) (KeyPage, error) {
	out := KeyPage{Keys: []Key{}}
	if owner != "" {
		a, err := s.as(ctx).Account(owner)
		if err != nil {
			return out, err
		}
		owner = a.Name // as it is spelled
	}
	for username, failing := range s.failures() {
		k, err := s.as(ctx).Key(username)
		if err != nil || owner != "" && k.Account != owner {
			continue // revoked meanwhile, or of another account
		}
		v := viewKey(k)
		v.Failing = failing
		out.Keys = append(out.Keys, v)
	}
	slices.SortFunc(out.Keys, func(a, b Key) int { return cmp.Compare(a.Username, b.Username) })
	return out, nil
}
