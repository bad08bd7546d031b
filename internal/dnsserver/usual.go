package dnsserver

import (
	"runtime"

	"stayput.dev/internal/registry"
)

// Most packets ask for an address, of a host that has one or none or does not
// exist, and bring no more than an OPT record. Those are answered here, a batch at
// a time: first all are read, then all names are looked up in the table, so that
// the memory is waited for once and not for each, then all replies are written,
// each in the place of its packet. A packet that is unusual in any way is left to
// the Responder; so this must say of the others, octet for octet, what the
// Responder would.

// batchSize is the most packets that are answered together, and that one system
// call carries. With more of them the first would wait for longer than a call
// costs.
const batchSize = 64

// usual is the memory of a worker for usual questions.
type usual struct {
	asked [batchSize]asked
	names [batchSize][nameRoom]byte // of the questions, in lower case
	found [batchSize]finding

	replies   [2]uint64           // not counted yet, by response code: see count
	questions [typeClasses]uint64 // likewise
}

// finding is what a table says to a question.
type finding struct {
	entry entry
	view  *view // of the zone; nil when the question is not a usual one after all
	known bool  // whether the name exists
}

// lookUp finds out which of the packets are usual and what the table says to them.
// It returns false when the table does not show the state. Nil packets are not
// usual.
func (u *usual) lookUp(t *table, state *registry.State, packets [][]byte) bool {
	shown := t.shows.Load()
	if shown == nil || *shown != state.Zones {
		return false
	}
	for i, p := range packets {
		a := &u.asked[i]
		if a.usual = a.read(p, &u.names[i]); a.usual {
			a.hash = t.hash(u.names[i][:a.length])
		}
	}
	// In a loop as short as this one the processor asks for many lines at once.
	for i := range packets {
		if a := &u.asked[i]; a.usual {
			t.touch(a.hash)
		}
	}
	for i := range packets {
		if a := &u.asked[i]; a.usual {
			u.found[i].look(t, a, u.names[i][:])
		}
	}
	same := t.shows.Load() == shown // or what was read is of several versions
	runtime.KeepAlive(t)            // it has memory that the collector does not see
	return same
}

// look asks the table.
func (f *finding) look(t *table, a *asked, name []byte) {
	f.view = nil
	f.known = t.find(a.hash, name[:a.length], &f.entry)
	switch e := &f.entry; {
	case f.known && e.flags&entryPlain != 0:
		f.view = t.viewOf(e)
	case !f.known:
		parent := name[a.label:a.length]
		if t.find(t.hash(parent), parent, e) && e.flags&entryApex != 0 {
			if v := t.viewOf(e); v != nil && v.empty {
				f.view = v
			}
		}
	}
}
