package account_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
)

// The hashes are of "correct horse": what perl -e 'print crypt(...)', openssl passwd,
// htpasswd and mkpasswd make of it.
var horses = []struct{ form, hash string }{
	{"DES", "abhfCpXqd4GrI"},
	{"MD5 of Apache", "$apr1$8sFt66rZ$4pu19B4B6DfMiNaqqF996/"},
	{"MD5 of crypt", "$1$8sFt66rZ$r1x0paDBBgYKOkpFnhZRe1"},
	{"bcrypt", "$2y$04$ar1E1k4uXDqjhzAPI8eYweQlLWGCDO38vC2tzZDu7HFM3QJwufoXK"},
	{"SHA-256", "$5$8sFt66rZ8sFt66rZ$CUflLE3CCm2IhysQmjEG9TgxvELHXVaVGPVvHNxl1VD"},
	{"SHA-512", "$6$8sFt66rZ$gDIov9dfrXI/PE1BEzv4kcytZXawDtEoF9tT114BLFutdSxOgF4n34Mj7t2hqr1wc6ucNJ9yU7I3yv7nxFTWO0"},
	{"SHA-512 in rounds", "$6$rounds=1234$8sFt66rZ$MqWgNW8XAaT2ZbAc2dZ1ToJ6vdiKbOc8kctvbbYLvXPBegHoLE6W87B..aTRUgKOIO0.ChDyCsqHX0WpXPIX11"},
	{"SHA-1 of Django", "sha1$seasalt1$5d8652b87d7e7352932a648f9f8a58276cc23b2d"},
	{"SHA-1", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="},
}

func TestForeignHashes(t *testing.T) {
	t.Parallel()
	for _, h := range horses {
		secret, err := account.KeepForeign(h.hash)
		if err != nil {
			t.Errorf("%s: %v", h.form, err)
			continue
		}
		if !secret.IsForeign() || !secret.IsPassword() || secret.Foreign() != h.hash {
			t.Errorf("%s: %+v", h.form, secret)
		}
		if !account.CheckPassword(h.hash, "correct horse") {
			t.Errorf("%s: the right password is wrong", h.form)
		}
		for _, wrong := range []string{"", "Correct horse", "correct", h.hash} {
			if account.CheckPassword(h.hash, wrong) {
				t.Errorf("%s: %q is right", h.form, wrong)
			}
		}
	}
}

// TestForeignHashesOfOthers holds the forms against the programs that make them.
func TestForeignHashesOfOthers(t *testing.T) {
	t.Parallel()
	makers := [][]string{
		{"perl", "-e", `print crypt($ARGV[0], "ab")`},
		{"perl", "-e", `print crypt($ARGV[0], "/.")`},
		{"perl", "-e", `print crypt($ARGV[0], "zZ")`},
		{"perl", "-e", `print crypt($ARGV[0], "9A")`},
		{"openssl", "passwd", "-1"},
		{"openssl", "passwd", "-apr1"},
		{"openssl", "passwd", "-5"},
		{"openssl", "passwd", "-6"},
		{"htpasswd", "-nbd", "u"},
		{"htpasswd", "-nbm", "u"},
		{"htpasswd", "-nbs", "u"},
		{"htpasswd", "-nbB", "u"},
		{"htpasswd", "-nb2", "u"},
		{"htpasswd", "-nb5", "u"},
		{"mkpasswd", "-m", "descrypt"},
		{"mkpasswd", "-m", "md5crypt"},
		{"mkpasswd", "-m", "sha256crypt", "-R", "1234"},
		{"mkpasswd", "-m", "sha512crypt"},
		{"mkpasswd", "-m", "bcrypt", "-R", "5"},
	}
	passwords := []string{"a", "secret", "eightchr", "password with blanks", "Grüße aus Köln", strings.Repeat("long", 15)}
	for _, maker := range makers {
		if _, err := exec.LookPath(maker[0]); err != nil {
			t.Logf("no %s here", maker[0])
			continue
		}
		for _, password := range passwords {
			out, err := exec.Command(maker[0], append(maker[1:], password)...).Output()
			if err != nil {
				t.Errorf("%v: %v", maker, err)
				continue
			}
			hash := strings.TrimPrefix(strings.TrimSpace(string(out)), "u:")
			if _, err := account.KeepForeign(hash); err != nil {
				t.Errorf("%v: %v: %s", maker, err, hash)
			}
			if !account.CheckPassword(hash, password) {
				t.Errorf("%v: %s is not the hash of %q", maker, hash, password)
			}
			if account.CheckPassword(hash, "x"+password) {
				t.Errorf("%v: %s is the hash of another password than %q, too", maker, hash, password)
			}
		}
	}
}

// TestDESOfOthers tries what no list would: salts and passwords at random.
func TestDESOfOthers(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip("no perl here")
	}
	const salts = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random := rand.New(rand.NewPCG(1, 2))
	var asked []string
	for range 300 {
		word := make([]byte, 1+random.IntN(10))
		for i := range word {
			word[i] = byte(1 + random.IntN(255))
		}
		salt := string([]byte{salts[random.IntN(64)], salts[random.IntN(64)]})
		asked = append(asked, fmt.Sprintf("%s%x", salt, word))
	}
	cmd := exec.Command("perl", append([]string{"-e", `print crypt(pack("H*", substr($_, 2)), substr($_, 0, 2)), "\n" for @ARGV`}, asked...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, hash := range strings.Fields(string(out)) {
		var word []byte
		if _, err := fmt.Sscanf(asked[i][2:], "%x", &word); err != nil {
			t.Fatal(err)
		}
		if !account.CheckPassword(hash, string(word)) {
			t.Errorf("%s is not the hash of %x", hash, word)
		}
	}
}

func TestKeepForeignRefuses(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{
		"", "plain text", "mypassword", "*", "!", "x", "abhfCpXqd4GrI:", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$apr1$salt$short", "$1$saltandmore$" + strings.Repeat("a", 22), "$6$rounds=0$salt$" + strings.Repeat("a", 86),
		"$6$rounds=999999999$salt$" + strings.Repeat("a", 86), "$5$rounds=1000001$salt$" + strings.Repeat("a", 43),
		"$2y$15$" + strings.Repeat("a", 53), "$2y$31$" + strings.Repeat("a", 53), "$2y$05$short", "$y$j9T$salt$hash", "{SHA}AAAA", "{SSHA}AAAA",
	} {
		_, err := account.KeepForeign(hash)
		if !errors.Is(err, account.ErrForeignHash) {
			t.Errorf("%q: %v, want ErrForeignHash", hash, err)
			continue
		}
		if hash != "" && len(hash) > 1 && strings.Contains(err.Error(), hash) {
			t.Errorf("the error tells the hash: %v", err)
		}
		if account.CheckPassword(hash, hash) || account.CheckPassword(hash, "password") {
			t.Errorf("%q: a password is right", hash)
		}
	}
}

func FuzzCheckPassword(f *testing.F) {
	for _, h := range horses {
		f.Add(h.hash, "correct horse")
	}
	f.Add("$5$rounds=1000$$"+strings.Repeat(".", 43), "")
	f.Fuzz(func(t *testing.T, hash, password string) {
		secret, err := account.KeepForeign(hash)
		if err == nil && secret.Foreign() != hash {
			t.Errorf("kept %q as %q", hash, secret.Foreign())
		}
		if account.CheckPassword(hash, password) && (password == "" || err != nil && !strings.HasPrefix(hash, "$argon2id$")) {
			t.Errorf("%q is right for %q, which is no hash: %v", password, hash, err)
		}
	})
}

// Of two routers with one key, both were right under DES, which heeds eight
// characters. The first gives the key a hash of its own, the second is right
// until the grace is over.
func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const first, second, wrong = "correct horse", "correct hippo", "wrong horse"
		v := account.NewVerifier(1)
		kept, err := account.KeepForeign(horses[0].hash)
		if err != nil {
			t.Fatal(err)
		}
		key := account.Key{ID: 1, Account: 1, Username: "router", AnyCase: true, Secret: kept}
		directory := func() account.Directory {
			return apply(t, account.Directory{}, account.Changes{
				Accounts: []account.Account{{ID: 1, Name: "alice"}}, Keys: []account.Key{key},
			})
		}
		check := func(why, user, secret string, right bool) {
			t.Helper()
			got, err := v.Check(t.Context(), directory(), user, secret)
			if right != (err == nil) || right && got.ID != 1 || !right && !errors.Is(err, account.ErrBadCredential) {
				t.Errorf("%s: %q is key %d, %v", why, secret, got.ID, err)
			}
		}
		renew := func(secret string, want bool) {
			t.Helper()
			kept, renewed, err := v.Renew(t.Context(), key, secret)
			if err != nil || renewed != want {
				t.Fatalf("renewed = %v, %v, want %v", renewed, err, want)
			}
			key.Secret = kept
		}
		for range 2 { // the second time all is remembered
			check("before", "router", first, true)
			check("before", "Router", second, true)
			check("before", "router", wrong, false)
		}

		renew(first, true)
		if key.Secret.IsForeign() || key.Secret.Foreign() != horses[0].hash || !account.CheckPassword(key.Secret.Password, first) {
			t.Errorf("kept %+v", key.Secret)
		}
		if _, err := v.Recall(directory(), "router", first); err != nil {
			t.Errorf("what was just hashed is not remembered: %v", err)
		}
		check("in the grace", "router", wrong, false)
		for range 2 {
			check("in the grace", "router", first, true)
			check("in the grace", "ROUTER", second, true)
			check("in the grace", "router", wrong, false)
		}
		if v.HangsOnOld(key, first) || !v.HangsOnOld(key, second) {
			t.Error("who hangs on the old hash is not told apart")
		}
		renew(second, false)

		time.Sleep(account.Grace)
		check("after the grace", "router", first, true)
		check("after the grace", "router", second, false)
		renew(first, true)
		if key.Secret.Foreign() != "" || !key.Secret.OldUntil.IsZero() {
			t.Errorf("after the grace: %+v", key.Secret)
		}
		check("in the end", "router", first, true)
		renew(first, false)
	})
}

// A long secret is kept as a random one is, so that no check of it is slow.
func TestRenewALongSecret(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 4)
	out, err := exec.Command("openssl", "passwd", "-6", long).Output()
	if err != nil {
		t.Skipf("no openssl here: %v", err)
	}
	kept, err := account.KeepForeign(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	v := account.NewVerifier(1)
	kept, renewed, err := v.Renew(t.Context(), account.Key{Username: "router", Secret: kept}, long)
	if err != nil || !renewed || kept.Password != "" || len(kept.Sum) == 0 {
		t.Fatalf("kept %+v, %v", kept, err)
	}
	d := apply(t, account.Directory{}, account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice"}}, Keys: []account.Key{{ID: 1, Account: 1, Username: "router", Secret: kept}},
	})
	if _, err := v.Recall(d, "router", long); err != nil {
		t.Errorf("the right secret: %v", err)
	}
	if _, err := v.Check(t.Context(), d, "router", long[1:]); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := v.Check(t.Context(), d, "Router", long); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("another case: %v", err)
	}
}
