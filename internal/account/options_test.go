package account_test

import (
	"errors"
	"testing"
	"time"

	"stayput.dev/internal/account"
)

func TestWhenOffline(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"nodata", "nxdomain", "192.0.2.80", "192.0.2.80,2001:db8::80", "offline.example.org"} {
		w, err := account.ParseWhenOffline(text)
		if err != nil || w.String() != text {
			t.Errorf("ParseWhenOffline(%q) = %v, %v", text, &w, err)
		}
	}
	for _, text := range []string{"", "nodta", "192.0.2.80,", "192.0.2.80,offline.example.org", "192.0.2", "a b.example.org", "_page.example.org"} {
		if w, err := account.ParseWhenOffline(text); !errors.Is(err, account.ErrBadChoice) {
			t.Errorf("ParseWhenOffline(%q) = %v, %v, want %v", text, &w, err, account.ErrBadChoice)
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	const house = 90 * 24 * time.Hour
	for text, tt := range map[string]struct {
		after time.Duration
		shown string
	}{
		"default": {house, "default"},
		"never":   {0, "never"},
		"none":    {0, "never"},
		"0":       {0, "never"},
		"30d":     {30 * 24 * time.Hour, "30d"},
		"720h":    {30 * 24 * time.Hour, "30d"},
		"36h":     {36 * time.Hour, "36h0m0s"},
		"1m":      {time.Minute, "1m0s"},
		"3650d":   {3650 * 24 * time.Hour, "3650d"},
	} {
		e, err := account.ParseExpiry(text)
		if err != nil || e.After(house) != tt.after || e.String() != tt.shown {
			t.Errorf("ParseExpiry(%q) = %v after %v, %v, want %v after %v", text, e, e.After(house), err, tt.shown, tt.after)
		}
		if again, err := account.ParseExpiry(e.String()); err != nil || again != e {
			t.Errorf("%q reads back as %v, %v", e, again, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "30", "59s", "90.5s", "3651d", "99999d", "soon"} {
		if e, err := account.ParseExpiry(text); !errors.Is(err, account.ErrBadChoice) {
			t.Errorf("ParseExpiry(%q) = %v, %v, want %v", text, e, err, account.ErrBadChoice)
		}
	}
}

func FuzzParseWhenOffline(f *testing.F) {
	for _, text := range []string{"nodata", "nxdomain", "192.0.2.80,2001:db8::80", "fe80::1%eth0", "offline.example.org", `\300.example`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := account.ParseWhenOffline(text)
		if err != nil {
			return
		}
		if again, err := account.ParseWhenOffline(w.String()); err != nil || !again.Equal(&w) {
			t.Errorf("%q reads back as %v, %v", w.String(), &again, err)
		}
	})
}

func FuzzParseExpiry(f *testing.F) {
	for _, text := range []string{"default", "never", "0", "30d", "36h", "1h30m", "-5m", "99999999d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := account.ParseExpiry(text)
		if err != nil {
			return
		}
		if again, err := account.ParseExpiry(e.String()); err != nil || again != e {
			t.Errorf("%q reads back as %v, %v", e.String(), again, err)
		}
	})
}
