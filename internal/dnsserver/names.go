package dnsserver

import (
	"unsafe"

	"stayput.dev/internal/zone"
)

const (
	maxLabel    = 63   // octets (RFC 1035 §2.3.4)
	pointerMark = 0xc0 // the bits of a compression pointer (RFC 1035 §4.1.4)
)

// viewName returns the name whose wire form is wire without copying it: wire
// must not change as long as the name is used. Looking up a name that was read
// from a packet would cost an allocation otherwise.
func viewName(wire []byte) zone.Name {
	return zone.Name(unsafe.String(unsafe.SliceData(wire), len(wire))) //nolint:gosec // the one place that views octets as a name
}

// nameLength returns the octets that the uncompressed name at the start of wire
// takes, 0 when there is none.
func nameLength(wire []byte) int {
	for i := 0; i < len(wire) && i < zone.MaxName; i += 1 + int(wire[i]) {
		if wire[i] == 0 {
			return i + 1
		}
		if wire[i] > maxLabel {
			return 0
		}
	}
	return 0
}

// lowerName copies the name at the start of wire, in lower case, behind the
// prefix octets that buf already holds, and returns all of it as a name that
// lives in buf. It returns "" when there is no name, or the whole is too long.
func lowerName(buf *[zone.MaxName]byte, prefix int, wire []byte) zone.Name {
	n := nameLength(wire)
	if n == 0 || prefix+n > zone.MaxName {
		return ""
	}
	for i, c := range wire[:n] {
		buf[prefix+i] = lower(c)
	}
	return viewName(buf[:prefix+n])
}

// lower maps ASCII upper case to lower case (RFC 4343 §3). The lengths of labels
// are below 64 and so never touched.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
