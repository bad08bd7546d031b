package tsig

import (
	"bytes"
	"encoding/binary"
	"errors"

	"stayput.dev/internal/zone"
)

const (
	headerSize = 12 // octets (RFC 1035 §4.1.1)

	typeTSIG = 250
	classANY = 255
)

// Error is what a TSIG record says went wrong (RFC 8945 §3); FormErr is said by the
// response code alone.
type Error uint16

// The errors.
const (
	NoError  Error = 0
	FormErr  Error = 1
	BadSig   Error = 16
	BadKey   Error = 17
	BadTime  Error = 18
	BadTrunc Error = 22
)

// Record is the TSIG record of a message (RFC 8945 §4.2).
type Record struct {
	Key       zone.Name
	Algorithm zone.Name
	Time      uint64 // when it was signed, in seconds since 1970
	Fudge     uint16 // seconds that the clocks may differ
	MAC       []byte // part of the message
	ID        uint16 // of the message when it was signed
	Error     Error
	Other     []byte // part of the message

	start   int    // where it stands in the message
	spelled []byte // the name of the key as the message has it, where that is not how we spell it
}

// ErrMalformed says that a TSIG record is broken or not the last record of its message
// (RFC 8945 §5.2).
var ErrMalformed = errors.New("malformed TSIG record")

// Read reads the TSIG record that starts at at, which must be the end of the
// message. Its error is ErrMalformed.
func Read(message []byte, at int) (Record, error) {
	r := Record{start: at}
	if len(message) < headerSize || at < headerSize || at > len(message) || binary.BigEndian.Uint16(message[10:]) == 0 {
		return Record{}, ErrMalformed
	}
	var n int
	var err error
	if r.Key, n, err = zone.NameFromMessage(message, at); err != nil {
		return Record{}, ErrMalformed
	}
	if spelled := message[at:n]; len(spelled) == len(r.Key) && string(spelled) != string(r.Key) {
		r.spelled = bytes.Clone(spelled) // not compressed, and in upper case
	}
	rest := message[n:]
	if len(rest) < 10 || binary.BigEndian.Uint16(rest) != typeTSIG || binary.BigEndian.Uint16(rest[2:]) != classANY ||
		binary.BigEndian.Uint32(rest[4:]) != 0 || int(binary.BigEndian.Uint16(rest[8:])) != len(rest)-10 {
		return Record{}, ErrMalformed
	}
	if !r.readData(rest[10:]) {
		return Record{}, ErrMalformed
	}
	return r, nil
}

func (r *Record) readData(data []byte) bool {
	name, n, err := zone.NameFromWire(data)
	if err != nil || len(data) < n+16 {
		return false
	}
	r.Algorithm, data = name, data[n:]
	r.Time = uint64(binary.BigEndian.Uint16(data))<<32 | uint64(binary.BigEndian.Uint32(data[2:]))
	r.Fudge = binary.BigEndian.Uint16(data[6:])
	mac := 10 + int(binary.BigEndian.Uint16(data[8:]))
	if len(data) < mac+6 {
		return false
	}
	r.MAC, data = data[10:mac], data[mac:]
	r.ID = binary.BigEndian.Uint16(data)
	r.Error = Error(binary.BigEndian.Uint16(data[2:]))
	r.Other = data[6:]
	return len(r.Other) == int(binary.BigEndian.Uint16(data[4:]))
}

// append appends the record to a message, and counts it there.
func (r *Record) append(message []byte) []byte {
	b := message
	if r.spelled != nil {
		b = append(b, r.spelled...)
	} else {
		b = append(b, r.Key...)
	}
	b = binary.BigEndian.AppendUint16(b, typeTSIG)
	b = binary.BigEndian.AppendUint16(b, classANY)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Algorithm)+16+len(r.MAC)+len(r.Other)))
	b = append(b, r.Algorithm...)
	b = r.appendTime(b)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.MAC)))
	b = append(b, r.MAC...)
	b = binary.BigEndian.AppendUint16(b, r.ID)
	b = r.appendError(b)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])+1)
	return b
}

// appendTime appends the timers, as they stand in the record and are signed.
func (r *Record) appendTime(b []byte) []byte {
	b = appendTime48(b, r.Time)
	return binary.BigEndian.AppendUint16(b, r.Fudge)
}

func (r *Record) appendError(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(r.Error))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Other)))
	return append(b, r.Other...)
}

// appendVariables appends what of the record is signed beside the message (RFC 8945
// §4.3.3).
func (r *Record) appendVariables(b []byte) []byte {
	b = append(b, r.Key...)
	b = binary.BigEndian.AppendUint16(b, classANY)
	b = append(b, 0, 0, 0, 0)
	b = append(b, r.Algorithm...)
	b = r.appendTime(b)
	return r.appendError(b)
}
