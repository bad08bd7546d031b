package test

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what clients of a cluster did and saw, to be judged when all is over.
// Hosts are numbered, and so are the values that they had; 0 is none, and no two
// updates but repeated ones have the same value. Times are those of the one clock
// that all clients go by.
type history struct {
	began time.Time

	mu     sync.Mutex // guards what follows
	writes []write
	reads  []reading
	sights []sight
	showns []shown
	aways  []outage
	skews  []skew
	faults []string // found at once
}

// span is from one time to another.
type span struct{ from, to time.Duration }

// write is an update that reached a node, or may have.
type write struct {
	span
	node, host int
	value      uint32
	told       told
}

// told is what somebody who asked for an update heard.
type told int

const (
	toldGood      told = iota // it was changed
	toldUnchanged             // it had been so before
	toldLater                 // 503 and 911: it may be changed or not
	toldNothing               // no answer came
)

// reading is what the API showed.
type reading struct {
	span
	node, host int
	value      uint32
}

// sight is what the DNS of a node answered to a question that was sent at some time.
type sight struct {
	node, host int
	value      uint32
	sent       time.Duration
}

// shown is how far behind a node was by what somebody showed of it who was asked at
// some time.
type shown struct {
	span
	node   int
	behind uint64
	lag    time.Duration // since the first commit was made that it had not
	ago    time.Duration // since it said so
}

// outage is when nodes reached no database.
type outage struct {
	span
	node int // or everyNode
}

const everyNode = -1

// skew is by how much clocks of nodes differ at most from some time on.
type skew struct{ from, most time.Duration }

func (h *history) now() time.Duration { return time.Since(h.began) }

