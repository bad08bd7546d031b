package zone

import "encoding/binary"

// NameFromMessage reads the name at at in a DNS message, where it may end in a pointer
// to a name before it (RFC 1035 §4.1.4), and returns where what follows it starts.
func NameFromMessage(message []byte, at int) (name Name, next int, err error) {
	var wire [MaxName]byte
	size, before := 0, at
	for at < len(message) {
		length := int(message[at])
		if length >= 0xc0 {
			to := 0
			if at+1 < len(message) {
				to = int(binary.BigEndian.Uint16(message[at:])) & 0x3fff
			}
			if to < messageHeader || to >= before { // so it cannot go on for ever
				return "", 0, ErrBadName
			}
			if next == 0 {
				next = at + 2
			}
			at, before = to, to
			continue
		}
		if length > 63 || at+1+length > len(message) || size+1+length > MaxName {
			return "", 0, ErrBadName
		}
		size += copy(wire[size:], message[at:at+1+length])
		at += 1 + length
		if length == 0 {
			if next == 0 {
				next = at
			}
			return lowerName(wire[:size]), next, nil
		}
	}
	return "", 0, ErrBadName
}

// messageHeader is the octets before the first name of a message (RFC 1035 §4.1.1).
const messageHeader = 12

// DataFromMessage returns the data of a record of type t that stands in
// message[at:end], with names in it that are pointers to others written out, as they
// may be in types older than RFC 3597. What the data means it does not judge.
func DataFromMessage(message []byte, at, end int, t Type) (Rdata, error) {
	raw := message[at:end]
	start, names := namesIn(t, Rdata(raw))
	if names == 0 || len(raw) == 0 || start > len(raw) {
		return Rdata(raw), nil
	}
	out := append([]byte(nil), raw[:start]...)
	for at += start; names > 0; names-- {
		name, next, err := NameFromMessage(message[:end], at)
		if err != nil {
			return "", err
		}
		out, at = append(out, name...), next
	}
	return Rdata(append(out, message[at:end]...)), nil
}
