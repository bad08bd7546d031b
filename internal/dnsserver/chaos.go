package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/zone"
)

// answerChaos answers questions about the server itself (RFC 4892), as far as
// the operator wants that.
func (r *Responder) answerChaos() rcode {
	if r.query.typ != zone.TypeTXT && r.query.typ != zone.TypeANY {
		return rcodeRefused
	}
	var text string
	switch r.query.name {
	case "\x07version\x04bind\x00", "\x07version\x06server\x00":
		text = r.opts.Version
	case "\x08hostname\x04bind\x00", "\x02id\x06server\x00":
		text = r.opts.Identity
	}
	if text == "" {
		return rcodeRefused
	}
	r.reply.aa = true
	r.reply.putText(r.query.name, text)
	return rcodeNoError
}

// putText appends a TXT record of class CH. The longest question and the
// longest text fit into any reply.
func (m *message) putText(owner zone.Name, text string) {
	text = text[:min(len(text), 255)]
	m.putName(owner)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(zone.TypeTXT))
	m.b = binary.BigEndian.AppendUint16(m.b, classCH)
	m.b = append(m.b, 0, 0, 0, 0)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(1+len(text)))
	m.b = append(m.b, uint8(len(text)))
	m.b = append(m.b, text...)
	m.counts[answer]++
}
