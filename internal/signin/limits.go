package signin

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"stayput.dev/internal/limit"
)

// How often somebody may be wrong. A source is an IPv4 address or an IPv6 /64.
var (
	// sourcePace is of one source, at whatever accounts.
	sourcePace = limit.Pace{Step: 10 * time.Second, Burst: 30}

	// accountPace is of one account, from wherever. A source whose first guess at it
	// within an hour it is has no part in it, nor one from which the account was signed
	// in to, so that nobody can keep the owner out by guessing. firstsPace is of such
	// first guesses at one account: who has thousands of addresses has as many of them.
	accountPace = limit.Pace{Step: 30 * time.Second, Burst: 20}
	firstGuess  = limit.Pace{Step: time.Hour, Burst: 1}
	firstsPace  = limit.Pace{Step: 20 * time.Second, Burst: 100}
	knownPace   = limit.Pace{Step: 10 * time.Second, Burst: 10}

	// codePace is of the codes of one account, whoever gives them: they are short, and
	// whoever guesses them has all the time that they need.
	codePace = limit.Pace{Step: 5 * time.Minute, Burst: 6}

	// mailPace is of mails to one address, and requestPace of those that one source
	// makes us send.
	mailPace    = limit.Pace{Step: 10 * time.Minute, Burst: 3}
	requestPace = limit.Pace{Step: time.Minute, Burst: 10}

	// linePace is of lines in the log about one source, eventPace of events about one
	// account.
	linePace  = limit.Pace{Step: 10 * time.Second, Burst: 3}
	eventPace = limit.Pace{Step: time.Minute, Burst: 5}
)

// limits counts, in some 2.8 MB.
type limits struct {
	sources, accounts, guessers, firsts, known, knownGuesses, codes, mails, requests, lines, events *limit.Buckets
}

func newLimits(clock func() time.Time) *limits {
	fresh := func() *limit.Buckets { return limit.New(clock) }
	return &limits{fresh(), fresh(), fresh(), fresh(), fresh(), fresh(), fresh(), fresh(), fresh(), fresh(), fresh()}
}

// token is one that was taken from a bucket.
type token struct {
	from *limit.Buckets
	id   uint64
	pace limit.Pace
}

// guess is an attempt, and the tokens that it took.
type guess struct{ taken []token }

func (g *guess) take(from *limit.Buckets, owner [16]byte, p limit.Pace) (time.Duration, bool) {
	id := from.ID(owner)
	wait, ok := from.Take(id, p, 0)
	if ok {
		g.taken = append(g.taken, token{from, id, p})
	}
	return wait, ok
}

// forgive gives back what was taken: the guess was right, or was none.
func (g *guess) forgive() {
	for _, t := range g.taken {
		t.from.PutBack(t.id, t.pace)
	}
	g.taken = nil
}

// admit begins a guess at a password, or fails with ErrSlowed. The owner of an
// unknown name is its hash, so that nothing tells it from a known one.
func (l *limits) admit(source netip.Addr, owner [16]byte, id uint32) (*guess, error) {
	g := &guess{}
	if source.IsValid() {
		if wait, ok := g.take(l.sources, limit.Source(source), sourcePace); !ok {
			return g, &slowed{wait}
		}
		pair := limit.SourceAndNumber(source, id)
		if l.isKnown(source, id) {
			wait, ok := g.take(l.knownGuesses, pair, knownPace)
			if !ok {
				g.forgive()
				return g, &slowed{wait}
			}
			return g, nil
		}
		if _, first := g.take(l.guessers, mixed(source, owner), firstGuess); first {
			if _, few := g.take(l.firsts, owner, firstsPace); few {
				return g, nil
			}
		}
	}
	wait, ok := g.take(l.accounts, owner, accountPace)
	if !ok {
		g.forgive()
		return g, &slowed{wait}
	}
	return g, nil
}

// knownFor is how long a source from which an account was signed in to is known.
const knownFor = 30 * 24 * time.Hour

// know notes that an account was signed in to from a source.
func (l *limits) know(source netip.Addr, id uint32) {
	if source.IsValid() {
		has(l.known, limit.SourceAndNumber(source, id), limit.Pace{Step: knownFor, Burst: 1})
	}
}

// isKnown tells whether it was, within knownFor.
func (l *limits) isKnown(source netip.Addr, id uint32) bool {
	return id != 0 && source.IsValid() && l.known.InUse(l.known.ID(limit.SourceAndNumber(source, id)))
}

// has takes a token, if there is one.
func has(b *limit.Buckets, owner [16]byte, p limit.Pace) bool {
	_, ok := b.Take(b.ID(owner), p, 0)
	return ok
}

// named returns the owner that a text is.
func named(text string) (owner [16]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(owner[:], sum[:])
	return owner
}

// mixed returns the owner that a source and another owner are together.
func mixed(source netip.Addr, other [16]byte) [16]byte {
	a := limit.Source(source)
	return named(string(a[:]) + string(other[:]))
}
