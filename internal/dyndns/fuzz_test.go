package dyndns

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"stayput.dev/internal/update"
)

// FuzzQuery holds the query parser against net/url where that one is content,
// and against what must hold of any text.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"hostname=home.dyn.example.org&myip=203.0.113.9",
		"hostname=a.example.org,b.example.org&myip=203.0.113.9,2001:db8::9&wildcard=ON&",
		"?&hostname=x&&=&==&a=b=c", "BARE-KEY&address=203.0.113.9", "Hostname=A&hostname=B",
		"ip6lanprefix=2001:db8:1::/56&myipv6:nas.example.org=2001:db8::/64&praefix=auto", "myipv4:a=-&myipv6:=x&prefix=::1/128",
		"password=50%zz;x+y%2By", "h%5B%5D=x&h[]=y", "%", "%4", "%41%", "+=+", "a;b=c;d", "\xf6=\xff%ff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := appendQuery(nil, raw)
		items := 0
		for item := range strings.SplitSeq(raw, "&") {
			if item != "" {
				items++
			}
		}
		if len(q) != items {
			t.Fatalf("%q has %d parameters, got %d", raw, items, len(q))
		}
		for _, p := range q {
			if !strings.Contains(raw, p.value) {
				t.Errorf("%q: value %q was not sent", raw, p.value)
			}
			if value := unescape(p.value, true); len(value) > len(p.value) || !utf8.ValidString(text(value)) {
				t.Errorf("unescape(%q) = %q", p.value, value)
			}
		}
		checkAddresses(t, raw, q)
		q.hosts()
		compareWithURL(t, raw, q)
	})
}

// checkAddresses: a prefix that was read can be renumbered to, and no host has two
// wishes for itself.
func checkAddresses(t *testing.T, raw string, q query) {
	req := update.Request{Source: netip.MustParseAddr("2001:db8:5::7")}
	q.putAddresses(&req)
	if p := req.Prefix; p.IsValid() && (!p.Addr().Is6() || p.Addr().Is4In6() || p.IsSingleIP() || p != p.Masked()) {
		t.Errorf("%q: prefix = %v", raw, p)
	}
	hosts := map[string]bool{}
	for _, e := range req.Each {
		if hosts[e.Host] {
			t.Errorf("%q: %q twice", raw, e.Host)
		}
		hosts[e.Host] = true
	}
}

// compareWithURL: what net/url reads without complaint, we read the same.
func compareWithURL(t *testing.T, raw string, q query) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return
	}
	for key, want := range values {
		var got []string
		for _, item := range strings.Split(raw, "&") {
			if k, v, _ := strings.Cut(item, "="); item != "" && unescape(k, true) == key {
				got = append(got, unescape(v, true))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q: %q = %q, net/url reads %q", raw, key, got, want)
		}
		if _, ok := q.get(strings.ToLower(key)); !ok {
			t.Errorf("%q: no parameter %q", raw, key)
		}
	}
}

// FuzzBasic holds the reader of the Authorization header against net/http where
// that one is content, and against what clients get wrong.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{
		"Basic YWxpY2U6czNjcmV0", "basic YWxpY2U6", "Basic", "Basic ", "Basic Og==", "Basic YTpiOmM=", "Basic ====",
		"Bearer tok", "token tok", "Digest username=\"alice\"", "Basic Z3L233I6eA", "Basic _-8", "", " ", "Basic  YTpi",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		user, secret := parseAuthorization(header)
		if !utf8.ValidString(user) || !utf8.ValidString(secret) || strings.Contains(user, ":") && strings.HasPrefix(header, "Basic") {
			t.Errorf("parseAuthorization(%q) = %q, %q", header, user, secret)
		}
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		if u, s, ok := r.BasicAuth(); ok && utf8.ValidString(u+s) && !strings.HasSuffix(u+s, "\n") && !strings.HasSuffix(u+s, "\r") {
			if user != u || secret != s {
				t.Errorf("parseAuthorization(%q) = %q, %q, net/http reads %q, %q", header, user, secret, u, s)
			}
		}
		// Whatever a header holds survives being a secret, however it is encoded.
		if strings.TrimRight(header, "\r\n") != header || !utf8.ValidString(header) {
			return
		}
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding} {
			user, secret := parseAuthorization("Basic " + encoding.EncodeToString([]byte("alice:"+header)))
			if user != "alice" || secret != header {
				t.Errorf("alice:%q came out as %q:%q", header, user, secret)
			}
		}
	})
}
