package dyndns_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/update"
)

// request makes a request as the front does: the path is canonical but for what
// follows the key of a subtree.
func request(method, target, body string) *http.Request {
	path, query, _ := strings.Cut(target, "?")
	return &http.Request{
		Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: "update.example.org", RemoteAddr: "203.0.113.77:49152",
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// handlerOf returns what answers a path, as the front finds it.
func handlerOf(h *dyndns.Handler, r *http.Request) http.Handler {
	paths := h.Paths()
	if exact, ok := paths[r.URL.Path]; ok {
		return exact
	}
	best := ""
	for key := range paths {
		if strings.HasSuffix(key, "/") && (strings.HasPrefix(r.URL.Path, key) || r.URL.Path+"/" == key) && len(key) > len(best) {
			best = key
		}
	}
	if r.URL.Path == "/" {
		return h.Root(r)
	}
	return paths[best]
}

// TestWhatDevicesAskFor: the path and the parameters tell which dialect is meant,
// and what it asks for. Credentials are left out.
func TestWhatDevicesAskFor(t *testing.T) {
	t.Parallel()
	tests := []struct{ target, want string }{
		// dyndns2 and its options.
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9&wildcard=ON&mx=mail.example.org&backmx=YES", "dyndns2: a.example.org v4=203.0.113.9 wildcard=on mx=mail.example.org backmx=on"},
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9&wildcard=off&mx=NOCHG&backmx=no", "dyndns2: a.example.org v4=203.0.113.9 wildcard=off backmx=off"},
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9&wildcard=&mx=&backmx=NOCHG", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9&wildcard=NOCHG&mx=nochg&backmx=", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9&system=statdns&url=http://example.org", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&myip=203.0.113.9&system=noip", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&offline=YES&myip=203.0.113.9", "dyndns2: a.example.org v4=remove v6=remove offline"},
		{"/nic/update?hostname=a.example.org&offline=1", "dyndns2: a.example.org v4=remove v6=remove offline"},
		{"/nic/update?hostname=a.example.org&offline=NO&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&password=k&txt=hello+world", `dyndns2: a.example.org text="hello world"`},
		{"/nic/update?hostname=a.example.org&password=k&txt=hello&myip=203.0.113.9", `dyndns2: a.example.org v4=203.0.113.9 text="hello"`},
		{"/nic/update?hostname=a.example.org&password=k&txt=", "dyndns2: a.example.org v4=source v6=source"},
		{"/nic/update?hostname=a.example.org&password=k&txt=&clear=true", `dyndns2: a.example.org text=-""`},
		{"/nic/update?hostname=all.dnsomatic.com&myip=203.0.113.9", "dyndns2: all v4=203.0.113.9"},
		{"/nic/update?group=cameras&myip=203.0.113.9", "dyndns2: all v4=203.0.113.9"},
		{"/nic/update?location=berlin&myip=203.0.113.9", "dynu: all v4=203.0.113.9"},
		{"/nic/update?username=alice&password=k&hostname=alice&myip=203.0.113.9", "dyndns2: all v4=203.0.113.9"},
		{"/nic/update?username=a.example.org&password=k&hostname=a.example.org&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/nic/update?hostname=a.example.org&group=cameras&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/dns?username=u&password=p&hostname=a.example.org&ip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},
		{"/?hostname=a.example.org&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},

		{"/nic/dyndns?action=edit&started=1&hostname=YES&host_id=a.example.org&myip=203.0.113.9&wildcard=ON", "dyndns1: a.example.org v4=203.0.113.9 wildcard=on whole"},
		{"/nic/statdns?hostname=YES&host_id=a.example.org&myip=", "dyndns1: a.example.org v4=source v6=source whole"},
		{"/nic/dyndns?hostname=a.example.org&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},

		{"/ducupdate.php?username=u&pass=p&h[]=a.example.org&h[]=b.example.org@here&ip=203.0.113.9", "noip: a.example.org b.example.org v4=203.0.113.9"},
		{"/ducupdate.php?username=u&pass=p&g[]=cameras&ip=203.0.113.9", "noip: all v4=203.0.113.9"},
		{"/ducupdate.php?requestL=dXNlcm5hbWU9dSZwYXNzPXAmaFtdPWEuZXhhbXBsZS5vcmcmaXA9MjAzLjAuMTEzLjk=", "noip: a.example.org v4=203.0.113.9"},
		{"/ducupdate.php?requestL=dXNlcm5hbWU9dSZwYXNzPXAmaFtdPWEuZXhhbXBsZS5vcmcmaXA9MjAzLjAuMTEzLjk", "noip: a.example.org v4=203.0.113.9"},
		{"/ducupdate.php?requestL=!", "noip: v4=source v6=source"},

		{"/update?domains=a,b.example.org&token=t&ip=203.0.113.9&ipv6=2001:db8::9", "duckdns: a b.example.org v4=203.0.113.9 v6=2001:db8::9 short whole"},
		{"/update?domains=a&token=t&ipv6=2001:db8::9", "duckdns: a v6=2001:db8::9 short whole"},
		{"/update?domains=a&token=t", "duckdns: a v4=source short whole"},
		{"/update?domains=a&token=t&clear=true", "duckdns: a v4=remove v6=remove short whole"},
		{"/update?domains=a&token=t&txt=hello", `duckdns: a text="hello" short whole`},
		{"/update?domains=a&token=t&txt=hello&clear=true", `duckdns: a text=-"hello" short whole`},
		{"/update?domains=a&token=t&txt=&clear=true", `duckdns: a text=-"" short whole`}, // as acme.sh and lego
		{"/update/a/t", "duckdns: a v4=source short whole"},
		{"/update/a/t/2001:db8::9", "duckdns: a v6=2001:db8::9 short whole"},
		{"/update?domains=a.example.org&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},

		{"/update?host=home&domain=example.org&password=k&ip=203.0.113.9", "namecheap: home.example.org v4=203.0.113.9"},
		{"/update?host=@&domain=example.org&password=k", "namecheap: example.org v4=source v6=source"},
		{"/update?host=*&domain=example.org&password=k&ip=203.0.113.9", "namecheap: example.org v4=203.0.113.9 wildcard=on"},
		{"/update?host=home.Example.org&domain=example.org&password=k&ip=203.0.113.9", "namecheap: home.Example.org v4=203.0.113.9"},
		{"/update?host=xexample.org&domain=example.org&password=k&ip=203.0.113.9", "namecheap: xexample.org.example.org v4=203.0.113.9"},
		{"/update?host=home.example.org&password=k&ip=203.0.113.9", "dyndns2: home.example.org v4=203.0.113.9"},

		{"/api/update?zone=a.example.org&token=t&ipv4=203.0.113.9", "dynv6: a.example.org v4=203.0.113.9 whole"},
		{"/api/update?zone=a.example.org&token=t&ipv4=-&ipv6=auto", "dynv6: a.example.org v4=remove v6=source whole"},
		{"/api/update?zone=a.example.org&token=t&ipv6=2001:db8:1::9/56", "dynv6: a.example.org v6=2001:db8:1::9 prefix=2001:db8:1::/56 whole"},
		{"/api/update?zone=a.example.org&token=t&ipv6=2001:db8:1::9/56&ipv6prefix=2001:db8:2::/48", "dynv6: a.example.org v6=2001:db8:1::9 prefix=2001:db8:2::/48 whole"},
		{"/api/update?zone=a.example.org&token=t&ipv6=2001:db8::9/128", "dynv6: a.example.org v6=2001:db8::9 whole"},
		{"/api/update?zone=a.example.org&token=t&ipv6prefix=2001:db8:1::/56", "dynv6: a.example.org prefix=2001:db8:1::/56 whole"},
		{"/api/update?zone=a.example.org&token=t&ipv4=203.0.113.9&ipv6=&ipv6prefix=", "dynv6: a.example.org v4=203.0.113.9 whole"},
		{"/api/update?zone=a.example.org&token=t&ipv6prefix=203.0.113.0/24", "dynv6: a.example.org v6=bad whole"},
		{"/api/update?zone=a.example.org&token=t&ipv4=garbage", "dynv6: a.example.org v4=bad whole"},
		{"/update?hostname=a.example.org&token=t&ipv4=203.0.113.9", "dynv6: a.example.org v4=203.0.113.9 whole"},
		{"/api/update?hostname=a.example.org&token=t&myip=203.0.113.9", "dyndns2: a.example.org v4=203.0.113.9"},

		{"/desec?hostname=a.example.org&myip=203.0.113.9", "desec: a.example.org v4=203.0.113.9 v6=remove whole"},
		{"/desec?hostname=a.example.org&myip=2001:db8::9", "desec: a.example.org v4=source v6=2001:db8::9 whole"},
		{"/desec?hostname=a.example.org&myipv4=203.0.113.9&myipv6=2001:db8:1:2:3::/64", "desec: a.example.org v4=203.0.113.9 v6=renumber:2001:db8:1:2::/64 whole"},
		{"/desec?hostname=a.example.org,b.example.org&myip=203.0.113.9&myipv6=preserve&myipv6:B.example.org=2001:db8::9", "desec: a.example.org b.example.org v4=203.0.113.9 b.example.org(v4=203.0.113.9 v6=2001:db8::9) whole"},
		{"/desec?hostname=a.example.org&myip=203.0.113.9&myipv6=preserve&myipv4:c.example.org=203.0.113.10&myipv6:c.example.org=", "desec: a.example.org v4=203.0.113.9 c.example.org(v4=203.0.113.10 v6=remove) whole"},
		{"/desec?hostname=a.example.org&myip=203.0.113.9&myipv6=preserve&myipv6:c.example.org=203.0.113.10", "desec: a.example.org v4=203.0.113.9 c.example.org(v6=bad) whole"},
		{"/desec?hostname=a.example.org&myipv4=203.0.113.0/24&myipv6=preserve", "desec: a.example.org v4=bad whole"},
		{"/desec/any/path?username=a.example.org&password=t&myip=203.0.113.9,2001:db8::9", "desec: a.example.org v4=203.0.113.9 v6=2001:db8::9 whole"},

		{"/dynamic/update.php?KEY&address=203.0.113.9", "freedns: v4=203.0.113.9"},
		{"/dynamic/update.php?S0VZ==&hostname=a.example.org", "freedns: a.example.org v4=source v6=source"},
		{"/api?action=getdyndns&v=2&sha=ABC", "freedns: all"},
		{"/u/TOKEN?ip=203.0.113.9", "freedns: v4=203.0.113.9"},
		{"/u?u=u&p=p&h=a.example.org&ip=203.0.113.9", "freedns: a.example.org v4=203.0.113.9"},
	}
	for _, test := range tests {
		e := &ear{err: update.ErrLimited}
		h := dyndns.New(e, dyndns.Options{})
		r := request(http.MethodGet, test.target, "")
		handlerOf(h, r).ServeHTTP(httptest.NewRecorder(), r)
		if len(e.heard) != 1 {
			t.Errorf("%s: %d requests heard", test.target, len(e.heard))
			continue
		}
		if got := describe(&e.heard[0]); got != test.want {
			t.Errorf("%s:\n got = %s\nwant = %s", test.target, got, test.want)
		}
	}
}

// describe writes down what a request asks for, without credentials and source.
func describe(r *update.Request) string {
	words := append([]string{r.Via + ":"}, r.Hosts...)
	add := func(there bool, format string, values ...any) {
		if there {
			words = append(words, fmt.Sprintf(format, values...))
		}
	}
	add(r.All, "all")
	words = append(words, describeFamilies(r.V4, r.V6)...)
	add(r.Prefix.IsValid(), "prefix=%v", r.Prefix)
	for _, each := range r.Each {
		add(true, "%s(%s)", each.Host, strings.Join(describeFamilies(each.V4, each.V6), " "))
	}
	turns := [...]string{"", "on", "off"}
	add(r.Options.Wildcard != update.Leave, "wildcard=%s", turns[r.Options.Wildcard])
	if r.Options.MX != nil {
		add(true, "mx=%s", *r.Options.MX)
	}
	add(r.Options.BackupMX != update.Leave, "backmx=%s", turns[r.Options.BackupMX])
	if r.Text != nil {
		add(true, "text=%s%q", map[bool]string{true: "-"}[r.Text.Clear], r.Text.Value)
	}
	add(r.Offline, "offline")
	add(r.Short, "short")
	add(r.Whole, "whole")
	return strings.Join(words, " ")
}

func describeFamilies(v4, v6 update.Family) []string {
	var words []string
	for name, f := range map[string]update.Family{"v4=": v4, "v6=": v6} {
		switch f.Action {
		case update.FromSource:
			words = append(words, name+"source")
		case update.Remove:
			words = append(words, name+"remove")
		case update.Renumber:
			words = append(words, name+"renumber:"+f.Prefix.String())
		case update.Set:
			words = append(words, name+describeAddrs(f.Addrs))
		}
	}
	if len(words) == 2 && words[0] > words[1] {
		words[0], words[1] = words[1], words[0]
	}
	return words
}

func describeAddrs(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		if !a.IsValid() {
			return "bad"
		}
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ",")
}

// TestTokensInPathsAndQueries: some dialects have their secret where others have
// something else.
func TestTokensInPathsAndQueries(t *testing.T) {
	t.Parallel()
	tests := []struct{ target, user, secret string }{
		{"/update/a/TokEn/203.0.113.9", "", "TokEn"},
		{"/update/a", "", ""},
		{"/u/TokEn?ip=203.0.113.9", "", "TokEn"},
		{"/u?u=alice&p=k", "alice", "k"},
		{"/dynamic/update.php?TokEn&address=203.0.113.9", "", "TokEn"},
		{"/dynamic/update.php?VG9rRW4==&address=203.0.113.9", "", "VG9rRW4=="},
		{"/dynamic/update.php?address=203.0.113.9&password=k", "", "k"},
		{"/api?action=getdyndns&sha=ABCDEF", "", "abcdef"},
		{"/ducupdate.php?username=alice&pass=k", "alice", "k"},
		{"/update?host=a&domain=example.org&password=k", "", "k"},
	}
	for _, test := range tests {
		e := &ear{err: update.ErrLimited}
		r := request(http.MethodGet, test.target, "")
		handlerOf(dyndns.New(e, dyndns.Options{}), r).ServeHTTP(httptest.NewRecorder(), r)
		if got := e.heard[0]; got.Username != test.user || got.Secret != test.secret {
			t.Errorf("%s: user %q, secret %q, want %q, %q", test.target, got.Username, got.Secret, test.user, test.secret)
		}
	}
}

// TestWhoseRootItIs: at "/" only what looks like an update of a device is one, for
// people look there for a page.
func TestWhoseRootItIs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query, authorization, site string
		device                     bool
	}{
		{"", "", "", false},
		{"hostname=home.example.org", "", "", true},
		{"myip=", "", "", true},
		{"ip6lanprefix=2001:db8::/56", "", "none", true},
		{"format=json", "", "", false},
		{"utm_source=mail", "Basic YTpi", "", false},
		{"", "Basic YTpi", "", true},
		{"", "Basic YTpi", "none", false},
	}
	h := dyndns.New(&ear{}, dyndns.Options{})
	for _, test := range tests {
		r := request(http.MethodGet, "/?"+test.query, "")
		r.Header.Set("Authorization", test.authorization)
		r.Header.Set("Sec-Fetch-Site", test.site)
		if got := h.Root(r) != nil; got != test.device {
			t.Errorf("%+v: is of a device = %v, want %v", test, got, test.device)
		}
	}
}
