package dyndns

import (
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
// with one line for each host name. The parameters wildcard, mx, backmx, system
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
	req := update.Request{Hosts: q.hosts(), Source: clientAddr(r), Via: "dyndns2"}
	req.V4, req.V6 = q.families()
	putCredentials(&req, r, q)
	return req, nil
}

// hosts returns the host names that the request lists.
func (q query) hosts() []string {
	list := q.first(hostKeys)
	if strings.EqualFold(list, "YES") { // in dyndns1 a flag beside host_id
		list, _ = q.get("host_id")
	}
	var hosts []string
	for name := range strings.SplitSeq(unescape(list, true), ",") {
		if name = strings.TrimSpace(name); name != "" {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// clientAddr returns the client's address; the zero Addr if it is not known.
func clientAddr(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(r.RemoteAddr)
	return a.Unmap().WithZone("")
}

// Reply implements Dialect. The keywords stand in the header X-UpdateCode as
// well, for clients whose scripts never see the body.
func (d dyndns2) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, body, codes := http.StatusOK, make([]byte, 0, 64), ""
	if err != nil {
		status, codes = say(err)
		body = append(append(body, codes...), '\n')
	} else {
		body, codes = d.appendLines(body, results, r.UserAgent())
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+d.opts.Load().Realm+`"`)
	}
	w.Header().Set("X-Updatecode", codes)
	write(w, status, "text/plain", body)
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
	case r.Outcome == update.NoChange && len(r.Addrs) > 0 && !d.wantsGood(r.Unchanged, agent):
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

// wantsGood tells whether to say good where nothing changed: first the client
// decides, if it is known to take nochg for a failure, then its update key, then
// the house.
func (d dyndns2) wantsGood(key account.Unchanged, agent string) bool {
	const known = "DDNS-Updater"
	switch {
	case len(agent) >= len(known) && strings.EqualFold(agent[:len(known)], known):
		return true
	case key == account.UnchangedDefault:
		return d.opts.Load().AlwaysGood
	}
	return key == account.UnchangedGood
}
