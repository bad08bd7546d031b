//go:build !linux

package front

// writeLast writes what is the end of all that will ever be written.
func (c *conn) writeLast(p []byte) error {
	_, err := c.Write(p)
	return err
}
