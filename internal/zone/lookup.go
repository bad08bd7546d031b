package zone

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
// §3.1.4.1). It does not allocate.
func (z *Zone) Lookup(name Name, t Type) Result {
	if z.cuts > 0 {
		if r, ok := z.lookupAbove(name, t); ok {
			return r
		}
	}
	var buf [2 * MaxName]byte
	key := name.AppendKey(buf[:0])
	raw, found, below := z.nodes.Probe(key)
	switch {
	case found:
		return at(Node{raw}, name, t)
	case below:
		return Result{Outcome: NoData, Owner: name}
	case z.wildcards > 0:
		return z.lookupWildcard(name, t)
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
// from the apex downwards: what is nearest to the apex hides the rest.
func (z *Zone) lookupAbove(name Name, t Type) (Result, bool) {
	var above [128]Name
	depth := 0
	for n := name; n != z.origin; n = n.Parent() {
		above[depth] = n
		depth++
	}
	above[depth] = z.origin
	for ; depth >= 0; depth-- {
		owner := above[depth]
		n := z.Node(owner)
		if ns := n.Lookup(TypeNS); ns.Len() > 0 && owner != z.origin && (owner != name || t != TypeDS) {
			return Result{Outcome: Delegation, Owner: owner, Records: ns, Node: n}, true
		}
		if d := n.Lookup(TypeDNAME); d.Len() > 0 && owner != name {
			return Result{Outcome: Redirect, Owner: owner, Records: d, Node: n}, true
		}
	}
	return Result{}, false
}

// lookupWildcard answers for a name that does not exist from the wildcard below
// its closest encloser, if there is one (RFC 4592 §3.3.1).
func (z *Zone) lookupWildcard(name Name, t Type) Result {
	var buf [2 * MaxName]byte
	for encloser := name.Parent(); ; encloser = encloser.Parent() {
		above := encloser.AppendKey(buf[:0])
		if encloser != z.origin {
			if _, found, below := z.nodes.Probe(above); !found && !below {
				continue
			}
		}
		raw, found, below := z.nodes.Probe(append(above, '*', keyEnd))
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
}
