package dyndns

import (
	"net/http"
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// duckdns is DuckDNS's way:
//
//	GET /update?domains=home,nas&token=…&ip=203.0.113.9
//	GET /update/home/TOKEN/203.0.113.9
//
// The status is 200 whatever happens, and the first word of the reply OK or KO. A
// domain is a whole host name or its first label.
type duckdns struct{ dyndns2 }

// These must be there on paths that others share.
var duckDomainKeys, duckTokenKeys = []string{"domains"}, []string{"token"}

// Parse implements Dialect.
func (d duckdns) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	req := update.Request{Short: true, Whole: true, Text: q.text(), Source: clientAddr(r), Via: "duckdns"}
	if path, ok := strings.CutPrefix(r.URL.Path, "/update/"); ok {
		domains, rest, _ := strings.Cut(path, "/")
		token, address, _ := strings.Cut(rest, "/")
		req.Hosts, req.Secret = splitNames(domains), token
		q = append(query{{"ip", address}}, q...)
	} else {
		req.Hosts = splitNames(unescape(q.first(duckDomainKeys), true))
		putCredentials(&req, r, q)
	}
	if req.Text == nil {
		putDuckAddresses(&req, q)
	}
	return req, nil
}

// putDuckAddresses copies to req what becomes of the addresses. Where none was sent, that of
// the client counts if it is IPv4. DuckDNS never hears another, and to take the one
// for what a client is reached by, as it chances to come over IPv6 this time, would
// be a guess: it is refused as if it were no address.
func putDuckAddresses(req *update.Request, q query) {
	q.putAddresses(req)
	if req.V4.Action != update.FromSource || req.V6.Action != update.FromSource {
		return
	}
	if req.V6 = (update.Family{}); req.Source.Is6() {
		req.V4 = badFamily
	}
}

// Reply implements Dialect.
func (d duckdns) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := d.verdict(r, results, err)
	if word != "good" && word != "nochg" {
		write(w, lenient(status), "text/plain", []byte("KO"))
		return
	}
	body := []byte("OK")
	if q, _ := readQuery(r); isYes(q.first([]string{"verbose"})) {
		body = appendDuckDetails(body, summary(results))
	}
	write(w, http.StatusOK, "text/plain", body)
}

// appendDuckDetails appends what a client gets that wants to hear more: a line for
// an address of each family, and what happened.
func appendDuckDetails(body []byte, result update.Result) []byte {
	for _, member := range []func(netip.Addr) bool{netip.Addr.Is4, netip.Addr.Is6} {
		body = append(body, '\n')
		for _, a := range result.Addrs {
			if member(a) {
				body = a.AppendTo(body)
				break
			}
		}
	}
	if result.Outcome == update.Good {
		return append(body, "\nUPDATED"...)
	}
	return append(body, "\nNOCHANGE"...)
}
