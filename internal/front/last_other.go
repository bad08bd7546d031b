//go:build !linux

package front

// writeLast writes what is the end of all that will ever be written.
func (c *conn) writeLast(p []byte) error {
	_, err := c.Write(p)
	return err
}

// hasInput reports whether a close would take the reply back: never, for it has left.
func (c *conn) hasInput() bool { return false }
