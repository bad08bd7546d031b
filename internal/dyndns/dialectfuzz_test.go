package dyndns_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// fate is an Updater that lets happen what a number says, to whatever it hears.
type fate byte

var fates = []error{
	nil, account.ErrBadCredential, update.ErrNoCredentials, update.ErrBadAddress, update.ErrTooManyHosts, update.ErrNoHostNamed,
	update.ErrLimited, registry.ErrUnavailable, context.Canceled, errors.New("something else"),
}

func (f fate) error() error { return fates[int(f)%len(fates)] }

func (f fate) outcome() update.Outcome {
	return update.Outcome(int(f) / len(fates) % int(update.NotFQDN+1))
}

// succeeds tells whether the request does.
func (f fate) succeeds() bool { return f.error() == nil && f.outcome().IsSuccess() }

func (f fate) Update(_ context.Context, req update.Request) ([]update.Result, error) {
	if err := f.error(); err != nil {
		return nil, err
	}
	hosts := req.Hosts
	if len(hosts) == 0 {
		hosts = []string{"home.dyn.example.org"}
	}
	var results []update.Result
	for i, host := range hosts {
		r := update.Result{Host: host, Outcome: f.outcome()}
		if r.Outcome.IsSuccess() {
			r.ID = uint32(i + 1)
			r.Addrs = []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9")}[:int(f)%3]
		}
		results = append(results, r)
	}
	return results, nil
}

func (f fate) Challenge(_ context.Context, c update.Challenge) (update.Result, error) {
	return update.Result{Host: c.Host, Outcome: f.outcome()}, f.error()
}

// ofSuccess are the words by which some client or other takes a reply for success,
// wherever they stand in it.
var ofSuccess = regexp.MustCompile(`(?i)good|nochg|ok|true|updated|success|unchanged|noerror|skipping|not changed|<errcount>0`)

// nameAndCode is a line of No-IP's, where a name must be told before its code.
var nameAndCode = regexp.MustCompile(`(?m)^[A-Za-z0-9._*?-]*:([0-9]+)$`)

// FuzzDialects sends any request to any path: every reply has its length, a status
// that no client gives up for, and after a failure no word of success.
func FuzzDialects(f *testing.F) {
	paths := slices.Sorted(maps.Keys(dyndns.New(fate(0), dyndns.Options{}).Paths()))
	for i := range paths {
		for _, query := range []string{
			"", "hostname=good.example.org&myip=203.0.113.9&wildcard=ON&mx=a&txt=ok&offline=no", "domains=ok,true&token=t&verbose=true",
			"host=*&domain=example.org&password=k", "zone=a&token=t&ipv6=2001:db8::9/64", "action=edit&hostname=YES&host_id=a", "action=getdyndns&sha=ok",
			"requestL=aFtdPWEmZ1tdPWI=", "h[]=a%0Ab:1&g[]=updated", "myipv6:ok.example.org=2001:db8::/64&myip=", "TOKEN==&address=",
		} {
			f.Add(byte(i), byte(i), "good/ok/203.0.113.9", query, "", "Basic b2s6dHJ1ZQ==")
			f.Add(byte(i), byte(i+13), "", "", query, "")
		}
	}
	methods := []string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut, http.MethodDelete}
	f.Fuzz(func(t *testing.T, path, fortune byte, tail, query, body, authorization string) {
		will := fate(fortune)
		h := dyndns.New(will, dyndns.Options{})
		target := paths[int(path)%len(paths)]
		r := request(methods[len(body)%len(methods)], target, body)
		r.URL.RawQuery = query
		if strings.HasSuffix(target, "/") {
			r.URL.Path += tail
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		handlerOf(h, r).ServeHTTP(w, r)
		if got, want := w.Header().Get("Content-Length"), strconv.Itoa(w.Body.Len()); got != want || w.Body.Len() == 0 {
			t.Errorf("%s: Content-Length = %q, body has %s octets", target, got, want)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: header = %v", target, w.Header())
		}
		if isForPrograms(target) || isPage(target) {
			return
		}
		if !slices.Contains([]int{http.StatusOK, http.StatusUnauthorized, http.StatusServiceUnavailable}, w.Code) {
			t.Errorf("%s: status = %d", target, w.Code)
		}
		if will.succeeds() {
			return
		}
		said := w.Body.String()
		if target == "/ducupdate.php" {
			said = nameAndCode.ReplaceAllString(said, "$1")
		}
		if word := ofSuccess.FindString(said); word != "" {
			t.Errorf("%s: a failure says %q in %q", target, word, w.Body)
		}
	})
}

// isForPrograms tells whether a path is for programs that fetch certificates, which
// heed the status, or for GnuDIP, where a request may only ask for a salt.
func isForPrograms(path string) bool {
	return slices.Contains([]string{"/register", "/present", "/cleanup"}, path) || strings.Contains(path, "gdipupdt")
}

// isPage tells whether a path answers with the client's address.
func isPage(path string) bool {
	return strings.Contains(path, "check") || strings.HasSuffix(path, "ip")
}
