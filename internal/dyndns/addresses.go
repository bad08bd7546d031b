package dyndns

import (
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// The parameters that carry addresses. Those of one family come before those of
// either; an address counts for its own family, wherever it stands.
var (
	v4Keys     = []string{"myipv4", "ipv4", "ip4", "ipv4addr"}
	v6Keys     = []string{"myipv6", "myip6", "ipv6", "ip6", "aaaa", "ipv6addr"}
	eitherKeys = []string{"myip", "ip", "ip_addr", "ipaddr", "ipaddress", "address", "addr", "a", "dnsto"}
	prefixKeys = []string{"ip6lanprefix", "ipv6prefix", "prefix", "praefix"}

	offlineKeys = []string{"offline", "clear"}
)

// badFamily is what was to be an address and is none. The update fails, when the
// credentials have been looked at.
var badFamily = update.Family{Action: update.Set, Addrs: []netip.Addr{{}}}

// putAddresses copies to req what the parameters want of addresses and prefixes.
// Text that is neither becomes an invalid address, which makes the update fail.
// Source and Hosts must be in req.
func (q query) putAddresses(req *update.Request) {
	if isYes(q.first(offlineKeys)) {
		req.V4, req.V6 = update.Family{Action: update.Remove}, update.Family{Action: update.Remove}
		return
	}
	var s sayings
	s.hearPrefix(q, req.Source)
	s.hear(q, v4Keys, &s.v4, nil)
	s.hear(q, v6Keys, &s.v6, nil)
	s.hear(q, eitherKeys, &s.v4, &s.v6)
	s.v4.keepIf(isYes(q.first([]string{"keepipv4"})))
	s.v6.keepIf(isYes(q.first([]string{"keepipv6"})))
	req.V4, req.V6, req.Prefix = s.family(&s.v4), s.family(&s.v6), s.prefix
	if ok := q.putEach(req); s.bad || !ok {
		req.V4, req.V6 = badFamily, badFamily
	}
}

// sayings is what all address parameters say together.
type sayings struct {
	v4, v6 saying
	any    bool // some parameter is there, perhaps without a value
	open   bool // one that may hold either family has no value
	given  bool // some address or prefix is there
	bad    bool // some value is neither address nor word
	prefix netip.Prefix
}

// saying is what is said of one family.
type saying struct {
	addrs   []netip.Addr
	closed  bool // addrs came from a parameter before
	decided bool // by a word; an address counts for more
	action  update.Action
}

func (s *saying) decide(action update.Action) {
	if !s.decided {
		s.decided, s.action = true, action
	}
}

func (s *saying) keepIf(yes bool) {
	if yes {
		s.decide(update.Keep)
	}
}

// hear takes in the parameters with the keys. Words in them are about home, and
// about the other family as well, unless it is nil, where they ask for the
// source address.
func (s *sayings) hear(q query, keys []string, home, other *saying) {
	for _, key := range keys {
		value, ok := q.get(key)
		if !ok {
			continue
		}
		s.any = true
		value = strings.TrimSpace(unescape(value, true))
		switch {
		case value != "":
			for item := range strings.SplitSeq(value, ",") {
				s.hearItem(strings.TrimSpace(item), home, other)
			}
		case other != nil:
			s.open = true
		default:
			home.decide(update.Keep) // a family that is down is left alone
		}
		s.v4.closed, s.v6.closed = len(s.v4.addrs) > 0, len(s.v6.addrs) > 0
	}
}

func (s *sayings) hearItem(item string, home, other *saying) {
	switch strings.ToLower(item) {
	case "":
	case "preserve", "no", "keep", "nochg":
		home.decide(update.Keep)
	case "auto", "0":
		home.decide(update.FromSource)
		if other != nil {
			other.decide(update.FromSource)
		}
	case "-":
		home.decide(update.Remove)
	default:
		s.hearAddress(item)
	}
}

func (s *sayings) hearAddress(item string) {
	a, isPrefix, ok := parseAddress(item)
	if !ok {
		s.bad = true
		return
	}
	s.given = true
	family := &s.v6
	if a.Is4() {
		family = &s.v4
	}
	switch {
	case isPrefix && !s.prefix.IsValid():
		s.prefix = netip.MustParsePrefix(item)
	case !isPrefix && !family.closed:
		family.addrs = append(family.addrs, a)
	}
}

// hearPrefix takes in the parameters that hold nothing but a prefix. One without a
// length is that of a link, and "auto" stands for the one that the client's
// address is in. A family that is down sends them without a value.
func (s *sayings) hearPrefix(q query, source netip.Addr) {
	for _, key := range prefixKeys {
		if _, ok := q.get(key); !ok {
			continue
		}
		s.any = true
		value := q.value(key)
		switch strings.ToLower(value) {
		case "", "-", "preserve", "no", "keep", "nochg":
			continue
		case "auto":
			if !source.Is6() {
				continue
			}
			value = source.String()
		}
		p, ok := parsePrefix(value)
		s.given, s.bad = true, s.bad || !ok
		if ok && !s.prefix.IsValid() {
			s.prefix = p
		}
	}
}

// parsePrefix reads an IPv6 prefix. Without a length it is that of a link.
func parsePrefix(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if a, aerr := netip.ParseAddr(s); aerr == nil {
		p, err = netip.PrefixFrom(a.WithZone(""), 64), nil
	}
	ok := err == nil && p.Addr().Is6() && !p.Addr().Is4In6() && !p.IsSingleIP()
	return p.Masked(), ok
}

// parseAddress reads an address, with or without a prefix length. An IPv6
// network with its length is a prefix; otherwise the length means nothing:
// RouterOS scripts forget to cut it off.
func parseAddress(s string) (a netip.Addr, isPrefix, ok bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return a.Unmap().WithZone(""), false, err == nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Addr{}, false, false
	}
	a = p.Addr().Unmap()
	return a, a.Is6() && !p.IsSingleIP() && p.Masked() == p, true
}

// family returns what becomes of a family of which nothing may have been said.
// The source address stands in when nothing was said of either, but not beside an
// address that was given: it could be that of whoever stands between.
func (s *sayings) family(f *saying) update.Family {
	switch {
	case len(f.addrs) > 0:
		return update.Family{Action: update.Set, Addrs: f.addrs}
	case f.decided:
		return update.Family{Action: f.action}
	case !s.given && (!s.any || s.open):
		return update.Family{Action: update.FromSource}
	}
	return update.Family{}
}

func isYes(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "1", "true", "on":
		return true
	}
	return false
}
