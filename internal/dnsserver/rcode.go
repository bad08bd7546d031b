package dnsserver

import "strconv"

// rcode is a response code, with the upper bits that EDNS adds.
type rcode uint16

// The codes that we answer with (RFC 1035 §4.1.1, RFC 6672 §2.2, RFC 2136 §2.2,
// RFC 8945 §5.3, RFC 6891 §9, RFC 7873 §8).
const (
	rcodeNoError   rcode = 0
	rcodeFormErr   rcode = 1
	rcodeServFail  rcode = 2
	rcodeNXDomain  rcode = 3
	rcodeNotImp    rcode = 4
	rcodeRefused   rcode = 5
	rcodeYXDomain  rcode = 6
	rcodeYXRRSet   rcode = 7
	rcodeNXRRSet   rcode = 8
	rcodeNotAuth   rcode = 9
	rcodeNotZone   rcode = 10
	rcodeBadVers   rcode = 16
	rcodeBadCookie rcode = 23
	rcodes               = 24 // all are below
)

// String returns the mnemonic of the code.
func (c rcode) String() string {
	switch c {
	case rcodeNoError:
		return "NOERROR"
	case rcodeFormErr:
		return "FORMERR"
	case rcodeServFail:
		return "SERVFAIL"
	case rcodeNXDomain:
		return "NXDOMAIN"
	case rcodeNotImp:
		return "NOTIMP"
	case rcodeRefused:
		return "REFUSED"
	case rcodeYXDomain:
		return "YXDOMAIN"
	case rcodeYXRRSet:
		return "YXRRSET"
	case rcodeNXRRSet:
		return "NXRRSET"
	case rcodeNotAuth:
		return "NOTAUTH"
	case rcodeNotZone:
		return "NOTZONE"
	case rcodeBadVers:
		return "BADVERS"
	case rcodeBadCookie:
		return "BADCOOKIE"
	}
	return strconv.Itoa(int(c))
}
