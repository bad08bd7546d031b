package registry

import (
	"fmt"
	"iter"
	"math"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/codec"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// formatVersion is the first octet of a commit's binary form, and of a piece of a
// snapshot.
const formatVersion = 1

// Encode returns the binary form of the commit, which DecodeCommit reads. The
// revision is part of it.
func (c *Commit) Encode() []byte {
	b := append(make([]byte, 0, 256), formatVersion)
	b = codec.AppendUint(b, uint64(c.Revision))
	b = codec.AppendString(b, c.ID)
	b = codec.AppendUint(b, uint64(c.At.UnixMilli()))
	b = codec.AppendUint(b, uint64(len(c.By)))
	for _, a := range c.By {
		b = codec.AppendUint(b, uint64(a.Account))
		b = codec.AppendUint(b, uint64(a.Key))
		b = codec.AppendString(b, a.Via)
		b = codec.AppendString(b, a.From)
	}
	b = codec.AppendUint(b, uint64(len(c.Removed)))
	for _, origin := range c.Removed {
		b = codec.AppendString(b, origin)
	}
	b = codec.AppendUint(b, uint64(len(c.Replaced)))
	for _, z := range c.Replaced {
		b = appendZone(b, z)
	}
	b = codec.AppendUint(b, uint64(len(c.Deltas)))
	for _, d := range c.Deltas {
		b = appendDelta(b, d)
	}
	b = c.Accounts.Append(b)
	b = c.TSIG.Append(b)
	b = c.Policy.Append(b)
	return appendNotes(b, c.Notes)
}

func appendNotes(b []byte, notes []Note) []byte {
	b = codec.AppendUint(b, uint64(len(notes)))
	for _, n := range notes {
		b = codec.AppendUint(b, uint64(n.By))
		b = codec.AppendString(b, n.Verb)
		b = codec.AppendString(b, n.Subject)
		b = codec.AppendUint(b, uint64(n.Account))
		b = codec.AppendString(b, n.Detail)
	}
	return b
}

func appendZone(b []byte, z *zone.Zone) []byte {
	b = codec.AppendString(b, z.Origin())
	for piece := range z.Leaves() {
		b = codec.AppendString(b, piece)
	}
	return codec.AppendUint(b, 0) // no piece is empty
}

func appendDelta(b []byte, d zone.Delta) []byte {
	b = codec.AppendString(b, d.Origin)
	b = codec.AppendUint(b, uint64(d.From))
	b = codec.AppendUint(b, uint64(d.To))
	b = codec.AppendUint(b, uint64(len(d.Changes)))
	for _, c := range d.Changes {
		b = codec.AppendString(b, c.New.Name)
		b = codec.AppendUint(b, uint64(c.New.Type))
		b = appendData(b, c.Old)
		b = appendData(b, c.New)
	}
	return b
}

func appendData(b []byte, s zone.RRset) []byte {
	b = codec.AppendUint(b, uint64(s.TTL))
	b = codec.AppendUint(b, uint64(len(s.Data)))
	for _, d := range s.Data {
		b = codec.AppendString(b, d)
	}
	return b
}

// DecodeCommit reads what Encode returned. It fails on anything else; a commit
// that it returns can be given to State.Apply without harm.
func DecodeCommit(data []byte) (Commit, error) {
	if len(data) == 0 || data[0] != formatVersion {
		return Commit{}, fmt.Errorf("commit of an unknown format: %w", codec.ErrMalformed)
	}
	r := decoder{Reader: codec.NewReader(data[1:])}
	c, err := r.commit()
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return Commit{}, fmt.Errorf("commit %d: %w", c.Revision, err)
	}
	return c, nil
}

// decoder reads the parts of a commit. As in the reader that it is made of, the
// first fault sticks, and Err tells of it.
type decoder struct {
	*codec.Reader
	bad bool
}

func (r *decoder) Err() error {
	if r.bad {
		return codec.ErrMalformed
	}
	return r.Reader.Err()
}

func (r *decoder) commit() (c Commit, err error) {
	c = Commit{Revision: Revision(r.Uint()), ID: r.String(), At: time.UnixMilli(int64(r.Uint())).UTC()}
	for range r.Count(4) {
		c.By = append(c.By, Actor{r.uint32(), r.uint32(), r.String(), r.String()})
	}
	for range r.Count(1) {
		c.Removed = append(c.Removed, r.name())
	}
	for range r.Count(2) {
		z, err := zone.FromLeaves(r.name(), r.pieces())
		if err != nil {
			return c, err
		}
		c.Replaced = append(c.Replaced, z)
	}
	for range r.Count(4) {
		c.Deltas = append(c.Deltas, r.delta())
	}
	c.Accounts = account.ReadChanges(r.Reader)
	c.TSIG = tsig.ReadChanges(r.Reader)
	c.Policy = policy.ReadChanges(r.Reader)
	for range r.Count(5) {
		c.Notes = append(c.Notes, r.note(len(c.By)))
	}
	return c, nil
}

// note reads a note of a commit by so many actors.
func (r *decoder) note(actors int) Note {
	by := r.Uint()
	r.bad = r.bad || by >= uint64(actors)
	return Note{By: int(by), Verb: r.String(), Subject: r.String(), Account: r.uint32(), Detail: r.String()}
}

// pieces yields the pieces of a zone.
func (r *decoder) pieces() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			piece := r.Bytes()
			if err := r.Err(); err != nil {
				yield(nil, err)
				return
			}
			if len(piece) == 0 || !yield(piece, nil) {
				return
			}
		}
	}
}

func (r *decoder) name() zone.Name {
	name := zone.Name(r.Bytes())
	r.bad = r.bad || !name.IsValid()
	return name
}

func (r *decoder) uint32() uint32 { return uint32(r.upTo(math.MaxUint32)) }

func (r *decoder) upTo(limit uint64) uint64 {
	v := r.Uint()
	r.bad = r.bad || v > limit
	return v
}

func (r *decoder) delta() zone.Delta {
	d := zone.Delta{Origin: r.name(), From: r.uint32(), To: r.uint32()}
	for range r.Count(6) {
		name, typ := r.name(), zone.Type(r.upTo(math.MaxUint16))
		d.Changes = append(d.Changes, zone.Change{Old: r.set(name, typ), New: r.set(name, typ)})
	}
	return d
}

func (r *decoder) set(name zone.Name, typ zone.Type) zone.RRset {
	s := zone.RRset{Name: name, Type: typ, TTL: r.uint32()}
	for range r.Count(1) {
		s.Data = append(s.Data, zone.Rdata(r.String()))
	}
	return s
}
