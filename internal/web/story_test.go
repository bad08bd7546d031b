package web_test

import (
	"testing"

	"stayput.dev/internal/history"
	"stayput.dev/internal/web"
)

// TestJudge: what a reply means, in the words of the catalogue.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		why       history.Why
		status    int
		reply     string
		key, kind string
	}{
		{history.Plain, 200, "good 192.0.2.7\n", "reported", "good"},
		{history.Plain, 200, "nochg 192.0.2.7\n", "unchanged", "idle"},
		{history.Plain, 200, "good 192.0.2.7\nnohost\n", "nohost", "bad"},
		{history.Plain, 200, "nohost\ngood 192.0.2.7\n", "nohost", "bad"},
		{history.Plain, 200, "OK\n", "reported", "good"},
		{history.Plain, 200, "KO\n", "refused", "bad"},
		{history.Plain, 0, "NOERROR", "reported", "good"},
		{history.Plain, 200, "notfqdn\n", "notfqdn", "bad"},
		{history.Plain, 200, "numhost\n", "numhost", "bad"},
		{history.Plain, 200, "!yours\n", "nohost", "bad"},
		{history.Plain, 200, "addresses updated\n", "accepted", "good"},
		{history.Plain, 404, "zone not found\n", "refused", "bad"},
		{history.BadSecret, 401, "badauth\n", "bad_secret", "bad"},
		{history.NoCredentials, 401, "badauth\n", "no_credentials", "bad"},
		{history.UnknownUser, 401, "badauth\n", "unknown_user", "bad"},
		{history.Suspended, 200, "abuse\n", "suspended", "bad"},
		{history.Limited, 200, "abuse\n", "limited", "warn"},
		{history.Unavailable, 503, "911\n", "unavailable", "bad"},
		{history.Ignored, 200, "good 10.0.0.7\n", "ignored", "warn"},
		{history.InTheClear, 401, "badauth\n", "in_the_clear", "bad"},
	} {
		key, kind := web.Judge(history.Entry{Why: c.why, Status: c.status, Reply: c.reply})
		if key != c.key || kind != c.kind {
			t.Errorf("%d %q (%v) is %s, %s, want %s, %s", c.status, c.reply, c.why, key, kind, c.key, c.kind)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ request, reply, want string }{
		{"GET /nic/update?myip=192.0.2.9", "good 192.0.2.7\n", "192.0.2.7"},
		{"GET /nic/update?myip=192.0.2.9", "badauth\n", "192.0.2.9"},
		{"GET /nic/update?hostname=h&myip=2001%3Adb8%3A%3A1,192.0.2.9", "OK", "192.0.2.9, 2001:db8::1"},
		{"GET /nic/update?myip=2001:db8::1", "nochg 192.0.2.7,2001:db8::1\n", "192.0.2.7, 2001:db8::1"},
		{"GET /nic/update?hostname=a.b.c.d&myip=1.2.3.4.5", "911\n", ""},
		{"GET /nic/update", "good 192.0.2.7\ngood 192.0.2.7\n", "192.0.2.7"},
	} {
		if got := web.Addresses(history.Entry{Request: c.request, Reply: c.reply}); got != c.want {
			t.Errorf("%s, %q: addresses = %q, want %q", c.request, c.reply, got, c.want)
		}
	}
}
