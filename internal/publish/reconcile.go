package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// Difference is a set that is not at a target as it is here.
type Difference struct{ Here, There zone.RRset } // one of them may have no data

// Reconciliation is what a look at a target found.
type Reconciliation struct {
	Differences []Difference // in canonical order of names
	Deletions   int          // of them
	Foreign     int          // names at the target that were never ours; they stay
	Held        bool         // whether the deletions are so many that they must be asked for
}

// ReconcileOptions say what is to become of differences.
type ReconcileOptions struct {
	Mend   bool // push what differs
	Delete bool // also when that deletes much
}

// examination is what the last look at the target found.
type examination struct {
	done          bool
	foreign, held int
}

// ErrNotReady says that a pusher does not know yet what is still to be done.
var ErrNotReady = phrase.Errorf("the pusher is still starting")

// Reconcile compares the zone at the target with ours (RFC 5936), and pushes what
// differs if it is to. Names that we never pushed are let alone. What is pending anyway
// shows as a difference.
func (p *Pusher) Reconcile(ctx context.Context, opts ReconcileOptions) (Reconciliation, error) {
	p.catchUp()
	p.mu.Lock()
	ready, z := p.queue != nil, (*zone.Zone)(nil)
	if ready {
		z = p.followed.Zones.Get(p.target.Zone)
	}
	p.mu.Unlock()
	switch {
	case !ready:
		return Reconciliation{}, ErrNotReady
	case z == nil:
		return Reconciliation{}, fmt.Errorf("we do not have zone %s", p.target.Zone)
	}
	there, err := p.transfer(ctx)
	if err != nil {
		return Reconciliation{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.compare(z, there)
	p.examine = examination{done: true, foreign: found.Foreign}
	if found.Held && !opts.Delete {
		p.examine.held = found.Deletions
	}
	if opts.Mend {
		p.bold = p.bold || opts.Delete
		p.mend(found, opts.Delete)
		p.weigh()
		p.ring()
	}
	return found, nil
}

// sets are the records of a zone.
type sets map[zone.Name]map[zone.Type]zone.RRset

// transfer returns what the target has.
func (p *Pusher) transfer(ctx context.Context) (sets, error) {
	l, err := dialTarget(ctx, p.target.Addr, p.target.Key)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, l.close)()
	m := new(dns.Msg).SetAxfr(fqdn(p.target.Zone))
	m.SetTsig(fqdn(p.target.Key.Name), fqdn(p.target.Key.Algorithm()), tsig.Fudge, time.Now().Unix())
	sign := signer{p.target.Key}
	transfer := dns.Transfer{Conn: &dns.Conn{Conn: l.conn, TsigProvider: sign}, TsigProvider: sign, ReadTimeout: 4 * linkTimeout}
	parts, err := transfer.In(m, p.target.Addr.String())
	if err != nil {
		l.close()
		return nil, fmt.Errorf("asking for the zone: %w", err)
	}
	all := sets{}
	for part := range parts { // to its end, or its sender waits for ever
		if part.Error != nil {
			err = part.Error
		}
		for _, rr := range part.RR {
			all.add(rr)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("transferring the zone: %w", err)
	}
	return all, nil
}

func (s sets) add(rr dns.RR) {
	name, err := zone.ParseName(rr.Header().Name)
	data, ok := octets(rr)
	if err != nil || !ok {
		return
	}
	if s[name] == nil {
		s[name] = map[zone.Type]zone.RRset{}
	}
	t := zone.Type(rr.Header().Rrtype)
	set := s[name][t]
	set.Name, set.Type, set.TTL = name, t, rr.Header().Ttl
	set.Data = append(set.Data, data.Canonical(t))
	s[name][t] = set
}

// compare returns how the target differs from a version of the zone. p.mu must be held.
func (p *Pusher) compare(z *zone.Zone, there sets) (r Reconciliation) {
	origin := p.target.Zone
	for name, n := range z.Nodes() {
		types := pushedTypes(origin, name, n)
		if len(types) > 0 {
			types = union(types, addressTypes)
		}
		for _, t := range types {
			here := n.Lookup(t).RRset(name).Sorted()
			here.Name, here.Type = name, t
			r.note(here, there[name][t].Sorted())
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(there), zone.Name.Compare) {
		if len(pushedTypes(origin, name, z.Node(name))) > 0 {
			continue
		}
		was, foreign := union(slices.Clone(p.queue.gone[name].types), p.queue.mark(name).Types), false
		for _, t := range slices.Sorted(maps.Keys(there[name])) {
			switch {
			case !isPushed(origin, name, t):
			case slices.Contains(was, t):
				r.note(zone.RRset{Name: name, Type: t}, there[name][t].Sorted())
			default:
				foreign = true
			}
		}
		if foreign {
			r.Foreign++
		}
	}
	slices.SortStableFunc(r.Differences, func(a, b Difference) int { return a.Here.Name.Compare(b.Here.Name) })
	r.Held = isMuch(r.Deletions, z.Names())
	return r
}

func (r *Reconciliation) note(here, there zone.RRset) {
	there.Name, there.Type = here.Name, here.Type
	if slices.Equal(here.Data, there.Data) && (here.TTL == there.TTL || len(here.Data) == 0) {
		return
	}
	if len(here.Data) == 0 {
		r.Deletions++
	}
	r.Differences = append(r.Differences, Difference{here, there})
}

// mend lets what differs be pushed. p.mu must be held.
func (p *Pusher) mend(found Reconciliation, deleteMuch bool) {
	now, z := time.Now(), p.followed.Zones.Get(p.target.Zone) // names came and went during the transfer
	for _, d := range found.Differences {
		if len(d.Here.Data) == 0 && found.Held && !deleteMuch {
			continue
		}
		p.queue.note(d.Here.Name, []zone.Type{d.Here.Type}, nil, now)
		p.judge(p.queue, d.Here.Name, z)
	}
}

// examineTarget looks whether the target is as it was left, until it has told. A target
// that will not, because who signs with the key may not have the zone, is not asked again.
func (p *Pusher) examineTarget(ctx context.Context) {
	for tries, refused := 0, 0; ; tries++ {
		found, err := p.Reconcile(ctx, ReconcileOptions{Mend: true})
		var away net.Error
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			p.log.Info("a push target was compared", "differences", len(found.Differences), "foreign_names", found.Foreign, "deletions_held", found.Held)
			return
		case errors.As(err, &away):
		case refused == 3:
			p.log.Warn("a push target cannot be compared; what changes is pushed all the same", "error", err)
			return
		default:
			refused++
		}
		pause(ctx, backoff(tries))
	}
}

// examineWhenTold looks at the target at the start, and when it seems to have lost
// something.
func (p *Pusher) examineWhenTold(ctx context.Context) {
	for {
		p.examineTarget(ctx)
		select {
		case <-p.doubts:
		case <-ctx.Done():
			return
		}
	}
}
