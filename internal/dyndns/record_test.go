package dyndns_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// diary keeps the last exchange as text.
type diary struct{ text string }

func (d *diary) Record(x *history.Exchange) {
	d.text = fmt.Sprintf("%s | %s | %d %s", x.Request, x.Agent, x.Status, strings.TrimSpace(string(x.Reply)))
}

// TestWhatIsRecorded: requests as they were sent, but for what may be a secret.
func TestWhatIsRecorded(t *testing.T) {
	t.Parallel()
	proven, refused := error(nil), account.ErrBadCredential
	tests := []struct {
		method, target, authorization, form string
		err                                 error
		want                                string
	}{
		// What is known to be harmless is shown as it was sent.
		{"GET", "/nic/update?hostname=home.dyn.example.org&myip=192.0.2.7", "", "", proven, "GET /nic/update?hostname=home.dyn.example.org&myip=192.0.2.7"},
		{"GET", "/NIC//Update/?HostName=a,b&myip=&wildcard=ON&mx=&", "", "", proven, "GET /NIC//Update/?HostName=a,b&myip=&wildcard=ON&mx=&"},
		{"GET", "/nic/update?host=a%2Cb&myip=1.2.3.4/24&myipv4:home.example.org=192.0.2.8", "", "", proven, "GET /nic/update?host=a%2Cb&myip=1.2.3.4/24&myipv4:home.example.org=192.0.2.8"},
		{"HEAD", "/nic/update", "", "", proven, "HEAD /nic/update"},
		// How the credentials came, not what they are.
		{"GET", "/nic/update?h=a", "Basic YWxpY2U6czNjcmV0", "", refused, "GET /nic/update?h=a (Basic ***)"},
		{"GET", "/nic/update?h=a", "bearer tok-0123456789abcdef", "", proven, "GET /nic/update?h=a (Bearer ***)"},
		{"GET", "/nic/update?h=a", "YWxpY2U6czNjcmV0", "", refused, "GET /nic/update?h=a (***)"},
		{"GET", "/nic/update?username=alice&password=s3cret&h=a", "", "", proven, "GET /nic/update?username=alice&password=***&h=a"},
		{"GET", "/nic/update?u=&PW=s3cret&h=a", "", "", refused, "GET /nic/update?u=&PW=***&h=a"},
		// A user name that is none of ours may be a secret.
		{"GET", "/nic/update?username=s3cret&password=&h=a", "", "", refused, "GET /nic/update?username=***&password=&h=a"},
		{"GET", "/nic/update?username=s3cret&password=s3cret&h=a", "", "", proven, "GET /nic/update?username=***&password=***&h=a"},
		// What nobody knows, too: tokens in paths, words alone, blobs.
		{"GET", "/t/tok-0123456789abcdef/a,b/192.0.2.7", "", "", refused, "GET /t/***/a,b/192.0.2.7"},
		{"GET", "/nic/update/tok-0123456789abcdef", "", "", refused, "GET /nic/update/***"},
		{"GET", "/nic/update?VFhUVFhUVFhU&address=192.0.2.7", "", "", refused, "GET /nic/update?***&address=192.0.2.7"},
		{"GET", "/nic/update?requestL=dXNlcm5hbWU9eCZwYXNzPXk=&sign=x", "", "", refused, "GET /nic/update?***&***"},
		// A secret that stands where it does not belong, given as one elsewhere or not.
		{"GET", "/nic/update?hostname=alices-update-secret&myip=192.0.2.7", "", "", refused, "GET /nic/update?hostname=***&myip=192.0.2.7"},
		{"GET", "/nic/update?hostname=home.dyn.example.org,home&myip=alices-update-secret", "", "", refused, "GET /nic/update?hostname=home.dyn.example.org,home&myip=***"},
		{"GET", "/nic/update?hostname=a-very-long-label&myip=2001:db8::/56", "", "", proven, "GET /nic/update?hostname=a-very-long-label&myip=2001:db8::/56"},
		{"GET", "/nic/update?hostname=s3cret&password=s3cret&myip=192.0.2.7", "", "", refused, "GET /nic/update?hostname=***&password=***&myip=192.0.2.7"},
		{"GET", "/nic/update?hostname=a&myip=%733cret", "Basic YWxpY2U6czNjcmV0", "", refused, "GET /nic/update?hostname=a&myip=*** (Basic ***)"},
		{"GET", "/nic/update?s3cret&s3cret=1", "Basic YWxpY2U6czNjcmV0", "", refused, "GET /nic/update?***&*** (Basic ***)"},
		// Forms.
		{"POST", "/nic/update?myip=192.0.2.7", "", "hostname=a&password=s3cret\n", proven, "POST /nic/update?myip=192.0.2.7 hostname=a&password=***"},
		{"POST", "/nic/update", "", `{"subdomain":"x","txt":"s3cret-of-alice","password":"s3cret"}`, refused, `POST /nic/update {***, "subdomain": "x", "txt": "***"}`},
		{"POST", "/nic/update", "", `{"s3cret`, refused, "POST /nic/update ***"},
	}
	for _, test := range tests {
		d := &diary{}
		ears := &ear{err: test.err}
		if test.err == nil {
			ears.results = []update.Result{{Outcome: update.NoChange, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}}
		}
		path := "/nic/update"
		if strings.HasPrefix(test.target, "/t/") {
			path = "/t/"
		}
		h := dyndns.New(ears, dyndns.Options{Recorder: d}).Paths()[path]
		r := httptest.NewRequest(test.method, "http://192.0.2.1"+test.target, strings.NewReader(test.form))
		r.Header.Set("User-Agent", "ddclient/3.10.0")
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		want := test.want + " | ddclient/3.10.0 | 200 nochg 192.0.2.7"
		if test.err != nil {
			want = test.want + " | ddclient/3.10.0 | 401 badauth"
		}
		if d.text != want {
			t.Errorf("got = %s\nwant  %s", d.text, want)
		}
	}
}

