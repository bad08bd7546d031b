package zone

import "bytes"

// Outcome says which case of RFC 1034 §4.3.2 a question ended in.
type Outcome uint8

// The outcomes of a lookup.
const (
	Found      Outcome = iota // Records answers the question
	NoData                    // the name exists (perhaps only as an empty non-terminal, RFC 4592 §2.2.2), the type does not
	NXDomain                  // the name does not exist, and no wildcard stands in for it
	Alias                     // Records is the CNAME at the name (RFC 1034 §3.6.2)
	Redirect                  // Records is the DNAME at Owner, above the name (RFC 6672)
	Delegation                // Records is the NS set at Owner, the zone cut at or above the name
)

// String returns the name of the outcome for logs and tests.
func (o Outcome) String() string {
	return [...]string{"Found", "NoData", "NXDomain", "Alias", "Redirect", "Delegation"}[o]
}

// Result is what a zone says to a question.
type Result struct {
	Outcome  Outcome
	Owner    Name    // whose records these are; the question's name when a wildcard stood in
	Records  Records // no set for NoData and NXDomain
	Node     Node    // what stands beside Records, for additional data and ANY
	Wildcard bool    // whether a wildcard stood in for the name (RFC 4592)
}

// Lookup answers the question for name, which must be within the zone, and
// type t from this zone alone (RFC 1034 §4.3.2 step 3). It follows no CNAME: the
// caller asks again. For TypeANY, Records is one set of the node (RFC 8482
// §4.1). DS at a cut is answered here, from the parent's side (RFC 4035
// §3.1.4.1). It does not allocate, and a long name costs no more steps than the
// part of it that exists.
func (z *Zone) Lookup(name Name, t Type) Result {
	var buf [2 * MaxName]byte
	key := name.AppendKey(buf[:0])
	if z.cuts > 0 {
		if r, ok := z.lookupAbove(name, key, t); ok {
			return r
		}
	}
	raw, found, below := z.nodes.Probe(key)
	switch {
	case found:
		return at(Node{raw}, name, t)
	case below:
		return Result{Outcome: NoData, Owner: name}
	case z.wildcards > 0:
		return z.lookupWildcard(name, key, t)
	}
	return Result{Outcome: NXDomain, Owner: name}
}

// at answers from the node at name.
func at(n Node, name Name, t Type) Result {
	r := Result{Outcome: Found, Owner: name, Node: n}
	if t == TypeANY {
		for r.Records = range n.All() {
			break
		}
		return r
	}
	if r.Records = n.Lookup(t); r.Records.Len() > 0 {
		return r
	}
	if r.Records = n.Lookup(TypeCNAME); r.Records.Len() > 0 {
		r.Outcome = Alias
		return r
	}
	r.Outcome = NoData
	return r
}

// lookupAbove looks for a zone cut at or above name and for a DNAME above it,
// from the apex downwards: what is nearest to the apex hides the rest. Below a
// name that does not exist it need not look. The key of each name on the way is a
// prefix of key.
func (z *Zone) lookupAbove(name Name, key []byte, t Type) (Result, bool) {
	for end := z.apexKey; ; end = nextLabel(key, end) {
		raw, found, below := z.nodes.Probe(key[:end])
		if found {
			n := Node{raw}
			if ns := n.Lookup(TypeNS); ns.Len() > 0 && end > z.apexKey && (end < len(key) || t != TypeDS) {
				return Result{Outcome: Delegation, Owner: name.above(key[end:]), Records: ns, Node: n}, true
			}
			if d := n.Lookup(TypeDNAME); d.Len() > 0 && end < len(key) {
				return Result{Outcome: Redirect, Owner: name.above(key[end:]), Records: d, Node: n}, true
			}
		}
		if end == len(key) || !found && !below {
			return Result{}, false
		}
	}
}

// nextLabel returns where in key the label ends that begins at start.
func nextLabel(key []byte, start int) int {
	return start + bytes.IndexByte(key[start:], keyEnd) + 1
}

// above returns the name without the labels whose part of a key is given.
func (n Name) above(below []byte) Name {
	for range bytes.Count(below, []byte{keyEnd}) {
		n = n.Parent()
	}
	return n
}

// lookupWildcard answers for a name that does not exist from the wildcard below
// its closest encloser, if there is one (RFC 4592 §3.3.1).
func (z *Zone) lookupWildcard(name Name, key []byte, t Type) Result {
	encloser := z.apexKey
	for end := nextLabel(key, encloser); end < len(key); end = nextLabel(key, end) {
		if _, found, below := z.nodes.Probe(key[:end]); !found && !below {
			break
		}
		encloser = end
	}
	var buf [2*MaxName + 2]byte
	raw, found, below := z.nodes.Probe(append(append(buf[:0], key[:encloser]...), '*', keyEnd))
	switch {
	case found:
		r := at(Node{raw}, name, t)
		r.Wildcard = true
		return r
	case below:
		return Result{Outcome: NoData, Owner: name, Wildcard: true}
	}
	return Result{Outcome: NXDomain, Owner: name}
}
