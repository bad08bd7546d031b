package dyndns_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/update"
)

// relatives are a request of each dialect that has words of its own, and its words
// for a change, for none, and for what can go wrong.
var relatives = []struct {
	target                                        string
	done, same, denied, noHost, badAddress, later string
}{
	{
		"/dyn/generic.php?hostname=home.dyn.example.org&myip=203.0.113.9&wildcard=OFF",
		"NOERROR", "NOERROR", "NOACCESS", "NOSERVICE", "ILLEGAL INPUT", "TOOSOON",
	},
	{
		"/auth/dynamic.html?host=home.dyn.example.org&dnsto=203.0.113.9",
		`<SUCCESS CODE="200" TEXT="Update succeeded." ZONE="dyn.example.org" HOST="home.dyn.example.org" IP="203.0.113.9">`,
		`<SUCCESS CODE="201" TEXT="No records need updating." ZONE="dyn.example.org" HOST="home.dyn.example.org" IP="203.0.113.9">`,
		`<ERROR CODE="708" TEXT="Failed Login">`,
		`<ERROR CODE="701" TEXT="Zone is not set up in this account.">`,
		`<ERROR CODE="703" TEXT="Not an address.">`,
		`<ERROR CODE="702" TEXT="Try again later.">`,
	},
	{
		"/interface.asp?Command=SetDNSHost&HostName=home&Zone=dyn.example.org&DomainPassword=secret&Address=203.0.113.9",
		"ErrCount=0\nDone=true", "ErrCount=0\nDone=true", "ErrCount=1\nErr1=Passwords do not match",
		"ErrCount=1\nErr1=No such host", "ErrCount=1\nErr1=Not an address", "ErrCount=1\nErr1=Try again later",
	},
	{
		"/ipv4_end.php?ip=203.0.113.9&apikey=alice&pass=0123456789abcdef0123456789abcdef&tid=home.dyn.example.org",
		"+OK: Tunnel endpoint updated to: 203.0.113.9",
		"-ERROR: This tunnel is already associated with this IP address. Please try and limit your updates to IP changes. (203.0.113.9)",
		"-ERROR: Invalid API key or password", "-ERROR: Tunnel not found", "-ERROR: IP is not in a valid format", "-ERROR: Try again later",
	},
	{
		"/upd.php?user=alice&pwd=secret&host=home.dyn.example.org&ip=203.0.113.9",
		"Updated 1 hostname.", "Updated 1 hostname.", "badauth", "notfqdn", "notfqdn", "911",
	},
	{
		"/setip?username=alice&password=secret&subdomain=home.dyn.example.org&ip=203.0.113.9&shortResponse=true",
		"home.dyn.example.org (203.0.113.9)", "home.dyn.example.org (203.0.113.9)",
		"Zugriff verweigert", "Subdomain unbekannt", "Adresse ungueltig", "Spaeter erneut versuchen",
	},
	{
		"/RemoteUpdate.sv?login=alice&password=secret&host=home.dyn.example.org&myip=203.0.113.9",
		"HTTP/1.1 200 OK\n0=Success", "HTTP/1.1 200 OK\n1=IP is the same as the IP on the system",
		"\n2=Invalid password", "\n10=Host not found", "\n8=Invalid IP", "\n11=System error",
	},
	{
		"/servlet/updateip?username=alice&password=secret&id=home.dyn.example.org&ip=203.0.113.9",
		"success", "success", "error-auth", "error-record-invalid", "error-record-invalid", "error-system",
	},
	{
		"/dnsup?user=alice&pass=secret&id=home.dyn.example.org&ip=203.0.113.9",
		"success", "success", "failure (noauth)", "failure (norecord)", "failure (badip)", "failure (dberror)",
	},
	{
		"/dynamic.duia?host=home.dyn.example.org&password=0123456789abcdef0123456789abcdef&ip4=203.0.113.9",
		"<html><body><p>Hostname home.dyn.example.org</p><p>Ipv4 203.0.113.9</p></body></html>",
		"<html><body><p>Hostname home.dyn.example.org</p><p>Ipv4 203.0.113.9</p></body></html>",
		"<html><body>Wrong password</body></html>", "<html><body>Unknown host</body></html>",
		"<html><body>Not an address</body></html>", "<html><body>Try again later</body></html>",
	},
	{
		"/directip.html?MID=alice&PWD=secret&IPV4ADDR=203.0.113.9",
		"Login and IP address notify OK.\nlogin_status = 1.", "Login and IP address notify OK.\nlogin_status = 1.",
		"login_status = 0.", "login_status = 1.\nno host", "login_status = 1.\nnot an address", "try again later",
	},
	{
		"/update.php?hostname=home.dyn.example.org&password=secret&ip=203.0.113.9",
		"[RESPONSE]\ncode = 200\ndescription = Command completed successfully\nEOF",
		"[RESPONSE]\ncode = 200\ndescription = Command completed successfully\nEOF",
		"[RESPONSE]\ncode = 531\ndescription = Authorization failed\nEOF",
		"[RESPONSE]\ncode = 545\ndescription = Entity reference not found\nEOF",
		"[RESPONSE]\ncode = 505\ndescription = Invalid attribute value syntax\nEOF",
		"[RESPONSE]\ncode = 421\ndescription = Command failed due to server error, try again later\nEOF",
	},
	{
		"/nic/update?u=alice&p=secret&cmd=update&hostname=home.dyn.example.org&ip=203.0.113.9",
		"200 Successful Update", "200 Successful Update", "401 Access Denied", "No such host", "Not an address", "Try again later",
	},
	{
		"/update?token=tok-0123456789abcdef&domain=home.dyn.example.org",
		"OK", "OK", "ERROR", "ERROR", "ERROR", "ERROR",
	},
	{
		"/update/?h=home.dyn.example.org&k=secret&a=203.0.113.9",
		`{"status": 200, "message": "record updated", "value": {"A": "203.0.113.9", "AAAA": ""}}`,
		`{"status": 200, "message": "record updated", "value": {"A": "203.0.113.9", "AAAA": ""}}`,
		`{"status": 401, "message": "permission denied"}`, `{"status": 404, "message": "no such record"}`,
		`{"status": 400, "message": "not an address"}`, `{"status": 503, "message": "try again later"}`,
	},
	{
		"/?fqdn=home.dyn.example.org&forcehost=1&authtype=secure&token=tok-0123456789abcdef&ipv4=203.0.113.9",
		"success|100|update succeeded!", "success|101|no update needed at this time..",
		"failed|401|authentication failed", "failed|402|unknown host", "failed|406|not an address", "failed|500|try again later",
	},
}

