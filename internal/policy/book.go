package policy

import (
	"errors"
	"iter"
	"net/netip"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/tree"
	"stayput.dev/internal/zone"
)

// Book is one version of the policies of all zones. It never changes and is safe for
// concurrent use. The zero Book settles nothing.
type Book struct{ zones tree.Map } // key of the origin → Zone

// Of returns what is settled for the zone with the origin.
func (b Book) Of(origin zone.Name) Zone {
	var buf [2 * zone.MaxName]byte
	raw, ok := b.zones.Get(origin.AppendKey(buf[:0]))
	if !ok {
		return Zone{Origin: origin}
	}
	return decode(origin, raw)
}

// Len returns for how many zones something is settled.
func (b Book) Len() int { return b.zones.Len() }

// All yields what is settled, in canonical order of the zones.
func (b Book) All() iter.Seq[Zone] {
	return func(yield func(Zone) bool) {
		for key, raw := range b.zones.All() {
			origin, _ := zone.NameFromKey(key)
			if !yield(decode(origin, raw)) {
				return
			}
		}
	}
}

// Same tells whether surely nothing differs between the two versions. It costs
// nothing.
func (b Book) Same(other Book) bool { return b.zones == other.zones }

// Changes is policies that take the place of those of their zones.
type Changes struct{ Zones []Zone }

// IsEmpty tells whether nothing changes.
func (c *Changes) IsEmpty() bool { return len(c.Zones) == 0 }

// Check tells why the changes cannot be made; its error is ErrBad. Changes that come
// from elsewhere must be checked before they are made.
func (c *Changes) Check() error {
	for i := range c.Zones {
		if err := c.Zones[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// With returns the book after the changes.
func (b Book) With(c *Changes) Book {
	if c.IsEmpty() {
		return b
	}
	d := b.zones.Edit()
	for i := range c.Zones {
		z := &c.Zones[i]
		if key := z.Origin.AppendKey(nil); z.IsUsual() {
			d.Delete(key)
		} else {
			d.Put(key, encode(z))
		}
	}
	return Book{d.Freeze()}
}

// Join makes one of changes that came one after the other.
func Join(list []Changes) Changes {
	var c Changes
	at := map[zone.Name]int{}
	for i := range list {
		for _, z := range list[i].Zones {
			if j, known := at[z.Origin]; known {
				c.Zones[j] = z
				continue
			}
			at[z.Origin] = len(c.Zones)
			c.Zones = append(c.Zones, z)
		}
	}
	return c
}

// Append appends the binary form of the changes, which ReadChanges reads.
func (c *Changes) Append(b []byte) []byte {
	b = codec.AppendUint(b, uint64(len(c.Zones)))
	for i := range c.Zones {
		b = codec.AppendString(b, c.Zones[i].Origin)
		b = codec.AppendString(b, encode(&c.Zones[i]))
	}
	return b
}

// ReadChanges reads what Append appended. A fault shows in r.Err, and so does what
// stands for a policy and is none; then there are no changes.
func ReadChanges(r *codec.Reader) Changes {
	var c Changes
	for range r.Count(2) {
		origin := zone.Name(r.String())
		c.Zones = append(c.Zones, decode(origin, r.Bytes()))
	}
	if r.Err() == nil && c.Check() != nil {
		r.Fail()
	}
	if r.Err() != nil {
		return Changes{}
	}
	return c
}

// The stored form of a policy ends where its last known field ends, as all stored
// forms do: what a later version appends is passed over.

func encode(z *Zone) []byte {
	b := codec.AppendUint(nil, uint64(len(z.Secondaries)))
	for _, s := range z.Secondaries {
		b = codec.AppendAddr(b, s.Addr.Addr())
		b = codec.AppendUint(b, uint64(s.Addr.Port()))
		b = codec.AppendString(b, s.Key)
	}
	return codec.AppendUint(b, uint64(z.NotifyGap.Milliseconds()))
}

func decode(origin zone.Name, raw []byte) Zone {
	r := codec.NewReader(raw)
	z := Zone{Origin: origin}
	for range r.Count(3) {
		addr := netip.AddrPortFrom(r.Addr(), uint16(r.Uint()))
		z.Secondaries = append(z.Secondaries, Secondary{addr, zone.Name(r.String())})
	}
	z.NotifyGap = time.Duration(r.Uint()) * time.Millisecond
	return z
}

// Leaves yields the book in pieces for storage.
func (b Book) Leaves() iter.Seq[[]byte] { return b.zones.Leaves() }

// Loader makes a book of the pieces that Leaves yielded. The zero Loader is ready for
// use.
type Loader struct{ builder tree.Builder }

// Add takes a piece. It fails on a damaged one.
func (l *Loader) Add(piece []byte) error { return l.builder.AddLeaf(piece) }

// Book returns the book of all pieces added. It fails when a policy among them is
// damaged.
func (l *Loader) Book() (Book, error) {
	b := Book{l.builder.Map()}
	for key, raw := range b.zones.All() {
		origin, ok := zone.NameFromKey(key)
		if !ok {
			return Book{}, errors.New("name of a zone with a policy is damaged")
		}
		z := decode(origin, raw)
		if err := z.Check(); err != nil {
			return Book{}, err
		}
	}
	return b, nil
}
