package zone

import (
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
)

// LineError is a fault in a master file.
type LineError struct {
	Line int // 0 when it is about the zone as a whole
	Err  error
}

// Error returns "line 12: fault".
func (e *LineError) Error() string { return e.Phrase().String() }

// Phrase returns the same in a form for other languages.
func (e *LineError) Phrase() phrase.Phrase {
	if e.Line == 0 {
		return phrase.Of(e.Err)
	}
	return phrase.New("line %d: %v", e.Line, e.Err)
}

// Unwrap returns the fault without its line.
func (e *LineError) Unwrap() error { return e.Err }

// MasterOptions are what the reader of a master file may be told.
type MasterOptions struct {
	// Include lets $INCLUDE read files, relative to the folder of File. It is
	// off by default: a master file may come from a stranger.
	Include bool
	File    string // the name of the file, for Include
}

// maxWarnings bounds what one file can make us say.
const maxWarnings = 100

// ReadMaster reads a master file (RFC 1035 §5; $TTL of RFC 2308 §4; unknown types
// of RFC 3597) into a new zone. It accepts and drops duplicates, warns about what
// is odd but valid, and refuses, with a LineError, what is not a zone: a missing
// or second SOA, names outside, a CNAME beside other data, data below a DNAME. The
// warnings begin with the line where one is to blame.
func ReadMaster(r io.Reader, origin Name, opts MasterOptions) (*Zone, []phrase.Phrase, error) {
	m := &master{draft: New(origin), origin: origin, in: newLineReader(r)}
	for rr, err := range m.in.records(origin, opts) {
		if err != nil {
			return nil, nil, err
		}
		if err := m.add(rr); err != nil {
			return nil, nil, &LineError{m.in.line(), err}
		}
	}
	if err := m.flush(); err != nil {
		return nil, nil, &LineError{m.in.line(), err}
	}
	z, _, err := m.draft.Finish()
	if err != nil {
		return nil, nil, &LineError{0, err}
	}
	if err := z.validate(m.warn); err != nil {
		return nil, nil, &LineError{0, err}
	}
	return z, m.warnings, nil
}

// MasterRecords yields the records of a master file one by one, as they come, whether a zone
// can be made of them or not. Where it cannot be read on, it yields a LineError.
func MasterRecords(r io.Reader, origin Name, opts MasterOptions) iter.Seq2[dns.RR, error] {
	return newLineReader(r).records(origin, opts)
}

// master is a master file being read: the sets of the name at hand wait until the
// next name comes, since most files keep a name's records together.
type master struct {
	draft    *Draft
	origin   Name
	in       *lineReader
	name     Name
	sets     []RRset
	buf      []byte
	soa      bool
	warnings []phrase.Phrase
}

func (m *master) warn(text string, args ...any) {
	if len(m.warnings) < maxWarnings {
		m.warnings = append(m.warnings, phrase.New(text, args...))
	}
}

// parseFault is what the parser says of a record, without its own count of lines.
func parseFault(err error) string {
	text := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(text, " at line: "); i >= 0 {
		text = text[:i]
	}
	return text
}

func (m *master) add(rr dns.RR) error {
	h := rr.Header()
	if h.Class != dns.ClassINET {
		return phrase.Errorf("class %s: only IN is served", dns.Class(h.Class))
	}
	name, data, err := m.pack(rr)
	if err != nil {
		return err
	}
	if !name.IsWithin(m.origin) {
		return phrase.Errorf("%s: %w %s", name, ErrOutOfZone, m.origin)
	}
	typ := Type(h.Rrtype)
	if typ == TypeSOA {
		if m.soa {
			return phrase.Errorf("a second SOA record")
		}
		m.soa = true
	}
	if name != m.name {
		if err := m.flush(); err != nil {
			return err
		}
		m.start(name)
	}
	return m.collect(typ, h.Ttl, data)
}

// pack returns the record's name and its data in wire form and canonical.
func (m *master) pack(rr dns.RR) (Name, Rdata, error) {
	need := dns.Len(rr) + 16
	if len(m.buf) < need {
		m.buf = make([]byte, max(need, 4096))
	}
	end, err := dns.PackRR(rr, m.buf, 0, nil, false)
	if err != nil {
		return "", "", phrase.Errorf("%s: %w", dns.Type(rr.Header().Rrtype), err)
	}
	name, n, err := NameFromWire(m.buf[:end])
	if err != nil {
		return "", "", err
	}
	if _, unknown := rr.(*dns.RFC3597); end < n+10 || end == n+10 && !unknown {
		return "", "", phrase.Errorf("%s %s: no data", name, dns.Type(rr.Header().Rrtype))
	}
	return name, Rdata(m.buf[n+10 : end]).Canonical(Type(rr.Header().Rrtype)), nil
}

