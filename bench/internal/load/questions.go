//go:build linux

package load

import (
	"encoding/binary"
	"math/rand/v2"

	"stayput.dev/bench/internal/sample"
	"stayput.dev/bench/internal/wire"
)

// The mixture of questions, in percent.
const (
	percentA        = 80 // the others are AAAA
	percentExisting = 90 // the others are NXDOMAIN
)

// An expectation says how a question must be answered.
type expectation byte

const (
	answered     expectation = 1 + iota // NOERROR with one record
	noData                              // NOERROR with none
	noSuchDomain                        // NXDOMAIN
)

// met reports whether the reply m is as expected.
func (e expectation) met(m []byte) bool {
	switch e {
	case answered:
		return wire.Rcode(m) == wire.NoError && wire.Answers(m) == 1
	case noData:
		return wire.Rcode(m) == wire.NoError && wire.Answers(m) == 0
	default:
		return wire.Rcode(m) == wire.NXDomain && wire.Answers(m) == 0
	}
}

// How resolvers ask, in percent.
const (
	percentEDNS   = 90
	percentCookie = 20
)

// Questions are packed queries in the order in which they are asked. Asking
// them writes ids into them: they serve one run at a time.
type Questions struct {
	packed []byte
	starts []uint32 // of each question in packed, and the end
	expect []expectation
}

// NewQuestions returns n questions about random hosts of zone from host first on,
// the same for the same arguments. Realistic ones have names in mixed case, and
// most of them an OPT record, some with a cookie.
func NewQuestions(zone sample.Zone, first, n int, seed uint64, realistic bool) *Questions {
	rng := rand.New(rand.NewPCG(seed, 0))
	q := &Questions{starts: make([]uint32, 1, n+1), expect: make([]expectation, 0, n)}
	for range n {
		host := first + rng.IntN(zone.Hosts-first)
		name, typ, expect := zone.Host(host), uint16(wire.TypeA), answered
		if rng.IntN(100) >= percentA {
			typ = wire.TypeAAAA
			if _, ok := zone.IPv6(host); !ok {
				expect = noData
			}
		}
		if rng.IntN(100) >= percentExisting {
			name, expect = zone.Label(host)+"x."+sample.ZoneName, noSuchDomain
		}
		question := wire.AppendQuestion(nil, 0, name, typ)
		if realistic {
			question = dress(question, rng)
		}
		q.packed = append(q.packed, question...)
		q.starts = append(q.starts, uint32(len(q.packed)))
		q.expect = append(q.expect, expect)
	}
	return q
}

// dress makes a question look as those of resolvers do.
func dress(question []byte, rng *rand.Rand) []byte {
	const end = 4 // type and class
	for i := wire.HeaderSize; i < len(question)-end; i++ {
		if c := question[i]; 'a' <= c && c <= 'z' && rng.IntN(2) == 0 {
			question[i] = c - ('a' - 'A')
		}
	}
	var cookie []byte
	switch n := rng.IntN(100); {
	case n >= percentEDNS:
		return question
	case n < percentCookie:
		cookie = binary.BigEndian.AppendUint64(nil, rng.Uint64())
	}
	return wire.AppendOPT(question, cookie)
}

// Len returns the number of questions.
func (q *Questions) Len() int { return len(q.expect) }

// at returns question i, packed.
func (q *Questions) at(i int) []byte { return q.packed[q.starts[i]:q.starts[i+1]] }
