package zone

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"stayput.dev/internal/phrase"
)

// Type is an RR type (RFC 1035 §3.2.2).
type Type uint16

// The types that Stayput treats in a way of their own. Every other type is
// stored and served as it came (RFC 3597).
const (
	TypeA      Type = 1
	TypeNS     Type = 2
	TypeCNAME  Type = 5
	TypeSOA    Type = 6
	TypePTR    Type = 12
	TypeMX     Type = 15
	TypeTXT    Type = 16
	TypeAAAA   Type = 28
	TypeSRV    Type = 33
	TypeDNAME  Type = 39
	TypeOPT    Type = 41
	TypeDS     Type = 43
	TypeRRSIG  Type = 46
	TypeNSEC   Type = 47
	TypeDNSKEY Type = 48
	TypeSVCB   Type = 64
	TypeHTTPS  Type = 65
	TypeIXFR   Type = 251
	TypeAXFR   Type = 252
	TypeANY    Type = 255
)

// IsMeta tells whether the type only ever stands in questions or in messages,
// never in a zone (RFC 6895 §3.1), so that no record of it may be stored.
func (t Type) IsMeta() bool { return t == 0 || t == TypeOPT || t >= 128 && t <= 255 }

// MaxTTL is the greatest time to live (RFC 2181 §8).
const MaxTTL = 1<<31 - 1

// Rdata is the data of one record in uncompressed wire form (RFC 1035 §3.3).
// It compares with ==.
type Rdata string

// AddressData returns the data of an A or AAAA record and its type. An
// IPv4-mapped IPv6 address counts as IPv4; the zone identifier is dropped.
func AddressData(a netip.Addr) (Type, Rdata) {
	a = a.Unmap()
	if a.Is4() {
		return TypeA, Rdata(a.AsSlice())
	}
	return TypeAAAA, Rdata(a.WithZone("").AsSlice())
}

// Addr returns the address that the data of an A or AAAA record holds; the zero
// Addr for anything else.
func (d Rdata) Addr() netip.Addr {
	a, _ := netip.AddrFromSlice([]byte(d))
	return a
}

// TextData returns the data of a TXT record of one string, cut at 255 octets.
func TextData(text string) Rdata {
	text = text[:min(len(text), 255)]
	return Rdata(string([]byte{byte(len(text))}) + text)
}

// RRset is all records of one name and type: they share a TTL (RFC 2181 §5.2).
// Data is in ascending order of octets and holds nothing twice, see Sorted. An
// RRset without data stands for the absence of the set where a change is meant.
type RRset struct {
	Name Name
	Type Type
	TTL  uint32 // seconds
	Data []Rdata
}

// Sorted returns the set with its data in order and without duplicates. The
// receiver's slice is not changed.
func (s RRset) Sorted() RRset {
	if len(s.Data) < 2 {
		return s
	}
	s.Data = slices.Clone(s.Data)
	slices.Sort(s.Data)
	s.Data = slices.Compact(s.Data)
	return s
}

// canonical returns the set with its data in canonical form. The receiver's slice
// is not changed.
func (s RRset) canonical() RRset {
	cloned := false
	for i, d := range s.Data {
		c := d.Canonical(s.Type)
		if c == d {
			continue
		}
		if !cloned {
			s.Data, cloned = slices.Clone(s.Data), true
		}
		s.Data[i] = c
	}
	return s
}

// Equal tells whether both sets are the same, TTL included.
func (s RRset) Equal(o RRset) bool {
	return s.Name == o.Name && s.Type == o.Type && s.TTL == o.TTL && slices.Equal(s.Data, o.Data)
}

// Addresses returns the addresses of an A or AAAA set in order.
func (s RRset) Addresses() []netip.Addr {
	var out []netip.Addr
	for _, d := range s.Data {
		if a := d.Addr(); a.IsValid() {
			out = append(out, a)
		}
	}
	return out
}

// AddressSets returns the A and the AAAA set that hold addrs at name, each
// without data when there is no address of its family.
func AddressSets(name Name, ttl uint32, addrs []netip.Addr) (v4, v6 RRset) {
	v4 = RRset{Name: name, Type: TypeA, TTL: ttl}
	v6 = RRset{Name: name, Type: TypeAAAA, TTL: ttl}
	for _, a := range addrs {
		if t, d := AddressData(a); t == TypeA {
			v4.Data = append(v4.Data, d)
		} else {
			v6.Data = append(v6.Data, d)
		}
	}
	return v4.Sorted(), v6.Sorted()
}

// ParseType reads a type's mnemonic in any case, or TYPE123 (RFC 3597 §5).
func ParseType(s string) (Type, error) {
	s = strings.ToUpper(s)
	if t, ok := typeByName(s); ok {
		return t, nil
	}
	if digits, ok := strings.CutPrefix(s, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return Type(n), nil
		}
	}
	return 0, phrase.Errorf("unknown record type %q", s)
}

// String returns the mnemonic, or TYPE123 (RFC 3597 §5).
func (t Type) String() string {
	if s, ok := typeName(t); ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}
