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
	Start   string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit   int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many at most; 1000 without it."`
}

func (s *server) addKeys(api huma.API) {
	answer(api, operation(http.MethodGet, "/keys", "list-keys", "List update keys"), s.listKeys)
	answer(api, operation(http.MethodPost, "/keys", "add-key", "Make an update key"), s.addKey)
	answer(api, operation(http.MethodGet, "/keys/{username}", "show-key", "Show an update key"), s.showKey)
	answer(api, operation(http.MethodPatch, "/keys/{username}", "set-key", "Change an update key"), s.setKey)
	act(api, operation(http.MethodDelete, "/keys/{username}", "revoke-key", "Revoke an update key"), s.revokeKey)
}

func (s *server) listKeys(_ context.Context, in *keyQuery) (KeyPage, error) {
	keys, next, err := s.admin.Keys(in.Account, in.Start, in.Limit)
	out := KeyPage{Keys: []Key{}, Next: next}
	for _, k := range keys {
		out.Keys = append(out.Keys, viewKey(k))
	}
	return out, err
}

func (s *server) addKey(ctx context.Context, in *body[NewKey]) (AddedKey, error) {
	n := admin.NewKey{Account: in.Body.Account, Username: in.Body.Username, Token: in.Body.Token, MD5: in.Body.MD5}
	if in.Body.Secret != nil {
		n.Secret = *in.Body.Secret
	}
	var err error
	if n.Hosts, err = readNames(in.Body.Hosts); err != nil {
		return AddedKey{}, err
	}
	if n.Unchanged, err = orNone(choice(account.ParseUnchanged))(in.Body.Unchanged); err != nil {
		return AddedKey{}, err
	}
	k, secret, err := s.admin.AddKey(ctx, n)
	v := viewKey(k)
	return AddedKey{v.Username, secret, v.Account, v.Hosts, v.Token, v.MD5, v.Created, v.Unchanged}, err
}

func (s *server) showKey(_ context.Context, in *keyPath) (Key, error) {
	k, err := s.admin.Key(in.Username)
	return viewKey(k), err
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
	k, err := s.admin.SetKey(ctx, in.Username, admin.KeyChange{Unchanged: unchanged})
	return viewKey(k), err
}

func (s *server) revokeKey(ctx context.Context, in *keyPath) error {
	return s.admin.RevokeKey(ctx, in.Username)
}

func viewKey(k admin.Key) Key {
	out := Key{
		Username: k.Username, Account: k.Account, Hosts: []string{},
		Token: k.Token, MD5: k.MD5, Created: k.Created,
	}
	if k.Unchanged != account.UnchangedDefault {
		out.Unchanged = k.Unchanged.String()
	}
	for _, h := range k.Hosts {
		out.Hosts = append(out.Hosts, h.String())
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
