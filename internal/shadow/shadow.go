// Package shadow compares what an old service answers with what ours would, before
// ours takes its place. A web server mirrors the requests that devices send, below
// Prefix; the old service goes on answering them. Here they are judged exactly as
// others are, and nothing changes.
//
// It promises that nobody hears the verdict but who asks for the report, that it
// takes a bounded amount of memory whoever mirrors how much, and that no secret
// stands in the report. It never asks the old service anything: what that answered,
// the web server's log tells, by the status and the length of the reply.
package shadow

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"stayput.dev/internal/dyndns"
)

// How much is kept.
const (
	maxDifferences = 1000   // of those that are told apart; who was last seen longest ago makes room
	maxWaiting     = 10_000 // requests and answers that wait for each other; the oldest makes room
	maxPairs       = 200    // of answers, old and ours
	maxText        = 512    // octets of a request
)

// Report is what came of the comparison so far.
type Report struct {
	Since time.Time // when it began

	Judged    int // update requests that were mirrored
	Same      int // of these, those that the old service answered in the same way
	Different int // those that it answered otherwise
	Unknown   int // those of which it is not known, or not yet, how it answered them
	Others    int // mirrored requests that were no updates

	Pairs       []Pair       // how often which answers met, the most frequent first
	Differences []Difference // the last seen first
	Forgotten   int          // differences that had to make room
}

// Pair is an answer of the old service, and ours.
type Pair struct {
	Old, Ours string
	Same      bool
	Count     int
}

// Difference is a request, or several that were the same, that the old service
// answered otherwise.
type Difference struct {
	Request  string // method, path, parameters; without secrets
	Username string // of the update key whose secret was right; may be empty
	Old      string
	Ours     string
	Why      string // what our answer leaves open; may be empty
	Count    int

	First, Last time.Time
	Source      netip.Addr // of the last
}

// Ledger gathers what is mirrored. It is safe for concurrent use.
type Ledger struct {
	devices *dyndns.Handler
	now     func() time.Time

	mu          sync.Mutex // guards following
	report      Report     // without its lists
	pairs       map[Pair]int
	differences map[different]*Difference
	waiting     map[string]*half
	order       []string // the IDs in waiting, the oldest first
}

// different is what tells differences apart.
type different struct{ request, username, old, ours string }

// half is a request that waits for its answer, or the other way round.
type half struct {
	judged *judgement // nil: not there yet
	old    Answer
}

// New returns a ledger in which nothing is written. The judge must change nothing, as
// one of update.NewJudge; of opts, the Recorder does not count. A nil now is time.Now.
func New(judge dyndns.Updater, opts dyndns.Options, now func() time.Time) *Ledger {
	if now == nil {
		now = time.Now
	}
	opts.Recorder = new(judgement) // in whose place each request has its own
	l := &Ledger{devices: dyndns.New(judge, opts), now: now}
	l.Clear()
	return l
}

// SetOptions replaces the options of the dialects, but for the Recorder.
func (l *Ledger) SetOptions(opts dyndns.Options) { l.devices.SetOptions(opts) }

// Clear forgets all, and begins anew.
func (l *Ledger) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report = Report{Since: l.now().UTC().Truncate(time.Second)}
	l.pairs, l.differences = map[Pair]int{}, map[different]*Difference{}
	l.waiting, l.order = map[string]*half{}, nil
}

// Report returns what came of it so far.
func (l *Ledger) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.report
	for _, h := range l.waiting {
		if h.judged != nil {
			r.Unknown++
		}
	}
	for p, n := range l.pairs {
		p.Count = n
		r.Pairs = append(r.Pairs, p)
	}
	slices.SortFunc(r.Pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Old, b.Old), cmp.Compare(a.Ours, b.Ours))
	})
	for _, d := range l.differences {
		r.Differences = append(r.Differences, *d)
	}
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Ours, b.Ours))
	})
	return r
}

// other takes up a request that was no update.
func (l *Ledger) other() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Others++
}

// judged takes up a request, with the answer of the old service if that is known, and
// otherwise perhaps with the ID by which the answer will come.
func (l *Ledger) judged(j *judgement, old Answer, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Judged++
	if h := l.waiting[id]; h != nil && h.judged == nil {
		old = h.old
		l.drop(id)
	}
	if old == (Answer{}) && id != "" && l.waiting[id] == nil {
		l.wait(id, &half{judged: j})
		return
	}
	l.compare(j, old)
}

// answered takes up what the old service said to the request with an ID.
func (l *Ledger) answered(id string, old Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.waiting[id]
	switch {
	case h == nil:
		l.wait(id, &half{old: old})
	case h.judged != nil:
		l.drop(id)
		l.compare(h.judged, old)
	}
}

func (l *Ledger) wait(id string, h *half) {
	for len(l.waiting) >= maxWaiting {
		oldest := l.order[0]
		if h := l.waiting[oldest]; h.judged != nil {
			l.compare(h.judged, Answer{})
		}
		l.drop(oldest)
	}
	l.waiting[id] = h
	l.order = append(l.order, id)
}

func (l *Ledger) drop(id string) {
	delete(l.waiting, id)
	if i := slices.Index(l.order, id); i >= 0 {
		l.order = slices.Delete(l.order, i, i+1)
	}
}

// compare counts a request whose answer is known, or will never be.
func (l *Ledger) compare(j *judgement, old Answer) {
	same := old.agrees(j.ours)
	switch {
	case old == Answer{}:
		l.report.Unknown++
	case same:
		l.report.Same++
	default:
		l.report.Different++
		l.differ(j, old.String())
	}
	p := Pair{Old: old.String(), Ours: j.ours, Same: same}
	if _, known := l.pairs[p]; !known && len(l.pairs) >= maxPairs {
		p = Pair{Old: "others", Ours: "others"}
	}
	l.pairs[p]++
}

func (l *Ledger) differ(j *judgement, old string) {
	which := different{j.request, j.username, old, j.ours}
	d := l.differences[which]
	if d == nil {
		if len(l.differences) >= maxDifferences {
			l.forget()
		}
		d = &Difference{Request: j.request, Username: j.username, Old: old, Ours: j.ours, First: j.at}
		l.differences[which] = d
	}
	d.Count++
	d.Last, d.Source, d.Why = j.at, j.source, j.why
}

// forget makes room for a difference.
func (l *Ledger) forget() {
	var oldest different
	for which, d := range l.differences {
		if first := l.differences[oldest]; first == nil || d.Last.Before(first.Last) {
			oldest = which
		}
	}
	delete(l.differences, oldest)
	l.report.Forgotten++
}
