package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/webhook"
	"stayput.dev/internal/zone"
)

func TestWhatHappensIsSentAndSigned(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	w.hook(account.Hook{URL: r.URL + "/in", Account: 1, Events: []string{"host.changed"}})
	w.run(webhook.Options{})
	w.move(zone.MustName("nas.dyn.example.org"), 2, "192.0.2.66") // bob's
	at := w.move(home, 1, "192.0.2.7")
	w.eventually("it arrives", func() bool { return len(r.all()) == 1 })

	m := r.all()[0]
	id, stamp := m.header.Get("webhook-id"), m.header.Get("webhook-timestamp")
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(id + "." + stamp + "." + m.body))
	if want := "v1," + base64.StdEncoding.EncodeToString(sum.Sum(nil)); m.header.Get("webhook-signature") != want {
		t.Errorf("webhook-signature = %s, want %s", m.header.Get("webhook-signature"), want)
	}
	var got struct {
		Type      string
		Timestamp time.Time
		Revision  uint64
		Data      struct {
			Host, Account string
			Addresses     []netip.Addr
		}
	}
	if err := json.Unmarshal([]byte(m.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "host.changed" || got.Revision != uint64(at) || got.Timestamp.IsZero() || got.Data.Host != "home.dyn.example.org" || got.Data.Account != "alice" || len(got.Data.Addresses) != 1 {
		t.Errorf("the message is %s", m.body)
	}
	w.eventually("it is known as sent", func() bool { // the sender reads the answer after the receiver has the message
		s := w.sender.States()["w1"]
		return s.Sent == 1 && !s.Last.IsZero()
	})
}

// What was not taken is sent again, with the same ID, also after a restart; what
// comes later waits for it.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	w.hook(account.Hook{URL: r.URL})
	w.run(webhook.Options{})
	r.answers(func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusServiceUnavailable) })
	w.move(home, 1, "192.0.2.7")
	w.eventually("it is tried twice", func() bool { return len(r.all()) >= 2 })
	if s := w.sender.States()["w1"]; s.Failures == 0 || !strings.Contains(s.Error, "503") || s.Since.IsZero() || s.NextTry.IsZero() {
		t.Errorf("state = %+v", s)
	}
	w.stop()
	tried := len(r.all())
	w.move(home, 1, "192.0.2.8")
	r.answers(nil)
	w.run(webhook.Options{})
	first := r.all()[0].header.Get("webhook-id")
	second := func() int {
		return slices.IndexFunc(r.all(), func(m received) bool { return m.header.Get("webhook-id") != first })
	}
	w.eventually("both arrive", func() bool { return second() > 0 })
	all, at := r.all(), second()
	if at <= tried {
		t.Error("the first message has another ID when it is sent again")
	}
	if !strings.Contains(all[at].body, "192.0.2.8") {
		t.Errorf("the last message is %s", all[at].body)
	}

	// By hand, all of it comes again.
	taken := len(r.all())
	if err := w.sender.Replay(t.Context(), "w1", 1); err != nil {
		t.Fatal(err)
	}
	w.eventually("both arrive again", func() bool { return len(r.all()) >= taken+2 })
	if again := r.all()[taken]; again.header.Get("webhook-id") != first {
		t.Errorf("the first message that is replayed is %s", again.body)
	}
	if err := w.sender.Replay(t.Context(), "w1", 1<<40); !errors.Is(err, webhook.ErrAhead) {
		t.Errorf("Replay of what is to come: %v", err)
	}
}

// TestReplayIsRemembered: what was replayed is not sent once more after a restart.
func TestReplayIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hook(account.Hook{URL: newReceiver(t).URL})
	hasAll := func() bool { return w.sender.States()["w1"].Revision == w.registry.State().Revision }
	w.run(webhook.Options{})
	before := w.move(home, 1, "192.0.2.7")
	w.eventually("it arrives", hasAll)
	w.stop()
	w.run(webhook.Options{})
	last := w.move(home, 1, "192.0.2.8") // the first of a run is noted at once
	w.eventually("it arrives", hasAll)
	if err := w.sender.Replay(t.Context(), "w1", before); err != nil {
		t.Fatal(err)
	}
	w.eventually("it arrives again", func() bool { return w.sender.States()["w1"].Sent == 2 })
	w.stop()
	if at, err := w.store.Cursor(t.Context(), "webhook/w1"); at != last || err != nil {
		t.Errorf("kept is that it has all up to revision %d (%v), want %d", at, err, last)
	}
}

// TestNothingWaitsForADeletedHook: where it had come to is forgotten, so that what is purged
// does not stay for it.
func TestNothingWaitsForADeletedHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hook(account.Hook{URL: newReceiver(t).URL})
	w.run(webhook.Options{})
	cursor := func() registry.Revision {
		at, err := w.store.Cursor(t.Context(), "webhook/w1")
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	w.move(home, 1, "192.0.2.7")
	w.eventually("it is kept where the hook has come to", func() bool { return cursor() != 0 })
	w.apply(registry.Changes{Accounts: account.Changes{DeletedHooks: []string{"w1"}}})
	w.eventually("it is forgotten", func() bool { return cursor() == 0 })
	if err := w.store.Purge(t.Context(), w.registry.State(), true); err != nil {
		t.Errorf("Purge = %v", err)
	}
}

