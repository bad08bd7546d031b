package zone

import (
	"cmp"
	"fmt"
	"slices"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/tree"
)

// Limits of what a zone takes.
const (
	MaxRdata   = 253 << 8 // octets of data in one RRset: a message has room for them, the longest name and a signature
	MaxRecords = 4096     // records in one RRset
)

// Change is what happened to one RRset: Old gave way to New. Both have the same
// name and type; one of them may have no data.
type Change struct{ Old, New RRset }

// Delta is all that changed between two versions of a zone, in canonical order
// of names, then by type. The change of the SOA record is among the changes. It
// is one step of an incremental transfer (RFC 1995 §4).
type Delta struct {
	Origin   Name
	From, To uint32 // serials
	Changes  []Change
}

// Reverse returns the delta that leads back.
func (d Delta) Reverse() Delta {
	back := Delta{Origin: d.Origin, From: d.To, To: d.From, Changes: make([]Change, len(d.Changes))}
	for i, c := range d.Changes {
		back.Changes[i] = Change{Old: c.New, New: c.Old}
	}
	return back
}

// Draft is a version of a zone in the making. It is not safe for concurrent use.
type Draft struct {
	base  *Zone // nil for a zone that did not exist
	zone  Zone  // counts and origin of the draft; its nodes and SOA are stale
	nodes *tree.Draft
	old   map[setKey]RRset // what stood where the draft has changed base
	view  Zone             // what View returns
}

type setKey struct {
	name Name
	typ  Type
}

// New starts a zone that does not exist yet.
func New(origin Name) *Draft {
	return &Draft{zone: Zone{origin: origin, apexKey: len(origin.AppendKey(nil))}, nodes: tree.Map{}.Edit()}
}

// Edit starts a draft from z, which stays as it is.
func (z *Zone) Edit() *Draft {
	return &Draft{base: z, zone: *z, nodes: z.nodes.Edit(), old: map[setKey]RRset{}}
}

// Rework is Edit for who wants the new version and not the difference: the delta
// that Finish returns has no changes.
func (z *Zone) Rework() *Draft {
	return &Draft{zone: *z, nodes: z.nodes.Edit()}
}

// Put makes s take the place of the set of its name and type; without data, s
// removes it. The data need not be sorted, nor be in the form of
// Rdata.Canonical: it is brought into it. Put fails, changing nothing, when the
// name is outside the zone, the type is a meta type, or a limit is passed. It
// does not judge whether sets may stand beside each other (CNAME): that is for
// the caller, who knows what else will change.
func (d *Draft) Put(s RRset) error {
	if err := s.Check(d.zone.origin); err != nil {
		return err
	}
	s = s.canonical().Sorted()
	var buf [2 * MaxName]byte
	key := s.Name.AppendKey(buf[:0])
	raw, _ := d.nodes.View().Get(key)
	before := Node{raw}
	d.remember(before.Lookup(s.Type), s)
	after := before.with(s)
	d.zone.count(s.Name, before, -1)
	d.zone.count(s.Name, Node{after}, 1)
	if len(after) == 0 {
		d.nodes.Delete(key)
		return nil
	}
	d.nodes.Put(key, after)
	return nil
}

// Check tells why the set cannot be put into the zone with the given origin, or
// nil when it can.
func (s RRset) Check(origin Name) error {
	if err := s.check(origin); err != nil {
		return phrase.Errorf("%s %s: %w", s.Name, s.Type, err)
	}
	return nil
}

func (s RRset) check(origin Name) error {
	switch {
	case s.Name == "" || !s.Name.IsWithin(origin):
		return phrase.Errorf("%w %s", ErrOutOfZone, origin)
	case s.Type.IsMeta():
		return phrase.Errorf("type cannot be stored")
	case s.TTL > MaxTTL:
		return phrase.Errorf("TTL %d is over %d", s.TTL, MaxTTL)
	case len(s.Data) > MaxRecords:
		return phrase.Errorf("more than %d records", MaxRecords)
	case s.Type == TypeSOA:
		return s.checkSOA(origin)
	}
	size := 0
	for _, data := range s.Data {
		if size += len(data); size > MaxRdata {
			return phrase.Errorf("more than %d octets of data", MaxRdata)
		}
	}
	return nil
}

// checkSOA makes sure that a zone keeps its one SOA record.
func (s RRset) checkSOA(origin Name) error {
	if s.Name != origin {
		return phrase.Errorf("only the apex has an SOA record")
	}
	if len(s.Data) != 1 {
		return phrase.Errorf("there must be one SOA record")
	}
	_, err := ParseSOA(s.Data[0])
	return err
}

