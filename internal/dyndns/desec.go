package dyndns

import (
	"net/http"
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// desec is deSEC's way. It looks like dyndns2, but a request says what all
// addresses of its hosts are to be: a family that it does not name gets the
// client's address, or none. All hosts change or none does.
//
//	GET /desec?hostname=home.dyn.example.org&myipv4=203.0.113.9&myipv6=preserve
//	Authorization: Token …
//
// An empty value removes a family, "preserve" keeps it, and an IPv6 prefix renumbers
// what stands.
type desec struct{ dyndns2 }

// The parameters of each family, of which the first that is about it decides.
var (
	desecV4Keys = []string{"myip", "myipv4", "ip"}
	desecV6Keys = []string{"myipv6", "ipv6", "myip", "ip"}
)

// Parse implements Dialect.
func (d desec) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	req := update.Request{Whole: true, Source: clientAddr(r), Via: "desec"}
	putCredentials(&req, r, q)
	req.Hosts = desecHosts(q, req.Username)
	req.V4 = desecFamily(q, desecV4Keys, req.Source, netip.Addr.Is4)
	req.V6 = desecFamily(q, desecV6Keys, req.Source, netip.Addr.Is6)
	for _, p := range q {
		if len(req.Each) > update.MaxHosts {
			break // they are too many already, whatever comes
		}
		putDesecEach(&req, p)
	}
	return req, nil
}

// desecHosts returns the hosts that the request names, if only by its user name.
func desecHosts(q query, username string) []string {
	list := q.value("hostname")
	if list == "" || strings.EqualFold(list, "YES") {
		list = q.value("host_id")
	}
	if list == "" && strings.Contains(username, ".") && !strings.Contains(username, "@") {
		list = username
	}
	return splitNames(list)
}

// desecFamily returns what the request wants of a family.
func desecFamily(q query, keys []string, source netip.Addr, member func(netip.Addr) bool) update.Family {
	for _, key := range keys {
		if _, ok := q.get(key); !ok {
			continue
		}
		if f, ok := desecValue(q.value(key), member); ok {
			return f
		}
	}
	if member(source) {
		return update.Family{Action: update.FromSource}
	}
	return update.Family{Action: update.Remove}
}

// desecValue reads a value and reports whether it is about the family. What mixes
// addresses, prefixes and words is refused.
func desecValue(value string, member func(netip.Addr) bool) (f update.Family, ok bool) {
	switch value {
	case "":
		return update.Family{Action: update.Remove}, true
	case "preserve":
		return update.Family{Action: update.Keep}, true
	}
	for item := range strings.SplitSeq(value, ",") {
		addr, prefix, valid := desecItem(strings.TrimSpace(item))
		switch {
		case !valid:
			return badFamily, true
		case !member(addr):
		case f.Prefix.IsValid() || prefix.IsValid() && len(f.Addrs) > 0:
			return badFamily, true
		case prefix.IsValid():
			f = update.Family{Action: update.Renumber, Prefix: prefix}
		default:
			f.Action, f.Addrs = update.Set, append(f.Addrs, addr)
		}
	}
	return f, f.Action != update.Keep
}

// desecItem reads an address, or a prefix of IPv6.
func desecItem(item string) (addr netip.Addr, prefix netip.Prefix, ok bool) {
	if !strings.Contains(item, "/") {
		addr, err := netip.ParseAddr(item)
		return addr.Unmap().WithZone(""), netip.Prefix{}, err == nil
	}
	prefix, err := netip.ParsePrefix(item)
	if err != nil || prefix.Addr().Is4() || prefix.Addr().Is4In6() {
		return netip.Addr{}, netip.Prefix{}, false
	}
	return prefix.Addr(), prefix.Masked(), true
}

// putDesecEach copies to req what a parameter myipv4:NAME or myipv6:NAME wants of
// one host. Of a host that is not among the others it leaves what is not named.
func putDesecEach(req *update.Request, p parameter) {
	key, name, ok := strings.Cut(p.key, ":")
	if !ok || key != "myipv4" && key != "myipv6" {
		return
	}
	e := each(req, name)
	family, member := &e.V4, netip.Addr.Is4
	if key == "myipv6" {
		family, member = &e.V6, netip.Addr.Is6
	}
	if *family, ok = desecValue(query{p}.value(p.key), member); !ok {
		*family = badFamily // the value is of the other family
	}
}

// Reply implements Dialect.
func (d desec) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := d.verdict(r, results, err)
	if word == "nochg" {
		word = "good"
	}
	d.challenge(w, status)
	w.Header().Set("X-Updatecode", word)
	write(w, status, "text/plain", []byte(word))
}
