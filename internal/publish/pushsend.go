package publish

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// send carries names to the target, one message at a time.
func (p *Pusher) send(ctx context.Context) {
	var l *link
	hangUp := func() {
		if l != nil {
			l.close()
			l = nil
		}
	}
	defer func() { hangUp() }()
	for ctx.Err() == nil {
		names, next := p.next()
		if len(names) == 0 {
			if slept := p.sleep(ctx, next); slept {
				hangUp() // before the target does, so that nothing is sent into the void
			}
			continue
		}
		began := time.Now()
		var err error
		if l == nil {
			l, err = dialTarget(ctx, p.target.Addr, p.target.Key)
		}
		var wrong map[zone.Name]error
		if err == nil {
			names, wrong, err = p.deliver(ctx, l, names)
		}
		if err != nil && !isRefusal(err) && l != nil {
			hangUp()
			p.sure = false // what was sent may come to the target later
		}
		if ctx.Err() != nil {
			return // what is in flight is kept as pending
		}
		pause(ctx, p.conclude(names, wrong, err, time.Since(began)))
	}
}

func (p *Pusher) next() ([]zone.Name, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.take(p.limit, time.Now())
}

// idleLink is how long a connection is kept on which nothing is sent: PowerDNS waits for
// 5 seconds.
const idleLink = 3 * time.Second

// sleep returns when there may be something to send, or when the connection has been idle
// for too long: then it is true.
func (p *Pusher) sleep(ctx context.Context, until time.Time) bool {
	wait := idleLink
	if !until.IsZero() {
		wait = min(wait, time.Until(until))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.wake:
	case <-timer.C:
		return wait == idleLink
	case <-ctx.Done():
	}
	return false
}

// deliver makes names at the target what they are in the state now. It puts back those
// that found no room in the message, and returns the others, and of them those that are
// not as they should be though the target took the message.
func (p *Pusher) deliver(ctx context.Context, l *link, names []zone.Name) (sent []zone.Name, wrong map[zone.Name]error, err error) {
	p.mu.Lock()
	state := p.followed
	p.mu.Unlock()
	z := state.Zones.Get(p.target.Zone)
	if z == nil {
		return names, nil, phrase.Errorf("we do not have the zone any more")
	}
	if err := p.findFence(ctx, l, state); err != nil {
		return names, nil, err
	}
	next := newFence(state).data()
	m, sent := p.compose(z, names, next)
	p.tried = append(p.tried, next)
	replies, err := l.exchange(ctx, m)
	switch {
	case errors.Is(err, errTooLong):
		p.tried = p.tried[:len(p.tried)-1]
		return sent, nil, phrase.Errorf("%s: %w", sent[0], err) // it is alone, see compose
	case err != nil:
		return sent, nil, err
	}
	switch rcode := replies[0].Rcode; rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNXRrset, dns.RcodeYXRrset:
		p.sure = false
		return sent, nil, errFenceMoved
	default:
		p.tried = p.tried[:len(p.tried)-1]
		return sent, nil, &refusal{rcode}
	}
	p.fence, p.tried = next, nil
	p.mu.Lock()
	p.take = false
	p.mu.Unlock()
	wrong, err = p.verify(ctx, l, z, sent)
	return sent, wrong, err
}

// isRefusal tells whether the target refuses what it is to take, or would if it could be
// sent. The connection is as good as before.
func isRefusal(err error) bool {
	_, refused := errors.AsType[*refusal](err)
	return refused || errors.Is(err, errTooLong)
}

// errFenceMoved says that somebody pushed between two messages of ours; or we did, and
// had not heard that it was taken.
var errFenceMoved = phrase.Errorf("the fence is not what it was")

// findFence makes sure that the fence is known, and ours to go past.
func (p *Pusher) findFence(ctx context.Context, l *link, state *registry.State) error {
	if p.sure {
		return nil
	}
	stands, err := readFence(ctx, l, p.target.Zone)
	if err != nil {
		return err
	}
	p.mu.Lock()
	take := p.take
	p.mu.Unlock()
	if err := judge(stands, state); err != nil && (!take || !errors.Is(err, ErrForeignFence)) {
		return err
	}
	if p.fence != "" && stands != p.fence && !slices.Contains(p.tried, stands) {
		p.log.Warn("a push target does not have what it took; it is compared")
		ring(p.doubts)
	}
	p.fence, p.sure = stands, true
	return nil
}

