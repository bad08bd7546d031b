package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/zone"
)

// Extended errors (RFC 8914 §4, RFC 9824 §10.1): what the response code does not say.
const (
	edeProhibited       = 18
	edeNotAuthoritative = 20
	edeNotSupported     = 21
	edeInvalidType      = 30
)

// extendedError returns what there is to say of the reply beyond its code, 0 for
// nothing.
func (r *Responder) extendedError() uint16 {
	q := &r.query
	if r.ede != 0 {
		return r.ede
	}
	switch r.code {
	case rcodeRefused:
		if q.opcode == opcodeUpdate {
			return edeProhibited
		}
		if isTransfer(q.typ) && q.class == classIN && !q.sig0 {
			return edeProhibited
		}
		return edeNotSupported // another class, TKEY, SIG(0)
	case rcodeNotImp: // MAILA, MAILB
		return edeNotSupported
	case rcodeFormErr:
		if q.question != nil && refusal(q.typ) == rcodeFormErr && !r.brokenOption() {
			return edeInvalidType
		}
	}
	return 0
}

func isTransfer(t zone.Type) bool { return t == zone.TypeAXFR || t == zone.TypeIXFR }

// putExtendedError appends the extended error of the reply, if there is one.
func (r *Responder) putExtendedError() {
	if code := r.extendedError(); code != 0 {
		r.reply.putOption(optionEDE, 2)
		r.reply.b = binary.BigEndian.AppendUint16(r.reply.b, code)
	}
}
