package publish

import (
	"slices"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// A queue is the names at which a target may differ from the state: never values, so
// the one that is sent is the latest. It is not safe for concurrent use.
type queue struct {
	pending map[zone.Name]*due
	flight  map[zone.Name]*due     // sent, and not settled
	order   []zone.Name            // of pending; some may have gone from there
	alone   []zone.Name            // of pending, that were refused: each is tried by itself
	turn    bool                   // whether those that are not alone were first, the last time
	leaving map[zone.Name]struct{} // pending or in flight, and had addresses that are to be deleted
	held    bool                   // whether those of leaving wait until somebody lets them go
	gone    map[zone.Name]departed
	unsaved map[zone.Name]struct{} // whose marks are not as in the store
	stored  map[zone.Name]struct{} // which have marks in the store
}

// due is a name to be sent.
type due struct {
	types []zone.Type // that the target may have of us, beside those of the state
	wrong []zone.Type // that it may not have as the state has them; nil: any
	since time.Time
	alone bool
	tries int       // of those alone
	next  time.Time // when the next one is due
	err   error     // of the last
}

// departed is a name that was ours and was deleted at the target.
type departed struct {
	types []zone.Type
	at    time.Time
}

// What is kept of names that are gone.
const (
	maxGone    = 100_000
	maxGoneAge = 90 * 24 * time.Hour
)

func newQueue(marks []registry.Mark, now time.Time) *queue {
	q := &queue{
		pending: map[zone.Name]*due{}, flight: map[zone.Name]*due{}, leaving: map[zone.Name]struct{}{}, gone: map[zone.Name]departed{},
		unsaved: map[zone.Name]struct{}{}, stored: map[zone.Name]struct{}{},
	}
	for _, m := range marks {
		q.stored[m.Name] = struct{}{}
		switch {
		case m.Stage == registry.MarkPending:
			q.note(m.Name, m.Types, nil, m.At)
		case now.Sub(m.At) < maxGoneAge:
			q.gone[m.Name] = departed{m.Types, m.At}
		default:
			q.unsaved[m.Name] = struct{}{}
		}
	}
	return q
}

// note adds a name, types that the target may have there of us, and those that it may
// not have as they are here; nil: any.
func (q *queue) note(name zone.Name, types, wrong []zone.Type, now time.Time) {
	q.unsaved[name] = struct{}{}
	d := q.pending[name]
	if d == nil {
		d = &due{since: now, wrong: []zone.Type{}}
		q.pending[name] = d
		q.order = append(q.order, name)
	}
	d.types = union(d.types, types)
	d.suspect(wrong)
	d.next = time.Time{} // it may do better now
}

// suspect adds types that the target may not have as they are here.
func (d *due) suspect(wrong []zone.Type) {
	if d.wrong == nil || wrong == nil {
		d.wrong = nil
		return
	}
	d.wrong = union(d.wrong, wrong)
}

// leave says whether a name is to be deleted where addresses were.
func (q *queue) leave(name zone.Name, really bool) {
	if really {
		q.leaving[name] = struct{}{}
		return
	}
	if q.waits(name) {
		q.enlist(name)
	}
	delete(q.leaving, name)
}

// hold says whether what is leaving waits.
func (q *queue) hold(really bool) {
	if q.held && !really {
		for name := range q.leaving {
			q.enlist(name)
		}
	}
	q.held = really
}

// enlist lets a pending name be sent that was held.
func (q *queue) enlist(name zone.Name) {
	if d := q.pending[name]; d != nil && !d.alone {
		q.order = append(q.order, name)
	}
}

// waits tells whether a name is held.
func (q *queue) waits(name zone.Name) bool {
	_, leaves := q.leaving[name]
	return q.held && leaves
}

func union(a, b []zone.Type) []zone.Type {
	for _, t := range b {
		if !slices.Contains(a, t) {
			a = append(a, t)
		}
	}
	return a
}

// take takes up to limit names to be sent together, or one that must be sent alone.
// Where there are both, they take turns. Without any it returns when there will be one,
// zero for never.
func (q *queue) take(limit int, now time.Time) (names []zone.Name, at time.Time) {
	if q.turn = !q.turn; q.turn {
		if names = q.takeTogether(limit); len(names) > 0 {
			return names, time.Time{}
		}
	}
	if names, at = q.takeAlone(now); len(names) > 0 {
		return names, time.Time{}
	}
	if names = q.takeTogether(limit); len(names) > 0 {
		return names, time.Time{}
	}
	return nil, at
}

func (q *queue) takeTogether(limit int) (names []zone.Name) {
	for len(q.order) > 0 && len(names) < limit {
		name := q.order[0]
		q.order = q.order[1:]
		if d := q.pending[name]; d != nil && !d.alone && !q.waits(name) {
			q.depart(name)
			names = append(names, name)
		}
	}
	return names
}

// takeAlone takes the first name that is due, or returns when one will be.
func (q *queue) takeAlone(now time.Time) (names []zone.Name, at time.Time) {
	for i, name := range q.alone {
		if q.waits(name) {
			continue
		}
		next := q.pending[name].next
		if !next.After(now) {
			q.alone = slices.Delete(q.alone, i, i+1)
			q.depart(name)
			return []zone.Name{name}, time.Time{}
		}
		if at.IsZero() || next.Before(at) {
			at = next
		}
	}
	return nil, at
}

func (q *queue) depart(name zone.Name) {
	q.flight[name] = q.pending[name]
	delete(q.pending, name)
}

// putBack takes back names that were not taken by the target, to be first again.
func (q *queue) putBack(names []zone.Name) {
	var first []zone.Name
	for _, name := range names {
		if q.comeBack(name).alone {
			q.alone = append(q.alone, name)
		} else {
			first = append(first, name)
		}
	}
	q.order = append(first, q.order...)
}

// refuse takes back a name that the target refused by itself.
func (q *queue) refuse(name zone.Name, err error, now time.Time) {
	d := q.comeBack(name)
	d.alone, d.err = true, err
	d.next = now.Add(backoff(d.tries))
	d.tries++
	q.alone = append(q.alone, name)
}

func (q *queue) comeBack(name zone.Name) *due {
	d := q.flight[name]
	delete(q.flight, name)
	if newer := q.pending[name]; newer != nil {
		d.types = union(d.types, newer.types)
		d.suspect(newer.wrong)
	}
	q.pending[name] = d
	return d
}

// settle says that the target has a name as the state has it, where it is there or not.
func (q *queue) settle(name zone.Name, there bool, now time.Time) {
	d := q.flight[name]
	delete(q.flight, name)
	q.unsaved[name] = struct{}{}
	if q.pending[name] == nil {
		delete(q.leaving, name)
	}
	if there {
		delete(q.gone, name)
	} else if len(d.types) > 0 {
		q.gone[name] = departed{union(slices.Clone(q.gone[name].types), d.types), now}
	}
	for other := range q.gone {
		if len(q.gone) <= maxGone {
			break
		}
		delete(q.gone, other)
		q.unsaved[other] = struct{}{}
	}
}

func (q *queue) len() int { return len(q.pending) + len(q.flight) }

// has tells whether a name is still to be sent or settled.
func (q *queue) has(name zone.Name) bool { return q.pending[name] != nil || q.flight[name] != nil }

// oldest returns since when the name waits that waits for longest.
func (q *queue) oldest() (at time.Time) {
	for _, all := range []map[zone.Name]*due{q.pending, q.flight} {
		for _, d := range all {
			if at.IsZero() || d.since.Before(at) {
				at = d.since
			}
		}
	}
	return at
}

// marks returns what is to be stored so that the store knows all. When that fails,
// unmark takes it back.
func (q *queue) marks() []registry.Mark {
	var marks []registry.Mark
	for name := range q.unsaved {
		m := q.mark(name)
		if _, stored := q.stored[name]; m.Stage == registry.MarkNone && !stored {
			continue
		}
		marks = append(marks, m)
		if m.Stage == registry.MarkNone {
			delete(q.stored, name)
		} else {
			q.stored[name] = struct{}{}
		}
	}
	clear(q.unsaved)
	return marks
}

// mark returns what is to be stored of a name. Types of a name that is pending again are
// not those that it had when it went: others may have put theirs there since.
func (q *queue) mark(name zone.Name) registry.Mark {
	m := registry.Mark{Name: name}
	for _, d := range []*due{q.pending[name], q.flight[name]} {
		if d != nil {
			m.Stage, m.Types, m.At = registry.MarkPending, union(m.Types, d.types), d.since
		}
	}
	if g, ok := q.gone[name]; ok && m.Stage == registry.MarkNone {
		m.Stage, m.Types, m.At = registry.MarkGone, g.types, g.at
	}
	return m
}

func (q *queue) unmark(marks []registry.Mark) {
	for _, m := range marks {
		q.unsaved[m.Name], q.stored[m.Name] = struct{}{}, struct{}{}
	}
}

// backoff returns how long to wait after so many failures in a row.
func backoff(failures int) time.Duration {
	return min(250*time.Millisecond<<min(failures, 10), maxBackoff)
}

// maxBackoff, with what exchange waits, is what a target that comes back waits at most.
const maxBackoff = 8 * time.Second
