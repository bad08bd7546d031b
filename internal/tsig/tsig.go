// Package tsig signs DNS messages with keys that two sides share (RFC 8945), and
// says what each key may do: which names and types an UPDATE signed with it may
// change.
//
// It serves the rooms that send or answer signed messages, and the registry, which
// holds the keys. It works on octets: it knows no socket, and no time but the one
// that it is told. A secret leaves it only in the stored form of its key.
package tsig
