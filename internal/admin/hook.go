package admin

import (
	"context"
	"net/url"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// Hook is what there is to see of a hook: never its secret.
type Hook struct {
	ID      string
	URL     string
	Events  []string // empty: all
	Account string   // whose events alone are sent; empty: of all
	Paused  bool
	Dead    string // why sending was given up; empty: it was not
	Created time.Time
}

// NewHook is a hook to be made.
type NewHook struct {
	URL     string
	Secret  []byte   // 24 to 64 octets
	Events  []string // kinds of events; empty: all
	Account string   // whose events alone are sent; empty: of all
}

// These bound hooks.
const (
	maxHooks      = 64
	maxURL        = 2048
	minHookSecret = 24
	maxHookSecret = 64
)

// AddHook makes a hook.
func (s *Service) AddHook(ctx context.Context, n NewHook) (Hook, error) {
	if err := n.check(); err != nil {
		return Hook{}, err
	}
	id := account.NewHookID()
	err := s.edit(ctx, func(d *draft) error {
		h := account.Hook{ID: id, URL: n.URL, Secret: slices.Clone(n.Secret), Events: slices.Clone(n.Events), Created: d.now, After: uint64(d.state.Revision)}
		if n.Account != "" {
			a, err := d.account(n.Account)
			if err != nil {
				return err
			}
			h.Account = a.ID
		}
		count := 0
		for range d.state.Accounts.Hooks() {
			count++
		}
		if count >= maxHooks {
			return conflict("there are %d webhooks, which is the limit", maxHooks)
		}
		d.changes.Accounts.Hooks = []account.Hook{h}
		return nil
	})
	if err != nil {
		return Hook{}, err
	}
	return s.Hook(id)
}

func (n *NewHook) check() error {
	u, err := url.Parse(n.URL)
	switch {
	case err != nil || len(n.URL) > maxURL || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return invalid("%q is not a URL that begins with https:// or http://", n.URL)
	case u.User != nil || u.Fragment != "":
		return invalid("the URL of a webhook has no password and no fragment").but("receivers check the signature")
	case len(n.Secret) < minHookSecret || len(n.Secret) > maxHookSecret:
		return invalid("the secret of a webhook has %d to %d octets", minHookSecret, maxHookSecret)
	}
	return nil
}

// HookChange is what to change of a hook; nil fields stay.
type HookChange struct {
	Paused *bool   // nothing is sent for now; false also revives a dead one
	Dead   *string // why sending was given up; empty: it goes on
}

// SetHook changes a hook.
func (s *Service) SetHook(ctx context.Context, id string, c HookChange) (Hook, error) {
	err := s.edit(ctx, func(d *draft) error {
		h, err := findHook(d.state, id)
		if err != nil {
			return err
		}
		set(&h.Paused, c.Paused)
		if c.Paused != nil && !*c.Paused {
			h.Dead = ""
		}
		set(&h.Dead, c.Dead)
		d.changes.Accounts.Hooks = []account.Hook{h}
		return nil
	})
	if err != nil {
		return Hook{}, err
	}
	return s.Hook(id)
}

// DeleteHook deletes a hook.
func (s *Service) DeleteHook(ctx context.Context, id string) error {
	return s.edit(ctx, func(d *draft) error {
		if _, err := findHook(d.state, id); err != nil {
			return err
		}
		d.changes.Accounts.DeletedHooks = []string{id}
		return nil
	})
}

// Hook returns the hook with the ID.
func (s *Service) Hook(id string) (Hook, error) {
	st := s.State()
	h, err := findHook(st, id)
	if err != nil {
		return Hook{}, err
	}
	return viewHook(st, h), nil
}

// Hooks returns all hooks in order of their IDs.
func (s *Service) Hooks() []Hook {
	st := s.State()
	var out []Hook
	for h := range st.Accounts.Hooks() {
		out = append(out, viewHook(st, h))
	}
	return out
}

func findHook(st *registry.State, id string) (account.Hook, error) {
	h, ok := st.Accounts.Hook(id)
	if !ok {
		return h, notFound("no webhook %s", id)
	}
	return h, nil
}

func viewHook(st *registry.State, h account.Hook) Hook {
	owner, _ := st.Accounts.AccountByID(h.Account)
	return Hook{ID: h.ID, URL: h.URL, Events: h.Events, Account: owner.Name, Paused: h.Paused, Dead: h.Dead, Created: h.Created}
}
