package dyndns

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"stayput.dev/internal/update"
)

// phrasebook is a dialect that asks as dyndns2 does, perhaps under other names,
// and hears other words.
type phrasebook struct {
	opts *atomic.Pointer[Options]
	via  string
	asks
	phrases
}

// asks are what is different in how a dialect asks.
type asks struct {
	names   map[string]string            // of parameters that have other names, in lower case, to those of dyndns2
	hosts   func(query) []string         // which hosts are named; nil: as in dyndns2
	meaning map[netip.Addr]update.Action // of addresses that stand for something else; Remove: offline
}

// phrases are what a dialect says. In those of success stand %h for the host, %z
// for what is behind its first label, %a for the addresses, %4 and %6 for those of
// one family, and %n for how many hosts there are. Those of failure hold no word
// that some client takes for success, and no name, which could be one.
type phrases struct {
	contentType string // empty: text/plain

	done, same string // same is of a host where nothing changed; empty: as done
	once       bool   // one phrase for all hosts, see summary

	denied     string // bad credentials, beside 401
	noHost     string // foreign or unknown, or not a name
	badAddress string // empty: as noHost
	later      string // what will pass, beside 503
}

// Parse implements Dialect. Where a dialect has no user names, the secret is a
// token, or that of an update key whose user name is the host's.
func (b phrasebook) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	q = b.rename(q)
	req := q.request(r, b.via)
	if b.hosts != nil {
		req.Hosts = b.hosts(q)
	}
	b.mean(&req, &req.V4)
	b.mean(&req, &req.V6)
	if req.Username == "" && len(req.Hosts) == 1 {
		req.Username = req.Hosts[0]
	}
	return req, nil
}

// rename gives parameters the names that they have in dyndns2.
func (a asks) rename(q query) query {
	for i, p := range q {
		if name := a.names[p.key]; name != "" {
			q[i].key = name
		}
	}
	return q
}

// mean puts what an address stands for in its place.
func (a asks) mean(req *update.Request, f *update.Family) {
	if f.Action != update.Set || len(f.Addrs) != 1 {
		return
	}
	switch action, known := a.meaning[f.Addrs[0]]; {
	case !known:
	case action == update.Remove:
		req.Offline = true
		*f = update.Family{}
	default:
		*f = update.Family{Action: action}
	}
}

// Reply implements Dialect.
func (b phrasebook) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, body := http.StatusOK, ""
	if err != nil {
		status, body = b.fault(err)
	} else {
		body = b.lines(results)
	}
	if status == http.StatusUnauthorized {
		challenge(w, b.opts.Load())
	}
	contentType := b.contentType
	if contentType == "" {
		contentType = "text/plain"
	}
	write(w, status, contentType, []byte(body+"\n"))
}

// fault returns what to say of a request that failed as a whole.
func (p phrases) fault(err error) (status int, phrase string) {
	status, word := say(err)
	switch {
	case status == http.StatusUnauthorized:
		return status, p.denied
	case status == http.StatusServiceUnavailable:
		return status, p.later
	case word == "badip" && p.badAddress != "":
		return status, p.badAddress
	}
	return status, p.noHost
}

// lines returns a phrase for each host, or one for all.
func (p phrases) lines(results []update.Result) string {
	if p.once {
		return p.phrase(summary(results), len(results))
	}
	lines := make([]string, len(results))
	for i, r := range results {
		lines[i] = p.phrase(r, len(results))
	}
	return strings.Join(lines, "\n")
}

// phrase returns what to say of one of so many hosts.
func (p phrases) phrase(r update.Result, hosts int) string {
	phrase := p.done
	switch {
	case !r.Outcome.IsSuccess():
		return p.noHost
	case r.Outcome == update.NoChange && p.same != "":
		phrase = p.same
	}
	if !strings.Contains(phrase, "%") {
		return phrase
	}
	_, behind, _ := strings.Cut(r.Host, ".")
	return strings.NewReplacer(
		"%h", r.Host, "%z", behind, "%n", strconv.Itoa(hosts), "%a", string(appendAddrs(nil, r.Addrs)),
		"%4", list(r.Addrs, netip.Addr.Is4), "%6", list(r.Addrs, netip.Addr.Is6),
	).Replace(phrase)
}

// list returns those of the addresses, with commas between, that are in a family.
func list(addrs []netip.Addr, in func(netip.Addr) bool) string {
	var texts []string
	for _, a := range addrs {
		if in(a) {
			texts = append(texts, a.String())
		}
	}
	return strings.Join(texts, ",")
}
