package account

import (
	"errors"
	"iter"
	"net/netip"
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
	b = appendTime(b, a.Created)
	b = appendTime(b, a.Resumed)
	b = codec.AppendString(b, a.ExternalID)
	b = codec.AppendString(b, a.Plan)
	b = codec.AppendString(b, a.FullName)
	b = codec.AppendString(b, a.Language)
	return appendTime(b, a.Terminated)
}

func decodeAccount(raw []byte) Account {
	r := codec.NewReader(raw)
	return Account{
		ID: uint32(r.Uint()), Name: r.String(), Email: r.String(), Role: Role(r.String()),
		Password: r.String(), Suspended: r.Uint() != 0, Created: readTime(r), Resumed: readTime(r),
		ExternalID: r.String(), Plan: r.String(), FullName: r.String(), Language: r.String(), Terminated: readTime(r),
	}
}

// emailOf is the mail address that decodeAccount would return.
func emailOf(raw []byte) []byte {
	r := codec.NewReader(raw)
	r.Uint()
	r.Bytes()
	return r.Bytes()
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
		b = appendSource(b, s)
	}
	b = codec.AppendUint(b, uint64(h.NonGlobal))
	b = h.appendOptions(b)
	b = appendPrefix(b, h.Prefix)
	return codec.AppendString(b, h.Text)
}

func appendSource(b []byte, s Source) []byte {
	b = codec.AppendAddr(b, s.Addr)
	b = codec.AppendUint(b, uint64(s.Key))
	b = codec.AppendString(b, s.Via)
	b = codec.AppendString(b, s.Session)
	return appendTime(b, s.At)
}

func readSource(r *codec.Reader) Source {
	return Source{Addr: r.Addr(), Key: uint32(r.Uint()), Via: r.String(), Session: r.String(), At: readTime(r)}
}

func decodeHost(name zone.Name, raw []byte) Host {
	r := codec.NewReader(raw)
	h := Host{
		Name: name, ID: uint32(r.Uint()), Account: uint32(r.Uint()), TTL: uint32(r.Uint()),
		Created: readTime(r), InterfaceID: r.Addr(), Follows: zone.Name(r.String()),
	}
	for range r.Count(5) {
		h.Sources = append(h.Sources, readSource(r))
	}
	h.NonGlobal = readChoice[NonGlobal](r, takeWords)
	h.readOptions(r.Bytes())
	h.Prefix = readPrefix(r)
	h.Text = r.String()
	return h
}

// tiesOf returns the account of an encoded host and the name of the host that it
// follows, neither when there is none.
func tiesOf(raw []byte) (owner uint32, follows []byte) {
	r := codec.NewReader(raw)
	_ = r.Uint() // the ID
	owner = uint32(r.Uint())
	_, _, _ = r.Uint(), r.Uint(), r.Bytes() // TTL, time of creation, interface identifier
	return owner, r.Bytes()
}

// appendPrefix appends a prefix: its address and, if there is one, its length.
func appendPrefix(b []byte, p netip.Prefix) []byte {
	b = codec.AppendAddr(b, p.Addr())
	if p.IsValid() {
		b = codec.AppendUint(b, uint64(p.Bits()))
	}
	return b
}

// readPrefix reads what appendPrefix appended. A length that cannot be makes no
// prefix.
func readPrefix(r *codec.Reader) netip.Prefix {
	a := r.Addr()
	if !a.IsValid() {
		return netip.Prefix{}
	}
	p, _ := a.Prefix(int(min(r.Uint(), 255)))
	return p
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
	b = codec.AppendUint(b, uint64(k.Unchanged))
	b = codec.AppendString(b, k.Secret.Login)
	b = appendBool(b, k.TLSOnly)
	b = codec.AppendString(b, k.Secret.Old)
	b = appendTime(b, k.Secret.OldUntil)
	b = appendBool(b, k.AnyCase)
	b = appendBool(b, k.BareGood)
	b = codec.AppendUint(b, uint64(len(k.Patterns)))
	for _, p := range k.Patterns {
		b = codec.AppendString(b, p)
	}
	return codec.AppendUint(b, uint64(k.NewHosts))
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
	k.Secret.Login = r.Bytes()
	k.TLSOnly = r.Uint() != 0
	k.Secret.Old, k.Secret.OldUntil = r.String(), readTime(r)
	k.AnyCase = r.Uint() != 0
	k.BareGood = r.Uint() != 0
	for range r.Count(1) {
		k.Patterns = append(k.Patterns, zone.Name(r.String()))
	}
	k.NewHosts = uint32(r.Uint())
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
	b = appendList(b, c.DeletedRests, func(n zone.Name) []byte { return []byte(n) })
	b = appendList(b, c.Plans, encodePlan)
	b = appendList(b, c.Tokens, encodeToken)
	b = appendList(b, c.Hooks, encodeHook)
	b = appendList(b, c.DeletedPlans, func(s string) []byte { return []byte(s) })
	b = appendList(b, c.DeletedTokens, func(s string) []byte { return []byte(s) })
	return appendList(b, c.DeletedHooks, func(s string) []byte { return []byte(s) })
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
		Plans:           readList(r, decodePlan),
		Tokens:          readList(r, decodeToken),
		Hooks:           readList(r, decodeHook),
		DeletedPlans:    readList(r, func(b []byte) string { return string(b) }),
		DeletedTokens:   readList(r, func(b []byte) string { return string(b) }),
		DeletedHooks:    readList(r, func(b []byte) string { return string(b) }),
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
