package dyndns_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// ear is an Updater that only hears, and answers what it was told to.
type ear struct {
	heard   []update.Request
	results []update.Result
	err     error
}

func (e *ear) Update(_ context.Context, req update.Request) ([]update.Result, error) {
	e.heard = append(e.heard, req)
	return e.results, e.err
}

func (e *ear) Challenge(context.Context, update.Challenge) (update.Result, error) {
	return update.Result{}, errors.New("nobody is heard here")
}

func TestErrorsBecomeWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		word   string
	}{
		{account.ErrBadCredential, 401, "badauth"},
		{update.ErrNoCredentials, 401, "badauth"},
		{update.ErrBadAddress, 200, "badip"},
		{update.ErrTooManyHosts, 200, "numhost"},
		{update.ErrBadText, 200, "badagent"},
		{update.ErrNoHostNamed, 200, "notfqdn"},
		{fmt.Errorf("updating: %w", registry.ErrUnavailable), 503, "911"},
		{registry.ErrClosed, 503, "911"},
		{update.ErrLimited, 503, "911"},
		{&update.KeyError{Err: account.ErrSuspended}, 503, "911"},
		{context.Canceled, 503, "911"},
		{context.DeadlineExceeded, 503, "911"},
		{errors.New("something that nobody thought of"), 503, "911"},
	}
	for _, test := range tests {
		h := dyndns.New(&ear{err: test.err}, dyndns.Options{}).Paths()["/nic/update"]
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/nic/update?hostname=good.example.org", nil))
		if got := w.Body.String(); w.Code != test.status || got != test.word+"\n" {
			t.Errorf("%v: got = %d %q, want %d %q", test.err, w.Code, got, test.status, test.word)
		}
		if got := w.Header().Get("X-UpdateCode"); got != test.word {
			t.Errorf("%v: X-UpdateCode = %q, want %q", test.err, got, test.word)
		}
	}
}

// TestFailuresHoldNoWordOfSuccess: some clients look for one anywhere in the body.
func TestFailuresHoldNoWordOfSuccess(t *testing.T) {
	t.Parallel()
	results := []update.Result{
		{Host: "good.example.org", Outcome: update.NoHost},
		{Host: "ok.true.updated.nochg.success", Outcome: update.NotFQDN},
	}
	h := dyndns.New(&ear{results: results}, dyndns.Options{AlwaysGood: true}).Paths()["/nic/update"]
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/nic/update?hostname=good.example.org,ok.true", nil))
	if got, want := w.Body.String(), "nohost\nnotfqdn\n"; got != want {
		t.Errorf("body = %q, want %q", got, want)
	}
}

// TestUnchanged: first the client decides what is said, then its update key, then
// the house.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		agent string
		key   account.Unchanged
		house bool
		want  string
	}{
		{"", account.UnchangedDefault, false, "nochg 203.0.113.1"},
		{"", account.UnchangedDefault, true, "good 203.0.113.1"},
		{"", account.UnchangedNochg, true, "nochg 203.0.113.1"},
		{"", account.UnchangedGood, false, "good 203.0.113.1"},
		{"DDNS-Updater someone@example.org", account.UnchangedNochg, false, "good 203.0.113.1"},
		{"ddns-updater/2.10", account.UnchangedDefault, false, "good 203.0.113.1"},
		{"my DDNS-Updater", account.UnchangedDefault, false, "nochg 203.0.113.1"},
		{"DDNS-Update", account.UnchangedDefault, false, "nochg 203.0.113.1"},
	}
	for _, test := range tests {
		result := update.Result{Outcome: update.NoChange, Addrs: addrs("203.0.113.1"), Unchanged: test.key}
		h := dyndns.New(&ear{results: []update.Result{result}}, dyndns.Options{AlwaysGood: test.house}).Paths()["/nic/update"]
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nic/update", nil)
		r.Header.Set("User-Agent", test.agent)
		h.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); got != test.want {
			t.Errorf("agent %q, key %v, house %v: got = %q, want %q", test.agent, test.key, test.house, got, test.want)
		}
	}
}

