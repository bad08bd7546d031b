package account_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"stayput.dev/internal/account"
)

func TestVerifier(t *testing.T) {
	t.Parallel()
	strong, kept := secret(t, false)
	token, keptToken := secret(t, true)
	weak, err := account.KeepSecret("s3cret", false, true)
	if err != nil {
		t.Fatal(err)
	}
	weak.KeepLogin("weak", "s3cret")
	d := apply(t, account.Directory{}, account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice"}, {ID: 2, Name: "bob", Suspended: true}},
		Keys: []account.Key{
			{ID: 1, Account: 1, Username: "strong", Secret: kept},
			{ID: 2, Account: 1, Username: "token", Secret: keptToken, Token: true},
			{ID: 3, Account: 1, Username: "weak", Secret: weak},
			{ID: 4, Account: 2, Username: "suspended", Secret: kept},
			{ID: 5, Account: 3, Username: "orphan", Secret: kept},
		},
	})
	digest := md5.Sum([]byte("s3cret"))
	const login = "ea16c47fda4dea1eda558aaaf173d470c8f1117c" // printf %s 'weak|s3cret' | sha1sum
	tests := []struct{ why, user, secret, key string }{
		{"right", "strong", strong, "strong"},
		{"wrong secret", "strong", strong + "x", ""},
		{"no secret", "strong", "", ""},
		{"unknown user", "nobody", strong, ""},
		{"case of the user name counts", "Strong", strong, ""},
		{"a token as a password", "token", token, "token"},
		{"a token alone", "", token, "token"},
		{"a token beside any user", "whoever", token, "token"},
		{"a token beside another key's name", "strong", token, "token"},
		{"another key's secret alone is no token", "", strong, ""},
		{"a chosen password", "weak", "s3cret", "weak"},
		{"a wrong password", "weak", "secret", ""},
		{"the password's MD5", "weak", hex.EncodeToString(digest[:]), "weak"},
		{"MD5 in upper case", "weak", strings.ToUpper(hex.EncodeToString(digest[:])), "weak"},
		{"the SHA-1 of name and password alone", "", login, "weak"},
		{"the SHA-1 of name and password beside another name", "strong", login, "weak"},
		{"account suspended, wrong secret", "suspended", strong + "x", ""},
		{"account gone", "orphan", strong, ""},
	}
	v := account.NewVerifier(1)
	for range 2 { // the second time passwords are remembered
		for _, tt := range tests {
			key, err := v.Check(t.Context(), d, tt.user, tt.secret)
			if tt.key == "" {
				if !errors.Is(err, account.ErrBadCredential) {
					t.Errorf("%s: %v, %v, want ErrBadCredential", tt.why, key.Username, err)
				}
				continue
			}
			if err != nil || key.Username != tt.key {
				t.Errorf("%s: %q, %v, want %q", tt.why, key.Username, err, tt.key)
			}
		}
	}

	// Only who knows the secret hears that the account is suspended.
	if key, err := v.Check(t.Context(), d, "suspended", strong); !errors.Is(err, account.ErrSuspended) || key.ID != 4 {
		t.Errorf("account suspended: key %d, %v, want key 4 and ErrSuspended", key.ID, err)
	}

	// A password that is changed no longer works, though it was remembered.
	changed, err := account.KeepSecret("other", false, false)
	if err != nil {
		t.Fatal(err)
	}
	d = apply(t, d, account.Changes{Keys: []account.Key{{ID: 3, Account: 1, Username: "weak", Secret: changed}}})
	if _, err := v.Check(t.Context(), d, "weak", "s3cret"); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("the old password: %v, want ErrBadCredential", err)
	}
	if _, err := v.Check(t.Context(), d, "", login); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("the SHA-1 of the old password: %v, want ErrBadCredential", err)
	}
}

// Who waits for a slow check gives up with its context.
func TestVerifierWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	weak, err := account.KeepSecret("s3cret", false, false)
	if err != nil {
		t.Fatal(err)
	}
	d := apply(t, account.Directory{}, account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice"}},
		Keys:     []account.Key{{ID: 1, Account: 1, Username: "weak", Secret: weak}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := account.NewVerifier(0).Check(ctx, d, "weak", "s3cret"); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

func TestKeepSecretRefuses(t *testing.T) {
	t.Parallel()
	if _, err := account.KeepSecret("", false, false); !errors.Is(err, account.ErrEmptySecret) {
		t.Errorf("empty: %v, want ErrEmptySecret", err)
	}
	if _, err := account.KeepSecret("short", true, false); err == nil {
		t.Error("a short token: no error")
	}
	if _, err := account.KeepSecret(strings.Repeat("x", account.MaxPassword), false, false); err != nil {
		t.Errorf("a long secret: %v", err)
	}
	if _, err := account.HashPassword(strings.Repeat("x", account.MaxPassword+1)); !errors.Is(err, account.ErrLongPassword) {
		t.Errorf("an endless password: %v, want ErrLongPassword", err)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	// Of the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32 -e
	reference := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if !account.CheckPassword(reference, "password") || account.CheckPassword(reference, "Password") {
		t.Error("the reference hash does not tell right from wrong")
	}
	for _, bad := range []string{
		"", "$", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		if account.CheckPassword(bad, "password") {
			t.Errorf("CheckPassword(%q) = true", bad)
		}
	}
}
