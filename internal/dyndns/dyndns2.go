package dyndns

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

// dyndns2 is the Dyn Remote Access API, which nearly every device speaks:
//
//	GET /nic/update?hostname=home.dyn.example.org&myip=203.0.113.9
//	Authorization: Basic …
//
//	good 203.0.113.9
//
// with one line for each host name, or one alone for a group. The parameters system
// and url are accepted and mean nothing.
type dyndns2 struct{ opts *atomic.Pointer[Options] }

// hostKeys are the parameters that name hosts, the more telling first.
var hostKeys = []string{
	"hostname", "host", "domain", "domains", "fqdn", "host_id", "updatehostname", "subdomain", "zone", "dn", "h", "h[]", "id",
}

// Parse implements Dialect.
func (d dyndns2) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	return q.request(r, "dyndns2"), nil
}

// request returns what the parameters ask for in dyndns2, and in the dialects that
// differ from it in little.
func (q query) request(r *http.Request, via string) update.Request {
	req := update.Request{Hosts: q.hosts(), Options: q.options(), Text: q.text(), Source: clientAddr(r), Via: via}
	putCredentials(&req, r, q)
	if q.meansAll(req.Username) {
		req.Hosts, req.All = nil, true
	}
	if req.Text != nil && !q.hasAny(v4Keys, v6Keys, eitherKeys, prefixKeys) {
		return req // a text alone leaves the addresses alone
	}
	q.putAddresses(&req)
	req.Offline = isYes(q.first([]string{"offline"}))
	return req
}

// hosts returns the host names that the request lists.
func (q query) hosts() []string {
	list := q.first(hostKeys)
	if strings.EqualFold(list, "YES") { // in dyndns1 a flag beside host_id
		list, _ = q.get("host_id")
	}
	if list == "1" { // Selfhost: whichever host is the user's
		return nil
	}
	return splitNames(unescape(list, true))
}

// splitNames returns the names of a list with commas between.
func splitNames(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// clientAddr returns the client's address; the zero Addr if it is not known.
func clientAddr(r *http.Request) netip.Addr { return addrOf(r.RemoteAddr) }

// addrOf returns the address in a text with or without a port.
func addrOf(remote string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(remote)
	return a.Unmap().WithZone("")
}

// Reply implements Dialect. The keywords stand in the header X-UpdateCode as
// well, for clients whose scripts never see the body.
func (d dyndns2) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, body, codes := http.StatusOK, make([]byte, 0, 64), ""
	switch {
	case err != nil:
		status, codes = say(err)
		body = append(body, codes...)
		if !wantsOneWord(err) {
			body = append(body, '\n')
		}
	case len(results) > 0 && results[0].BareGood:
		codes = d.keyword(summary(results), r.UserAgent())
		body = append(body, codes...)
	default:
		body, codes = d.appendLines(body, summaryOfGroup(r, results), r.UserAgent())
	}
	d.challenge(w, status)
	w.Header().Set("X-Updatecode", codes)
	write(w, status, "text/plain", body)
}

// wantsOneWord tells whether a request failed whose update key wants one word and
// nothing else.
func wantsOneWord(err error) bool {
	fault, ok := errors.AsType[*update.KeyError](err)
	return ok && fault.Key.BareGood
}

// challenge asks for credentials where they were missing or wrong.
func (d dyndns2) challenge(w http.ResponseWriter, status int) {
	if status == http.StatusUnauthorized {
		challenge(w, d.opts.Load())
	}
}

// verdict returns the status and one keyword for the request as a whole, as other
// dialects need them: "good" when some host changed, "nochg" when none had to, and
// otherwise the first thing that is wrong.
func (d dyndns2) verdict(r *http.Request, results []update.Result, err error) (status int, word string) {
	if err != nil {
		return say(err)
	}
	return http.StatusOK, d.keyword(summary(results), r.UserAgent())
}

// appendLines appends a line for each result and returns their keywords, too.
// Failures are bare keywords: some clients look for words of success in the whole
// body, where even the name of a host could be one.
func (d dyndns2) appendLines(body []byte, results []update.Result, agent string) (lines []byte, codes string) {
	for i, r := range results {
		word := d.keyword(r, agent)
		body = append(body, word...)
		if r.Outcome.IsSuccess() {
			body = appendAddrs(append(body, ' '), r.Addrs)
		}
		body = append(body, '\n')
		if i > 0 {
			codes += ","
		}
		codes += word
	}
	return body, codes
}

// keyword returns the first word of a host's line.
func (d dyndns2) keyword(r update.Result, agent string) string {
	switch {
	case r.Outcome == update.NotFQDN:
		return "notfqdn"
	case !r.Outcome.IsSuccess():
		return "nohost"
	case r.Outcome == update.NoChange && len(r.Addrs) > 0 && !r.BareGood && !d.wantsGood(r.Unchanged, agent):
		return "nochg"
	}
	return "good"
}

// appendAddrs appends addresses in the form of RFC 5952, or what clients expect
// in the place of an address where there is none.
func appendAddrs(dst []byte, addrs []netip.Addr) []byte {
	if len(addrs) == 0 {
		return append(dst, "0.0.0.0"...)
	}
	for i, a := range addrs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = a.AppendTo(dst)
	}
	return dst
}

// ddnsUpdater is how the User-Agent of a client begins that knows only one word of
// success in some dialects.
const ddnsUpdater = "DDNS-Updater"

func startsFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// wantsGood tells whether to say good where nothing changed: first the client
// decides, if it is known to take nochg for a failure, then its update key, then
// the house.
func (d dyndns2) wantsGood(key account.Unchanged, agent string) bool {
	switch {
	case startsFold(agent, ddnsUpdater):
		return true
	case key == account.UnchangedDefault:
		return d.opts.Load().AlwaysGood
	}
	return key == account.UnchangedGood
}
