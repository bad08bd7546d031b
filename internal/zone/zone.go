// Package zone is the DNS as data: names, RRsets with their rdata in wire form,
// zones in versions that never change, what a zone says to a question, the
// difference between two versions, serial arithmetic and master files.
//
// It serves every room that answers, changes or carries records. A query reads
// one version without a lock and without a copy; a change makes a new version
// that shares almost all of the old one. The package never talks to a network,
// a disk or a clock, and knows nothing of accounts and hosts.
package zone

import (
	"fmt"
	"iter"
	"strings"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/tree"
)

// Faults of zones as a whole.
var (
	ErrNoSOA     = phrase.Errorf("zone has no SOA record at its apex")
	ErrOutOfZone = phrase.Errorf("name is outside the zone")
)

// Zone is one version of a zone. It never changes and is safe for concurrent
// use. It always holds one SOA record at its apex.
type Zone struct {
	origin    Name
	nodes     tree.Map // key of a name → stored form of its node
	soa       SOA
	apexKey   int // length of the apex's key
	cuts      int // delegations below the apex, and DNAMEs
	catalog   int // whether the version of a catalog zone stands in it: 1 or 0
	unserved  int // whether it says that it has no name server: 1 or 0
	wildcards int // names at or below a wildcard, which exists because of those below, too
}

// Origin returns the name of the zone's apex.
func (z *Zone) Origin() Name { return z.origin }

// SOA returns the zone's SOA record, read apart.
func (z *Zone) SOA() SOA { return z.soa }

// Serial returns the serial of the zone's SOA record.
func (z *Zone) Serial() uint32 { return z.soa.Serial }

// Names returns the number of names that have records.
func (z *Zone) Names() int { return z.nodes.Len() }

// Node returns what stands at name, an empty Node if nothing does. It looks
// through delegations: glue and occluded names are found too.
func (z *Zone) Node(name Name) Node {
	var buf [2 * MaxName]byte
	raw, _ := z.nodes.Get(name.AppendKey(buf[:0]))
	return Node{raw}
}

// All yields every RRset in canonical order of names (RFC 4034 §6.1), the
// apex's SOA first, then by type.
func (z *Zone) All() iter.Seq[RRset] {
	return func(yield func(RRset) bool) {
		apex := z.Node(z.origin)
		if !yield(apex.Lookup(TypeSOA).RRset(z.origin)) {
			return
		}
		for name, node := range z.Nodes() {
			for r := range node.All() {
				if r.Type() != TypeSOA && !yield(r.RRset(name)) {
					return
				}
			}
		}
	}
}

// Nodes yields every name that has records with what stands there, in canonical
// order (RFC 4034 §6.1).
func (z *Zone) Nodes() iter.Seq2[Name, Node] { return z.NodesBelow(z.origin) }

// NodesBelow yields top and every name below it that has records, in canonical
// order (RFC 4034 §6.1).
func (z *Zone) NodesBelow(top Name) iter.Seq2[Name, Node] {
	return func(yield func(Name, Node) bool) {
		for key, raw := range z.nodes.Prefix(top.AppendKey(nil)) {
			name, _ := nameFromKey(key) // keys are checked when a zone is made
			if !yield(name, Node{raw}) {
				return
			}
		}
	}
}

// NodesFrom yields the names that have records from start on, in canonical order
// (RFC 4034 §6.1). It takes no longer to begin where there are many before.
func (z *Zone) NodesFrom(start Name) iter.Seq2[Name, Node] {
	return func(yield func(Name, Node) bool) {
		for key, raw := range z.nodes.From(start.AppendKey(nil)) {
			name, _ := nameFromKey(key) // keys are checked when a zone is made
			if !yield(name, Node{raw}) {
				return
			}
		}
	}
}

// Leaves yields the zone in pieces for storage; FromLeaves makes the same zone
// of them.
func (z *Zone) Leaves() iter.Seq[[]byte] { return z.nodes.Leaves() }

// FromLeaves makes the zone of the pieces that Leaves yielded for it. It fails
// when a piece is damaged, names stand outside the zone, or there is no SOA.
func FromLeaves(origin Name, pieces iter.Seq2[[]byte, error]) (*Zone, error) {
	var b tree.Builder
	for piece, err := range pieces {
		if err != nil {
			return nil, err
		}
		if err := b.AddLeaf(piece); err != nil {
			return nil, fmt.Errorf("zone %s: %w", origin, err)
		}
	}
	z := &Zone{origin: origin, apexKey: len(origin.AppendKey(nil)), nodes: b.Map()}
	for key, raw := range z.nodes.All() {
		name, ok := nameFromKey(key)
		if !ok || !checkNode(raw) || !name.IsWithin(origin) {
			return nil, fmt.Errorf("zone %s: %w", origin, tree.ErrDamaged)
		}
		z.count(name, Node{raw}, 1)
	}
	return z, z.readSOA()
}

// count adds what stands at name to the zone's tallies, or takes it away when
// sign is -1.
func (z *Zone) count(name Name, n Node, sign int) {
	if n.IsEmpty() {
		return
	}
	if name != z.origin && n.Lookup(TypeNS).Len() > 0 {
		z.cuts += sign
	}
	if n.Lookup(TypeDNAME).Len() > 0 {
		z.cuts += sign
	}
	if ns := n.Lookup(TypeNS); name == z.origin && ns.Len() == 1 && ns.Has([]byte(nobody)) {
		z.unserved += sign
	}
	if strings.Contains(string(name), "\x01*") { // or octets inside a label: then one looks in vain
		z.wildcards += sign
	}
	if name.First() == catalogVersion && name.Parent() == z.origin && n.Lookup(TypeTXT).Has([]byte(TextData("2"))) {
		z.catalog += sign
	}
}

// What makes a catalog zone (RFC 9432 §4): a text at one name, and the name that stands
// where others have their server.
const (
	catalogVersion      = "version"
	nobody         Name = "\x07invalid\x00"
)

// IsCatalog tells whether the zone lists others for secondaries (RFC 9432 §4). The
// version alone does not say so: a customer's host may have its name, and such a text.
func (z *Zone) IsCatalog() bool { return z.catalog > 0 && z.unserved > 0 }

func (z *Zone) readSOA() (err error) {
	r := z.Node(z.origin).Lookup(TypeSOA)
	if r.Len() != 1 {
		return phrase.Errorf("zone %s: %w", z.origin, ErrNoSOA)
	}
	for d := range r.All() {
		z.soa, err = ParseSOA(Rdata(d))
	}
	z.soa.TTL = r.TTL()
	if err != nil {
		return phrase.Errorf("zone %s: %w", z.origin, err)
	}
	return nil
}
