package dnsserver

import "stayput.dev/internal/zone"

// typeClass is a type, or several, that are counted as one.
type typeClass uint8

const (
	classA typeClass = iota
	classAAAA
	classNS
	classCNAME
	classSOA
	classPTR
	classMX
	classTXT
	classSRV
	classDS
	classDNSKEY
	classHTTPS
	classCAA
	classAny
	classTransfer
	classOther
	typeClasses // all are below
)

// String returns the name of the class.
func (c typeClass) String() string {
	return [...]string{
		"A", "AAAA", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "SRV", "DS",
		"DNSKEY", "HTTPS", "CAA", "ANY", "transfer", "other",
	}[c]
}

// classOf returns the class of a type.
func classOf(t zone.Type) typeClass {
	switch t {
	case zone.TypeA:
		return classA
	case zone.TypeAAAA:
		return classAAAA
	case zone.TypeNS:
		return classNS
	case zone.TypeCNAME:
		return classCNAME
	case zone.TypeSOA:
		return classSOA
	case zone.TypePTR:
		return classPTR
	case zone.TypeMX:
		return classMX
	case zone.TypeTXT:
		return classTXT
	case zone.TypeSRV:
		return classSRV
	case zone.TypeDS:
		return classDS
	case zone.TypeDNSKEY:
		return classDNSKEY
	case 65: // HTTPS (RFC 9460)
		return classHTTPS
	case 257: // CAA (RFC 8659)
		return classCAA
	case zone.TypeANY:
		return classAny
	case zone.TypeAXFR, zone.TypeIXFR:
		return classTransfer
	}
	return classOther
}