func (d *Draft) remember(before Records, s RRset) {
	if d.base == nil {
		return
	}
	k := setKey{s.Name, s.Type}
	if _, known := d.old[k]; known {
		return
	}
	was := before.RRset(s.Name)
	was.Type = s.Type
	d.old[k] = was
}

// View returns the draft as it is now, with the SOA of its base. The result is
// good for reading until the draft changes or is finished, and then no more; it
// is the same pointer each time.
func (d *Draft) View() *Zone {
	d.view = d.zone
	d.view.nodes = d.nodes.View()
	return &d.view
}

// Changed tells whether the draft differs from what it was started from.
func (d *Draft) Changed() bool {
	if d.base == nil {
		return true
	}
	for k, was := range d.old {
		if !d.now(k).Equal(was) {
			return true
		}
	}
	return false
}

func (d *Draft) now(k setKey) RRset {
	var buf [2 * MaxName]byte
	raw, _ := d.nodes.View().Get(k.name.AppendKey(buf[:0]))
	s := Node{raw}.Lookup(k.typ).RRset(k.name)
	s.Type = k.typ
	return s
}

// Serial returns the serial of the draft's SOA record. It fails with ErrNoSOA
// when there is none.
func (d *Draft) Serial() (uint32, error) {
	z := d.View()
	err := z.readSOA()
	return z.soa.Serial, err
}

// SetSerial gives the SOA record of the draft the serial. It fails with
// ErrNoSOA when there is no SOA record.
func (d *Draft) SetSerial(serial uint32) error {
	z := d.View()
	if err := z.readSOA(); err != nil {
		return err
	}
	soa := z.soa
	soa.Serial = serial
	return d.Put(soa.RRset(z.origin))
}

// Finish returns the new version and what changed from the one that the draft
// was started from; for a zone that did not exist the delta is empty but for
// its origin and serial. It fails with ErrNoSOA when the draft has no SOA record
// at its apex. The draft must not be used afterwards.
func (d *Draft) Finish() (*Zone, Delta, error) {
	z := d.zone
	z.nodes = d.nodes.Freeze()
	if err := z.readSOA(); err != nil {
		return nil, Delta{}, err
	}
	delta := Delta{Origin: z.origin, To: z.soa.Serial}
	if d.base != nil {
		delta.From = d.base.soa.Serial
	}
	for k, was := range d.old {
		now := z.Node(k.name).Lookup(k.typ).RRset(k.name)
		now.Type = k.typ
		if !now.Equal(was) {
			delta.Changes = append(delta.Changes, Change{was, now})
		}
	}
	sortChanges(delta.Changes)
	return &z, delta, nil
}

func sortChanges(changes []Change) {
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(a.New.Name.Compare(b.New.Name), cmp.Compare(a.New.Type, b.New.Type))
	})
}

// Apply makes the changes of delta. It fails when the draft does not have the
// serial that delta starts from, or would not have the one that it leads to; the
// draft must then be thrown away.
func (d *Draft) Apply(delta Delta) error {
	serial, err := d.Serial()
	if err != nil {
		return err
	}
	if d.zone.origin != delta.Origin || serial != delta.From {
		return fmt.Errorf("zone %s: delta %d to %d does not fit serial %d", delta.Origin, delta.From, delta.To, serial)
	}
	for _, c := range delta.Changes {
		if err := d.Put(c.New); err != nil {
			return err
		}
	}
	if serial, err = d.Serial(); err == nil && serial != delta.To {
		err = fmt.Errorf("zone %s: delta %d to %d leads to serial %d", delta.Origin, delta.From, delta.To, serial)
	}
	return err
}

// Diff returns what changed between two versions of one zone, in time
// proportional to the change when one was made from the other.
func Diff(before, after *Zone) Delta {
	delta := Delta{Origin: after.origin, From: before.soa.Serial, To: after.soa.Serial}
	for c := range tree.Diff(before.nodes, after.nodes) {
		name, _ := nameFromKey(c.Key)
		delta.Changes = appendNodeChanges(delta.Changes, name, Node{c.Old}, Node{c.New})
	}
	return delta
}

// appendNodeChanges appends the changes of one name's sets in order of type.
func appendNodeChanges(dst []Change, name Name, before, after Node) []Change {
	start := len(dst)
	for r := range before.All() {
		was, now := r.RRset(name), after.Lookup(r.Type()).RRset(name)
		now.Type = was.Type
		if !now.Equal(was) {
			dst = append(dst, Change{was, now})
		}
	}
	for r := range after.All() {
		if before.Lookup(r.Type()).Len() == 0 {
			now := r.RRset(name)
			dst = append(dst, Change{RRset{Name: name, Type: now.Type}, now})
		}
	}
	sortChanges(dst[start:])
	return dst
}
