package dyndns

import (
	"slices"
	"strings"

	"stayput.dev/internal/update"
)

// putEach copies to req what parameters such as myipv6:NAME want of the addresses
// of one host, whose values are those of the parameter without a name; only a
// prefix means the host alone. V4, V6 and Hosts must be in req. It returns false
// when some value is neither address nor word.
func (q query) putEach(req *update.Request) bool {
	ok := true
	for _, p := range q {
		key, host, named := p.forOne()
		if !named {
			continue
		}
		if len(req.Each) > update.MaxHosts {
			return ok // they are too many already, whatever comes
		}
		var s sayings
		home := &s.v4
		if slices.Contains(v6Keys, key) {
			home = &s.v6
		}
		s.hear(query{{key, p.value}}, []string{key}, home, nil)
		ok = ok && !s.bad
		e := each(req, host)
		if home == &s.v4 || len(s.v4.addrs) > 0 {
			e.V4 = s.family(&s.v4)
		}
		if home == &s.v6 || len(s.v6.addrs) > 0 {
			e.V6 = s.family(&s.v6)
		}
		if s.prefix.IsValid() {
			e.V6 = update.Family{Action: update.Renumber, Prefix: s.prefix}
		}
	}
	return ok
}

// forOne returns the parameter and the host that a key such as myipv6:NAME is about.
func (p parameter) forOne() (key, host string, ok bool) {
	key, host, ok = strings.Cut(p.key, ":")
	return key, host, ok && (slices.Contains(v4Keys, key) || slices.Contains(v6Keys, key))
}

// namesOne tells whether some parameter is about one host by name.
func (q query) namesOne() bool {
	return slices.ContainsFunc(q, func(p parameter) bool { _, _, ok := p.forOne(); return ok })
}

// each returns what req wants of the addresses of one host, to be changed: so far
// the same as of all, or nothing where the host is not among them. It is good
// until the next call.
func each(req *update.Request, host string) *update.HostFamilies {
	i := slices.IndexFunc(req.Each, func(h update.HostFamilies) bool { return h.Host == host })
	if i >= 0 {
		return &req.Each[i]
	}
	h := update.HostFamilies{Host: host}
	if slices.ContainsFunc(req.Hosts, func(other string) bool { return strings.EqualFold(other, host) }) {
		h.V4, h.V6 = req.V4, req.V6
	}
	req.Each = append(req.Each, h)
	return &req.Each[len(req.Each)-1]
}
