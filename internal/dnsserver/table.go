package dnsserver

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"

	"stayput.dev/internal/zone"
)

// A table is the names of all zones laid flat, so that the usual question costs
// one look at one line of the processor's cache instead of a way through a tree.
// It is a projection of one version of the zones and nobody's truth: it answers
// only while shows says that it is in step with the very version that a query is
// to be answered from, and only what it is sure of; the rest is asked of the zones.
//
// It knows every name right below an apex, whether that has records or only names
// below it; of deeper names it may know some. One goroutine changes it, any number
// read it meanwhile: they copy what they need, and then look whether shows is
// still what it was before.
type table struct {
	seed  maphash.Seed                           // not known outside, so that nobody can choose names that collide
	slots []slot                                 // open addressing, linear probing
	views atomic.Pointer[[]atomic.Pointer[view]] // of zones; nil for one that is gone
	shows atomic.Pointer[zone.Set]               // nil while the table changes

	// For who changes the table.
	at     version              // what it showed last
	toward *version             // what it is being changed to show; nil when it is there
	places map[zone.Name]uint32 // where the views of zones are, by origin
	vacant []uint32             // places of zones that are gone
	used   int                  // slots that are not free, those of removed names among them
	budget int                  // names that may still be changed
}

// newTable makes an empty table with room for so many names.
func newTable(names int) *table {
	n := names + names/2 + 64
	memory := newPages(n * slotOctets)
	t := &table{seed: maphash.MakeSeed(), places: map[zone.Name]uint32{}}
	t.views.Store(new([]atomic.Pointer[view]))
	t.slots = unsafe.Slice((*slot)(unsafe.Pointer(unsafe.SliceData(memory))), n) //nolint:gosec // zeros are free slots
	runtime.AddCleanup(t, freePages, memory)
	return t
}

// setView makes v the view of its zone and returns its place.
func (t *table) setView(v *view) uint32 {
	place, known := t.places[v.origin]
	if !known {
		place = t.newPlace()
		t.places[v.origin] = place
	}
	(*t.views.Load())[place].Store(v)
	return place
}

// newPlace returns a place that has no view. What entries are left of the zone
// that had it are about names that its next zone does not have, or do not tell
// much.
func (t *table) newPlace() uint32 {
	if last := len(t.vacant) - 1; last >= 0 {
		place := t.vacant[last]
		t.vacant = t.vacant[:last]
		return place
	}
	views := *t.views.Load()
	more := make([]atomic.Pointer[view], len(views)+1)
	for i := range views {
		more[i].Store(views[i].Load())
	}
	t.views.Store(&more)
	return uint32(len(views))
}

// dropView forgets a zone.
func (t *table) dropView(origin zone.Name) {
	place := t.places[origin]
	(*t.views.Load())[place].Store(nil)
	delete(t.places, origin)
	t.vacant = append(t.vacant, place)
}

// viewOf returns the view of an entry's zone. It is nil when the zone is gone, or
// the table changes.
func (t *table) viewOf(e *entry) *view {
	if views := *t.views.Load(); int(e.zone) < len(views) {
		return views[e.zone].Load()
	}
	return nil
}

// mustStop tells whether no more names may be changed: the table has so few free
// slots that looking for one takes long, or whoever changes it has done enough.
func (t *table) mustStop() bool { return t.used > len(t.slots)/8*7 || t.budget <= 0 }

// hash returns the hash of a name in lower case.
func (t *table) hash(name []byte) uint64 {
	return max(maphash.Bytes(t.seed, name), leastHash)
}

// home returns the index of the slot where the search for a hash begins.
func (t *table) home(hash uint64) int {
	high, _ := bits.Mul64(hash, uint64(len(t.slots)))
	return int(high)
}

func (t *table) after(i int) int {
	if i++; i < len(t.slots) {
		return i
	}
	return 0
}

// find copies what the table knows of a name, which is in lower case and
// has room behind it, into e. It returns false when the table does not know it.
func (t *table) find(hash uint64, name []byte, e *entry) bool {
	for i := t.home(hash); ; i = t.after(i) {
		switch t.slots[i][0].Load() {
		case slotFree:
			return false
		case hash:
			if e.load(&t.slots[i]); t.isAt(e, name) {
				return true
			}
		}
	}
}

// isAt tells whether the entry is about the name, whose hash it has.
func (t *table) isAt(e *entry, name []byte) bool {
	if !e.isShort() {
		return true // or about another: what is said of it holds for both
	}
	n := int(e.length)
	if n >= len(name) || string(e.label[:n]) != string(name[:n]) {
		return false
	}
	v := t.viewOf(e)
	return v != nil && string(v.origin) == string(name[n:])
}

// put makes e all that is known of the name that it is about.
func (t *table) put(hash uint64, e *entry) {
	t.budget--
	s := &t.slots[t.placeFor(hash, e)]
	e.store(s)
	s[0].Store(hash)
}

// placeFor returns the slot where e is, or else one where it can be.
func (t *table) placeFor(hash uint64, e *entry) int {
	room := -1
	for i := t.home(hash); ; i = t.after(i) {
		switch h := t.slots[i][0].Load(); {
		case h == hash && e.isAlso(&t.slots[i]):
			return i
		case h == slotRemoved && room < 0:
			room = i
		case h == slotFree && room < 0:
			t.used++
			return i
		case h == slotFree:
			return room
		}
	}
}

// remove takes away what is known of the name that e is about. Names that are not
// short stay: their slots may be about others too.
func (t *table) remove(hash uint64, e *entry) {
	t.budget--
	if !e.isShort() {
		return
	}
	for i := t.home(hash); ; i = t.after(i) {
		switch t.slots[i][0].Load() {
		case slotFree:
			return
		case hash:
			if e.isAlso(&t.slots[i]) {
				t.slots[i][0].Store(slotRemoved)
				return
			}
		}
	}
}

// touch has the line of the cache fetched in which a search begins.
func (t *table) touch(hash uint64) uint64 { return t.slots[t.home(hash)][0].Load() }
