package update

import (
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// plan is a request that may be made, to be held against a state as often as
// need be. It never changes.
type plan struct {
	key    account.Key
	hosts  []string // all that are named
	all    bool     // all that the key covers come before them
	short  bool     // a single label may name a host
	whole  bool     // when one fails, all do
	wish   wish
	each   []hostWish
	prefix netip.Prefix // that was sent; the zero Prefix if none was
	text   *Text
	asks   asks
	reach  reach
	source account.Source
}

// hostWish is what a request wants for one host by name.
type hostWish struct {
	name zone.Name
	wish wish
}

// newPlan returns the plan of a request. It fails with ErrTooManyHosts,
// ErrBadAddress and ErrBadText.
func newPlan(st *registry.State, req *Request, key account.Key, rules *Rules, now time.Time) (*plan, error) {
	p := &plan{
		key: key, hosts: hostsOf(st, key, req), all: req.All, short: req.Short, whole: req.Whole || key.BareGood,
		text: req.Text, asks: hear(req, !rules.IgnoreOptions), reach: rules.reach(),
		source: account.Source{Key: key.ID, Via: req.Via, Session: req.Session, At: req.At},
	}
	if req.At.IsZero() {
		p.source.At = now
	}
	if p.all {
		p.hosts = nil
	}
	if len(p.hosts) > MaxHosts || len(req.Each) > MaxHosts { // before each of them is read
		return nil, ErrTooManyHosts
	}
	if err := p.readEach(req); err != nil {
		return nil, err
	}
	if len(p.hosts) > MaxHosts {
		return nil, ErrTooManyHosts
	}
	var err error
	if p.wish, err = read(req, req.V4, req.V6, &p.reach); err != nil {
		return nil, err
	}
	if req.Prefix != (netip.Prefix{}) {
		if p.prefix, err = checkPrefix(req.Prefix); err != nil {
			return nil, err
		}
	}
	return p, req.Text.check()
}

// readEach takes in what the request wants for some hosts otherwise. Those that it
// does not name elsewhere are named with it.
func (p *plan) readEach(req *Request) error {
	for _, e := range req.Each {
		w, err := read(req, e.V4, e.V6, &p.reach)
		if err != nil {
			return err
		}
		name, _ := parseHost(e.Host)
		known := slices.ContainsFunc(p.hosts, func(text string) bool {
			other, err := parseHost(text)
			return err == nil && other == name
		})
		if !known {
			p.hosts = append(slices.Clip(p.hosts), e.Host)
		}
		if name != "" {
			p.each = append(p.each, hostWish{name, w})
		}
	}
	return nil
}

// outcomes is what a plan comes to in one state.
type outcomes struct {
	state   *registry.State
	looked  []zone.Name // at the hosts of these names
	results []Result    // for each host of the request
	changes registry.Changes

	tooSoon   bool            // an account's plan wants a host to wait before it changes again
	moves     []move          // of prefixes on which others may hang
	hanging   *hanging        // that follow from moves, once they are known
	own       int             // how many of the hosts that change, the first, are the request's
	followers []uint32        // IDs of hosts that changed and are none of the request's
	heard     map[uint32]bool // IDs of hosts that follow some of the request's
}

// run returns what the plan comes to in st. It fails with ErrNoHostNamed and
// ErrTooManyHosts.
func (p *plan) run(st *registry.State) (*outcomes, error) {
	o := &outcomes{state: st}
	if err := p.runHosts(o); err != nil {
		return nil, err
	}
	if len(o.moves) > 0 {
		found, err := p.spread(o)
		if err != nil {
			return nil, err
		}
		// The request's own hosts may be among those that hang on a prefix.
		o = &outcomes{state: st, hanging: found}
		if err := p.runHosts(o); err != nil {
			return nil, err
		}
	}
	o.own = len(o.changes.Accounts.Hosts)
	if o.hanging != nil {
		p.runFollowers(o)
	}
	if p.whole {
		o.allOrNone()
	}
	if len(o.results) > 0 {
		o.results[0].Followers = o.followers
	}
	return o, nil
}

// runHosts says what becomes of the hosts of the request.
func (p *plan) runHosts(o *outcomes) error {
	switch {
	case p.all:
		if err := p.runAll(o); err != nil {
			return err
		}
	case len(p.hosts) == 0:
		h, err := p.onlyHost(o.state)
		if err != nil {
			return err
		}
		o.results = []Result{p.runHost(o, h, h.Name.String())}
		return nil
	default:
		o.results, o.looked = make([]Result, 0, len(p.hosts)), make([]zone.Name, 0, len(p.hosts))
	}
	for _, text := range p.hosts {
		if !p.all || !p.covers(o.state, text) {
			o.results = append(o.results, p.runNamed(o, text))
		}
	}
	return nil
}

// runAll says what becomes of all hosts that the key covers.
func (p *plan) runAll(o *outcomes) error {
	for h := range p.covered(o.state) {
		if len(o.results) == MaxAll {
			return ErrTooManyHosts
		}
		o.results = append(o.results, p.runHost(o, h, h.Name.String()))
	}
	if len(o.results) == 0 {
		return ErrNoHostNamed
	}
	return nil
}

// runNamed says what becomes of a host that the request names.
func (p *plan) runNamed(o *outcomes, text string) Result {
	name, err := parseHost(text)
	if err != nil {
		return Result{Host: text, Outcome: NotFQDN}
	}
	if p.short && name.CountLabels() == 1 {
		name = p.complete(o.state, name)
	}
	o.looked = append(o.looked, name)
	h, outcome := p.find(o.state, name)
	if outcome != Good {
		return Result{Host: text, Outcome: outcome}
	}
	if below, ok := p.looksBelow(&h); ok {
		o.looked = append(o.looked, below)
	}
	return p.runHost(o, h, text)
}

// refuses tells whether a host is refused.
func (o *outcomes) refuses() bool {
	return slices.ContainsFunc(o.results, func(r Result) bool { return !r.Outcome.IsSuccess() })
}

// holdIn tells whether the plan, for the same key, surely comes to the same in
// st: all that it looked at is as it was. Where prefixes moved it looked at more
// than is worth comparing.
func (o *outcomes) holdIn(st *registry.State) bool {
	if len(o.looked) == 0 || len(o.moves) > 0 || o.hanging != nil || !st.Accounts.SameFollowers(o.state.Accounts) {
		return false
	}
	for _, name := range o.looked {
		was, is := o.state.Zones.Find(name), st.Zones.Find(name)
		switch {
		case !st.Accounts.SameHost(o.state.Accounts, name):
			return false
		case was == is:
		case was == nil || is == nil || was.Origin() != is.Origin() || !was.Node(name).Equal(is.Node(name)):
			return false
		}
	}
	return true
}

// wishFor returns what the request wants for a host.
func (p *plan) wishFor(h *account.Host) *wish {
	for i := range p.each {
		if p.each[i].name == h.Name {
			return p.each[i].wish.heed(h, &p.reach)
		}
	}
	return p.wish.heed(h, &p.reach)
}

// runHost says what becomes of one host of the request and adds to o what is to
// change.
func (p *plan) runHost(o *outcomes, h account.Host, name string) Result {
	z := o.state.Zones.Find(h.Name)
	if z == nil {
		return Result{Host: name, Outcome: NoHost} // its zone has gone
	}
	p.hear(o, &h)
	w := p.wishFor(&h)
	r := Result{Host: name, ID: h.ID, Account: h.Account, Outcome: NoChange, Addrs: w.told}
	if w.ignored || p.ignoresPrefix(&h) {
		r.Outcome = Ignored
	}
	node := z.Node(h.Name)
	v4, v6 := own(&h, node).Lookup(zone.TypeA), own(&h, node).Lookup(zone.TypeAAAA)
	v6Target := o.hanging.target(w.v6, &h).of(&h, v6)
	same4, same6 := w.v4.holds(v4), v6Target.holds(v6)
	next, changed := p.become(o.state, z, h, len(w.v4.addrs)+len(v6Target.addrs) > 0)
	next.Prefix = p.lead(o, &h, v6, v6Target, !same6)
	if same4 && same6 && !changed && p.text == nil && next.Prefix == h.Prefix {
		if len(r.Addrs) == 0 {
			r.Addrs = standing(node)
		}
		return r
	}
	if p.isTooSoon(o.state, &h, !same4, !same6) {
		o.tooSoon = true
		return r
	}
	addrs := v6Target.apply(w.v4.apply(nil, v4), v6)
	switch {
	case len(r.Addrs) > 0:
	case next.IsOffline():
		r.Addrs = next.Options.WhenOffline.Addrs
	default:
		r.Addrs = addrs
	}
	if o.add(setAddresses(z, node, &h, next, addrs, p.source)) || changed {
		r.Outcome = Good
	}
	return r
}

// isTooSoon tells whether the plan of the host's account wants the addresses of a
// family that changes to stand for longer.
func (p *plan) isTooSoon(st *registry.State, h *account.Host, v4, v6 bool) bool {
	wait := planOf(st, h).Interval
	return wait > 0 && p.key.ID != 0 && slices.ContainsFunc(h.Sources, func(s account.Source) bool {
		stood := p.source.At.Sub(s.At) // negative where a clock was wrong
		return s.Key != 0 && (s.Addr.Is4() && v4 || s.Addr.Is6() && v6) && 0 <= stood && stood < wait
	})
}

// planOf returns the plan of the host's account.
func planOf(st *registry.State, h *account.Host) account.Plan {
	owner, _ := st.Accounts.AccountByID(h.Account)
	return st.Accounts.PlanOf(&owner)
}

// ignoresPrefix tells whether a prefix was sent that means nothing to a host,
// since it cannot be reached from outside.
func (p *plan) ignoresPrefix(h *account.Host) bool {
	return p.prefix.IsValid() && !p.accepts(h, p.prefix.Addr())
}

// accepts tells whether a host may have an address.
func (p *plan) accepts(h *account.Host, a netip.Addr) bool {
	r := p.reach.of(h)
	return r.takes(a)
}

// add takes in what is to change of one host, and tells whether any of its records
// are.
func (o *outcomes) add(c registry.Changes) bool {
	if o.changes.IsEmpty() {
		o.changes = c
		return len(c.Records) > 0
	}
	o.changes.Accounts.Hosts = append(o.changes.Accounts.Hosts, c.Accounts.Hosts...)
	if len(c.Records) == 0 {
		return false
	}
	if last := len(o.changes.Records) - 1; last >= 0 && o.changes.Records[last].Zone == c.Records[0].Zone {
		records := &o.changes.Records[last]
		records.Sets = append(records.Sets, c.Records[0].Sets...)
		return true
	}
	o.changes.Records = append(o.changes.Records, c.Records...)
	return true
}
