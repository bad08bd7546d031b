// Package history remembers what devices asked last and what they were told, for
// whoever must find out why a router does not do what it should.
//
// It promises to stay within the memory that it was given, whoever sends how much;
// that a device which repeats itself does not push out what happened before; and
// that requests without the right secret, which anybody can send, never take the
// place of others, and that of who is gone nothing is left after an hour, nor is anything
// shown of a host from before it was its account's. It is handed
// text that holds no secrets, and keeps it as it is.
// It decides nothing, and nobody waits for it.
package history

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// Registry is the live state, as registry.Registry is.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
}

// Exchange is a request of a device and what it was told. Nothing of it is kept
// but copies. The texts hold no secrets.
type Exchange struct {
	Asked   *update.Request // as its dialect understood it; the zero Request if it did not
	Results []update.Result // nil when Err is not
	Err     error           // what update.Service.Update failed with

	Request []byte // its method, path, parameters
	Agent   string // its User-Agent
	Status  int    // of the reply; 0 where there is none, as over the DNS
	Reply   []byte // its body, or response code
}

// How much is kept of one host or update key.
const (
	keptProven  = 20 // requests with the right secret
	keptRefused = 5  // requests without
)

// History is safe for concurrent use.
type History struct {
	registry Registry
	now      func() time.Time
	seed     maphash.Seed
	bound    atomic.Int64
	proven   *shelf       // requests with the right secret
	refused  *shelf       // requests without
	latest   atomic.Int64 // what arrive returned last, in full
	forms    sync.Pool
}

// New returns a history that takes bound octets of memory at most: an eighth for
// requests without the right secret, the rest for those with it. A nil now is
// time.Now. It wants Run.
func New(reg Registry, bound int64, now func() time.Time) *History {
	if now == nil {
		now = time.Now
	}
	h := &History{
		registry: reg, now: now, seed: maphash.MakeSeed(),
		proven: newShelf(keptProven), refused: newShelf(keptRefused),
		forms: sync.Pool{New: func() any { return new(form) }},
	}
	h.SetBound(bound)
	return h
}

// SetBound changes how many octets of memory the history may take. With 0 it
// forgets all and keeps nothing.
func (h *History) SetBound(bound int64) {
	h.bound.Store(bound)
	h.refused.setBound(bound / 8)
	h.proven.setBound(bound - bound/8)
}

// Record takes up an exchange: for the hosts that it is about; for the update key
// where it is about none; and for both when the secret was not right. What is
// about nobody here is left out.
func (h *History) Record(x *Exchange) {
	if h.bound.Load() <= 0 || x.Asked.Via == "" { // nobody knows what was asked
		return
	}
	f := h.forms.Get().(*form)
	defer h.forms.Put(f)
	now := h.now()
	f.at, f.arrival = seconds(now), h.arrive(now)
	fault, isProven := errors.AsType[*update.KeyError](x.Err)
	switch {
	case x.Err == nil:
		h.recordResults(f, x)
	case isProven:
		h.recordFault(f, x, fault.Key)
	default:
		h.recordRefusal(f, x)
	}
}

// arrive returns the number of an arrival: its microsecond, or one more than the one
// before, in 32 bits. Of two within a second it tells which was first, also where a
// restart lies between.
func (h *History) arrive(now time.Time) uint32 {
	for {
		last := h.latest.Load()
		next := max(now.UnixMicro(), last+1)
		if h.latest.CompareAndSwap(last, next) {
			return uint32(next)
		}
	}
}

func (h *History) recordResults(f *form, x *Exchange) {
	var key, owner uint32
	missed, why := len(x.Results) == 0, Plain
	for i := range x.Results {
		r := &x.Results[i]
		key, owner = r.Key, max(owner, r.Account) // all that there are are of one
		missed = missed || r.ID == 0
		if len(r.Pending) > 0 && why == Plain {
			why = NotPushed
		}
		if r.Outcome == update.Ignored {
			why = Ignored
		}
	}
	f.fill(h.seed, x, key, why)
	for i := range x.Results {
		if id := x.Results[i].ID; id != 0 {
			h.proven.add(ofHost(id, owner), f, "")
		}
		for _, id := range x.Results[i].Followers {
			h.proven.add(ofHost(id, owner), f, "")
		}
	}
	if missed && key != 0 {
		h.proven.add(ofKey(key), f, "")
	}
	h.refused.forgive(ofKey(key))
}

func (h *History) recordFault(f *form, x *Exchange, key account.Key) {
	f.fill(h.seed, x, key.ID, reason(x.Err))
	hosts := meant(h.registry.State().Accounts, x.Asked, &key, x.Asked.Short)
	for _, host := range hosts {
		h.proven.add(host, f, "")
	}
	if len(hosts) == 0 {
		h.proven.add(ofKey(key.ID), f, "")
	}
	h.refused.forgive(ofKey(key.ID))
}

// recordRefusal takes up what anybody can send. It is held against the update key
// whose name was given, and shown of the hosts that this key covers, or that were
// named with a user name which is none.
func (h *History) recordRefusal(f *form, x *Exchange) {
	d := h.registry.State().Accounts
	key, isKnown := d.KeyOf(x.Asked.Username)
	why, named := reason(x.Err), &key
	if !isKnown {
		named = nil
		if why == BadSecret {
			why = UnknownUser
		}
	}
	f.fill(h.seed, x, key.ID, why)
	if isKnown {
		h.refused.add(ofKey(key.ID), f, key.Username)
	}
	for _, host := range meant(d, x.Asked, named, false) { // to look for labels is more work than strangers may make
		h.refused.add(host, f, "")
	}
}