// A secret in the User-Agent, or that a dialect says again, is hidden as well.
func TestSecretsInOtherPlaces(t *testing.T) {
	t.Parallel()
	d := &diary{}
	h := dyndns.New(&ear{err: account.ErrBadCredential}, dyndns.Options{Recorder: d}).Paths()["/nic/update"]
	r := httptest.NewRequest(http.MethodGet, "/nic/update?password=s3cret", nil)
	r.Header.Set("User-Agent", "camera s3cret/1.0")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if want := "GET /nic/update?password=*** | *** | 401 badauth"; d.text != want {
		t.Errorf("got = %s, want %s", d.text, want)
	}
}

// TestRecordingChangesNothing: the dialect reads the same body, and the client
// the same reply, whether or not somebody listens.
func TestRecordingChangesNothing(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 10, 8 << 10, 8<<10 + 1, 64 << 10} {
		var replies, heard [2]string
		for i, recorder := range []dyndns.Recorder{nil, &diary{}} {
			e := &ear{results: []update.Result{{}}}
			body := strings.NewReader("hostname=home.dyn.example.org&url=" + strings.Repeat("x", size))
			r := httptest.NewRequest(http.MethodPost, "/nic/update", io.NopCloser(body))
			w := httptest.NewRecorder()
			dyndns.New(e, dyndns.Options{Recorder: recorder}).Paths()["/nic/update"].ServeHTTP(w, r)
			replies[i], heard[i] = fmt.Sprint(w.Code, w.Header(), w.Body), fmt.Sprint(e.heard, body.Len())
		}
		if replies[0] != replies[1] || heard[0] != heard[1] {
			t.Errorf("body of %d octets: replies %q, heard %q", size, replies, heard)
		}
	}
}

