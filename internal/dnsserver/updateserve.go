package dnsserver

import (
	"context"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

const opcodeUpdate = 5 // RFC 2136 §2.2

// via names UPDATE where updates are told apart by how they came.
const via = "rfc2136"

// updates is what the workers of a server share to answer UPDATEs.
type updates struct {
	runs    updateRuns
	gate    gate
	leaving context.Context // ends when the server answers no more
	seats   chan struct{}   // for those that came over UDP
}

// maxDatagramUpdates is how many UPDATEs that came over UDP may wait at once; one that
// comes then is dropped, and its sender asks again.
const maxDatagramUpdates = 1024

func newUpdates(leaving context.Context) *updates {
	return &updates{leaving: leaving, seats: make(chan struct{}, maxDatagramUpdates)}
}

// respondUpdate answers an UPDATE (RFC 2136 §3), whose sections have been walked. Ok is
// false when it deserves no reply for now.
func (r *Responder) respondUpdate(zones zone.Set, packet []byte) (code rcode, ok bool) {
	q := &r.query
	z := zones.Get(q.name)
	switch {
	case q.typ != zone.TypeSOA, q.class == classANY, q.class == classNONE:
		return rcodeFormErr, true
	case q.class != classIN:
		return rcodeNotImp, true
	case z == nil:
		r.doubtful = r.isTrusted()
		return rcodeNotAuth, true
	case z.IsCatalog(): // which is made of what zones there are
		return rcodeRefused, true
	}
	r.origin = z.Origin()
	if r.session == nil {
		return rcodeRefused, true
	}
	u := &updateMessage{zone: z.Origin(), key: r.session.Key()}
	if r.hasty {
		r.postponed = true
		return 0, false
	}
	if code := u.readUpdate(packet, headerSize+len(q.question)); code != rcodeNoError {
		return code, true
	}
	return r.runUpdate(u)
}

// reconsider answers an UPDATE again that a state refuses, if another node has changed
// what it was refused for: its key, or its zone. Those that came over UDP are postponed for
// that, as long as this takes no seats from those that are in order.
func (r *Responder) reconsider(state *registry.State, client Client, packet, buf, reply []byte) []byte {
	shared := r.updates
	if r.hasty {
		if len(shared.seats) >= cap(shared.seats)/2 {
			return reply
		}
		r.postponed = true
		return nil
	}
	if !shared.gate.enter(shared.leaving) {
		return nil
	}
	fresh, err := r.opts.Updates.Fresh(shared.leaving, state)
	shared.gate.leave()
	switch {
	case shared.leaving.Err() != nil:
		return nil
	case err != nil: // nobody knows
		r.session, r.code = nil, rcodeServFail
		r.start(buf)
		return r.finish(packet)
	case fresh == state:
		return reply
	}
	return r.answer(fresh, client, packet, buf)
}

// runUpdate makes the changes, once for each signed message.
func (r *Responder) runUpdate(u *updateMessage) (code rcode, ok bool) {
	shared := r.updates
	run, first := shared.runs.begin(r.session.Identity(), r.session.Until(), time.Now())
	if !first {
		select {
		case <-run.done:
			return run.code, true
		case <-shared.leaving.Done():
			return 0, false
		}
	}
	code = rcodeServFail
	defer func() { shared.runs.end(run, code) }()
	if !shared.gate.enter(shared.leaving) {
		return code, false
	}
	defer shared.gate.leave()
	results, err := r.opts.Updates.Change(context.Background(), update.RecordRequest{
		Key: u.key.Name.String(), Account: u.key.Account, Source: r.client.Addr, Via: via, Edit: u.run,
	})
	code = updateCode(err)
	r.record(u, results, err, code)
	return code, true
}