func (h *history) fault(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, fmt.Sprintf("%s: ", h.now().Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

func add[T any](h *history, to *[]T, what T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*to = append(*to, what)
}

// never is later than all.
const never = time.Duration(math.MaxInt64)

// life is when a value of a host was written.
type life struct {
	value uint32
	first time.Duration // when it was asked for first
	last  time.Duration // when the last who asked for it had heard what became of that
	known time.Duration // when somebody had heard that it is so
}

// chronicle has the lives of one host's values, by when they began.
type chronicle struct {
	lives []life
	known []time.Duration // the earliest of those from each life on
}

func chronicles(writes []write) map[int]*chronicle {
	all := map[int]map[uint32]*life{}
	for _, w := range writes {
		if all[w.host] == nil {
			all[w.host] = map[uint32]*life{0: {last: -1, known: never, first: -1}}
		}
		l := all[w.host][w.value]
		if l == nil {
			l = &life{value: w.value, first: w.from, known: never}
			all[w.host][w.value] = l
		}
		l.first = min(l.first, w.from)
		switch w.told {
		case toldGood, toldUnchanged:
			l.known, l.last = min(l.known, w.to), max(l.last, w.to)
		case toldLater:
			l.last = max(l.last, w.to) // whoever came between would have kept it from being appended
		case toldNothing:
			l.last = never
		}
	}
	out := map[int]*chronicle{}
	for host, lives := range all {
		c := &chronicle{}
		for _, l := range lives {
			c.lives = append(c.lives, *l)
		}
		slices.SortFunc(c.lives, func(a, b life) int { return cmp.Compare(a.first, b.first) })
		c.known = make([]time.Duration, len(c.lives)+1)
		c.known[len(c.lives)] = never
		for i := len(c.lives) - 1; i >= 0; i-- {
			c.known[i] = min(c.known[i+1], c.lives[i].known)
		}
		out[host] = c
	}
	return out
}

// find returns the life of a value; false when nobody asked for it.
func (c *chronicle) find(value uint32) (life, bool) {
	i := slices.IndexFunc(c.lives, func(l life) bool { return l.value == value })
	if i < 0 {
		return life{}, false
	}
	return c.lives[i], true
}

// replaced returns when somebody had heard, of some value that came after this one's end
// for certain, that it is so: from then on nobody may see this one.
func (c *chronicle) replaced(l life) time.Duration {
	i, _ := slices.BinarySearchFunc(c.lives, l.last, func(other life, last time.Duration) int {
		if other.first > last {
			return 1
		}
		return -1
	})
	return c.known[i]
}

// judge returns what is wrong with a history.
func (h *history) judge() (faults []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	faults = slices.Clone(h.faults)
	for _, check := range []func() []string{h.judgeOutages, h.judgeReads, h.judgeOrder, h.judgeLag} {
		faults = append(faults, check()...)
	}
	return faults
}

// judgeOutages finds updates that a node acknowledged although it reached no database
// all the while.
func (h *history) judgeOutages() (faults []string) {
	for _, away := range h.aways {
		refused := 0
		for _, w := range h.writes {
			if w.from < away.from || w.to > away.to || away.node != everyNode && w.node != away.node {
				continue
			}
			switch w.told {
			case toldLater:
				refused++
			case toldGood, toldUnchanged:
				faults = append(faults, fmt.Sprintf("%s: node %d acknowledged value %d of host %d without a database", w.to, w.node, w.value, w.host))
			}
		}
		if refused == 0 {
			faults = append(faults, fmt.Sprintf("%s: without a database nobody heard 911", away.from))
		}
	}
	return faults
}

// judgeReads finds values that nobody asked for, and those that the API showed after
// somebody had heard of a later one.
func (h *history) judgeReads() (faults []string) {
	all := chronicles(h.writes)
	for _, r := range h.reads {
		if l, ok := all[r.host].find(r.value); !ok {
			faults = append(faults, fmt.Sprintf("%s: the API of node %d shows host %d at value %d, which nobody wrote", r.from, r.node, r.host, r.value))
		} else if at := all[r.host].replaced(l); at < r.from {
			faults = append(faults, fmt.Sprintf("%s: the API of node %d shows host %d at value %d; a later one was acknowledged at %s", r.from, r.node, r.host, r.value, at))
		}
	}
	return faults
}

// judgeOrder finds answers of the DNS of one node that are older than one before.
func (h *history) judgeOrder() (faults []string) {
	all := chronicles(h.writes)
	type place struct{ node, host int }
	latest := map[place]life{}
	for _, s := range h.sights { // those of a node are in order
		l, ok := all[s.host].find(s.value)
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: the DNS of node %d has host %d at value %d, which nobody wrote", s.sent, s.node, s.host, s.value))
			continue
		}
		at := place{s.node, s.host}
		before, seen := latest[at]
		if seen && before.first > l.last {
			faults = append(faults, fmt.Sprintf("%s: the DNS of node %d has host %d at value %d after the later %d", s.sent, s.node, s.host, s.value, before.value))
		}
		if !seen || l.first > before.first {
			latest[at] = l
		}
	}
	return faults
}

// judgeLag finds answers of the DNS of a node that are older than it may be by what
// was shown of it last: what it had not when it spoke, and what came since.
func (h *history) judgeLag() (faults []string) {
	all := chronicles(h.writes)
	last, next := map[int]shown{}, 0
	shows := slices.SortedFunc(slices.Values(h.showns), func(a, b shown) int { return cmp.Compare(a.to, b.to) })
	for _, s := range slices.SortedFunc(slices.Values(h.sights), func(a, b sight) int { return cmp.Compare(a.sent, b.sent) }) {
		for ; next < len(shows) && shows[next].to <= s.sent; next++ {
			last[shows[next].node] = shows[next]
		}
		l, ok := all[s.host].find(s.value)
		at := never
		if ok {
			at = all[s.host].replaced(l)
		}
		by, known := last[s.node]
		if !known || at >= s.sent {
			continue
		}
		most := by.ago + s.sent - by.from + 5*time.Millisecond // since all is told in milliseconds
		if by.behind > 0 {
			most += by.lag + h.skewAt(s.sent)
		}
		if stale := s.sent - at; stale > most {
			faults = append(faults, fmt.Sprintf("%s: the DNS of node %d has host %d at value %d; a later one was acknowledged %s before, and its lag was shown as %s at most",
				s.sent, s.node, s.host, s.value, stale, most))
		}
	}
	return faults
}

// skewAt returns by how much clocks of nodes may differ at a time.
func (h *history) skewAt(at time.Duration) (most time.Duration) {
	for _, s := range h.skews {
		if s.from <= at {
			most = max(most, s.most)
		}
	}
	return most
}

// asked and answered are what Porcupine knows of an operation on the register that a
// host is.
type asked struct {
	host  int
	read  bool
	value uint32 // to be written
}

type answered struct {
	told  told
	value uint32 // that was read
}

// register is a host: an update sets it and tells whether that changes it. One of which
// nobody was told may have set it or not.
var register = (&porcupine.NondeterministicModel{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byHost := map[int][]porcupine.Operation{}
		for _, op := range all {
			host := op.Input.(asked).host
			byHost[host] = append(byHost[host], op)
		}
		var out [][]porcupine.Operation
		for _, ops := range byHost {
			out = append(out, ops)
		}
		return out
	},
	Init: func() []any { return []any{uint32(0)} },
	Step: func(state, input, output any) []any {
		in, out := input.(asked), output.(answered)
		possible := true
		switch {
		case in.read:
			in.value, possible = out.value, state == out.value
		case out.told == toldGood:
			possible = state != in.value
		case out.told == toldUnchanged:
			possible = state == in.value
		case state != in.value:
			return []any{state, in.value}
		}
		if !possible {
			return nil
		}
		return []any{in.value}
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(asked), output.(answered)
		if in.read {
			return fmt.Sprintf("read %d", out.value)
		}
		return fmt.Sprintf("write %d: %s", in.value, [...]string{"good", "nochg", "911", "no answer"}[out.told])
	},
}).ToModel()

