package account

import (
	"errors"
	"iter"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/tree"
	"stayput.dev/internal/zone"
)

// Every stored form ends where its last known field ends; what a later version
// appends is passed over by this one, and what this one expects but does not
// find reads as zero.

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return codec.AppendUint(b, 0)
	}
	return codec.AppendUint(b, uint64(t.UnixMilli()))
}

func readTime(r *codec.Reader) time.Time {
	if ms := r.Uint(); ms != 0 {
		return time.UnixMilli(int64(ms)).UTC()
	}
	return time.Time{}
}

func encodeAccount(a Account) []byte {
	b := codec.AppendUint(nil, uint64(a.ID))
	b = codec.AppendString(b, a.Name)
	b = codec.AppendString(b, a.Email)
	b = codec.AppendString(b, a.Role)
	b = codec.AppendString(b, a.Password)
	b = appendBool(b, a.Suspended)
	return appendTime(b, a.Created)
}

func decodeAccount(raw []byte) Account {
	r := codec.NewReader(raw)
	return Account{
		ID: uint32(r.Uint()), Name: r.String(), Email: r.String(), Role: Role(r.String()),
		Password: r.String(), Suspended: r.Uint() != 0, Created: readTime(r),
	}
}

func encodeHost(h Host) []byte {
	b := codec.AppendUint(make([]byte, 0, 64), uint64(h.ID))
	b = codec.AppendUint(b, uint64(h.Account))
	b = codec.AppendUint(b, uint64(h.TTL))
	b = appendTime(b, h.Created)
	b = codec.AppendAddr(b, h.InterfaceID)
	b = codec.AppendString(b, h.Follows)
	b = codec.AppendUint(b, uint64(len(h.Sources)))
	for _, s := range h.Sources {
		b = codec.AppendAddr(b, s.Addr)
		b = codec.AppendUint(b, uint64(s.Key))
		b = codec.AppendString(b, s.Via)
		b = codec.AppendString(b, s.Session)
		b = appendTime(b, s.At)
	}
	return codec.AppendUint(b, uint64(h.NonGlobal))
}

func decodeHost(name zone.Name, raw []byte) Host {
	r := codec.NewReader(raw)
	h := Host{
		Name: name, ID: uint32(r.Uint()), Account: uint32(r.Uint()), TTL: uint32(r.Uint()),
		Created: readTime(r), InterfaceID: r.Addr(), Follows: zone.Name(r.String()),
	}
	for range r.Count(5) {
		h.Sources = append(h.Sources, Source{
			Addr: r.Addr(), Key: uint32(r.Uint()), Via: r.String(), Session: r.String(), At: readTime(r),
		})
	}
	h.NonGlobal = readChoice[NonGlobal](r, nonGlobalWords)
	return h
}

// ownerOf returns the account of an encoded host, 0 when there is none.
func ownerOf(raw []byte) uint32 {
	r := codec.NewReader(raw)
	_ = r.Uint() // the ID
	return uint32(r.Uint())
}

func encodeKey(k Key) []byte {
	b := codec.AppendUint(nil, uint64(k.ID))
	b = codec.AppendUint(b, uint64(k.Account))
	b = codec.AppendString(b, k.Username)
	b = codec.AppendUint(b, uint64(len(k.Hosts)))
	for _, h := range k.Hosts {
		b = codec.AppendString(b, h)
	}
	b = k.Secret.append(b)
	b = appendBool(b, k.Token)
	b = appendTime(b, k.Created)
	return codec.AppendUint(b, uint64(k.Unchanged))
}

func decodeKey(raw []byte) Key {
	r := codec.NewReader(raw)
	k := Key{ID: uint32(r.Uint()), Account: uint32(r.Uint()), Username: r.String()}
	for range r.Count(1) {
		k.Hosts = append(k.Hosts, zone.Name(r.String()))
	}
	k.Secret = readSecret(r)
	k.Token = r.Uint() != 0
	k.Created = readTime(r)
	k.Unchanged = readChoice[Unchanged](r, unchangedWords)
	return k
}

func encodeRest(rest Rest) []byte {
	return appendTime(codec.AppendUint(nil, uint64(rest.Account)), rest.Until)
}

