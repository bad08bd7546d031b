// Package checkup looks at a zone as the world finds it, and into it for what is odd:
// whether the zone above delegates to it, whether its name servers and secondaries
// answer for it with our serial, whether what its records point to is there.
//
// It serves the operator, who asks for it. It asks other servers as any resolver would,
// within limits that stand here, and never changes anything.
package checkup

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// Level says how a finding is to be taken.
type Level uint8

// The levels.
const (
	OK   Level = iota
	Warn       // odd: it may be meant
	Fail       // somebody does not find what is here
)

// String returns the level as people are shown it.
func (l Level) String() string { return [...]string{"ok", "warn", "fail"}[l] }

// Topic is what a finding is about.
type Topic string

// The topics, in the order in which they come.
const (
	Delegation Topic = "delegation"
	Servers    Topic = "name servers"
	Followers  Topic = "secondaries"
	Timers     Topic = "timers"
	Records    Topic = "records"
)

// Finding is one thing that was found.
type Finding struct {
	Level Level
	Topic Topic
	Text  phrase.Phrase // a sentence
	Hint  phrase.Phrase // what may be done about it; may be empty
}

func (f *Finding) equals(other *Finding) bool {
	return f.Level == other.Level && f.Topic == other.Topic && f.Text.String() == other.Text.String() && f.Hint.String() == other.Hint.String()
}

// say writes what a finding says.
func say(format string, args ...any) phrase.Phrase { return phrase.New(format, args...) }

// nothing stands where there is no hint.
var nothing phrase.Phrase

// Follower is a secondary of the zone.
type Follower struct {
	Name   string
	Serial func(context.Context) (uint32, error) // asks which version it has
}

// Options say what is looked at.
type Options struct {
	Zones     func() zone.Set // ours, as they are now; must not be nil
	Followers []Follower
	Resolvers []netip.AddrPort // that are asked for names of others, one after the other
	Inside    bool             // only what is here and at followers: nobody else is asked
}

// maxTime is how long a check-up takes at most; who has not answered by then does not.
const maxTime = 30 * time.Second

// Zone looks at a zone of ours and returns what it finds, in order of topics. Of a topic
// in which all is well, it says so.
func Zone(ctx context.Context, origin zone.Name, opts Options) []Finding {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	c := &checker{Options: opts, zones: opts.Zones()}
	if c.zone = c.zones.Get(origin); c.zone == nil {
		return []Finding{{Fail, Records, say("there is no zone %s", origin), nothing}}
	}
	catalog := c.zone.IsCatalog() // nobody delegates to it, and it has no name servers (RFC 9432)
	if !opts.Inside && !catalog {
		above := c.checkDelegation(ctx)
		c.checkServers(ctx, above)
	}
	c.checkFollowers(ctx)
	if catalog && len(c.Followers) == 0 {
		c.find(Finding{Warn, Followers, say("there are none, and nobody else reads a catalog"), say("name them in dns.secondaries, or with `stayput zone set --secondary`")})
	}
	if !catalog {
		c.checkTimers()
		c.checkRecords()
	}
	return c.findings
}

// checker is one check-up.
type checker struct {
	Options
	zones zone.Set   // as they were when it began
	zone  *zone.Zone // the one that is looked at

	mu       sync.Mutex // guards findings
	findings []Finding
}

// find notes a finding, once.
func (c *checker) find(f Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.findings {
		if c.findings[i].equals(&f) {
			return
		}
	}
	c.findings = append(c.findings, f)
}

// isWell tells whether nothing is wrong in a topic so far.
func (c *checker) isWell(topic Topic) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.findings {
		if f.Topic == topic && f.Level != OK {
			return false
		}
	}
	return true
}

// checkFollowers asks every secondary for its version.
func (c *checker) checkFollowers(ctx context.Context) {
	var asking sync.WaitGroup
	found := make([]Finding, len(c.Followers))
	for i, f := range c.Followers {
		asking.Go(func() {
			found[i] = c.judgeSerial(ctx, Followers, say("%s", f.Name), f.Serial)
		})
	}
	asking.Wait()
	for _, f := range found {
		c.find(f)
	}
}

// patience is how long a server may take to have the version that was there when the
// check-up began, and pause how long it is left alone meanwhile.
const (
	patience = 4 * time.Second
	pause    = time.Second
)

// unanswered says what to do about who does not answer for the zone.
var unanswered = map[Topic]phrase.Phrase{
	Servers:   say("let it serve the zone, or take it from the NS records: whoever asks it first waits"),
	Followers: say("is it running, and does it know the zone and the key?"),
}

// judgeSerial asks a server for its version, again while it is behind.
func (c *checker) judgeSerial(ctx context.Context, topic Topic, name phrase.Phrase, ask func(context.Context) (uint32, error)) Finding {
	wanted, origin := c.zone.Serial(), c.zone.Origin()
	for end := time.Now().Add(patience); ; {
		has, err := ask(ctx)
		now := wanted
		if z := c.Zones().Get(origin); z != nil {
			now = z.Serial()
		}
		switch {
		case errors.Is(err, errNoWay):
			return Finding{Level: Warn, Topic: topic, Text: say("%s: %v", name, err)}
		case err != nil:
			return Finding{Fail, topic, say("%s: %v", name, err), unanswered[topic]}
		case zone.SerialLess(now, has):
			return later(topic, name, has, now)
		case !zone.SerialLess(has, wanted):
			return Finding{Level: OK, Topic: topic, Text: say("%s has our version", name)}
		case time.Now().After(end) || ctx.Err() != nil:
			return behind(topic, name, has, wanted)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
