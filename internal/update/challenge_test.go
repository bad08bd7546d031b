package update_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// value returns an answer to a challenge.
func value(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// challenge asks as alice unless c says otherwise.
func (w *world) challenge(c update.Challenge) (update.Result, error) {
	if c.Username == "" {
		c.Username, c.Secret = "alice", aliceSecret
	}
	c.Via = "test"
	return w.service.Challenge(w.t.Context(), c)
}

// answers returns the answers at a host by the texts that they were made of.
func (w *world) answers(host string, texts ...string) string {
	stand := w.records(update.ChallengeLabel + "." + host)
	for _, text := range texts {
		stand = strings.ReplaceAll(stand, value(text), text)
	}
	return stand
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		c       update.Challenge
		outcome update.Outcome
		err     error
		host    string // of the result
	}{
		{"full name", update.Challenge{Host: "home.dyn.example.org", Value: value("one")}, update.Good, nil, "home.dyn.example.org"},
		{"name of the record", update.Challenge{Host: "_acme-challenge.Home.dyn.example.org.", Value: value("one")}, update.Good, nil, "home.dyn.example.org"},
		{"only host of the key", update.Challenge{Username: "nas-only", Secret: aliceSecret, Value: value("one")}, update.Good, nil, "nas.dyn.example.org"},
		{"nothing but the host", update.Challenge{Username: "nas-only", Secret: aliceSecret}, update.NoChange, nil, "nas.dyn.example.org"},
		{"remove what is not there", update.Challenge{Host: "home.dyn.example.org", Value: value("one"), Remove: true}, update.NoChange, nil, "home.dyn.example.org"},
		{"one of two hosts", update.Challenge{Value: value("one")}, 0, update.ErrNoHostNamed, ""},
		{"foreign host", update.Challenge{Host: "printer.dyn.example.org", Value: value("one")}, update.NoHost, nil, "printer.dyn.example.org"},
		{"host of another key", update.Challenge{Username: "nas-only", Secret: aliceSecret, Host: "home.dyn.example.org", Value: value("one")}, update.NoHost, nil, "home.dyn.example.org"},
		{"name below a host", update.Challenge{Host: "www.home.dyn.example.org", Value: value("one")}, update.NoHost, nil, "www.home.dyn.example.org"},
		{"zone of the host", update.Challenge{Host: "_acme-challenge.dyn.example.org", Value: value("one")}, update.NoHost, nil, "_acme-challenge.dyn.example.org"},
		{"no name", update.Challenge{Host: "home..example.org", Value: value("one")}, update.NotFQDN, nil, "home..example.org"},
		{"short value", update.Challenge{Host: "home.dyn.example.org", Value: value("one")[1:]}, 0, update.ErrBadChallenge, ""},
		{"padded value", update.Challenge{Host: "home.dyn.example.org", Value: value("one") + "="}, 0, update.ErrBadChallenge, ""},
		{"value with a line end", update.Challenge{Host: "home.dyn.example.org", Value: value("one")[:42] + "\n" + value("one")[42:]}, 0, update.ErrBadChallenge, ""},
		{"standard alphabet", update.Challenge{Host: "home.dyn.example.org", Value: strings.Repeat("+", 43)}, 0, update.ErrBadChallenge, ""},
		{"wrong secret", update.Challenge{Username: "alice", Secret: "wrong", Host: "home.dyn.example.org", Value: value("one")}, 0, account.ErrBadCredential, ""},
		{"credentials come first", update.Challenge{Username: "alice", Secret: "wrong", Value: "short"}, 0, account.ErrBadCredential, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{})
			commits := len(w.store.all())
			got, err := w.challenge(test.c)
			if !errors.Is(err, test.err) || got.Outcome != test.outcome || got.Host != test.host {
				t.Fatalf("Challenge() = %+v, %v, want %v of %q, %v", got, err, test.outcome, test.host, test.err)
			}
			written := err == nil && got.Outcome == update.Good
			if written && w.answers(test.host) != value("one") || len(w.store.all())-commits != map[bool]int{true: 1}[written] {
				t.Errorf("answers = %q after %d commits", w.answers(test.host), len(w.store.all())-commits)
			}
		})
	}
}

