package zone

// SerialLess tells whether serial a comes before b in the arithmetic of
// RFC 1982 §3.2. Serials that are exactly 2^31 apart have no order: then it is
// false both ways.
func SerialLess(a, b uint32) bool { return a != b && b-a < 1<<31 }

// NextSerial returns the serial after s. Zero is passed over, because software
// in use takes it for "no serial".
func NextSerial(s uint32) uint32 { return AddSerial(s, 1) }

// AddSerial returns s raised by n, which is at most 2^31-1 (RFC 1982 §3.1), as
// a serial that every follower takes for newer. Zero is passed over.
func AddSerial(s, n uint32) uint32 {
	if s += min(n, 1<<31-1); s == 0 {
		return 1
	}
	return s
}
