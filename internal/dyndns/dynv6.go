package dyndns

import (
	"net/http"
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// dynv6 is dynv6's way:
//
//	GET /api/update?zone=home.dyn.example.org&token=…&ipv4=203.0.113.9&ipv6=2001:db8:1::9/64
//
// What is not there stays as it is. A prefix, or an IPv6 address with the length of
// one, renumbers all that hangs on it.
type dynv6 struct{ dyndns2 }

// The parameters, of which some must be there on paths that others share.
var (
	dynv6ZoneKeys    = []string{"zone", "hostname"}
	dynv6TokenKeys   = []string{"token"}
	dynv6AddressKeys = []string{"ipv4", "ipv6", "ipv6prefix"}
)

// Parse implements Dialect.
func (d dynv6) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	req := update.Request{Whole: true, Hosts: splitNames(unescape(q.first(dynv6ZoneKeys), true)), Source: clientAddr(r), Via: "dynv6"}
	putCredentials(&req, r, q)
	v6, prefix := q.value("ipv6"), q.value("ipv6prefix")
	req.V4, req.V6 = dynv6Family(q.value("ipv4")), dynv6Family(v6)
	if prefix == "" && strings.Contains(v6, "/") {
		prefix = v6
	}
	var ok bool
	if req.Prefix, ok = dynv6Prefix(prefix, req.Source); !ok {
		req.V6 = badFamily
	}
	return req, nil
}

// dynv6Prefix reads a prefix, of which there may be none. That of the client's own
// address is taken to be as long as a link's.
func dynv6Prefix(value string, source netip.Addr) (prefix netip.Prefix, ok bool) {
	switch {
	case value == "" || value == "-":
		return netip.Prefix{}, true
	case value == "auto" && source.Is6():
		return netip.PrefixFrom(source, 64).Masked(), true
	case value == "auto":
		return netip.Prefix{}, true
	}
	p, err := netip.ParsePrefix(value)
	if err != nil || !p.Addr().Is6() {
		return netip.Prefix{}, false
	}
	if p.IsSingleIP() {
		return netip.Prefix{}, true
	}
	return p.Masked(), true
}

// dynv6Family returns what a value wants of its family.
func dynv6Family(value string) update.Family {
	switch value {
	case "":
		return update.Family{}
	case "auto":
		return update.Family{Action: update.FromSource}
	case "-":
		return update.Family{Action: update.Remove}
	}
	value, _, _ = strings.Cut(value, "/")
	a, err := netip.ParseAddr(value)
	if err != nil {
		return badFamily
	}
	return update.Family{Action: update.Set, Addrs: []netip.Addr{a}}
}

// Reply implements Dialect. Of what dynv6 says, 400 and 404 end inadyn for good,
// and 200 is success to some clients whatever the text. So all failures but bad
// credentials are 503, after which every client tries again: someone may have put
// the matter right on this side.
func (d dynv6) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := d.verdict(r, results, err)
	said, known := dynv6Words[word]
	if !known {
		said = "please try again later"
	}
	if status == http.StatusOK && word != "good" && word != "nochg" {
		status = http.StatusServiceUnavailable
	}
	d.challenge(w, status)
	write(w, status, "text/plain", []byte(said+"\n"))
}

// dynv6Words are what dynv6 says, by the keyword of dyndns2.
var dynv6Words = map[string]string{
	"good": "addresses updated", "nochg": "addresses unchanged", "badauth": "invalid authentication",
	"nohost": "zone not found", "notfqdn": "zone not found", "badip": "invalid address",
}
