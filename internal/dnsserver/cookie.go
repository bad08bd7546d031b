package dnsserver

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// CookieSecret is what a server makes its cookies with (RFC 9018 §4.4). Servers
// that share it know each other's.
type CookieSecret [16]byte

const (
	clientCookieSize = 8              // octets of the client's part (RFC 7873 §4)
	cookieSize       = 16 + hashSize  // octets of a cookie with both parts, as we make it (RFC 9018 §3)
	hashSize         = 8              // octets at its end
	minCookieSize    = 8 + 8          // octets of a cookie with both parts, whoever made it
	maxCookieSize    = 8 + 32         // likewise
	cookieOptionSize = 4 + cookieSize // octets of the option that brings it

	cookieVersion = 1
)

// How many seconds a cookie is good (RFC 9018 §4.3).
const (
	cookieLife  = 60 * 60 // after it was made
	cookieAhead = 5 * 60  // before: the clocks of servers that share a secret differ
	cookieYoung = 30 * 60 // after that, the client gets another
)

// cookieState is what the cookie in a query tells of the client.
type cookieState uint8

const (
	cookieNone  cookieState = iota // there is none, or we know no cookies
	cookieOther                    // the client knows cookies, but has none of ours that is good
	cookieStale                    // good, and the client should get a new one
	cookieGood                     // good, and to be sent back as it is
)

// proven tells whether the client has received a cookie of ours at the address
// that the query came from, lately: nobody else has written that there.
func (s cookieState) proven() bool { return s >= cookieStale }

// isCookie tells whether data is what a COOKIE option can hold (RFC 7873 §5.2.2).
func isCookie(data []byte) bool {
	n := len(data)
	return n == clientCookieSize || n >= minCookieSize && n <= maxCookieSize
}

// checkCookie tells what a cookie is worth, for which isCookie holds, that came
// from client at the Unix time now. It does not allocate.
func (o *Options) checkCookie(cookie []byte, client netip.Addr, now uint32) cookieState {
	if len(cookie) != cookieSize || cookie[clientCookieSize] != cookieVersion {
		return cookieOther
	}
	age := int32(now - binary.BigEndian.Uint32(cookie[12:])) // in serial arithmetic
	if age > cookieLife || age < -cookieAhead {
		return cookieOther
	}
	hash := binary.LittleEndian.Uint64(cookie[cookieSize-hashSize:])
	for i := range o.CookieSecrets {
		switch {
		case hashCookie(&o.CookieSecrets[i], cookie, client) != hash:
		case i > 0 || age > cookieYoung:
			return cookieStale
		default:
			return cookieGood
		}
	}
	return cookieOther
}

// appendCookie appends the cookie that we make for a client whose part is the
// first of cookie, at the Unix time now. There must be a secret. It does not
// allocate when b has room.
func (o *Options) appendCookie(b, cookie []byte, client netip.Addr, now uint32) []byte {
	start := len(b)
	b = append(b, cookie[:clientCookieSize]...)
	b = append(b, cookieVersion, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, now)
	return binary.LittleEndian.AppendUint64(b, hashCookie(&o.CookieSecrets[0], b[start:], client))
}

// hashCookie returns the hash that a cookie should have at its end (RFC 9018 §4.4).
func hashCookie(secret *CookieSecret, cookie []byte, client netip.Addr) uint64 {
	var data [cookieSize - hashSize + 16]byte
	n := copy(data[:], cookie[:cookieSize-hashSize])
	if client = client.Unmap(); client.Is4() {
		v4 := client.As4()
		n += copy(data[n:], v4[:])
	} else {
		v6 := client.As16()
		n += copy(data[n:], v6[:])
	}
	return sipHash((*[16]byte)(secret), data[:n])
}

// unixTime returns the time as cookies have it: modulo 2^32 (RFC 9018 §4.3).
func unixTime() uint32 { return uint32(time.Now().Unix()) }

// readCookie notes what the query's cookie is worth. Without secrets, or when we do
// not know who asks, cookies are an option like any other that we do not know.
func (r *Responder) readCookie() {
	r.cookie = cookieNone
	data := r.query.options.cookie
	if data == nil || len(r.opts.CookieSecrets) == 0 || !r.client.Addr.IsValid() || !isCookie(data) {
		return
	}
	r.now = unixTime()
	r.cookie = r.opts.checkCookie(data, r.client.Addr, r.now)
}

// putCookie appends the COOKIE option of a reply to a client that knows cookies.
func (r *Responder) putCookie() {
	if r.cookie == cookieNone {
		return
	}
	m, data := &r.reply, r.query.options.cookie
	m.putOption(optionCookie, cookieSize)
	if r.cookie == cookieGood {
		m.b = append(m.b, data...)
		return
	}
	m.b = r.opts.appendCookie(m.b, data, r.client.Addr, r.now)
}

// respondCookie answers a query without a question, by which a client asks for
// a cookie, or whether the one that it has is good (RFC 7873 §5.4).
func (r *Responder) respondCookie() rcode {
	switch {
	case r.cookie == cookieNone:
		return rcodeFormErr
	case r.cookie == cookieOther && len(r.query.options.cookie) > clientCookieSize:
		return rcodeBadCookie
	}
	return rcodeNoError
}

// demandCookie answers over UDP a client that must have a cookie, and brings none
// that is good. One that knows cookies gets one and asks again (RFC 7873 §5.2.3);
// another is sent to TCP, where it shows its address by the connection.
func (r *Responder) demandCookie() rcode {
	if r.cookie == cookieOther {
		return rcodeBadCookie
	}
	r.reply.tc = true
	return rcodeNoError
}