// TestNewestAnswersStay: their order is known, also of those that an earlier
// process took.
func TestNewestAnswersStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	texts := []string{"one", "two", "three", "four", "five", "six"}
	say := func(text string, remove bool, outcome update.Outcome, want string) {
		t.Helper()
		got, err := w.challenge(update.Challenge{Host: "home.dyn.example.org", Value: value(text), Remove: remove})
		if err != nil || got.Outcome != outcome {
			t.Fatalf("%s: Challenge() = %v, %v, want %v", text, got.Outcome, err, outcome)
		}
		for _, name := range strings.Fields(want) {
			if name != "any" && !strings.Contains(w.answers("home.dyn.example.org", texts...), name) {
				t.Errorf("after %s: answers = %s, want %s", text, w.answers("home.dyn.example.org", texts...), want)
			}
		}
		if n := len(strings.Fields(strings.ReplaceAll(w.answers("home.dyn.example.org"), "|", " "))); n != len(strings.Fields(want)) {
			t.Errorf("after %s: answers = %s, want %s", text, w.answers("home.dyn.example.org", texts...), want)
		}
	}
	say("one", false, update.Good, "one")
	say("one", false, update.NoChange, "one")
	say("two", false, update.Good, "one two")
	say("three", false, update.Good, "two three")
	say("two", true, update.Good, "three")
	say("four", false, update.Good, "three four")
	w.service = update.New(w.registry, update.Options{Logger: slog.New(slog.DiscardHandler)}) // which has seen none of them
	say("five", false, update.Good, "any five")
	say("six", false, update.Good, "five six")
}

// TestChallengeIsHidden: where our DNS would not answer the record, none is put.
func TestChallengeIsHidden(t *testing.T) {
	t.Parallel()
	target := zone.MustName("elsewhere.example.net")
	for _, test := range []struct {
		at   string
		typ  zone.Type
		want update.Outcome
	}{
		{"_acme-challenge.home.dyn.example.org", zone.TypeCNAME, update.NoHost},
		{"_acme-challenge.home.dyn.example.org", zone.TypeNS, update.NoHost},
		{"home.dyn.example.org", zone.TypeNS, update.NoHost},
		{"home.dyn.example.org", zone.TypeDNAME, update.NoHost},
		{"*.home.dyn.example.org", zone.TypeCNAME, update.Good},
	} {
		w := newWorld(t, update.Options{})
		w.apply(func(*registry.State) (registry.Changes, error) {
			set := zone.RRset{Name: name(test.at), Type: test.typ, TTL: 60, Data: []zone.Rdata{zone.Rdata(target)}}
			return registry.Changes{Records: []registry.ZoneRecords{{Zone: name("dyn.example.org"), Sets: []zone.RRset{set}}}}, nil
		})
		got, err := w.challenge(update.Challenge{Host: "home.dyn.example.org", Value: value("one")})
		if err != nil || got.Outcome != test.want {
			t.Errorf("%v at %s: Challenge() = %v, %v, want %v", test.typ, test.at, got.Outcome, err, test.want)
		}
	}
}

// TestChallengeThatIsNotStored: nothing is said to be there that is not on disk.
func TestChallengeThatIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.store.SetFault(errors.New("disk full"))
	c := update.Challenge{Host: "home.dyn.example.org", Value: value("one"), Source: netip.MustParseAddr("198.51.100.7")}
	if got, err := w.challenge(c); err == nil {
		t.Errorf("Challenge() = %+v, want an error", got)
	}
	if got := w.answers("home.dyn.example.org"); got != "" {
		t.Errorf("answers = %q, want none", got)
	}
}

// TestChallengeIsLimited as updates are.
func TestChallengeIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{Rules: update.Rules{Limits: update.Limits{KeyChanges: update.Rate{PerSecond: 1, Burst: 1}}}})
	from := netip.MustParseAddr("198.51.100.7")
	for i, want := range []error{nil, update.ErrLimited} {
		c := update.Challenge{Host: "home.dyn.example.org", Value: value(string(rune('a' + i))), Source: from}
		if _, err := w.challenge(c); !errors.Is(err, want) {
			t.Errorf("challenge %d: error = %v, want %v", i, err, want)
		}
	}
}

// TestOtherHost: a further reading of a name counts where the first is no host of
// the key.
func TestOtherHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		host, other string
		want        string // the host of the result, and its outcome
	}{
		{"home.dyn.example.org", "nas.dyn.example.org", "home.dyn.example.org good"},
		{"alice.home.dyn.example.org", "home.dyn.example.org", "home.dyn.example.org good"},
		{"a..b", "home.dyn.example.org", "home.dyn.example.org good"},
		{"printer.dyn.example.org", "home.dyn.example.org", "home.dyn.example.org good"},
		{"x.dyn.example.org", "printer.dyn.example.org", "x.dyn.example.org nohost"},
		{"x.dyn.example.org", "", "x.dyn.example.org nohost"},
	}
	for _, test := range tests {
		w := newWorld(t, update.Options{})
		got := w.update(update.Request{Hosts: []string{test.host}, OtherHost: test.other, V4: set("203.0.113.9")})[0]
		if text := got.Host + " " + got.Outcome.String(); text != test.want {
			t.Errorf("%s or %s: result = %s, want %s", test.host, test.other, text, test.want)
		}
	}
}
