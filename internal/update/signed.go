package update

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// ErrRejected says that records are not for whoever asked to change, must not stand
// where they were to, or are not as he thought.
var ErrRejected = errors.New("change of records refused")

// RecordRequest is a wish to change records, of somebody whom the door that it came
// through knows, such as the owner of a TSIG key. What it wants of the addresses of
// hosts is an address update like any other.
type RecordRequest struct {
	Key     string     // name of the key, for limits and the log
	Account uint32     // ID of its owner, who may change the names of its hosts alone; 0: the operator
	Source  netip.Addr // the client's address
	Via     string     // the dialect

	// Edit says what is to change, as a registry.Edit does. It may run more than
	// once. With an error, which must be an ErrRejected, nothing is changed, and
	// Change returns it.
	Edit func(*Records) error
}

// Change does what the request asks for and returns what became of the hosts whose
// addresses it is about. When there is no error, all is durable and visible. Otherwise
// nothing has changed; the error is a *KeyError around that of Edit,
// registry.ErrUnavailable, ErrLimited or the context's.
func (s *Service) Change(ctx context.Context, req RecordRequest) ([]Result, error) {
	var r *Records
	err := s.decide(func(st *registry.State, fresh bool) (err error) {
		r, err = s.change(ctx, st, fresh, &req)
		return err
	})
	s.count(req.Via, r.results, err)
	if isOurFault(err) {
		s.log.ErrorContext(ctx, "update failed", "via", req.Via, "error", err)
	}
	if err != nil {
		return nil, &KeyError{account.Key{Account: req.Account}, err}
	}
	for _, o := range r.outcomes {
		s.markSeen(o, s.now(), r.shared)
	}
	key, told := account.Key{Username: req.Key}, Request{Via: req.Via, Source: req.Source}
	s.logResults(ctx, r.results, key, &told)
	if r.sets > 0 {
		s.log.LogAttrs(ctx, slog.LevelInfo, "records changed", slog.Int("sets", r.sets),
			slog.String("key", req.Key), slog.String("via", req.Via), slog.String("source", text(req.Source)))
	}
	return r.results, nil
}

func (s *Service) change(ctx context.Context, st *registry.State, fresh bool, req *RecordRequest) (*Records, error) {
	r, err := s.runRecords(st, req)
	if r.changes.IsEmpty() && !fresh {
		err = cmp.Or(s.isFresh(ctx, st), err)
	}
	if err != nil || r.changes.IsEmpty() {
		return r, err
	}
	like := Request{Via: req.Via, Source: req.Source}
	if err := s.admitOwner(ctx, &like, req.Key, nameOwner(req.Key), r.changes.Accounts.Hosts); err != nil {
		return r, err
	}
	by := registry.Actor{Account: req.Account, Via: req.Via}
	if req.Source.IsValid() {
		by.From = req.Source.String()
	}
	var fault error // of Edit
	_, err = s.registry.Apply(ctx, by, func(st *registry.State) (registry.Changes, error) {
		r, fault = s.runRecords(st, req)
		return r.changes, fault
	})
	if err != nil && fault == nil {
		err = fmt.Errorf("updating: %w", err)
	}
	return r, err
}

func (s *Service) runRecords(st *registry.State, req *RecordRequest) (*Records, error) {
	r := &Records{State: st, owner: req.Account, shown: st}
	if req.Account != 0 {
		if owner, ok := st.Accounts.AccountByID(req.Account); !ok || owner.Suspended {
			return r, ErrRejected
		}
	}
	if err := req.Edit(r); err != nil {
		return &Records{}, err
	}
	if err := s.settleHosts(r, req); err != nil {
		return &Records{}, err
	}
	return r, nil
}

// nameOwner is limit.Number for keys that have no number.
func nameOwner(name string) (owner [16]byte) {
	sum := sha256.Sum256([]byte(name))
	copy(owner[:], sum[:])
	return owner
}

// Records gathers what one RecordRequest changes of a state.
type Records struct {
	State *registry.State

	owner    uint32
	changes  registry.Changes
	sets     int             // that change and are not addresses of hosts
	shown    *registry.State // as it is with what has been taken in of hosts
	hosts    []hostChange
	results  []Result
	shared   bool // see plan.isShared
	outcomes []*outcomes
}

// IsHost tells whether a host of ours has the name in the zone.
func (r *Records) IsHost(z *zone.Zone, name zone.Name) bool {
	_, ok := r.State.Accounts.Host(name)
	return ok && r.State.Zones.Find(name) == z
}

