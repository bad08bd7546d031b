//go:build !linux

package dnsserver

// hasInput tells whether something has come that nobody has read. Here nobody knows.
func (c *conn) hasInput() bool { return false }
