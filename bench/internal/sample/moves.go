package sample

import "sync/atomic"

// Moves hands out the addresses that hosts move to. It is safe for
// concurrent use.
type Moves struct {
	turns []atomic.Uint32
}

// NewMoves returns the moves of hosts 0 to hosts-1.
func NewMoves(hosts int) *Moves {
	return &Moves{turns: make([]atomic.Uint32, hosts)}
}

// Next returns a new address for host i, in 198.51.100.0/24 or
// 203.0.113.0/24. It differs from the 511 addresses handed out for the host
// before it, and the first 255 also from what a seeded host has when it is made:
// where updates overtake one another, each is a change all the same.
func (m *Moves) Next(i int) [4]byte { return address(i, m.turns[i].Add(1)) }

// Last returns what Next returned last for host i; without a Next the result
// means nothing.
func (m *Moves) Last(i int) [4]byte { return address(i, m.turns[i].Load()) }

// address returns the address of host i in its turn, counted from 1: what comes
// after that of the seed, which ends in i%254+1. Every second host begins in the
// other prefix.
func address(i int, turn uint32) [4]byte {
	at := uint32(i%254) + 1 + turn + uint32(i)<<8
	if at&0x100 == 0 {
		return [4]byte{198, 51, 100, byte(at)}
	}
	return [4]byte{203, 0, 113, byte(at)}
}
