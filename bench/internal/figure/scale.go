//go:build linux

package figure

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// scaling says what the model is made of and what it is asked.
type scaling struct {
	sizes, clients counts
	idle           time.Duration
	hosts, rate    float64
}

// scale measures what hosts and updates cost a node that follows, and compares what the
// smaller sizes and loads predict with what the others take; then it says what that
// comes to at a size that does not fit here. What grows with hosts is taken for a line
// through the two smallest sizes, memory for as much a host as at the largest; what grows
// with updates for so much for each commit and so much for each update, by the first two
// loads. It fails where the model is too far off what was measured.
func scale(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.rounds = 1
	m := scaling{sizes: counts{100_000, 300_000, 1_000_000}, clients: counts{1, 64, 16}}
	flags.Var(&m.sizes, "sizes", "hosts, the two smallest to predict the others by, as a `list`")
	flags.Var(&m.clients, "clients", "how many update at once, the first two to predict the others by, as a `list`")
	flags.DurationVar(&m.idle, "idle", 30*time.Second, "rest before memory is read, in which what a start needed goes back to the system")
	flags.Float64Var(&m.hosts, "model-hosts", 10e6, "hosts that the model is asked about")
	flags.Float64Var(&m.rate, "model-rate", 100_000, "updates a second that the model is asked about")
	return func(ctx context.Context, b *bench) error {
		if len(m.sizes) < 3 || len(m.clients) < 3 {
			return fmt.Errorf("%w: to predict one of them, give three sizes and three numbers of clients", ErrUsage)
		}
		slices.Sort(m.sizes)
		p, err := b.database(ctx)
		if err != nil {
			return err
		}
		each := b.accounts
		for i, hosts := range m.sizes {
			if each == 0 {
				b.accounts = max(1, hosts/10) // the same for all, or they lie on no line
			}
			if err := b.scaleAt(ctx, p, hosts, &m, i == 0); err != nil {
				return err
			}
		}
		m.predict(b.report)
		return b.report.judge(m.sizes[len(m.sizes)-1])
	}
}

// residentMemory is measured of each size too. It grows in steps, when the collector of
// garbage has its turn, so that no line leads from one size to another.
const residentMemory = "memory of a node"

// What is measured of each size, and grows with it.
var sizeMeasures = []struct{ name, unit string }{
	{"snapshot", "MiB"},
	{"start from the database", "s"},
	{"CPU of a start from the database", "s"},
	{"start from its own snapshot", "s"},
	{"CPU of a start from its own snapshot", "s"},
}

// What is measured of each load, for each second.
var loadMeasures = []struct{ name, unit string }{
	{"journal", "KiB/s"},
	{"feed of a node", "KiB/s"},
	{"CPU of a node that follows", "ms/s"},
	{"CPU of the database", "ms/s"},
}

func sized(hosts int) string    { return fmt.Sprintf("%d hosts", hosts) }
func loaded(clients int) string { return "by" + among(clients)[1:] }

// scaleAt measures nodes with so many hosts, and with updates the loads too.
func (b *bench) scaleAt(ctx context.Context, p *peer.Postgres, hosts int, m *scaling, updates bool) error {
	mark := len(b.stops)
	defer func() {
		for _, stop := range slices.Backward(b.stops[mark:]) { // the next size wants the memory
			stop()
		}
		b.stops = b.stops[:mark]
	}()
	nodes, fleet, err := b.nodes(ctx, p, 1, hosts)
	if err != nil {
		return err
	}
	url := p.URL(fmt.Sprintf("stayput%d", hosts))
	// The node writes its own after the one in the database.
	if _, err := awaitSnapshot(ctx, nodes[0]); err != nil {
		return err
	}
	c := starters{bench: b, writer: nodes[0], fleet: fleet, url: url, suffix: strconv.Itoa(hosts) + "-"}
	err = b.eachRound(ctx, func() error { return b.measureSize(ctx, &c, hosts, m.idle) })
	if err != nil || !updates {
		return err
	}
	s, err := c.start(ctx, "node-follows")
	if err != nil {
		return err
	}
	if _, err := awaitSnapshot(ctx, s); err != nil {
		return err
	}
	l := loads{bench: b, writer: nodes[0], follower: s, database: p, url: url, fleet: fleet, moves: sample.NewMoves(hosts)}
	return b.eachRound(ctx, func() error { return l.round(ctx, m.clients) })
}

// measureSize measures a node that starts twice.
func (b *bench) measureSize(ctx context.Context, c *starters, hosts int, idle time.Duration) error {
	subject := sized(hosts)
	c.fresh++
	dir := fmt.Sprintf("node-fresh-%s%d", c.suffix, c.fresh)
	s, err := c.timed(ctx, subject, "start from the database", dir)
	if err != nil {
		return err
	}
	size, err := awaitSnapshot(ctx, s)
	if err != nil {
		return err
	}
	b.report.add(subject, "snapshot", "MiB", float64(size)/(1<<20))
	s.Stop()
	if s, err = c.timed(ctx, subject, "start from its own snapshot", dir); err != nil {
		return err
	}
	defer s.Stop()
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return ctx.Err()
	}
	memory, err := s.Memory()
	if err != nil {
		return err
	}
	b.report.add(subject, residentMemory, "MiB", memory.Resident)
	return nil
}

// timed starts a node and adds how long its first answer took, and how much CPU.
func (c *starters) timed(ctx context.Context, subject, measure, dir string) (*peer.Stayput, error) {
	s, err := c.start(ctx, dir)
	if err != nil {
		return nil, err
	}
	used, err := s.CPU()
	if err != nil {
		return nil, err
	}
	c.report.add(subject, measure, "s", s.FirstIn.Seconds())
	c.report.add(subject, "CPU of a "+measure, "s", used.Seconds())
	return s, nil
}