func TestAddressParameters(t *testing.T) {
	t.Parallel()
	keep := update.Family{}
	source := update.Family{Action: update.FromSource}
	remove := update.Family{Action: update.Remove}
	set := func(texts ...string) update.Family { return update.Family{Action: update.Set, Addrs: addrs(texts...)} }
	bad := update.Family{Action: update.Set, Addrs: []netip.Addr{{}}}
	tests := []struct {
		query  string
		v4, v6 update.Family
	}{
		{"", source, source},
		{"myip=", source, source},
		{"myip=%20", source, source},
		{"ip=", source, source},
		{"myip=auto", source, source},
		{"myip=0", source, source},
		{"myip=AUTO", source, source},
		{"ipv4=auto", source, keep},
		{"myipv6=auto", keep, source},
		{"myip=203.0.113.9", set("203.0.113.9"), keep},
		{"myip=203.0.113.9%0A", set("203.0.113.9"), keep},
		{"ipaddress=203.0.113.9", set("203.0.113.9"), keep},
		{"a=203.0.113.9&aaaa=2001:db8::9", set("203.0.113.9"), set("2001:db8::9")},
		{"myip=2001:db8::9", keep, set("2001:db8::9")},
		{"myip=203.0.113.9,2001:db8::9", set("203.0.113.9"), set("2001:db8::9")},
		{"myip=203.0.113.9,+203.0.113.10", set("203.0.113.9", "203.0.113.10"), keep},
		{"myip=203.0.113.9%2C2001%3Adb8%3A%3A9", set("203.0.113.9"), set("2001:db8::9")},
		{"myip=203.0.113.9,", set("203.0.113.9"), keep},
		{"myip=::ffff:203.0.113.9", set("203.0.113.9"), keep},
		{"myipv6=203.0.113.9", set("203.0.113.9"), keep},
		{"myip=203.0.113.9&myipv6=", set("203.0.113.9"), keep},
		{"myip=&myipv6=2001:db8::9", keep, set("2001:db8::9")},
		{"myip=&myipv6=", source, keep},
		{"myipv6=", keep, keep},
		{"ipv4=&ipv6=", keep, keep},
		{"myip=&ip=203.0.113.9", set("203.0.113.9"), keep},
		{"myip=203.0.113.9&ip=203.0.113.10", set("203.0.113.9"), keep},
		{"myip=203.0.113.9&myipv4=203.0.113.10", set("203.0.113.10"), keep},
		{"myipv4=203.0.113.9&myipv6=preserve&myip=203.0.113.9", set("203.0.113.9"), keep},
		{"myip=preserve", keep, keep},
		{"myip=no&myipv6=2001:db8::9", keep, set("2001:db8::9")},
		{"myip=203.0.113.9,2001:db8::9&myipv6=", set("203.0.113.9"), set("2001:db8::9")},
		{"myip=203.0.113.9&myipv6=-", set("203.0.113.9"), remove},
		{"myip=-", remove, keep},
		{"keepipv4=1&myip=2001:db8::9", keep, set("2001:db8::9")},
		{"keepipv4=1", keep, source},
		{"keepipv6=1", source, keep},
		{"myip=203.0.113.9/24", set("203.0.113.9"), keep},
		{"myip=203.0.113.0/24", set("203.0.113.0"), keep},
		{"myip=2001:db8::9/64", keep, set("2001:db8::9")},
		{"myip=2001:db8::9/128", keep, set("2001:db8::9")},
		{"myip=2001:db8:1::/64", keep, keep},
		{"ip6lanprefix=2001:db8:1::/56", keep, keep},
		{"ip6lanprefix=", keep, keep},
		{"myip=203.0.113.9&ip6lanprefix=2001:db8:1::/56", set("203.0.113.9"), keep},
		{"myip=&ip6lanprefix=2001:db8:1::/56", keep, keep},
		{"offline=YES&myip=203.0.113.9", remove, remove},
		{"offline=yes&myip=garbage", remove, remove},
		{"offline=1", remove, remove},
		{"clear=true", remove, remove},
		{"offline=NO&myip=203.0.113.9", set("203.0.113.9"), keep},
		{"offline=", source, source},
		{"myip=garbage", bad, bad},
		{"myip=203.0.113.9,garbage", bad, bad},
		{"myip=203.0.113.9&myipv6=garbage", bad, bad},
		{"myip=1.1.1.1domain2.example.com", bad, bad},
		{"myip=203.0.113.09", bad, bad},
		{"myip=2001:db8::/647656:3cff", bad, bad},
		{"myip=2001:db8::9/129", bad, bad},
		{"myip=%3Cipaddr%3E", bad, bad},
	}
	for _, test := range tests {
		e := &ear{}
		h := dyndns.New(e, dyndns.Options{}).Paths()["/nic/update"]
		h.ServeHTTP(httptest.NewRecorder(), &http.Request{
			Method: http.MethodGet, URL: target("hostname=home.dyn.example.org&" + test.query), Header: http.Header{},
		})
		if got := e.heard[0].V4; !equal(got, test.v4) {
			t.Errorf("%q: IPv4 = %v, want %v", test.query, got, test.v4)
		}
		if got := e.heard[0].V6; !equal(got, test.v6) {
			t.Errorf("%q: IPv6 = %v, want %v", test.query, got, test.v6)
		}
	}
}

func equal(a, b update.Family) bool { return a.Action == b.Action && slices.Equal(a.Addrs, b.Addrs) }

func TestClientAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"203.0.113.7:49152":          "203.0.113.7",
		"203.0.113.7":                "203.0.113.7",
		"[2001:db8::7]:49152":        "2001:db8::7",
		"[::ffff:203.0.113.7]:49152": "203.0.113.7",
		"[fe80::7%eth0]:49152":       "fe80::7",
		"@":                          "invalid IP",
		"":                           "invalid IP",
	}
	for remote, want := range tests {
		e := &ear{}
		r := httptest.NewRequest(http.MethodGet, "/nic/update", nil)
		r.RemoteAddr = remote
		dyndns.New(e, dyndns.Options{}).Paths()["/nic/update"].ServeHTTP(httptest.NewRecorder(), r)
		if got := e.heard[0].Source.String(); got != want {
			t.Errorf("%q: source = %v, want %v", remote, got, want)
		}
	}
}

func TestFormThatIsTooLong(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{8 << 10: "good 0.0.0.0\n", 8<<10 + 1: "badagent\n"} {
		e := &ear{results: []update.Result{{}}}
		r := httptest.NewRequest(http.MethodPost, "/nic/update", strings.NewReader("url="+strings.Repeat("x", size-4)))
		w := httptest.NewRecorder()
		dyndns.New(e, dyndns.Options{}).Paths()["/nic/update"].ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("form of %d octets: body = %q, want %q", size, got, want)
		}
	}
}

func TestCheckIPOfNobody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/checkip", nil)
	r.RemoteAddr = "@"
	w := httptest.NewRecorder()
	dyndns.New(&ear{}, dyndns.Options{}).Paths()["/checkip"].ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status = %d, want %d", w.Code, http.StatusServiceUnavailable)
	}
}
