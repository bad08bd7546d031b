package zone

import "github.com/miekg/dns"

func typeByName(s string) (Type, bool) {
	t, ok := dns.StringToType[s]
	return Type(t), ok
}

func typeName(t Type) (string, bool) {
	s, ok := dns.TypeToString[uint16(t)]
	return s, ok && s != ""
}
