package web

import (
	"context"
	"time"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/watch"
	"stayput.dev/internal/zone"
)

// House is what staff see of the service besides what it keeps. What is nil is not
// shown.
type House struct {
	Trend        *watch.Trend // of the counters that are named by Replies and Updates
	Tally        *watch.Tally
	Servers      Servers
	Checks       Checks
	Certificates func() []Certificate
	Nodes        Nodes
}

// How counters are named in House.Trend: by what they are and their kind.
const (
	Replies = "replies " // of the DNS server, by response code
	Updates = "updates " // by what became of them
)

// Servers knows the DNS servers that zones go to.
type Servers interface {
	// Told returns what secondaries were told. It asks nobody.
	Told() []Secondary
	// Ask asks all secondaries which version of each zone they have.
	Ask(ctx context.Context) []Secondary
	// Pushes returns how far the servers are that zones are pushed to.
	Pushes() []Push
}

// Secondary is how a secondary follows a zone.
type Secondary struct {
	Zone, Addr string
	Serial     uint32        // of the zone here
	Has        *uint32       // that the secondary has; nil when nobody knows
	Told       time.Time     // of the last change; zero: it was not, since the start
	Taken      bool          // it said that it heard that
	Err        phrase.Phrase // what is wrong; empty for nothing
}

// Push is how far a server is that a zone is pushed to.
type Push struct {
	Zone, Target string
	Pending      int           // names that it may not have as they are here
	Oldest       time.Time     // since when the first of them waits; may be zero
	Refused      int           // names that it does not take
	Held         int           // deletions that wait for somebody to ask for them
	Err          phrase.Phrase // what is wrong; empty for nothing
}

// Checks looks at zones as the world finds them.
type Checks interface {
	// Check returns what it finds of a zone that is there. It takes as long as
	// others take to answer, within limits.
	Check(ctx context.Context, origin zone.Name) []Finding
}

// Finding is one thing that was found about a zone.
type Finding struct {
	Level Level
	Topic phrase.Phrase
	Text  phrase.Phrase // a sentence
	Hint  phrase.Phrase // may be empty
}

// Level is how bad a Finding is: the look of its state.
type Level string

// The levels.
const (
	FoundWell  Level = "good"
	FoundOdd   Level = "warn"
	FoundFault Level = "bad"
)

// Certificate is one that listeners show.
type Certificate struct {
	Names []string
	Until time.Time // when it expires
}