// Standing returns the sets at a name of the zone, but for what is made of the options of a
// host: its placeholder, what stands while it is offline, the alias that it was given, its
// mail exchanger.
func (r *Records) Standing(z *zone.Zone, name zone.Name) []zone.RRset {
	var sets []zone.RRset
	var h account.Host
	if r.IsHost(z, name) {
		h, _ = r.State.Accounts.Host(name)
	}
	placeholder := zone.TextData(Placeholder)
	for records := range z.Node(name).All() {
		set := records.RRset(name)
		if h.ID != 0 && set.Type == zone.TypeTXT {
			set.Data = slices.DeleteFunc(set.Data, func(d zone.Rdata) bool { return d == placeholder })
		}
		if len(set.Data) > 0 && !isOption(&h, set.Type) {
			sets = append(sets, set)
		}
	}
	return sets
}

// isOption tells whether a set at the name of a host is made of its options.
func isOption(h *account.Host, t zone.Type) bool {
	switch t {
	case zone.TypeA, zone.TypeAAAA:
		return h.IsOffline()
	case zone.TypeCNAME:
		return h.IsOffline() || h.Alias != ""
	case zone.TypeMX:
		return h.Options.MX != ""
	}
	return false
}

// IsMade tells whether records of a type at a name of the zone are made of the options of
// a host alone, so that nobody else may put any there.
func (r *Records) IsMade(z *zone.Zone, name zone.Name, t zone.Type) bool {
	if h, ok := r.State.Accounts.Host(name); ok && r.IsHost(z, name) {
		return t == zone.TypeMX && h.Options.MX != "" || t == zone.TypeCNAME && h.IsOffline()
	}
	above, ok := r.State.Accounts.Host(name.Parent())
	return ok && name.First() == "*" && above.Options.Wildcard && r.IsHost(z, above.Name) &&
		(t == zone.TypeA || t == zone.TypeAAAA || t == zone.TypeCNAME)
}

// IsTheirs tells whether whoever asks may change the names of the zone at and above
// which the name stands: names below a host belong to its owner, but for a host at the
// apex, which has none.
func (r *Records) IsTheirs(z *zone.Zone, name zone.Name) bool {
	if r.owner == 0 {
		return true
	}
	h, ok := r.State.Accounts.Owner(name)
	return ok && h.Account == r.owner && (h.Name == name || h.Name != z.Origin()) &&
		h.Name.IsWithin(z.Origin()) && r.State.Zones.Find(name) == z
}

// MaxBelow is how many names with records an account may have below one of its hosts:
// no plan counts them.
const MaxBelow = 1000

// HostAbove returns the host of whoever asks below which the name stands; "" for the name
// of a host, and for the operator, who may have as many as he likes.
func (r *Records) HostAbove(z *zone.Zone, name zone.Name) zone.Name {
	if r.owner == 0 || r.IsHost(z, name) {
		return ""
	}
	if h, ok := r.State.Accounts.Owner(name); ok && r.IsHost(z, h.Name) {
		return h.Name
	}
	return ""
}

// CountBelow returns how many names below a host have records in the zone; it counts no
// further than MaxBelow.
func (r *Records) CountBelow(z *zone.Zone, host zone.Name) (n int) {
	for name := range z.NodesBelow(host) {
		if n == MaxBelow {
			break
		}
		if name != host {
			n++
		}
	}
	return n
}

// Hides tells whether records of a type at a name of the zone would keep hosts from
// being found: NS at or above them, DNAME above them.
func (r *Records) Hides(z *zone.Zone, name zone.Name, t zone.Type) bool {
	if t != zone.TypeDNAME && (t != zone.TypeNS || name == z.Origin()) {
		return false
	}
	for h := range r.State.Accounts.HostsBelow(name) {
		if (h.Name != name || t == zone.TypeNS) && r.State.Zones.Find(h.Name) == z {
			return true
		}
	}
	return false
}

// Put makes sets take the place of those of their names and types in the zone with
// the given origin, as registry.ZoneRecords does. It is not for names of hosts.
func (r *Records) Put(origin zone.Name, sets ...zone.RRset) {
	if len(sets) > 0 {
		r.changes.Records = append(r.changes.Records, registry.ZoneRecords{Zone: origin, Sets: sets})
		r.sets += len(sets)
	}
}

// PutHost is Put for the name of a host: what becomes of its addresses is for the rules
// of updates to say, and its options and the placeholder have their way. Sets holds no
// addresses and no placeholder; v4 and v6 are the addresses that are to stand, in order.
// Heard tells whether the host was heard of. It fails with ErrRejected when the account
// of the host is suspended.
func (r *Records) PutHost(z *zone.Zone, name zone.Name, sets []zone.RRset, v4, v6 []netip.Addr, heard bool) error {
	h, _ := r.State.Accounts.Host(name)
	node := own(&h, z.Node(name))
	c := hostChange{h.Account, h.Name, HostFamilies{
		name.String(), wanted(v4, node.Lookup(zone.TypeA)), wanted(v6, node.Lookup(zone.TypeAAAA)),
	}, heard, sets}
	if owner, ok := r.State.Accounts.AccountByID(h.Account); (!ok || owner.Suspended) && c.isAddressed() {
		return ErrRejected
	}
	r.hosts = append(r.hosts, c)
	return nil
}

