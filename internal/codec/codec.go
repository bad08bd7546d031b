// Package codec reads and writes the small binary forms in which Stayput keeps
// its state: unsigned varints, byte strings with a length in front, addresses.
// It serves the rooms that journal what they hold (zone, account, registry).
// It never decides what a field means.
package codec

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// ErrMalformed says that the bytes are not what the matching writer makes.
var ErrMalformed = errors.New("malformed binary form")

// AppendUint appends v as an unsigned varint.
func AppendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

// AppendString appends the length of s and s itself.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// AppendAddr appends an address: its length (0, 4 or 16) and its bytes.
// A zone identifier is dropped.
func AppendAddr(dst []byte, a netip.Addr) []byte {
	return AppendString(dst, a.AsSlice())
}

// Reader takes apart what the Append functions wrote. The first fault sticks:
// every read after it returns a zero value, and Err tells of it once at the end.
// The zero Reader reads nothing. It is not safe for concurrent use.
type Reader struct {
	rest []byte
	err  error
}

// NewReader returns a reader of data, which must not change while it is read.
func NewReader(data []byte) *Reader { return &Reader{rest: data} }

// Err returns ErrMalformed if any read so far failed, else nil.
func (r *Reader) Err() error { return r.err }

// Len returns the number of octets that have not been read yet; 0 after a fault.
func (r *Reader) Len() int { return len(r.rest) }

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Count reads a number of things that follow, each of at least size octets, so
// that a damaged count cannot ask for more memory than the data could fill.
func (r *Reader) Count(size int) int {
	n := r.Uint()
	if n > uint64(len(r.rest)/max(size, 1)) {
		r.fail()
		return 0
	}
	return int(n)
}

// Bytes reads a byte string. The result is part of the reader's data, not a copy.
func (r *Reader) Bytes() []byte {
	n := r.Count(1)
	if r.err != nil {
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// String reads a byte string into a string of its own.
func (r *Reader) String() string { return string(r.Bytes()) }

// Addr reads an address; the zero Addr was written for the zero Addr.
func (r *Reader) Addr() netip.Addr {
	b := r.Bytes()
	if len(b) == 0 {
		return netip.Addr{}
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		r.fail()
	}
	return a
}

// Fail makes the reader fail, as bytes do that are not what a writer makes: for
// faults that only the caller can see.
func (r *Reader) Fail() { r.fail() }

func (r *Reader) fail() { r.rest, r.err = nil, ErrMalformed }
