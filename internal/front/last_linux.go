package front

// writeLast writes what is the end of all that will ever be written. What fills
// no packet stays in the kernel until the connection is closed, which must be at
// once: then the reply and the end of the connection are one packet, and the
// client wakes up once for both.
func (c *conn) writeLast(p []byte) error {
	if s, ok := c.Conn.(*socket); ok {
		p = p[s.writeMore(p):]
	}
	if len(p) == 0 {
		return nil
	}
	_, err := c.Write(p)
	return err
}

// hasInput reports whether something has come that nobody has read, such as an empty
// line too many. A close would then drop what stays in the kernel, the reply with it.
func (c *conn) hasInput() bool {
	s, ok := c.Conn.(*socket)
	return ok && s.hasInput()
}