// hostChange is what is to become of a host.
type hostChange struct {
	owner    uint32
	name     zone.Name
	families HostFamilies
	heard    bool
	sets     []zone.RRset
}

// isAddressed tells whether the change is about addresses.
func (c *hostChange) isAddressed() bool {
	return c.heard || c.families.V4.Action != Keep || c.families.V6.Action != Keep
}

// wanted says what becomes of the addresses of a family that are to be as given.
func wanted(addrs []netip.Addr, stand zone.Records) Family {
	switch {
	case slices.Equal(addrs, appendAddrs(nil, stand)):
		return Family{Action: Keep}
	case len(addrs) == 0:
		return Family{Action: Remove}
	}
	return Family{Action: Set, Addrs: addrs}
}

// settleHosts says what becomes of hosts: first of their addresses, to which an alias
// gives way, then of all else.
func (s *Service) settleHosts(r *Records, req *RecordRequest) error {
	source := account.Source{Via: req.Via, At: s.now()}
	addressed := slices.DeleteFunc(slices.Clone(r.hosts), func(c hostChange) bool { return !c.isAddressed() })
	for len(addressed) > 0 {
		owner := addressed[0].owner
		like := Request{Source: req.Source, Via: req.Via, At: source.At}
		addressed = slices.DeleteFunc(addressed, func(c hostChange) bool {
			now := c.owner == owner && len(like.Each) < MaxHosts
			if now {
				like.Each = append(like.Each, c.families)
			}
			return now
		})
		if err := s.settleAddresses(r, &like, owner); err != nil {
			return fmt.Errorf("%w: %w", ErrRejected, err)
		}
	}
	for i := range r.hosts {
		if err := r.settleSets(&r.hosts[i], source); err != nil {
			return fmt.Errorf("%w: %w", ErrRejected, err)
		}
	}
	return nil
}

// settleAddresses makes what a request wants, as an update key of the owner would have it.
func (s *Service) settleAddresses(r *Records, like *Request, owner uint32) error {
	p, err := newPlan(r.shown, like, account.Key{Account: owner}, s.rules.Load(), s.now())
	if err != nil {
		return err
	}
	o, err := p.run(r.shown)
	if err != nil {
		return err
	}
	r.outcomes = append(r.outcomes, o)
	r.results = append(r.results, o.results...)
	r.shared = r.shared || p.isShared(like.Source)
	return r.take(o.changes)
}

// settleSets puts those sets of a host that are no addresses. A text of its devices that
// is deleted is forgotten, and so is the alias that staff gave it when there is another.
// While its account is suspended, its options and addresses rest in the directory.
func (r *Records) settleSets(c *hostChange, source account.Source) error {
	if len(c.sets) == 0 {
		return nil
	}
	h, _ := r.shown.Accounts.Host(c.name)
	was := h
	z := r.shown.Zones.Find(h.Name)
	for _, set := range c.sets {
		switch set.Type {
		case zone.TypeTXT:
			text := textData(h.Text)
			if z.Node(h.Name).Lookup(zone.TypeTXT).Has([]byte(text)) && !slices.Contains(set.Data, text) {
				h.Text = ""
			}
		case zone.TypeCNAME:
			h.Alias = ""
		}
	}
	changes := registry.Changes{Records: []registry.ZoneRecords{{Zone: z.Origin(), Sets: c.sets}}}
	if !h.Equal(&was) {
		changes.Accounts.Hosts = []account.Host{h}
	}
	if err := r.take(changes); err != nil {
		return err
	}
	r.sets += len(c.sets)
	if owner, ok := r.shown.Accounts.AccountByID(h.Account); !ok || owner.Suspended {
		return r.take(Withdraw(r.shown, h))
	}
	z = r.shown.Zones.Find(h.Name)
	node := z.Node(h.Name)
	return r.take(setAddresses(z, node, &h, h, standing(own(&h, node)), source))
}

// take takes in changes, and shows them to what follows.
func (r *Records) take(c registry.Changes) error {
	r.changes.Records = append(r.changes.Records, c.Records...)
	r.changes.Accounts.Hosts = append(r.changes.Accounts.Hosts, c.Accounts.Hosts...)
	shown := *r.shown
	for _, records := range c.Records {
		draft := shown.Zones.Get(records.Zone).Edit()
		for _, set := range records.Sets {
			if err := draft.Put(set); err != nil {
				return err
			}
		}
		shown.Zones = shown.Zones.With(draft.View())
	}
	if len(c.Accounts.Hosts) > 0 {
		draft := shown.Accounts.Edit()
		draft.Apply(&account.Changes{Hosts: c.Accounts.Hosts})
		shown.Accounts = draft.Freeze()
	}
	r.shown = &shown
	return nil
}