// meant returns the hosts that a request is about, of those that the key covers
// unless it is nil: the first update.MaxHosts that it names, or the only one. Where
// short is, labels count as names.
func meant(d account.Directory, asked *update.Request, key *account.Key, short bool) (hosts []uint64) {
	count := 0
	for text := range named(asked) {
		if count++; count > update.MaxHosts {
			break
		}
		if h, ok := find(d, text, short, key); ok {
			hosts = append(hosts, ofHost(h.ID, h.Account))
		}
	}
	if count > 0 || key == nil {
		return hosts
	}
	for h := range d.HostsOf(key.Account) {
		if key.Covers(h) {
			hosts = append(hosts, ofHost(h.ID, h.Account))
		}
		if len(hosts) > 1 {
			return nil
		}
	}
	return hosts
}

// find returns the host that a device names, if the key covers it or is nil. Where
// short is, a label stands for the first host that begins with it.
func find(d account.Directory, text string, short bool, key *account.Key) (account.Host, bool) {
	name, err := zone.ParseName(strings.TrimSpace(text))
	if err != nil {
		return account.Host{}, false
	}
	if h, ok := d.Host(name); ok {
		return h, key == nil || key.Covers(h)
	}
	if key != nil && short && name.CountLabels() == 1 {
		for h := range d.HostsOf(key.Account) {
			if h.Name.First() == name.First() && key.Covers(h) {
				return h, true
			}
		}
	}
	return account.Host{}, false
}

// named yields all names of hosts in a request, in all readings.
func named(asked *update.Request) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, text := range asked.Hosts {
			if !yield(text) {
				return
			}
		}
		for _, each := range asked.Each {
			if !yield(each.Host) {
				return
			}
		}
		if asked.OtherHost != "" {
			yield(asked.OtherHost)
		}
	}
}

// Host returns what was asked and told of a host since it is its account's, the latest
// first.
func (h *History) Host(name zone.Name) []Entry {
	d := h.registry.State().Accounts
	host, ok := d.Host(name)
	if !ok {
		return nil
	}
	return h.list(d, host.Account, ofHost(host.ID, host.Account))
}

// Key returns what was asked with the user name of an update key and reached no
// host: because the secret was wrong, or the host none that it covers. The latest
// is first.
func (h *History) Key(username string) []Entry {
	d := h.registry.State().Accounts
	key, ok := d.Key(username)
	if !ok {
		return nil
	}
	return h.list(d, key.Account, ofKey(key.ID))
}

// Forget drops all that is kept of hosts, whosever they were, and update keys, by their
// numbers. It looks at all that is kept.
func (h *History) Forget(hosts, keys []uint32) {
	isGone := map[uint32]bool{}
	for _, id := range hosts {
		isGone[id] = true
	}
	for _, kept := range h.shelves() {
		var gone []uint64
		kept.each(func(t *trail) {
			if isHost(t.subject) && isGone[uint32(t.subject)] {
				gone = append(gone, t.subject)
			}
		})
		for _, subject := range gone {
			kept.drop(subject)
		}
		for _, id := range keys {
			kept.drop(ofKey(id))
		}
	}
}

// sweepEvery is how often Run looks for what is gone.
const sweepEvery = time.Hour

// Run lets go of hosts and update keys that are gone, until ctx ends.
func (h *History) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		h.ForgetGone()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ForgetGone drops all that is kept of hosts and update keys that are not there any more,
// and of hosts from when they were another account's.
// To find them it looks at all that are.
func (h *History) ForgetGone() {
	isThere := map[uint64]bool{} // by subject
	for _, kept := range h.shelves() {
		kept.each(func(t *trail) { isThere[t.subject] = false })
	}
	d := h.registry.State().Accounts // after that, so that whoever is not in it is gone, and not yet to come
	note := func(subject uint64) {
		if _, known := isThere[subject]; known {
			isThere[subject] = true
		}
	}
	for host := range d.Hosts("") {
		note(ofHost(host.ID, host.Account))
	}
	for key := range d.Keys("") {
		note(ofKey(key.ID))
	}
	for _, kept := range h.shelves() {
		for subject, is := range isThere {
			if !is {
				kept.drop(subject)
			}
		}
	}
}

// Failure is an update key that was given with a wrong secret again and again,
// and not with the right one since.
type Failure struct {
	Username string
	Refusals int        // how often
	Since    time.Time  // the first time
	Last     time.Time  // the last time
	Source   netip.Addr // then; the zero Addr if it is not known
}

// fewRefusals are not worth a word: somebody mistyped a password.
const fewRefusals = 3

// Failing returns the update keys that fail, in no order.
func (h *History) Failing() (all []Failure) {
	d := h.registry.State().Accounts
	h.refused.each(func(t *trail) {
		if key, ok := d.Key(t.username); ok && ofKey(key.ID) == t.subject && t.refusals >= fewRefusals {
			all = append(all, t.failure())
		}
	})
	return all
}
