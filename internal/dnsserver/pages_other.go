//go:build !linux

package dnsserver

// newPages returns memory for a table, filled with zeros.
func newPages(octets int) []byte { return make([]byte, octets) }

// freePages gives back what newPages returned.
func freePages([]byte) {}