// ask sends a request to a handler that only hears, and returns the reply.
func ask(t *testing.T, e *ear, target, agent string) *httptest.ResponseRecorder {
	t.Helper()
	h := dyndns.New(e, dyndns.Options{})
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("User-Agent", agent)
	path := "/" + strings.ToLower(strings.Trim(r.URL.Path, "/"))
	handler := h.Paths()[path]
	if path == "/" {
		handler = h.Root(r)
	}
	if handler == nil {
		t.Fatalf("nobody answers %s", target)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestRelativesSay(t *testing.T) {
	t.Parallel()
	result := func(o update.Outcome) []update.Result {
		return []update.Result{{Host: "home.dyn.example.org", Outcome: o, Addrs: addrs("203.0.113.9")}}
	}
	for _, relative := range relatives {
		for _, test := range []struct {
			name   string
			ear    ear
			status int
			want   string
		}{
			{"changed", ear{results: result(update.Good)}, 200, relative.done},
			{"unchanged", ear{results: result(update.NoChange)}, 200, relative.same},
			{"ignored", ear{results: result(update.Ignored)}, 200, relative.done},
			{"foreign host", ear{results: result(update.NoHost)}, 200, relative.noHost},
			{"no name", ear{results: result(update.NotFQDN)}, 200, relative.noHost},
			{"no host", ear{err: update.ErrNoHostNamed}, 200, relative.noHost},
			{"bad address", ear{err: update.ErrBadAddress}, 200, relative.badAddress},
			{"bad credentials", ear{err: account.ErrBadCredential}, 401, relative.denied},
			{"limited", ear{err: update.ErrLimited}, 503, relative.later},
			{"fault", ear{err: errors.New("disk full")}, 503, relative.later},
		} {
			w := ask(t, &test.ear, relative.target, "")
			if got := w.Body.String(); w.Code != test.status || got != test.want+"\n" {
				t.Errorf("%s, %s: reply = %d %q, want %d %q", relative.target, test.name, w.Code, got, test.status, test.want+"\n")
			}
			if challenged := w.Header().Get("WWW-Authenticate") == `Basic realm="Dynamic DNS"`; challenged != (test.status == 401) {
				t.Errorf("%s, %s: challenged = %v", relative.target, test.name, challenged)
			}
		}
	}
}

// TestRelativesFailWithoutWordsOfSuccess: some clients look for one anywhere in
// the body, whatever its case.
func TestRelativesFailWithoutWordsOfSuccess(t *testing.T) {
	t.Parallel()
	for _, relative := range relatives {
		for _, failure := range []string{relative.denied, relative.noHost, relative.badAddress, relative.later} {
			for _, word := range []string{"good", "nochg", "ok", "true", "updated", "success"} {
				if strings.Contains(strings.ToLower(failure), word) {
					t.Errorf("%s: %q holds %q", relative.target, failure, word)
				}
			}
		}
	}
}

// TestSeveralHosts: a phrase for each, or one for all.
func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	results := func(outcomes ...update.Outcome) (out []update.Result) {
		for i, o := range outcomes {
			out = append(out, update.Result{Host: []string{"home.example.org", "nas.example.org"}[i], Outcome: o, Addrs: addrs("203.0.113.9")})
		}
		return out
	}
	tests := []struct {
		target string
		result []update.Result
		want   string
	}{
		{"/dyn/generic.php", results(update.Good, update.NoHost), "NOERROR\nNOSERVICE\n"},
		{"/setip", results(update.Good, update.Good), "home.example.org (203.0.113.9)\nnas.example.org (203.0.113.9)\n"},
		{"/upd.php", results(update.Good, update.NoChange), "Updated 2 hostname.\n"},
		{"/upd.php", results(update.Good, update.NoHost), "notfqdn\n"},
		{"/servlet/updateip", results(update.Good, update.Good), "success\n"},
	}
	for _, test := range tests {
		if got := ask(t, &ear{results: test.result}, test.target, "").Body.String(); got != test.want {
			t.Errorf("%s: body = %q, want %q", test.target, got, test.want)
		}
	}
}

// TestEasyDNSOfDDNSUpdater: it knows the newer spelling alone.
func TestEasyDNSOfDDNSUpdater(t *testing.T) {
	t.Parallel()
	e := &ear{results: []update.Result{{Host: "home.dyn.example.org"}}}
	if got := ask(t, e, "/dyn/generic.php", "DDNS-Updater someone@example.org").Body.String(); got != "NO_ERROR\n" {
		t.Errorf("body = %q", got)
	}
}

// TestRelativesAsk: what the requests are taken for.
func TestRelativesAsk(t *testing.T) {
	t.Parallel()
	source := update.Family{Action: update.FromSource}
	remove := update.Family{Action: update.Remove}
	tests := []struct {
		target       string
		user, secret string
		hosts        string
		all          bool
		v4           update.Family
	}{
		{"/auth/dynamic.html?zones=a.example.org,b.example.org&dnsto=203.0.113.9", "", "", "a.example.org,b.example.org", false, set("203.0.113.9")},
		{"/interface.asp?HostName=@&Zone=example.org&DomainPassword=x&Address=203.0.113.9", "example.org", "x", "example.org", false, set("203.0.113.9")},
		{"/interface.asp?HostName=home&Zone=example.org&DomainPassword=x", "home.example.org", "x", "home.example.org", false, source},
		{"/ipv4_end.php?ip=203.0.113.9&apikey=alice&pass=abc&tid=home.example.org", "alice", "abc", "home.example.org", false, set("203.0.113.9")},
		{"/update.php?hostname=home.example.org&password=x&ip=auto", "home.example.org", "x", "home.example.org", false, source},
		{"/directip.html?MID=alice&PWD=x&IPV4ADDR=203.0.113.9", "alice", "x", "", false, set("203.0.113.9")},
		{"/update?h=home.example.org&k=x&auto", "home.example.org", "x", "home.example.org", false, source},
		{"/update?username=alice&password=x&myip=203.0.113.9&hostname=1", "alice", "x", "", false, set("203.0.113.9")},
		{"/dyn/generic.php?hostname=home.example.org&myip=1.1.1.1", "home.example.org", "", "home.example.org", false, source},
		{"/nic/update?hostname=home.example.org&myip=1.1.1.1", "", "", "home.example.org", false, set("1.1.1.1")},
		{"/nic/update?hostname=home.example.org&myip=10.0.0.0", "", "", "home.example.org", false, set("10.0.0.0")},
		{"/nic/update?hostname=home.example.org&location=&myip=10.0.0.0", "", "", "home.example.org", false, source},
		{"/nic/update?location=branches&myip=203.0.113.9", "", "", "", true, set("203.0.113.9")},
		{"/nic/update?hostname=example.org&alias=www&myip=203.0.113.9", "", "", "www.example.org", false, set("203.0.113.9")},
		{"/nic/update?username=alice&password=33e1b232a4e6fa0028a6670753749a17&host=home.example.org&myip=no", "alice", "33e1b232a4e6fa0028a6670753749a17", "home.example.org", false, update.Family{}},
		{"/nic/update?username=alice&password=33e1b232a4e6fa0028a6670753749a17&myip=203.0.113.9", "alice", "33e1b232a4e6fa0028a6670753749a17", "", true, set("203.0.113.9")},
		{"/nic/delete?hostname=home.example.org", "", "", "home.example.org", false, remove},
		{"/nic/delete?hostname=home.example.org&myip=2001:db8::1", "", "", "home.example.org", false, update.Family{}},
	}
	for _, test := range tests {
		e := &ear{}
		ask(t, e, test.target, "")
		if len(e.heard) != 1 {
			t.Fatalf("%s: heard %d requests", test.target, len(e.heard))
		}
		got := e.heard[0]
		if got.Username != test.user || got.Secret != test.secret || strings.Join(got.Hosts, ",") != test.hosts || got.All != test.all || !equal(got.V4, test.v4) {
			t.Errorf("%s: heard %q %q %q, all %v, %v; want %q %q %q, all %v, %v", test.target,
				got.Username, got.Secret, got.Hosts, got.All, got.V4, test.user, test.secret, test.hosts, test.all, test.v4)
		}
	}
}

// TestOffline: what takes a host offline.
func TestOffline(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{
		"/dyn/generic.php?hostname=home.example.org&myip=0.0.0.0":          true,
		"/dyn/generic.php?hostname=home.example.org&myip=::":               true,
		"/dyn/generic.php?hostname=home.example.org&myip=203.0.113.9":      false,
		"/nic/update?hostname=home.example.org&myip=0.0.0.0":               false,
		"/nic/update?u=a&p=b&cmd=update&hostname=a.example.org&offline=1":  true,
		"/nic/update?hostname=home.example.org&location=&myip=203.0.113.9": false,
	} {
		e := &ear{}
		ask(t, e, target, "")
		if got := e.heard[0].Offline; got != want {
			t.Errorf("%s: offline = %v, want %v", target, got, want)
		}
	}
}

// TestHEAD asks for all that there is, and gets none of it.
func TestHEAD(t *testing.T) {
	t.Parallel()
	e := &ear{results: []update.Result{{}}}
	h := dyndns.New(e, dyndns.Options{}).Paths()["/nic/update"]
	target := "/nic/update?hostname=home.example.org&myip=203.0.113.9&ip6lanprefix=2001:db8::/56&offline=YES&wildcard=ON&mx=mail.example.org&txt=x" +
		"&myipv4:nas.example.org=203.0.113.9&username=alice&password=secret"
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodHead, target, nil))
	want := update.Request{
		Hosts: []string{"home.example.org"}, Username: "alice", Secret: "secret", Plain: true, Via: "dyndns2",
		Source: netip.MustParseAddr("192.0.2.1"),
	}
	if got := e.heard[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("heard %+v, want %+v", got, want)
	}
}

func set(texts ...string) update.Family {
	return update.Family{Action: update.Set, Addrs: addrs(texts...)}
}
