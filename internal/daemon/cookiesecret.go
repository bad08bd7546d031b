package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
)

const (
	// ownSecrets is the file in the data directory with the secrets that we make
	// when the configuration names no file.
	ownSecrets = "cookie.secrets"

	// secretLife is how long such a secret makes cookies (RFC 9018 §5 finds a month
	// adequate). Then it is only accepted, while the next one makes them.
	secretLife = 30 * 24 * time.Hour
)

// datedSecret is a secret and when we made it; the zero time when nobody says.
type datedSecret struct {
	secret dnsserver.CookieSecret
	made   time.Time
}

// cookieSecrets returns the secrets that c wants, none when it wants no cookies.
func cookieSecrets(c config.DNS, data string, log *slog.Logger) ([]dnsserver.CookieSecret, error) {
	if c.Cookies == config.CookiesOff {
		return nil, nil
	}
	var dated []datedSecret
	var err error
	if c.CookieSecretFile != "" {
		dated, err = sharedCookieSecrets(c.CookieSecretFile, log)
	} else {
		dated, err = ownCookieSecrets(filepath.Join(data, ownSecrets), time.Now(), log)
	}
	secrets := make([]dnsserver.CookieSecret, len(dated))
	for i, d := range dated {
		secrets[i] = d.secret
	}
	return secrets, err
}

// sharedCookieSecrets returns the secrets in a file that is somebody else's.
func sharedCookieSecrets(path string, log *slog.Logger) ([]datedSecret, error) {
	secrets, err := readSecrets(path)
	if err == nil && len(secrets) == 0 {
		err = fmt.Errorf("%s has no secret", path)
	}
	if err != nil {
		return nil, &Error{
			Err:  fmt.Errorf("reading cookie secrets: %w", err),
			Help: "`openssl rand -hex 16` makes a secret; without dns.cookie_secret_file the daemon makes its own",
		}
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
		log.Warn("everybody on this machine can read the cookie secrets", "file", path)
	}
	return secrets, nil
}

// ownCookieSecrets returns the secrets in our own file, with a new one before the
// last one if that is old.
func ownCookieSecrets(path string, now time.Time, log *slog.Logger) ([]datedSecret, error) {
	secrets, err := readSecrets(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("cookie secrets are lost, clients need new cookies", "error", err)
	}
	if len(secrets) > 0 && now.Sub(secrets[0].made) < secretLife {
		return secrets, nil
	}
	next := datedSecret{made: now}
	_, _ = rand.Read(next.secret[:]) // which never fails
	secrets = append([]datedSecret{next}, secrets[:min(1, len(secrets))]...)
	if err := writeSecrets(path, secrets); err != nil {
		return nil, fmt.Errorf("writing cookie secrets: %w", err)
	}
	return secrets, nil
}

// readSecrets reads a file of secrets, one on each line, perhaps with the time when it
// was made behind it. It says nothing of what stands there.
func readSecrets(path string) (secrets []datedSecret, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var s datedSecret
		digits, ok := hex.DecodeString(words[0])
		if ok != nil || len(digits) != len(s.secret) {
			return nil, fmt.Errorf("%s:%d: a secret has 32 hexadecimal digits", path, n)
		}
		copy(s.secret[:], digits)
		if len(words) > 1 {
			s.made, err = time.Parse(time.RFC3339, words[1])
		}
		if err != nil || len(words) > 2 {
			return nil, fmt.Errorf("%s:%d: a secret stands alone on its line", path, n)
		}
		secrets = append(secrets, s)
	}
	return secrets, nil
}

// writeSecrets puts secrets into a file that only we can read, durably.
func writeSecrets(path string, secrets []datedSecret) error {
	var text strings.Builder
	text.WriteString("# What DNS cookies are made with. The first makes them, the others are accepted.\n")
	for _, s := range secrets {
		fmt.Fprintf(&text, "%x %s\n", s.secret, s.made.UTC().Format(time.RFC3339))
	}
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = draft.WriteString(text.String())
	if err == nil {
		err = draft.Sync()
	}
	if err = errors.Join(err, draft.Close()); err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// renewCookieSecrets looks every hour whether our own secrets are due, until ctx ends.
func (d *daemon) renewCookieSecrets(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.renewOwnSecrets(); err != nil {
			d.log.Warn("renewing cookie secrets failed, the old ones stay", "error", err)
		}
	}
}

// renewOwnSecrets has secrets that are due renewed, unless they are somebody else's. No
// reload comes between, which would be undone.
func (d *daemon) renewOwnSecrets() error {
	d.dnsSettings.mu.Lock()
	defer d.dnsSettings.mu.Unlock()
	if d.dnsSettings.config.CookieSecretFile != "" {
		return nil
	}
	return d.heedDNS()
}
