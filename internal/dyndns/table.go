package dyndns

import (
	"net/http"
	"slices"
	"sync"
)

// row is something that answers, and the paths where it does, in canonical form:
// lower case, one leading slash. A path that ends in a slash stands for all below
// it, and for itself.
type row struct {
	handler http.Handler
	test    func(*http.Request, query) bool // whether it is meant, where others answer as well; nil: when no other is
	paths   []string
}

// table is all that this room answers. The path decides which dialect is meant,
// and on a path that several share, the first row whose test holds.
func (h *Handler) table(updates Updater) []row {
	certs := acme{&h.opts, noting{updates}}
	// What says the secret again, as a registration does, is not noted.
	noted := func(x http.Handler) http.Handler {
		if h.recording == nil {
			return x
		}
		return h.recording.around(x)
	}
	in := func(d Dialect) http.Handler { return &endpoint{updates, d, h.recording} }
	dyn := dyndns2{&h.opts}
	rows := []row{
		{checkIPClassic, nil, []string{"/checkip", "/nic/checkip", "/nic/checkip.html", "/checkip.html", "/checkip.php", "/dynamic/check.php"}},
		{checkIPPlain, nil, []string{"/myip", "/ip", "/getip", "/nic/myip"}},
		{in(desec{dyn}), nil, []string{"/desec/"}},
		{in(duckdns{dyn}), nil, []string{"/update/"}},
		{in(duckdns{dyn}), with(duckDomainKeys, duckTokenKeys), []string{"/update"}},
		{in(dyndns1{dyn}), nil, []string{"/nic/statdns"}},
		{in(dyndns1{dyn}), with([]string{"action"}), []string{"/nic/dyndns"}},
		{in(dyn), nil, []string{"/", "/nic/update", "/v2/update", "/v3/update", "/update", "/dns", "/nic/dyndns", "/dyndns/update", "/api/update", "/ph/update"}},
		{in(dynv6{dyn}), with(dynv6ZoneKeys, dynv6TokenKeys, dynv6AddressKeys), []string{"/update", "/api/update"}},
		{in(freedns{dyn}), nil, []string{"/dynamic/update.php"}},
		{in(freednsList{}), isFreednsList, []string{"/api"}},
		{in(freedns2{dyn}), nil, []string{"/u/"}},
		{in(namecheap{dyn}), with(namecheapKeys...), []string{"/update"}},
		{in(duc{dyn}), nil, []string{"/ducupdate.php"}},
		{in(tokenPath{dyn}), nil, []string{tokenPrefix}},
		{noted(&gnudipHTTP{noting{updates}, newSalts()}), nil, []string{"/gnudip/cgi-bin/gdipupdt.cgi", "/cgi-bin/gdipupdt.cgi"}},
		{noted(acmeDNS{certs}), isACMEDNS, []string{"/update"}},
		{registration{acmeDNS{certs}}, nil, []string{"/register"}},
		{noted(httpReq{certs, false}), nil, []string{"/present"}},
		{noted(httpReq{certs, true}), nil, []string{"/cleanup"}},
	}
	return append(rows, h.relatives(in)...)
}

// byPath makes a map of the table.
func byPath(rows []row) map[string]http.Handler {
	shared := map[string]switcher{}
	for _, r := range rows {
		for _, path := range r.paths {
			shared[path] = append(shared[path], r)
		}
	}
	paths := make(map[string]http.Handler, len(shared))
	for path, s := range shared {
		slices.SortStableFunc(s, func(a, b row) int { return rank(a) - rank(b) })
		paths[path] = s
		if s[0].test == nil {
			paths[path] = s[0].handler
		}
	}
	return paths
}

// rank puts the row that answers when no other is meant behind the others.
func rank(r row) int {
	if r.test == nil {
		return 1
	}
	return 0
}

// switcher answers a path that several dialects share.
type switcher []row

// ServeHTTP hands the request to the first row that is meant, or to the last.
func (s switcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.pick(r).ServeHTTP(w, r)
}

// queries are for reading what picks a handler, and empty between.
var queries = sync.Pool{New: func() any { return new(query) }}

func (s switcher) pick(r *http.Request) http.Handler {
	last := len(s) - 1
	q := queries.Get().(*query)
	defer func() { clear(*q); queries.Put(q) }()
	var err error
	if *q, err = (*q)[:0].read(r); err != nil {
		return s[last].handler
	}
	for _, row := range s[:last] {
		if row.test(r, *q) {
			return row.handler
		}
	}
	return s[last].handler
}

// with returns a test for parameters of which each has a value under at least
// one of its names.
func with(parameters ...[]string) func(*http.Request, query) bool {
	return func(_ *http.Request, q query) bool {
		return !slices.ContainsFunc(parameters, func(names []string) bool { return q.first(names) == "" })
	}
}