// compose writes an UPDATE that carries names, as many as there is room for.
func (p *Pusher) compose(z *zone.Zone, names []zone.Name, next zone.Rdata) (*dns.Msg, []zone.Name) {
	origin := z.Origin()
	m := new(dns.Msg).SetUpdate(fqdn(origin))
	m.Compress = true
	appendFence(m, origin, p.fence, next)
	p.mu.Lock()
	defer p.mu.Unlock()
	size := 0
	for i, name := range names {
		before := len(m.Ns)
		appendName(m, origin, name, z.Node(name), p.queue.flight[name].types, p.queue.flight[name].wrong)
		for _, rr := range m.Ns[before:] {
			size += dns.Len(rr)
		}
		if size > maxUpdate && i > 0 {
			m.Ns = m.Ns[:before]
			p.queue.putBack(names[i:])
			return m, names[:i]
		}
	}
	return m, names
}

// verify asks the target for names that it said it took: an alias beside other records
// is passed over without a word (RFC 2136 §3.4.2.2).
func (p *Pusher) verify(ctx context.Context, l *link, z *zone.Zone, names []zone.Name) (map[zone.Name]error, error) {
	wrong := map[zone.Name]error{}
	var asked []zone.RRset
	p.mu.Lock()
	for _, name := range names {
		if set, ok := telling(z, name, p.queue.flight[name].wrong); ok {
			asked = append(asked, set)
		}
	}
	p.mu.Unlock()
	for some := range slices.Chunk(asked, 64) {
		var questions []*dns.Msg
		for _, set := range some {
			q := new(dns.Msg).SetQuestion(fqdn(set.Name), uint16(set.Type))
			q.RecursionDesired = false
			questions = append(questions, q)
		}
		replies, err := l.exchange(ctx, questions...)
		if err != nil {
			return nil, err
		}
		for i, reply := range replies {
			got, ok := recordSet(reply.Answer, some[i].Name, some[i].Type)
			if !ok || !slices.Equal(got.Data, some[i].Data) {
				wrong[some[i].Name] = phrase.Errorf("it took %s %s and does not have it: something else may stand at the name there", some[i].Name, some[i].Type)
			}
		}
	}
	return wrong, nil
}

// telling returns a set, of those that were wrong, that a target answers with when it has
// taken the name, if there is one: not below zone cuts.
func telling(z *zone.Zone, name zone.Name, wrong []zone.Type) (zone.RRset, bool) {
	for _, t := range pushedTypes(z.Origin(), name, z.Node(name)) {
		if !isSuspect(wrong, t) {
			continue
		}
		r := z.Lookup(name, t)
		if r.Outcome == zone.Found && r.Owner == name {
			return r.Records.RRset(name).Sorted(), true
		}
	}
	return zone.RRset{}, false
}

// slowMessage is how long a target may take for a message before it gets shorter ones:
// what waits behind it is to go out before long, and it must not take all of linkTimeout.
const slowMessage = time.Second

// conclude notes what became of names, which took a while, and returns how long to wait.
func (p *Pusher) conclude(names []zone.Name, wrong map[zone.Name]error, err error, took time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.announce()
	now := time.Now()
	if err == nil {
		p.concludeWell(names, wrong, now)
		p.limit = nextLimit(p.limit, len(names), took)
		p.weigh()
		return 0
	}
	refused := isRefusal(err)
	wait := backoff(p.failures)
	switch {
	case errors.Is(err, errFenceMoved) && p.failures == 0:
		p.queue.putBack(names)
		p.failures++
		return 0
	case refused && len(names) > 1: // one of them may be the reason
		p.queue.putBack(names)
		p.limit = len(names) / 2
		wait = 0
	case refused:
		p.queue.refuse(names[0], err, now)
		p.failures++
	default:
		p.queue.putBack(names)
		p.limit = nextLimit(p.limit, len(names), took)
		p.failures++
	}
	if p.err == nil {
		p.since = now
		p.log.Warn("a push target does not take what changed; it is tried again until it does", "error", err, "pending", p.queue.len())
	}
	p.err = err
	return wait
}

// nextLimit returns how many names go into the next message when up to limit might go into
// the last one, and the target took a while for those that did.
func nextLimit(limit, names int, took time.Duration) int {
	switch {
	case took > slowMessage:
		return max(names/2, 1)
	case took < slowMessage/2:
		return min(limit*2, maxNames)
	}
	return limit
}

func (p *Pusher) concludeWell(names []zone.Name, wrong map[zone.Name]error, now time.Time) {
	z := p.followed.Zones.Get(p.target.Zone)
	for _, name := range names {
		if err := wrong[name]; err != nil {
			p.queue.refuse(name, err, now)
			p.log.Warn("a push target has something else at a name", "name", name, "error", err)
			continue
		}
		there := z != nil && len(pushedTypes(p.target.Zone, name, z.Node(name))) > 0
		p.queue.settle(name, there, now)
		p.pushed++
	}
	p.failures = 0
	if p.err != nil {
		p.log.Info("a push target takes what changed again", "pending", p.queue.len(), "after", now.Sub(p.since).Round(time.Millisecond))
		p.err = nil
	}
}