func decodeRest(name zone.Name, raw []byte) Rest {
	r := codec.NewReader(raw)
	return Rest{Name: name, Account: uint32(r.Uint()), Until: readTime(r)}
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Append appends the binary form of the changes, which ReadChanges reads.
func (c *Changes) Append(b []byte) []byte {
	b = appendList(b, c.Accounts, encodeAccount)
	b = appendList(b, c.Hosts, func(h Host) []byte {
		return append(codec.AppendString(nil, h.Name), encodeHost(h)...)
	})
	b = appendList(b, c.Keys, encodeKey)
	b = appendList(b, c.Rests, func(r Rest) []byte {
		return append(codec.AppendString(nil, r.Name), encodeRest(r)...)
	})
	b = appendList(b, c.DeletedAccounts, func(s string) []byte { return []byte(s) })
	b = appendList(b, c.DeletedHosts, func(n zone.Name) []byte { return []byte(n) })
	b = appendList(b, c.DeletedKeys, func(s string) []byte { return []byte(s) })
	return appendList(b, c.DeletedRests, func(n zone.Name) []byte { return []byte(n) })
}

// ReadChanges reads what Append appended. A fault shows in r.Err, and so does what
// stands for a name and is none; then there are no changes. Those that it returns
// can be applied to any directory without harm.
func ReadChanges(r *codec.Reader) Changes {
	c := readChanges(r)
	if r.Err() == nil && c.Check() != nil {
		r.Fail()
	}
	if r.Err() != nil {
		return Changes{}
	}
	return c
}

func readChanges(r *codec.Reader) Changes {
	return Changes{
		Accounts:        readList(r, decodeAccount),
		Hosts:           readList(r, named(decodeHost)),
		Keys:            readList(r, decodeKey),
		Rests:           readList(r, named(decodeRest)),
		DeletedAccounts: readList(r, func(b []byte) string { return string(b) }),
		DeletedHosts:    readList(r, func(b []byte) zone.Name { return zone.Name(b) }),
		DeletedKeys:     readList(r, func(b []byte) string { return string(b) }),
		DeletedRests:    readList(r, func(b []byte) zone.Name { return zone.Name(b) }),
	}
}

// named turns a decoder that is given the name into one that reads it first.
func named[T any](decode func(zone.Name, []byte) T) func([]byte) T {
	return func(b []byte) T {
		r := codec.NewReader(b)
		name := zone.Name(r.String())
		return decode(name, b[len(b)-r.Len():])
	}
}

func appendList[T any](b []byte, list []T, encode func(T) []byte) []byte {
	b = codec.AppendUint(b, uint64(len(list)))
	for _, v := range list {
		b = codec.AppendString(b, encode(v))
	}
	return b
}

func readList[T any](r *codec.Reader, decode func([]byte) T) []T {
	var out []T
	for range r.Count(1) {
		out = append(out, decode(r.Bytes()))
	}
	return out
}

// Maps is the number of maps that make a directory in storage.
const Maps = maps

// Leaves yields map i of the directory, 0 to Maps-1, in pieces for storage.
func (d Directory) Leaves(i int) iter.Seq[[]byte] { return d.maps[i].Leaves() }

// Loader makes a directory of the pieces that Leaves yielded. The zero Loader
// is ready for use.
type Loader struct{ builders [maps]tree.Builder }

// Add takes a piece of map i. It fails on a damaged piece.
func (l *Loader) Add(i int, piece []byte) error {
	if i < 0 || i >= maps {
		return errors.New("no such map in the directory")
	}
	return l.builders[i].AddLeaf(piece)
}

// Directory returns the directory of all pieces added; counters are the numbers
// that Counters returned when the pieces were made.
func (l *Loader) Directory(counters [3]uint32) Directory {
	d := Directory{next: ids{counters[0], counters[1], counters[2]}}
	for i := range l.builders {
		d.maps[i] = l.builders[i].Map()
	}
	return d
}

// Counters returns the greatest numbers that were ever given to an account, a
// host and a key.
func (d Directory) Counters() [3]uint32 {
	return [3]uint32{d.next.account, d.next.host, d.next.key}
}