// TestDeadUntilMarked: one that is given up is sent nothing while that cannot be noted.
func TestDeadUntilMarked(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	r.answers(func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusGone) })
	w.hook(account.Hook{URL: r.URL})
	failures := 0
	w.run(webhook.Options{Bury: func(ctx context.Context, id, why string) error {
		if failures++; failures < 4 {
			return errors.New("the disk is full")
		}
		return w.bury(ctx, id, why)
	}})
	w.move(home, 1, "192.0.2.7")
	w.eventually("it is dead", func() bool { h, _ := w.registry.State().Accounts.Hook("w1"); return h.Dead != "" })
	if n := len(r.all()); n != 1 {
		t.Errorf("%d messages were sent to one that wants none", n)
	}
}

func TestPausedAndDead(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	hook := account.Hook{URL: r.URL}
	w.hook(hook)
	w.run(webhook.Options{DeadAfter: time.Nanosecond})
	hook.Paused = true
	w.hook(hook)
	w.move(home, 1, "192.0.2.7")
	if err := w.sender.Test(t.Context(), "w1"); err != nil || len(r.all()) != 1 || !strings.Contains(r.all()[0].body, `"type":"test"`) {
		t.Errorf("the test comes to %v, and arrives as %v", err, r.all())
	}
	hook.Paused = false
	w.hook(hook)
	w.eventually("what waited arrives", func() bool { return len(r.all()) == 2 })

	r.answers(func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusInternalServerError) })
	w.move(home, 1, "192.0.2.8")
	dead := func() string { h, _ := w.registry.State().Accounts.Hook("w1"); return h.Dead }
	w.eventually("it is given up", func() bool { return dead() != "" })
	if !strings.Contains(dead(), "500") || !strings.Contains(w.log.String(), "level=ERROR msg=\"a webhook is dead") {
		t.Errorf("it is dead because %q; the log says\n%s", dead(), w.log)
	}
	r.answers(nil)
	tried := len(r.all())
	w.hook(hook) // revived
	w.eventually("what waited arrives", func() bool { return len(r.all()) > tried })
	if last := r.all()[tried]; !strings.Contains(last.body, "192.0.2.8") {
		t.Errorf("it goes on with %s", last.body)
	}

	// One who wants nothing more is believed at once.
	r.answers(func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusGone) })
	w.move(home, 1, "192.0.2.9")
	w.eventually("it is given up", func() bool { return strings.Contains(dead(), "410") })
}

// Nothing is sent to addresses that are not public, whatever name leads there, and
// wherever a receiver sends us.
func TestNothingIsSentInside(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	w.run(webhook.Options{Allowed: func() []netip.Prefix { return nil }})
	port := r.Listener.Addr().(*net.TCPAddr).AddrPort().Port()
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
		"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "224.0.0.1", "255.255.255.255", "198.18.0.1",
	} {
		w.hook(account.Hook{URL: "http://" + host + ":" + strconv.Itoa(int(port)) + "/", Paused: true})
		if err := w.sender.Test(t.Context(), "w1"); !errors.Is(err, webhook.ErrForbidden) {
			t.Errorf("a message to %s: %v, want %v", host, err, webhook.ErrForbidden)
		}
	}
	if got := r.all(); len(got) > 0 {
		t.Errorf("inside arrived %v", got)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	w, r, other := newWorld(t), newReceiver(t), newReceiver(t)
	r.answers(func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	w.hook(account.Hook{URL: r.URL, Paused: true})
	w.run(webhook.Options{})
	if err := w.sender.Test(t.Context(), "w1"); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("a redirect comes to %v", err)
	}
	if got := other.all(); len(got) > 0 {
		t.Errorf("where it leads arrived %v", got)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := webhook.NewSecret()
	if back, err := webhook.ParseSecret(webhook.FormatSecret(s)); err != nil || string(back) != string(s) {
		t.Errorf("ParseSecret = %v, %v, want %v", back, err, s)
	}
	for _, bad := range []string{"", "whsec_", "whsec_c2hvcnQ=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsec_***", "whsec_" + strings.Repeat("YWJj", 30)} {
		if _, err := webhook.ParseSecret(bad); !errors.Is(err, webhook.ErrBadSecret) {
			t.Errorf("ParseSecret(%q): %v", bad, err)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	f.Add("whsec_")
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := webhook.ParseSecret(text)
		if err != nil {
			return
		}
		if back, err := webhook.ParseSecret(webhook.FormatSecret(secret)); err != nil || string(back) != string(secret) {
			t.Errorf("%q reads as %v, and back as %v, %v", text, secret, back, err)
		}
	})
}
