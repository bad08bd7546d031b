package dnsserver

import (
	"sync"
	"time"
)

// maxRuns bounds the UPDATEs that are remembered, some 240 octets each: 400 a second for
// ten minutes. Past it those that came first are forgotten.
const maxRuns = 1 << 18

// updateRuns remembers the UPDATEs that ran, for as long as their signatures are good:
// what comes again, because a reply was lost or because somebody sends it who overheard
// it, does not run again. The zero updateRuns is ready for use. It is safe for
// concurrent use.
type updateRuns struct {
	mu    sync.Mutex
	byID  map[[16]byte]*updateRun
	order []*updateRun // as they came; those before first are forgotten
	first int
}

// updateRun is an UPDATE that runs or has run.
type updateRun struct {
	id    [16]byte // see tsig.Session.Identity
	until time.Time
	done  chan struct{} // closed when code is final
	code  rcode
}

// begin returns the run of an UPDATE, and whether it is the first: then it must run, and
// end must be called.
func (u *updateRuns) begin(id [16]byte, until, now time.Time) (run *updateRun, first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if run := u.byID[id]; run != nil {
		return run, false
	}
	u.forget(now)
	if u.byID == nil {
		u.byID = map[[16]byte]*updateRun{}
	}
	run = &updateRun{id: id, until: until, done: make(chan struct{})}
	u.byID[id] = run
	u.order = append(u.order, run)
	return run, true
}

// forget forgets what has become too old, as far as nothing younger came before it, and
// makes room for one more.
func (u *updateRuns) forget(now time.Time) {
	for u.first < len(u.order) && (len(u.order)-u.first >= maxRuns || u.order[u.first].until.Before(now)) {
		u.drop(u.order[u.first])
		u.order[u.first] = nil
		u.first++
	}
	if u.first > len(u.order)/2 {
		u.order, u.first = append([]*updateRun(nil), u.order[u.first:]...), 0
	}
}

func (u *updateRuns) drop(run *updateRun) {
	if u.byID[run.id] == run {
		delete(u.byID, run.id)
	}
}

// end says what came of a run. What failed for our own reasons may run again.
func (u *updateRuns) end(run *updateRun, code rcode) {
	run.code = code
	close(run.done)
	if code == rcodeServFail {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.drop(run)
	}
}
