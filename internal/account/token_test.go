package account_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

func TestNewTokens(t *testing.T) {
	t.Parallel()
	secret := account.NewToken()
	if !account.IsToken(secret) || !strings.HasPrefix(secret, "stp_") || secret == account.NewToken() {
		t.Errorf("NewToken() = %s", secret)
	}
	for i := range secret { // the check finds whatever is mistyped
		other := secret[:i] + "!" + secret[i+1:]
		if account.IsToken(other) {
			t.Errorf("IsToken(%s) = true", other)
		}
	}
	swapped := []byte(secret)
	swapped[4], swapped[5] = swapped[5], swapped[4]
	if swapped[4] != swapped[5] && account.IsToken(string(swapped)) {
		t.Errorf("IsToken(%s) = true", swapped)
	}
}

func TestTokensInTheDirectory(t *testing.T) {
	t.Parallel()
	secret := account.NewToken()
	kept, err := account.KeepSecret(secret, true, false)
	if err != nil {
		t.Fatal(err)
	}
	token := account.Token{ID: "t1", Account: 1, Secret: kept, Hosts: []zone.Name{home}, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Expires: created}
	hook := account.Hook{ID: "w1", URL: "https://billing.example.org/", Secret: []byte("secret"), Created: created}
	plan := account.Plan{Name: "Home", Hosts: 2, Interval: time.Minute, Rest: time.Hour}
	d := apply(t, account.Directory{}, account.Changes{Tokens: []account.Token{token}, Hooks: []account.Hook{hook}, Plans: []account.Plan{plan}})
	if got, ok := d.APITokenBySecret(secret); !ok || got.ID != "t1" {
		t.Errorf("APITokenBySecret = %+v, %v", got, ok)
	}
	if _, ok := d.APITokenBySecret(account.NewToken()); ok {
		t.Error("another secret finds it")
	}
	if _, ok := d.KeyByToken(secret); ok {
		t.Error("an API token updates hosts")
	}
	if p, ok := d.Plan("hOME"); !ok || p != plan {
		t.Errorf("Plan = %+v, %v, want %+v", p, ok, plan)
	}
	if h, ok := d.Hook("w1"); !ok || h.URL != hook.URL || string(h.Secret) != "secret" {
		t.Errorf("Hook = %+v, %v", h, ok)
	}
	got, _ := d.APIToken("t1")
	if !got.Covers(home) || got.Covers(nas) || !got.TakesFrom(netip.MustParseAddr("::ffff:192.0.2.1")) || got.TakesFrom(netip.MustParseAddr("198.51.100.1")) ||
		got.TakesFrom(netip.Addr{}) || !got.HasExpired(created) || got.HasExpired(created.Add(-time.Second)) {
		t.Errorf("token = %+v", got)
	}
	d = apply(t, d, account.Changes{DeletedTokens: []string{"t1"}, DeletedHooks: []string{"w1"}, DeletedPlans: []string{"home"}})
	if _, ok := d.APITokenBySecret(secret); ok {
		t.Error("a token that was deleted still works")
	}
	for range d.APITokensOf(1) {
		t.Error("a token that was deleted is still listed")
	}
	if _, ok := d.Hook("w1"); ok {
		t.Error("a hook that was deleted is still there")
	}
	if _, ok := d.Plan("home"); ok {
		t.Error("a plan that was deleted is still there")
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"": true, "en": true, "pt-BR": true, "zh-Hant-TW": true, "es-419": true,
		"e": false, "1n": false, "en_US": false, "en-": false, "-en": false, "en-überlang": false, "en-" + strings.Repeat("abcdefgh-", 5) + "x": false,
	} {
		if err := account.CheckLanguage(text); (err == nil) != good {
			t.Errorf("CheckLanguage(%q) = %v", text, err)
		}
	}
}

func FuzzCheckLanguage(f *testing.F) {
	f.Add("pt-BR")
	f.Add("zh-Hant-TW")
	f.Fuzz(func(t *testing.T, text string) {
		if account.CheckLanguage(text) == nil && strings.ContainsAny(text, " \n\"<>_") {
			t.Errorf("CheckLanguage(%q) = nil", text)
		}
	})
}

func FuzzIsToken(f *testing.F) {
	f.Add(account.NewToken())
	f.Add("stp_")
	f.Fuzz(func(t *testing.T, text string) {
		if account.IsToken(text) && len(text) != len(account.NewToken()) {
			t.Errorf("IsToken(%q) = true", text)
		}
	})
}