// loads are updates at one node that another follows.
type loads struct {
	*bench
	writer, follower *peer.Stayput
	database         *peer.Postgres
	url              string
	fleet            *load.Fleet
	moves            *sample.Moves
}

// counters are what has come together until now.
type counters struct {
	at                       time.Time
	commits, journal, feed   int64
	followerCPU, databaseCPU time.Duration
}

func (l *loads) count(ctx context.Context) (c counters, err error) {
	if c.commits, c.journal, err = l.database.Journal(ctx, l.url); err != nil {
		return c, err
	}
	if c.feed, err = l.follower.BytesRead(); err != nil {
		return c, err
	}
	if c.followerCPU, err = l.follower.CPU(); err != nil {
		return c, err
	}
	c.databaseCPU, err = l.database.CPU()
	c.at = time.Now()
	return c, err
}

// round measures the loads, each without what is used while nothing comes in.
func (l *loads) round(ctx context.Context, clients counts) error {
	idle, err := l.turn(ctx, func() (int, error) {
		select {
		case <-time.After(l.duration):
		case <-ctx.Done():
		}
		return 0, ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, n := range clients {
		got, err := l.turn(ctx, func() (int, error) {
			r, err := door(l.writer, true, false, "good ").Closed(ctx, n, l.fleet, l.moves.Next, l.duration)
			l.addFailures(loaded(n), "", &r)
			return r.Done, err
		})
		if err != nil {
			return err
		}
		l.report.add(loaded(n), "updates", "/s", got["updates"])
		l.report.add(loaded(n), "commits", "/s", got["commits"])
		for _, measure := range loadMeasures {
			l.report.add(loaded(n), measure.name, measure.unit, got[measure.name]-idle[measure.name])
		}
		l.log.Printf("%s: %.0f updates/s in %.0f commits/s", loaded(n), got["updates"], got["commits"])
	}
	return nil
}

// turn returns what was used for each second that updates take.
func (l *loads) turn(ctx context.Context, updates func() (int, error)) (map[string]float64, error) {
	before, err := l.count(ctx)
	if err != nil {
		return nil, err
	}
	done, err := updates()
	if err != nil {
		return nil, err
	}
	after, err := l.count(ctx)
	if err != nil {
		return nil, err
	}
	d := after.at.Sub(before.at).Seconds()
	return map[string]float64{
		"updates":                    float64(done) / d,
		"commits":                    float64(after.commits-before.commits) / d,
		"journal":                    float64(after.journal-before.journal) / 1024 / d,
		"feed of a node":             float64(after.feed-before.feed) / 1024 / d,
		"CPU of a node that follows": milliseconds(after.followerCPU-before.followerCPU) / d,
		"CPU of the database":        milliseconds(after.databaseCPU-before.databaseCPU) / d,
	}, nil
}

// predict adds what the model says beside what was measured, and what it says of a
// cluster that does not fit here.
func (m *scaling) predict(r *report) {
	const model = "model, "
	of := func(subject, measure string) float64 { return r.find(subject, measure).Median }
	largest := m.sizes[len(m.sizes)-1]
	each := of(sized(largest), residentMemory) / float64(largest)
	r.add("each host", residentMemory, "octets", each*(1<<20))
	r.add(model+sized(int(m.hosts)), residentMemory, "MiB", each*m.hosts)
	for _, measure := range sizeMeasures {
		small, large := m.sizes[0], m.sizes[1]
		each := (of(sized(large), measure.name) - of(sized(small), measure.name)) / float64(large-small)
		if measure.unit == "MiB" {
			r.add("each host", measure.name, "octets", each*(1<<20))
		}
		at := func(hosts float64) float64 { return of(sized(small), measure.name) + each*(hosts-float64(small)) }
		for _, hosts := range m.sizes[2:] {
			r.add(model+sized(hosts), measure.name, measure.unit, at(float64(hosts)))
			r.ratioBetween(measure.name, model+sized(hosts), sized(hosts))
		}
		r.add(model+sized(int(m.hosts)), measure.name, measure.unit, at(m.hosts))
	}
	for _, measure := range loadMeasures {
		commit, update := m.unitCosts(func(clients int, name string) float64 { return of(loaded(clients), name) }, measure.name)
		unit, in := "ms", 1.0
		if measure.unit == "KiB/s" {
			unit, in = "octets", 1<<10
		}
		r.add("each commit", measure.name, unit, commit*in)
		r.add("each update", measure.name, unit, update*in)
		for _, n := range m.clients[2:] {
			r.add(model+loaded(n), measure.name, measure.unit, commit*of(loaded(n), "commits")+update*of(loaded(n), "updates"))
			r.ratioBetween(measure.name, model+loaded(n), loaded(n))
		}
		r.add(fmt.Sprintf("%s%.0f updates/s in %d commits/s", model, m.rate, modelCommits), measure.name, measure.unit, commit*modelCommits+update*m.rate)
	}
}

// modelCommits is how many commits a second the writers of a cluster make, which pace
// the serials of a zone so.
const modelCommits = 1000

// unitCosts solves cost = commit × commits + update × updates for the first two loads.
func (m *scaling) unitCosts(of func(clients int, measure string) float64, measure string) (commit, update float64) {
	a, b := m.clients[0], m.clients[1]
	c1, u1, y1 := of(a, "commits"), of(a, "updates"), of(a, measure)
	c2, u2, y2 := of(b, "commits"), of(b, "updates"), of(b, measure)
	det := c1*u2 - c2*u1
	return (y1*u2 - y2*u1) / det, (c1*y2 - c2*y1) / det
}
