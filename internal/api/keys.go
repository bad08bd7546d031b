package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// keyPath is a request about one update key.
type keyPath struct {
	Username string `path:"username"`
}

// keyQuery is a request for a list of update keys.
type keyQuery struct {
	Account string `query:"account" doc:"Only those of this account."`
	Failing bool   `query:"failing" doc:"Only those whose secret was wrong again and again, and not right since; all on one page."`
	Start   string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit   int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many at most; 1000 without it."`
}

func (s *server) addKeys(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/keys", "list-keys", "List update keys"), s.listKeys)
	answer(s, api, operation(http.MethodPost, "/keys", "add-key", "Make an update key"), s.addKey)
	answer(s, api, operation(http.MethodGet, "/keys/{username}", "show-key", "Show an update key"), s.showKey)
	answer(s, api, operation(http.MethodPatch, "/keys/{username}", "set-key", "Change an update key"), s.setKey)
	act(s, api, operation(http.MethodDelete, "/keys/{username}", "revoke-key", "Revoke an update key"), s.revokeKey)
}

func (s *server) listKeys(ctx context.Context, in *keyQuery) (KeyPage, error) {
	if in.Failing {
		return s.failingKeys(ctx, in.Account)
	}
	keys, next, err := s.as(ctx).Keys(in.Account, in.Start, in.Limit)
	out := KeyPage{Keys: []Key{}, Next: next}
	for _, k := range keys {
		out.Keys = append(out.Keys, viewKey(k))
	}
	return out, err
}

func (s *server) addKey(ctx context.Context, in *body[NewKey]) (AddedKey, error) {
	n := admin.NewKey{Account: in.Body.Account, Username: in.Body.Username, Token: in.Body.Token, MD5: in.Body.MD5, TLSOnly: in.Body.TLSOnly, BareGood: in.Body.BareGood, NewHosts: in.Body.NewHosts}
	if in.Body.Secret != nil {
		n.Secret = *in.Body.Secret
	}
	var err error
	if n.Hosts, err = readNames(in.Body.Hosts); err != nil {
		return AddedKey{}, err
	}
	if n.Patterns, err = readNames(in.Body.Patterns); err != nil {
		return AddedKey{}, err
	}
	if n.Unchanged, err = orNone(choice(account.ParseUnchanged))(in.Body.Unchanged); err != nil {
		return AddedKey{}, err
	}
	k, secret, err := s.as(ctx).AddKey(ctx, n)
	return AddedKey{secret, viewKey(k)}, err
}

func (s *server) showKey(ctx context.Context, in *keyPath) (Key, error) {
	k, err := s.as(ctx).Key(in.Username)
	v := viewKey(k)
	v.Failing = s.failures()[in.Username]
	return v, err
}

// keyChange is a request to change one update key.
type keyChange struct {
	Username string `path:"username"`
	Body     KeyChange
}

func (s *server) setKey(ctx context.Context, in *keyChange) (Key, error) {
	unchanged, err := optional(in.Body.Unchanged, choice(account.ParseUnchanged))
	if err != nil {
		return Key{}, err
	}
	patterns, err := optional(in.Body.Patterns, readNames)
	if err != nil {
		return Key{}, err
	}
	k, err := s.as(ctx).SetKey(ctx, in.Username, admin.KeyChange{
		Unchanged: unchanged, TLSOnly: in.Body.TLSOnly, BareGood: in.Body.BareGood, Patterns: patterns, NewHosts: in.Body.NewHosts,
	})
	return viewKey(k), err
}

func (s *server) revokeKey(ctx context.Context, in *keyPath) error {
	return s.as(ctx).RevokeKey(ctx, in.Username)
}

func viewKey(k admin.Key) Key {
	out := Key{
		Username: k.Username, Account: k.Account, Hosts: []string{},
		Token: k.Token, MD5: k.MD5, Created: k.Created, TLSOnly: k.TLSOnly, BareGood: k.BareGood, NewHosts: k.NewHosts,
	}
	if k.Unchanged != account.UnchangedDefault {
		out.Unchanged = k.Unchanged.String()
	}
	for _, h := range k.Hosts {
		out.Hosts = append(out.Hosts, h.String())
	}
	for _, p := range k.Patterns {
		out.Patterns = append(out.Patterns, p.String())
	}
	return out
}

// choice reads a word that must be one of a few.
func choice[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(text string) (T, error) {
		v, err := parse(text)
		if err != nil {
			return v, newProblem(http.StatusUnprocessableEntity, err.Error(), "")
		}
		return v, nil
	}
}
