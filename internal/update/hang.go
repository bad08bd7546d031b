package update

import (
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// move is a prefix that came in the place of others for the hosts that lead.
type move struct {
	renumbering
	leaders []zone.Name
	wide    bool // for all that hangs on the prefix; otherwise for followers alone
}

// lead notes in o that what hangs on a host of the request is to have another
// prefix, if it is, and returns the prefix that the host is to remember: the one
// that was sent.
//
// Where none was sent the host's new address tells of it. It has left the prefix
// that is remembered: then it has taken all that hangs on that along. Or none is
// remembered: then those that follow the host get the /64 of its address.
func (p *plan) lead(o *outcomes, h *account.Host, v6 zone.Records, becomes target, changed bool) netip.Prefix {
	switch {
	case p.prefix.IsValid():
		if !p.ignoresPrefix(h) {
			o.moveAll(h, p.prefix)
			return p.prefix
		}
	case !changed || len(becomes.addrs) == 0:
	case h.Prefix.IsValid():
		was := appendAddrs(nil, v6)
		if slices.ContainsFunc(was, h.Prefix.Contains) && !slices.ContainsFunc(becomes.addrs, h.Prefix.Contains) {
			to, _ := becomes.addrs[0].Prefix(h.Prefix.Bits())
			o.moveAll(h, to)
			return to
		}
	case o.state.Accounts.IsFollowed(h.Name):
		to, _ := becomes.addrs[0].Prefix(linkBits)
		n := renumbering{to: to}
		for _, a := range appendAddrs(nil, v6) {
			from, _ := a.Prefix(linkBits)
			n.from = append(n.from, from)
		}
		o.moves = append(o.moves, move{renumbering: n, leaders: []zone.Name{h.Name}})
	}
	return h.Prefix
}

// linkBits is the length of the prefix of one link (RFC 4291 §2.5.1).
const linkBits = 64

// moveAll notes that what hangs on the prefix that h remembers is to have another.
func (o *outcomes) moveAll(h *account.Host, to netip.Prefix) {
	i := slices.IndexFunc(o.moves, func(m move) bool { return m.wide && m.to == to })
	if i < 0 {
		i = len(o.moves)
		o.moves = append(o.moves, move{renumbering: renumbering{to: to}, wide: true})
	}
	m := &o.moves[i]
	m.leaders = append(m.leaders, h.Name)
	if h.Prefix.IsValid() && !slices.Contains(m.from, h.Prefix) {
		m.from = append(m.from, h.Prefix)
	}
}

// hanging is the hosts that hang on a prefix that moves. A nil one is empty.
type hanging struct {
	by     map[zone.Name]*renumbering
	others []account.Host // that are none of the request's
}

// target returns what the IPv6 addresses of a host are to be, where the request
// wants t.
func (s *hanging) target(t target, h *account.Host) target {
	if s == nil || t.touched || s.by[h.Name] == nil {
		return t
	}
	return target{touched: true, renumber: s.by[h.Name]}
}

// spread finds the hosts that hang on prefixes that move, among those that the key
// covers. It fails with ErrTooManyHosts where these are more than MaxCovered and
// the request sent the prefix.
func (p *plan) spread(o *outcomes) (*hanging, error) {
	s := &spreading{p: p, o: o, named: map[uint32]bool{}, found: hanging{by: map[zone.Name]*renumbering{}}}
	for i := range o.results {
		s.named[o.results[i].ID] = true
	}
	for i := range o.moves {
		m := &o.moves[i]
		leaders := m.leaders
		if m.wide {
			more, ok := s.gather(&m.renumbering)
			switch {
			case ok:
				leaders = append(leaders, more...)
			case p.prefix.IsValid():
				return nil, ErrTooManyHosts
			}
		}
		s.follow(leaders, &m.renumbering)
	}
	return &s.found, nil
}

// spreading is spread at work.
type spreading struct {
	p     *plan
	o     *outcomes
	named map[uint32]bool // the hosts of the request, by ID
	found hanging
}

// gather finds what hangs on the prefix without following a host, and returns its
// names; nothing, and false, where too many hosts would have to be looked at.
func (s *spreading) gather(n *renumbering) (names []zone.Name, ok bool) {
	var hosts []account.Host
	count := 0
	for h := range s.p.covered(s.o.state) {
		if count++; count > MaxCovered {
			return nil, false
		}
		if h.Follows == "" && s.hangs(&h, n) {
			hosts = append(hosts, h)
		}
	}
	for _, h := range hosts {
		s.take(h, n)
		names = append(names, h.Name)
	}
	return names, true
}

// follow finds what follows the hosts, and what follows that.
func (s *spreading) follow(leaders []zone.Name, n *renumbering) {
	for i := 0; i < len(leaders); i++ {
		for h := range s.o.state.Accounts.Followers(leaders[i]) {
			if s.p.key.Covers(h) && s.hangs(&h, n) {
				s.take(h, n)
				leaders = append(leaders, h.Name)
			}
		}
	}
}

// hangs tells whether a host is to have the new prefix: it was not found before,
// it is not offline any more and may have such an address, the request says nothing
// else of it, and it has an interface identifier or an address that moves.
func (s *spreading) hangs(h *account.Host, n *renumbering) bool {
	switch {
	case s.found.by[h.Name] != nil, h.IsOffline() && !s.wakes(h), !s.p.accepts(h, n.to.Addr()):
		return false
	case s.named[h.ID] && (s.p.asks.offline || s.p.wishFor(h).v6.touched):
		return false
	case h.InterfaceID.IsValid():
		return true
	}
	z := s.o.state.Zones.Find(h.Name)
	return z != nil && slices.ContainsFunc(appendAddrs(nil, z.Node(h.Name).Lookup(zone.TypeAAAA)), n.moves)
}

// wakes tells whether the request puts a host of its own online, with an address of
// the other family. Its device may not say the prefix again before it has a new one.
func (s *spreading) wakes(h *account.Host) bool {
	return s.named[h.ID] && !s.p.asks.offline && len(s.p.wishFor(h).v4.addrs) > 0
}

func (s *spreading) take(h account.Host, n *renumbering) {
	s.found.by[h.Name] = n
	if !s.named[h.ID] {
		s.found.others = append(s.found.others, h)
	}
}

// runFollowers gives the hosts that hang on prefixes that moved their new
// addresses, but for those of the request itself, which then hear that all is
// done.
func (p *plan) runFollowers(o *outcomes) {
	for i := range o.hanging.others {
		if p.runFollower(o, &o.hanging.others[i]) {
			o.followers = append(o.followers, o.hanging.others[i].ID)
		}
	}
	if len(o.followers) == 0 || !p.prefix.IsValid() {
		return
	}
	for i := range o.results {
		if r := &o.results[i]; r.Outcome == NoChange {
			r.Outcome = Good
		}
	}
}

// runFollower gives one host its new addresses and tells whether it had others.
func (p *plan) runFollower(o *outcomes, h *account.Host) bool {
	z := o.state.Zones.Find(h.Name)
	if z == nil {
		return false // its zone has gone
	}
	node := z.Node(h.Name)
	v6 := node.Lookup(zone.TypeAAAA)
	t := o.hanging.target(target{}, h).of(h, v6)
	becomes := *h
	becomes.Prefix = o.hanging.by[h.Name].applyToPrefix(h.Prefix)
	if t.holds(v6) && becomes.Prefix == h.Prefix {
		return false
	}
	addrs := t.apply(appendAddrs(nil, node.Lookup(zone.TypeA)), v6)
	return o.add(setAddresses(z, node, h, becomes, addrs, p.source))
}

// hear notes what follows a host of the request, and what follows that: their
// router is alive, and they have nobody else to say so.
func (p *plan) hear(o *outcomes, h *account.Host) {
	if !o.state.Accounts.IsFollowed(h.Name) {
		return
	}
	if o.heard == nil {
		o.heard = map[uint32]bool{}
	}
	names := []zone.Name{h.Name}
	for i := 0; i < len(names); i++ {
		for f := range o.state.Accounts.Followers(names[i]) {
			if p.key.Covers(f) && !o.heard[f.ID] {
				o.heard[f.ID] = true
				names = append(names, f.Name)
			}
		}
	}
}
