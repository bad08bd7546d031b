package zone

// Types of old whose data names others; they get no constant, since nothing else
// about them matters to us.
const (
	typeMD    Type = 3
	typeMF    Type = 4
	typeMB    Type = 7
	typeMG    Type = 8
	typeMR    Type = 9
	typeMINFO Type = 14
	typeRP    Type = 17
	typeAFSDB Type = 18
	typeRT    Type = 21
	typePX    Type = 26
	typeNAPTR Type = 35
	typeKX    Type = 36
)

// Canonical returns the data of a record of type t with the names in it in lower
// case where the type asks for that (RFC 4034 §6.2), so that data which means
// the same compares with ==. Names in types younger than RFC 3597 are left alone,
// and so is data that is not what its type says.
func (d Rdata) Canonical(t Type) Rdata {
	start, names := namesIn(t, d)
	end := start
	for ; names > 0; names-- {
		n := skipName(d, end)
		if n == 0 {
			return d
		}
		end = n
	}
	for i := start; i < end; i++ {
		if d[i] != lower(d[i]) {
			return d[:start] + lowered(d[start:end]) + d[end:]
		}
	}
	return d
}

// namesIn tells where in the data names stand that have a canonical form, and
// how many follow each other there.
func namesIn(t Type, d Rdata) (start, names int) {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeDNAME, typeMD, typeMF, typeMB, typeMG, typeMR:
		return 0, 1
	case TypeSOA, typeMINFO, typeRP:
		return 0, 2
	case TypeMX, typeAFSDB, typeRT, typeKX:
		return 2, 1
	case typePX:
		return 2, 2
	case TypeSRV:
		return 6, 1
	case TypeRRSIG:
		return 18, 1
	case typeNAPTR: // behind order, preference and three strings (RFC 3403 §4.1)
		start = 4
		for range 3 {
			if start >= len(d) {
				return 0, 0
			}
			start += 1 + int(d[start])
		}
		return start, 1
	}
	return 0, 0
}

// skipName returns where the uncompressed name at start ends, 0 when there is
// none.
func skipName(d Rdata, start int) int {
	for i := start; i < len(d) && i-start < MaxName; i += 1 + int(d[i]) {
		if d[i] == 0 {
			return i + 1
		}
		if d[i] > 63 {
			return 0
		}
	}
	return 0
}

func lowered(d Rdata) Rdata {
	b := []byte(d)
	for i, c := range b {
		b[i] = lower(c) // lengths of labels are below 64 and so never touched
	}
	return Rdata(b)
}
