package admin_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
)

// told notes whom a service tells what.
type told struct{ lines []string }

// TellTokenMade implements admin.Teller.
func (o *told) TellTokenMade(_ context.Context, by registry.Actor, t account.Token, language string) {
	o.lines = append(o.lines, by.From+" "+t.Name+" "+language)
}

// TestTokensAreTold: whoever makes an API token, its owner is told, once, and nobody of
// one that was not made.
func TestTokensAreTold(t *testing.T) {
	w := newWorld(t)
	w.addAccounts("alice")
	o := &told{}
	s := admin.New(w.registry, admin.Options{Teller: o, Now: w.Now})
	for _, as := range []*admin.Service{s, s.As(registry.Actor{From: "192.0.2.1", Via: "api"})} {
		if _, _, err := as.AddToken(t.Context(), admin.NewToken{Account: "alice", Name: "backup", Language: "de"}); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.AddToken(t.Context(), admin.NewToken{Account: "nobody", Name: "backup"}); !errors.Is(err, admin.ErrNotFound) {
		t.Errorf("a token of nobody's: %v", err)
	}
	if want := []string{" backup de", "192.0.2.1 backup de"}; !slices.Equal(o.lines, want) {
		t.Errorf("told %q, want %q", o.lines, want)
	}
}