// start begins with the sets of another name.
func (m *master) start(name Name) { m.name, m.sets = name, m.sets[:0] }

func (m *master) collect(typ Type, ttl uint32, data Rdata) error {
	s := m.set(typ)
	if len(s.Data) == 0 {
		s.TTL = ttl
	}
	if s.TTL != ttl {
		m.warn("line %d: %s %s: TTL %d differs from %d before, which is kept (RFC 2181 §5.2)", m.in.line(), m.name, typ, ttl, s.TTL)
	}
	if (typ == TypeCNAME || typ == TypeDNAME) && len(s.Data) > 0 && data != s.Data[0] {
		return phrase.Errorf("%s: a second %s record", m.name, typ)
	}
	s.Data = append(s.Data, data)
	return nil
}

// set returns the set of a type at the name at hand, with what the draft already has of it.
func (m *master) set(typ Type) *RRset {
	i := slices.IndexFunc(m.sets, func(s RRset) bool { return s.Type == typ })
	if i < 0 {
		i = len(m.sets)
		s := m.draft.View().Node(m.name).Lookup(typ).RRset(m.name)
		s.Name, s.Type = m.name, typ
		m.sets = append(m.sets, s)
	}
	return &m.sets[i]
}

func (m *master) flush() error {
	if len(m.sets) == 0 {
		return nil
	}
	for _, s := range m.sets {
		if err := m.draft.Put(s); err != nil {
			return err
		}
	}
	m.sets = m.sets[:0]
	if n := m.draft.View().Node(m.name); n.Lookup(TypeCNAME).Len() > 0 && !onlySecurity(n) {
		return phrase.Errorf("%s: a CNAME beside other data", m.name)
	}
	return nil
}

// onlySecurity tells whether beside a CNAME there are only the types that may be
// (RFC 4035 §2.5).
func onlySecurity(n Node) bool {
	for s := range n.All() {
		if t := s.Type(); t != TypeCNAME && t != TypeRRSIG && t != TypeNSEC {
			return false
		}
	}
	return true
}

// validate refuses what no zone may hold and warns about what is odd.
func (z *Zone) validate(warn func(string, ...any)) error {
	if z.Node(z.origin).Lookup(TypeNS).Len() == 0 {
		warn("%s has no NS record at its apex", z.origin)
	}
	if z.cuts == 0 {
		z.warnMissingGlue(z.origin, z.Node(z.origin), warn)
		return nil
	}
	var cut, dname Name
	for name, node := range z.Nodes() {
		if dname != "" && name != dname && name.IsWithin(dname) {
			return phrase.Errorf("%s: data below the DNAME at %s", name, dname)
		}
		hidden := cut != "" && name != cut && name.IsWithin(cut)
		if hidden {
			z.warnHidden(name, node, cut, warn)
		}
		ns, dn := node.Lookup(TypeNS).Len() > 0, node.Lookup(TypeDNAME).Len() > 0
		if ns && dn && name != z.origin {
			return phrase.Errorf("%s: a DNAME beside NS below the apex", name)
		}
		if ns && !hidden {
			z.warnMissingGlue(name, node, warn)
			if name != z.origin {
				cut = name
			}
		}
		if dn {
			dname = name
		}
	}
	return nil
}

func (z *Zone) warnHidden(name Name, node Node, cut Name, warn func(string, ...any)) {
	for r := range node.All() {
		if r.Type() != TypeA && r.Type() != TypeAAAA {
			warn("%s %s is hidden by the delegation of %s", name, r.Type(), cut)
		}
	}
}

func (z *Zone) warnMissingGlue(name Name, node Node, warn func(string, ...any)) {
	for d := range node.Lookup(TypeNS).All() {
		target, _, err := NameFromWire(d)
		if err != nil || !target.IsWithin(z.origin) {
			continue
		}
		n := z.Node(target)
		if n.Lookup(TypeA).Len()+n.Lookup(TypeAAAA).Len() == 0 {
			warn("%s NS %s has no address in the zone", name, target)
		}
	}
}
