package tsig

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/tree"
	"stayput.dev/internal/zone"
)

// Keyring is one version of all TSIG keys. It never changes and is safe for
// concurrent use. The zero Keyring is empty.
type Keyring struct{ keys tree.Map } // key of the name → Key

// Get returns the key with the name.
func (r Keyring) Get(name zone.Name) (Key, bool) {
	var buf [2 * zone.MaxName]byte
	raw, ok := r.keys.Get(name.AppendKey(buf[:0]))
	if !ok {
		return Key{}, false
	}
	return decodeKey(name, raw), true
}

// Len returns the number of keys.
func (r Keyring) Len() int { return r.keys.Len() }

// All yields the keys in canonical order of their names.
func (r Keyring) All() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for key, raw := range r.keys.All() {
			name, _ := zone.NameFromKey(key)
			if !yield(decodeKey(name, raw)) {
				return
			}
		}
	}
}

// Changes is what changes in a keyring: keys that come or take the place of those
// with their names, and names of keys that go. What goes, goes first.
type Changes struct {
	Keys    []Key
	Deleted []zone.Name
}

// IsEmpty tells whether nothing changes.
func (c *Changes) IsEmpty() bool { return len(c.Keys)+len(c.Deleted) == 0 }

// Check tells why the changes cannot be made; its error is ErrBadKey. Changes that
// come from elsewhere must be checked before they are made.
func (c *Changes) Check() error {
	for i := range c.Keys {
		if err := c.Keys[i].Check(); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(c.Deleted, func(n zone.Name) bool { return !n.IsValid() }) {
		return fmt.Errorf("%w: what is to be deleted has no name", ErrBadKey)
	}
	return nil
}

// With returns the keyring after the changes.
func (r Keyring) With(c *Changes) Keyring {
	if c.IsEmpty() {
		return r
	}
	d := r.keys.Edit()
	for _, name := range c.Deleted {
		d.Delete(name.AppendKey(nil))
	}
	for i := range c.Keys {
		d.Put(c.Keys[i].Name.AppendKey(nil), encodeKey(&c.Keys[i]))
	}
	return Keyring{d.Freeze()}
}

// Join makes one of changes that came one after the other.
func Join(list []Changes) Changes {
	if len(list) == 1 {
		return list[0]
	}
	last := map[zone.Name]*Key{} // nil for one that goes
	var order []zone.Name
	note := func(name zone.Name, k *Key) {
		if _, known := last[name]; !known {
			order = append(order, name)
		}
		last[name] = k
	}
	for i := range list {
		for _, name := range list[i].Deleted {
			note(name, nil)
		}
		for j := range list[i].Keys {
			note(list[i].Keys[j].Name, &list[i].Keys[j])
		}
	}
	var c Changes
	for _, name := range order {
		if k := last[name]; k != nil {
			c.Keys = append(c.Keys, *k)
		} else {
			c.Deleted = append(c.Deleted, name)
		}
	}
	return c
}

// Append appends the binary form of the changes, which ReadChanges reads.
func (c *Changes) Append(b []byte) []byte {
	b = codec.AppendUint(b, uint64(len(c.Keys)))
	for i := range c.Keys {
		b = codec.AppendString(b, c.Keys[i].Name)
		b = codec.AppendString(b, encodeKey(&c.Keys[i]))
	}
	b = codec.AppendUint(b, uint64(len(c.Deleted)))
	for _, name := range c.Deleted {
		b = codec.AppendString(b, name)
	}
	return b
}

// ReadChanges reads what Append appended. A fault shows in r.Err, and so does what
// stands for a key and is none; then there are no changes.
func ReadChanges(r *codec.Reader) Changes {
	var c Changes
	for range r.Count(2) {
		name := zone.Name(r.String())
		c.Keys = append(c.Keys, decodeKey(name, r.Bytes()))
	}
	for range r.Count(1) {
		c.Deleted = append(c.Deleted, zone.Name(r.String()))
	}
	if r.Err() == nil && c.Check() != nil {
		r.Fail()
	}
	if r.Err() != nil {
		return Changes{}
	}
	return c
}

// The stored form of a key ends where its last known field ends, as all stored
// forms do: what a later version appends is passed over.

func encodeKey(k *Key) []byte {
	b := codec.AppendUint(nil, uint64(len(k.Schemes)))
	for _, s := range k.Schemes {
		b = codec.AppendUint(b, uint64(s.Algorithm))
		b = codec.AppendUint(b, uint64(s.Octets))
	}
	b = codec.AppendString(b, k.Secret)
	b = codec.AppendUint(b, uint64(k.Account))
	b = codec.AppendString(b, k.Host)
	b = codec.AppendUint(b, uint64(k.Created.UnixMilli()))
	b = codec.AppendUint(b, uint64(len(k.Grants)))
	for i := range k.Grants {
		b = appendGrant(b, &k.Grants[i])
	}
	b = codec.AppendUint(b, uint64(len(k.Transfers)))
	for _, origin := range k.Transfers {
		b = codec.AppendString(b, origin)
	}
	return b
}

func appendGrant(b []byte, g *Grant) []byte {
	b = codec.AppendString(b, g.Zone)
	b = codec.AppendUint(b, uint64(g.Rule))
	b = codec.AppendString(b, g.Name)
	b = codec.AppendUint(b, uint64(len(g.Types)))
	for _, t := range g.Types {
		b = codec.AppendUint(b, uint64(t))
	}
	return b
}

func decodeKey(name zone.Name, raw []byte) Key {
	r := codec.NewReader(raw)
	k := Key{Name: name}
	for range r.Count(2) {
		k.Schemes = append(k.Schemes, Scheme{Algorithm(r.Uint()), int(r.Uint())})
	}
	k.Secret = slices.Clone(r.Bytes())
	k.Account = uint32(r.Uint())
	k.Host = zone.Name(r.String())
	k.Created = time.UnixMilli(int64(r.Uint())).UTC()
	for range r.Count(4) {
		k.Grants = append(k.Grants, readGrant(r))
	}
	for range r.Count(1) {
		k.Transfers = append(k.Transfers, zone.Name(r.String()))
	}
	return k
}

func readGrant(r *codec.Reader) Grant {
	g := Grant{Zone: zone.Name(r.String()), Rule: Rule(r.Uint()), Name: zone.Name(r.String())}
	for range r.Count(1) {
		g.Types = append(g.Types, zone.Type(r.Uint()))
	}
	return g
}

// Leaves yields the keyring in pieces for storage.
func (r Keyring) Leaves() iter.Seq[[]byte] { return r.keys.Leaves() }

// Loader makes a keyring of the pieces that Leaves yielded. The zero Loader is
// ready for use.
type Loader struct{ builder tree.Builder }

// Add takes a piece. It fails on a damaged one.
func (l *Loader) Add(piece []byte) error { return l.builder.AddLeaf(piece) }

// Keyring returns the keyring of all pieces added. It fails when a key among them is
// damaged.
func (l *Loader) Keyring() (Keyring, error) {
	r := Keyring{l.builder.Map()}
	for key, raw := range r.keys.All() {
		name, ok := zone.NameFromKey(key)
		if !ok {
			return Keyring{}, errors.New("name of a TSIG key is damaged")
		}
		k := decodeKey(name, raw)
		if err := k.Check(); err != nil {
			return Keyring{}, err
		}
	}
	return r, nil
}