// From the request to the history, and back to words.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyndns.Options{})
	past := history.New(w.registry, 1<<20, nil)
	h := dyndns.New(w.service, dyndns.Options{Recorder: past}).Paths()["/nic/update"]
	ask := func(target, user, secret string) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.RemoteAddr = "203.0.113.77:49152"
		if user != "" {
			r.SetBasicAuth(user, secret)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	ask("/nic/update?hostname=home.dyn.example.org&myip=203.0.113.9", "", "")
	for range 3 {
		ask("/nic/update?hostname=home.dyn.example.org&myip=203.0.113.9", "alice", "alices-update-secret")
		ask("/nic/update?hostname=home.dyn.example.org&myip=203.0.113.9", "alice", "wrong")
	}
	ask("/nic/update?hostname=printer.dyn.example.org&myip=203.0.113.9", "alice", "alices-update-secret")
	w.store.SetFault(errors.New("disk full"))
	ask("/nic/update?hostname=home.dyn.example.org&myip=203.0.113.10", "alice", "alices-update-secret")
	got := map[string]int{}
	for _, e := range past.Host(zone.MustName("home.dyn.example.org")) {
		got[fmt.Sprintf("%s %s %d %s %v", e.Source, e.Username, e.Status, strings.TrimSpace(e.Reply), e.Why)] = e.Count
	}
	for _, e := range past.Key("alice") {
		got[fmt.Sprintf("key: %s %d %s %v", e.Username, e.Status, strings.TrimSpace(e.Reply), e.Why)] = e.Count
	}
	want := map[string]int{
		"203.0.113.77  401 badauth no user name and secret": 1,
		"203.0.113.77 alice 200 good 203.0.113.9 ":          1,
		"203.0.113.77 alice 200 nochg 203.0.113.9 ":         2,
		"203.0.113.77 alice 401 badauth wrong secret":       3,
		"203.0.113.77 alice 503 911 service unavailable":    1,
		"key: alice 200 nohost ":                            1,
		"key: alice 401 badauth wrong secret":               3,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got = %v\nwant  %v", got, want)
	}
	if failing := past.Failing(); len(failing) != 0 {
		t.Errorf("Failing() = %v, want none: the secret was right meanwhile", failing)
	}
}

// What asks in other ways than a dialect stands in the history as well.
func TestHistoryOfOtherProtocols(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyndns.Options{})
	past := history.New(w.registry, 1<<20, nil)
	paths := dyndns.New(w.service, dyndns.Options{Recorder: past}).Paths()
	const sum = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
	post := func(target, body string, headers ...string) {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		paths[target].ServeHTTP(httptest.NewRecorder(), r)
	}
	acme := `{"subdomain": "home.dyn.example.org", "txt": "` + sum + `"}`
	post("/update", acme, "X-Api-User", "alice", "X-Api-Key", "alices-update-secret")
	post("/update", strings.Replace(acme, "home", "_ACME-Challenge.home", 1), "X-Api-User", "alice", "X-Api-Key", "wrong")
	post("/present", `{"fqdn": "_acme-challenge.home.dyn.example.org.", "value": "`+sum+`"}`, "Authorization", "Bearer tok-0123456789abcdef")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- dyndns.NewGnuDIP(w.service, past).Serve(ctx, l) }()
	gnudip := gnudipServer{addr: l.Addr().String()}
	gnudip.ask(t, "sums:SUM:home.dyn.example.org:0:203.0.113.9\n", "a-secret-with-sums")
	gnudip.ask(t, "sums:SUM:home.dyn.example.org:0:203.0.113.9\n", "wrong")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	got := map[string]bool{}
	for _, e := range past.Host(zone.MustName("home.dyn.example.org")) {
		got[fmt.Sprintf("%s as %s: %s -> %d %s %v", e.Via, e.Username, e.Request, e.Status, strings.TrimSpace(e.Reply), e.Why)] = true
	}
	for _, want := range []string{
		`acme-dns as alice: POST /update (X-Api-Key ***) {"subdomain": "home.dyn.example.org", "txt": "` + sum + `"} -> 200 {"txt": "` + sum + `"} `,
		`acme-dns as alice: POST /update (X-Api-Key ***) {"subdomain": "_ACME-Challenge.home.dyn.example.org", "txt": "***"} -> 401 {"error": "forbidden"} wrong secret`,
		`httpreq as ktoken: POST /present (Bearer ***) {"fqdn": "_acme-challenge.home.dyn.example.org.", "value": "` + sum + `"} -> 200 good `,
		`gnudip as sums: GnuDIP sums:***:home.dyn.example.org:0:203.0.113.9 -> 0 0 `,
		`gnudip as sums: GnuDIP ***:***:home.dyn.example.org:0:203.0.113.9 -> 0 1 wrong secret`,
	} {
		if !got[want] {
			t.Errorf("the history lacks %q", want)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("the history has, too: %v", got)
	}
}
