package dyndns

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"stayput.dev/internal/update"
)

// FuzzMask puts a secret into a request, wherever a device may, and looks for it in
// what is shown. It is found in none of: the Authorization header, the path, a
// parameter that is not known to be harmless, and, once it was given as the secret
// elsewhere, anything else.
func FuzzMask(f *testing.F) {
	f.Add("password", "a b", "hostname=home.dyn.example.org&myip=192.0.2.7", "/nic/update/", uint8(0))
	f.Add("hostname", "%zz;+", "user=alice", "/update/x/", uint8(1))
	f.Add("", "", "&=&a=b", "/u/", uint8(2))
	f.Add("myipv4:x", "größe", "myipv6:%2=", "//", uint8(3))
	f.Add("txt", "\\u0041\"", "", "/", uint8(0))
	f.Fuzz(func(t *testing.T, key, tail, query, path string, how uint8) {
		const canary = "c4n4ry"
		secret := canary + tail
		spelled := [...]string{secret, url.QueryEscape(secret), "%63" + url.QueryEscape(secret)[1:], url.PathEscape(secret)}[how%4]
		if strings.Contains(query+path+key, canary) || strings.ContainsAny(key, "&=") || strings.Contains(tail, "&") {
			return // the canary stands elsewhere, or the pair is another
		}
		m := newMask(new(Handler).table(nil))
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}, URL: &url.URL{Path: path, RawQuery: query + "&" + key + "=" + spelled}}
		see := func(asked update.Request, proven bool) {
			t.Helper()
			text := m.appendRequest(nil, r, []byte(r.URL.RawQuery), &asked, secretsOf(&asked), proven)
			if asked.Secret != "" && utf8.ValidString(secret) {
				object, _ := json.Marshal(map[string]any{key: secret, "more": []string{secret}}) // strings always can be
				text = m.appendRequest(text, r, object, &asked, secretsOf(&asked), proven)
			}
			if strings.Contains(unescape(string(text), true), canary) {
				t.Errorf("%s ?%s is shown as %s", r.URL.Path, r.URL.RawQuery, text)
			}
		}
		name, _, _ := strings.Cut(strings.ToLower(unescape(key, true)), ":")
		if !m.keys[name] {
			see(update.Request{}, false) // nobody knows which is the secret
		}
		see(update.Request{Secret: secret, OtherSecrets: []string{"another reading"}}, true)
		r.URL.Path, r.URL.RawQuery = path+"/"+secret, query
		see(update.Request{}, false)
		see(update.Request{Secret: secret, Hosts: []string{secret}}, true)
		r.URL.Path, r.URL.RawQuery = path, query+"&"+spelled
		see(update.Request{}, false)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Basic "+secret)
		see(update.Request{}, true)
		r.Header.Set("Authorization", secret)
		see(update.Request{}, false)
	})
}

// BenchmarkMask is what the usual request costs.
func BenchmarkMask(b *testing.B) {
	m := newMask(new(Handler).table(nil))
	r := &http.Request{
		Method: http.MethodGet, Header: http.Header{"Authorization": {"Basic YWxpY2U6czNjcmV0"}},
		URL: &url.URL{Path: "/nic/update", RawQuery: "hostname=home.dyn.example.org&myip=203.0.113.9&wildcard=NOCHG"},
	}
	asked := &update.Request{Secret: "alices-update-secret", Hosts: []string{"home.dyn.example.org"}}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = m.appendRequest(text[:0], r, nil, asked, secretsOf(asked), true)
	}
}
