package registry

import (
	"fmt"
	"iter"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/codec"
	"stayput.dev/internal/zone"
)

// formatVersion is the first octet of a commit's binary form.
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
	return c.Accounts.Append(b)
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
	r := codec.NewReader(data[1:])
	c := Commit{Revision: Revision(r.Uint()), ID: r.String(), At: time.UnixMilli(int64(r.Uint())).UTC()}
	for range r.Count(4) {
		c.By = append(c.By, Actor{uint32(r.Uint()), uint32(r.Uint()), r.String(), r.String()})
	}
	for range r.Count(1) {
		c.Removed = append(c.Removed, readName(r))
	}
	for range r.Count(2) {
		z, err := zone.FromLeaves(readName(r), pieces(r))
		if err != nil {
			return Commit{}, fmt.Errorf("commit %d: %w", c.Revision, err)
		}
		c.Replaced = append(c.Replaced, z)
	}
	for range r.Count(4) {
		c.Deltas = append(c.Deltas, readDelta(r))
	}
	c.Accounts = account.ReadChanges(r)
	if err := r.Err(); err != nil {
		return Commit{}, fmt.Errorf("commit %d: %w", c.Revision, err)
	}
	return c, nil
}

func pieces(r *codec.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for r.Err() == nil {
			piece := r.Bytes()
			if len(piece) == 0 {
				break
			}
			if !yield(piece, nil) {
				return
			}
		}
		if r.Err() != nil {
			yield(nil, r.Err())
		}
	}
}

// readName reads a name and makes sure that it is one; a bad one reads as the
// root, which fails where it is used.
func readName(r *codec.Reader) zone.Name {
	b := r.Bytes()
	name, n, err := zone.NameFromWire(b)
	if err != nil || n != len(b) {
		return zone.Root
	}
	return name
}

func readDelta(r *codec.Reader) zone.Delta {
	d := zone.Delta{Origin: readName(r), From: uint32(r.Uint()), To: uint32(r.Uint())}
	for range r.Count(6) {
		name, typ := readName(r), zone.Type(r.Uint())
		d.Changes = append(d.Changes, zone.Change{Old: readData(r, name, typ), New: readData(r, name, typ)})
	}
	return d
}

func readData(r *codec.Reader, name zone.Name, typ zone.Type) zone.RRset {
	s := zone.RRset{Name: name, Type: typ, TTL: uint32(r.Uint())}
	for range r.Count(1) {
		s.Data = append(s.Data, zone.Rdata(r.String()))
	}
	return s
}
