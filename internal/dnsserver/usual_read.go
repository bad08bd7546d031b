package dnsserver

import (
	"encoding/binary"
	"net/netip"

	"stayput.dev/internal/zone"
)

// asked is what a usual packet asks.
type asked struct {
	usual  bool
	edns   bool
	do     bool  // as in query
	label  uint8 // octets of the first label, with its length
	length uint8 // octets of the name
	typ    zone.Type
	hash   uint64 // of the name

	cookie     [cookieSize]byte // the beginning of what came; a reply overwrites its packet
	cookieSize uint8            // octets that came; 0 for none
	proven     cookieState      // what it is worth
}

// nameRoom is room for a name that is handled eight octets at a time.
const nameRoom = zone.MaxName + 9

// read reads a packet and puts the name in the question into name. It returns
// false when the packet is not usual, or broken. Behind the packet there must be
// room for eight octets.
func (a *asked) read(packet []byte, name *[nameRoom]byte) bool {
	end := usualName(packet)
	if end == 0 {
		return false
	}
	n := end - headerSize
	lowerInto(name, packet[headerSize:], n)
	a.label, a.length = 1+packet[headerSize], uint8(n)
	a.typ = zone.Type(binary.BigEndian.Uint16(packet[end:]))
	if binary.BigEndian.Uint16(packet[end+2:]) != classIN {
		return false
	}
	return a.readOPT(packet[end+4:], packet[11] != 0)
}

// usualName returns where the name in the question of a packet ends, behind which
// there are a type and a class. It returns 0 when the header is not a usual one,
// or the name is broken or the root.
func usualName(packet []byte) int {
	const least = headerSize + 3 + 4
	if len(packet) < least || packet[2]&(bitQR|0x0f<<3) != 0 || packet[headerSize] == 0 {
		return 0
	}
	if binary.BigEndian.Uint64(packet[4:])&^1 != 1<<48 { // one question, and at most one record, at the end
		return 0
	}
	at := headerSize
	for last := len(packet) - 5; packet[at] != 0; {
		if packet[at] > maxLabel {
			return 0
		}
		if at += 1 + int(packet[at]); at > last {
			return 0
		}
	}
	if at -= headerSize; at >= zone.MaxName {
		return 0
	}
	return headerSize + at + 1
}

// readOPT reads what follows the question: nothing, or an OPT record if one is
// announced.
func (a *asked) readOPT(rest []byte, announced bool) bool {
	a.edns, a.do, a.cookieSize, a.proven = announced, false, 0, cookieNone
	if !announced {
		return len(rest) == 0
	}
	if len(rest) < optSize || rest[0] != 0 || rest[1] != 0 || rest[2] != byte(zone.TypeOPT) || rest[6] != 0 {
		return false
	}
	a.do = rest[7]&(flagDO>>8) != 0
	options := rest[optSize:]
	if len(options) != int(binary.BigEndian.Uint16(rest[9:])) {
		return false
	}
	return len(options) == 0 || a.readOptions(options)
}

// readOptions reads a list of options, of which only cookies are usual. What else
// we know means nothing over UDP.
func (a *asked) readOptions(list []byte) bool {
	var o ednsOptions
	if !o.read(list) || o.nsid || o.cookie != nil && !isCookie(o.cookie) {
		return false
	}
	copy(a.cookie[:], o.cookie)
	a.cookieSize = uint8(len(o.cookie))
	return true
}

// checkCookie notes what the cookie is worth. It returns false when the Responder
// is to say how a client gets one.
func (a *asked) checkCookie(opts *Options, client netip.Addr, now uint32) bool {
	if len(opts.CookieSecrets) == 0 {
		return true
	}
	switch a.cookieSize {
	case 0:
	case cookieSize:
		a.proven = opts.checkCookie(a.cookie[:], client, now)
	default:
		a.proven = cookieOther
	}
	return !opts.RequireCookies || a.proven.proven()
}

// lowerInto copies n octets of a name in lower case, and some that follow.
func lowerInto(name *[nameRoom]byte, wire []byte, n int) {
	wire = wire[:n+7]
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(name[i:], lower8(binary.LittleEndian.Uint64(wire[i:])))
	}
}

// lower8 is lower for eight octets at once.
func lower8(w uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	low := w &^ high
	fromA := low + (0x80-'A')*each     // the high bit of an octet that is not below 'A'
	beyondZ := low + (0x80-'Z'-1)*each // likewise, above 'Z'
	return w | (fromA&^beyondZ&^w&high)>>2
}
