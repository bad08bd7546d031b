// Package wire builds by hand the few DNS messages that the load generators
// send, so that building them costs next to nothing beside the server's work.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Types, response codes and sizes that the generators use (RFC 1035 §3.2.2
// and §4.1.1).
const (
	TypeA    = 1
	TypeSOA  = 6
	TypeAAAA = 28

	NoError  = 0
	NXDomain = 3

	// HeaderSize is the length of a message header, in octets.
	HeaderSize = 12
)

const (
	classIN  = 1
	classANY = 255
	opUpdate = 5

	typeOPT      = 41
	flagDO       = 1 << 15
	optionCookie = 10
)

// AppendName appends name, with or without its trailing dot, uncompressed.
// It panics on a label that is empty or longer than 63 octets: the names
// here are made by this program.
func AppendName(b []byte, name string) []byte {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if len(label) == 0 || len(label) > 63 {
			panic(fmt.Sprintf("wire: bad label %q in %q", label, name))
		}
		b = append(b, byte(len(label)))
		b = append(b, label...)
	}
	return append(b, 0)
}

// AppendQuestion appends a standard query for name and typ without EDNS,
// recursion not desired.
func AppendQuestion(b []byte, id uint16, name string, typ uint16) []byte {
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	b = AppendName(b, name)
	b = binary.BigEndian.AppendUint16(b, typ)
	return binary.BigEndian.AppendUint16(b, classIN)
}

// AppendOPT appends an OPT record (RFC 6891 §6.1.2) to the question m, which has
// none: the client takes 1,232 octets and wants DNSSEC records, as resolvers do.
// An empty cookie adds no COOKIE option (RFC 7873 §4).
func AppendOPT(m, cookie []byte) []byte {
	m[11]++
	m = append(m, 0, 0, typeOPT, 1232>>8, 1232&0xff, 0, 0, flagDO>>8, 0)
	if len(cookie) == 0 {
		return append(m, 0, 0)
	}
	m = append(m, 0, uint8(4+len(cookie)), 0, optionCookie, 0, uint8(len(cookie)))
	return append(m, cookie...)
}

// ID returns the id of a message of at least HeaderSize octets.
func ID(m []byte) uint16 { return binary.BigEndian.Uint16(m) }

// IsReply reports whether m has a whole header and is a response.
func IsReply(m []byte) bool { return len(m) >= HeaderSize && m[2]&0x80 != 0 }

// Rcode returns the response code of a message of at least HeaderSize octets.
func Rcode(m []byte) int { return int(m[3] & 0x0f) }

// Answers returns the number of answer records of a message of at least
// HeaderSize octets.
func Answers(m []byte) int { return int(binary.BigEndian.Uint16(m[6:])) }

// FirstA returns the address of the first answer in the reply m to a question
// of the given length: an A record whose owner is a compression pointer to
// the question, as every server here writes it.
func FirstA(m []byte, questionLength int) (netip.Addr, error) {
	const record = 2 + 2 + 2 + 4 + 2 + 4
	if !IsReply(m) || Rcode(m) != NoError || Answers(m) == 0 || len(m) < questionLength+record {
		return netip.Addr{}, errors.New("no address in the reply")
	}
	a := m[questionLength:]
	if a[0]&0xc0 != 0xc0 || binary.BigEndian.Uint16(a[2:]) != TypeA || binary.BigEndian.Uint16(a[10:]) != 4 {
		return netip.Addr{}, errors.New("the first answer is no address")
	}
	return netip.AddrFrom4([4]byte(a[12:16])), nil
}
