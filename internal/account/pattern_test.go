package account_test

import (
	"errors"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	key := account.Key{Account: 1, Patterns: []zone.Name{zone.MustName("*.u1.dyn.example.org"), zone.MustName("a.*.dyn.example.org")}}
	for name, want := range map[string]bool{
		"home.u1.dyn.example.org":   true,
		"a.u2.dyn.example.org":      true,
		"b.u2.dyn.example.org":      false,
		"u1.dyn.example.org":        false,
		"x.home.u1.dyn.example.org": false,
		"home.u1.dyn.example.net":   false,
		"org":                       false,
		".":                         false,
	} {
		n := zone.MustName(name)
		if got := key.Fits(n); got != want {
			t.Errorf("Fits(%s) = %v, want %v", name, got, want)
		}
		if got := key.Covers(account.Host{Account: 1, Name: n}); got != want {
			t.Errorf("Covers(%s) = %v, want %v", name, got, want)
		}
	}
	if key.Covers(account.Host{Account: 2, Name: zone.MustName("home.u1.dyn.example.org")}) {
		t.Error("a key covers a host of another account")
	}
	key.Hosts = []zone.Name{zone.MustName("home.example.org")}
	if !key.Covers(account.Host{Account: 1, Name: key.Hosts[0]}) {
		t.Error("a key with patterns does not cover a host that it names")
	}
}

func TestCheckPattern(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"*.dyn.example.org": true, "a.*.example.org": true, "*.*.example.org": true, "*.example.org": true,
		"dyn.example.org": false, "*.org": false, "example.org.*": false, "*.*": false, ".": false,
		"*.dy_n.example.org": false, "x*.dyn.example.org": false, "-.*.example.org": false,
	} {
		if err := account.CheckPattern(zone.MustName(name)); (err == nil) != ok || err != nil && !errors.Is(err, account.ErrBadPattern) {
			t.Errorf("CheckPattern(%s) = %v", name, err)
		}
	}
}
