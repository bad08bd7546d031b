package dnsserver

import (
	"encoding/binary"
	"net/netip"
	"runtime"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Most packets ask for an address, of a host that has one or none or does not
// exist, and bring no more than an OPT record. Those are answered here, a batch at a
// time: first all are read, then all names are looked up in the table, so that the
// memory is waited for once and not for each, then all replies are written, each in
// the place of its packet. A packet that is unusual in any way is left to the Responder;
// so this must say of the others, octet for octet, what the Responder would.

// batchSize is the most packets that are answered together, and that one system
// call carries. With more of them the first would wait for longer than a call costs.
const batchSize = 64

// usual is the memory of a worker for usual questions.
type usual struct {
	asked [batchSize]asked
	names [batchSize][nameRoom]byte // of the questions, in lower case
	found [batchSize]finding

	replies   [2]uint64           // not counted yet, by response code: see count
	questions [typeClasses]uint64 // likewise
}

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

// finding is what a table says to a question.
type finding struct {
	entry entry
	view  *view // of the zone; nil when the question is not a usual one after all
	known bool  // whether the name exists
}

// nameRoom is room for a name that is handled eight octets at a time.
const nameRoom = zone.MaxName + 9

// read reads a packet and puts the name in the question into name. It returns
// false when the packet is not usual, or broken. Behind the packet there must be room
// for eight octets.
func (a *asked) read(packet []byte, name *[nameRoom]byte) bool {
	const least = headerSize + 3 + 4
	if len(packet) < least || packet[2]&(bitQR|0x0f<<3) != 0 {
		return false
	}
	counts := binary.BigEndian.Uint64(packet[4:])
	if counts&^1 != 1<<48 { // one question, and at most one record, at the end
		return false
	}
	end := headerSize
	for packet[end] != 0 {
		if packet[end] > maxLabel {
			return false
		}
		if end += 1 + int(packet[end]); end > len(packet)-5 {
			return false
		}
	}
	n := end + 1 - headerSize
	if n > zone.MaxName || n == 1 {
		return false
	}
	lowerInto(name, packet[headerSize:], n)
	a.label, a.length = 1+packet[headerSize], uint8(n)
	a.typ = zone.Type(binary.BigEndian.Uint16(packet[end+1:]))
	if binary.BigEndian.Uint16(packet[end+3:]) != classIN {
		return false
	}
	return a.readOPT(packet[end+5:], counts&1 != 0)
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

// lookUp finds out which of the packets are usual and what the table says to
// them. It returns false when the table does not show the state. Nil packets are not usual.
func (u *usual) lookUp(t *table, state *registry.State, packets [][]byte) bool {
	shown := t.shows.Load()
	if shown == nil || *shown != state.Zones {
		return false
	}
	for i, p := range packets {
		a := &u.asked[i]
		if a.usual = a.read(p, &u.names[i]); a.usual {
			a.hash = t.hash(u.names[i][:a.length])
		}
	}
	// In a loop as short as this one the processor asks for many lines at once.
	for i := range packets {
		if a := &u.asked[i]; a.usual {
			t.touch(a.hash)
		}
	}
	for i := range packets {
		if a := &u.asked[i]; a.usual {
			u.found[i].look(t, a, u.names[i][:])
		}
	}
	same := t.shows.Load() == shown // or what was read is of several versions
	runtime.KeepAlive(t)            // it has memory that the collector does not see
	return same
}

// look asks the table.
func (f *finding) look(t *table, a *asked, name []byte) {
	f.view = nil
	f.known = t.find(a.hash, name[:a.length], &f.entry)
	switch e := &f.entry; {
	case f.known && e.flags&entryPlain != 0:
		f.view = t.viewOf(e)
	case !f.known:
		parent := name[a.label:a.length]
		if t.find(t.hash(parent), parent, e) && e.flags&entryApex != 0 {
			if v := t.viewOf(e); v != nil && v.empty {
				f.view = v
			}
		}
	}
}
