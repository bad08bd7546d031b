package dnsserver

import (
	"encoding/binary"
	"time"
)

// The options that we know.
const (
	optionNSID      = 3  // RFC 5001
	optionCookie    = 10 // RFC 7873
	optionKeepalive = 11 // RFC 7828
	optionPadding   = 12 // RFC 7830
	optionEDE       = 15 // RFC 8914
)

// optionHead is the octets of an option before its data (RFC 6891 §6.1.2).
const optionHead = 4

// ednsOptions is what the options of a query say. The slices are parts of the
// packet, nil when there is no such option.
type ednsOptions struct {
	cookie    []byte // of the first one (RFC 7873 §5.2)
	keepalive []byte
	nsid      bool
	padding   bool
}

// read reads a list of options; those that we do not know mean nothing (RFC 6891
// §6.1.2). It returns false when they do not fill the list exactly.
func (o *ednsOptions) read(list []byte) bool {
	for len(list) > 0 {
		if len(list) < optionHead {
			return false
		}
		end := optionHead + int(binary.BigEndian.Uint16(list[2:]))
		if end > len(list) {
			return false
		}
		o.note(binary.BigEndian.Uint16(list), list[optionHead:end])
		list = list[end:]
	}
	return true
}

func (o *ednsOptions) note(code uint16, data []byte) {
	switch code {
	case optionNSID: // what it holds is to be ignored (RFC 5001 §2.1)
		o.nsid = true
	case optionCookie:
		if o.cookie == nil {
			o.cookie = data
		}
	case optionKeepalive:
		o.keepalive = data
	case optionPadding:
		o.padding = true
	}
}

// brokenOption tells whether an option is not as it must be, for which the
// client gets FORMERR (RFC 7873 §5.2.2). Over UDP a keepalive means nothing, and
// over TCP a client may not say for how long (RFC 7828 §3.2).
func (r *Responder) brokenOption() bool {
	o := &r.query.options
	if o.cookie != nil && !isCookie(o.cookie) && len(r.opts.CookieSecrets) > 0 {
		return true
	}
	return r.via != UDP && len(o.keepalive) > 0
}

// optRoom returns how many octets the OPT record of the reply may take, but for
// an extended error: replies that have one are short.
func (r *Responder) optRoom() int {
	o, room := &r.query.options, optSize
	if r.cookie != cookieNone {
		room += cookieOptionSize
	}
	if o.nsid {
		room += optionHead + len(r.opts.Identity)
	}
	if o.keepalive != nil && r.via != UDP {
		room += keepaliveSize
	}
	if o.padding && r.via == TLS {
		room += optionHead
	}
	return room
}

// putOption begins an option, which so many octets of data must follow.
func (m *message) putOption(code uint16, size int) {
	m.b = binary.BigEndian.AppendUint16(m.b, code)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(size))
}

// maxIdentity is the most octets of an identity, so that the shortest reply has
// room for it beside all that else may stand there.
const maxIdentity = 128

// putNSID appends our identity if the client asks for it (RFC 5001).
func (r *Responder) putNSID() {
	if id := r.opts.Identity; r.query.options.nsid && id != "" {
		r.reply.putOption(optionNSID, len(id))
		r.reply.b = append(r.reply.b, id...)
	}
}

const (
	keepaliveSize = optionHead + 2
	keepaliveUnit = 100 * time.Millisecond
)

// putKeepalive appends how long the connection may be silent, if the client wants
// to know (RFC 7828 §3.3.2).
func (r *Responder) putKeepalive() {
	if r.query.options.keepalive == nil || r.via == UDP {
		return
	}
	units := min(r.opts.TCPIdle/keepaliveUnit, 1<<16-1)
	r.reply.putOption(optionKeepalive, 2)
	r.reply.b = binary.BigEndian.AppendUint16(r.reply.b, uint16(units))
}

// paddingBlock is what the octets of a padded reply are a multiple of (RFC 8467 §4.1).
const paddingBlock = 468

// putPadding appends what hides how long the reply is, if the client's query is
// padded too (RFC 7830 §4) and nobody sees it anyway. It must be the last option.
func (r *Responder) putPadding() {
	if !r.query.options.padding || r.via != TLS {
		return
	}
	m := &r.reply
	end := len(m.b) + optionHead
	size := min((end+paddingBlock-1)/paddingBlock*paddingBlock, maxMessage-r.signRoom()) - end
	m.putOption(optionPadding, size)
	m.b = append(m.b, make([]byte, size)...)
}