// operations returns what was done by updates and reads through the API. What nobody
// was told of may happen until the end, and what was put off until somebody has heard of
// an update that was asked for after it: that one's commit keeps it from being appended.
func (h *history) operations() (ops []porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	settled := settlements(h.writes)
	for _, w := range h.writes {
		op := porcupine.Operation{ClientId: w.node, Input: asked{host: w.host, value: w.value}, Output: answered{told: w.told}, Call: int64(w.from), Return: int64(w.to)}
		switch w.told {
		case toldLater:
			op.Return = int64(settled(w.to))
		case toldNothing:
			op.Return = int64(never)
		}
		ops = append(ops, op)
	}
	for _, r := range h.reads {
		ops = append(ops, porcupine.Operation{
			ClientId: r.node, Input: asked{host: r.host, read: true}, Output: answered{value: r.value}, Call: int64(r.from), Return: int64(r.to),
		})
	}
	return ops
}

// settlements returns a function that tells when somebody had first heard of an update,
// whatever the host, that changed something and was asked for after some time.
func settlements(writes []write) func(after time.Duration) time.Duration {
	good := slices.DeleteFunc(slices.Clone(writes), func(w write) bool { return w.told != toldGood })
	slices.SortFunc(good, func(a, b write) int { return cmp.Compare(a.from, b.from) })
	first := make([]time.Duration, len(good)+1) // from each of them on
	first[len(good)] = never
	for i := len(good) - 1; i >= 0; i-- {
		first[i] = min(first[i+1], good[i].to)
	}
	return func(after time.Duration) time.Duration {
		i, _ := slices.BinarySearchFunc(good, after, func(w write, after time.Duration) int { return cmp.Compare(w.from, after) })
		return first[i]
	}
}

// mustLinearize fails the test unless all that clients did and read, through whatever
// node, could have been done one by one at some moment between call and answer. What
// could not is drawn in a page among the test's artifacts.
func (h *history) mustLinearize(t *testing.T) {
	t.Helper()
	ops := h.operations()
	result, info := porcupine.CheckOperationsVerbose(register, ops, 5*time.Minute)
	if result == porcupine.Ok {
		return
	}
	page := filepath.Join(t.ArtifactDir(), "history.html")
	if err := porcupine.VisualizePath(register, info, page); err != nil {
		t.Error(err)
	}
	t.Errorf("Porcupine finds a history of %d operations %s, want %s; see %s", len(ops), result, porcupine.Ok, page)
}
