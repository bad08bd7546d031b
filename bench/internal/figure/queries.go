//go:build linux

package figure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// A layout says which cores server and load use.
type layout struct {
	server, load     int
	threads, sockets int
}

// questioning is how the query figures ask.
type questioning struct {
	unpinned, realistic bool
	window              int
}

func (q *questioning) layout() layout {
	if q.unpinned {
		return layout{server: peer.AnyCPU, load: peer.AnyCPU, threads: 2, sockets: 8}
	}
	return layout{server: 0, load: 1, threads: 1, sockets: 1}
}

// sources is how many addresses realistic questions come from: those of the
// resolvers that a zone sees.
const sources = 250

// resolver returns the load for a zone whose hosts begin with first.
func (q *questioning) resolver(zone sample.Zone, first int) load.Resolver {
	on := q.layout()
	r := load.Resolver{
		Questions: load.NewQuestions(zone, first, 1_000_000, 1, q.realistic),
		Window:    q.window,
		Sockets:   on.sockets,
		CPU:       on.load,
	}
	if q.realistic {
		r.Sources = sources
	}
	return r
}

// queries measures answers per second of server CPU: the server alone on one
// core, the load alone on another.
func queries(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.duration = 5 * time.Second
	var q questioning
	flags.BoolVar(&q.unpinned, "unpinned", false, "two server threads, eight source ports, nothing pinned")
	flags.BoolVar(&q.realistic, "realistic", false, "names in mixed case, 90 % with EDNS, 20 % with a cookie, 250 source addresses")
	flags.IntVar(&q.window, "window", 200, "questions in flight")
	latency := flags.Bool("latency", false, "measure latency at half the rate that knot reaches")
	cluster := flags.Bool("cluster", false, "measure Stayput alone, with its data in PostgreSQL and in SQLite")
	updates := flags.Float64("updates", 0, "measure Stayput alone, while so many updates come in each second, `rate`")
	return func(ctx context.Context, b *bench) error {
		switch {
		case *updates > 0:
			return b.queriesBesideUpdates(ctx, &q, *updates)
		case *cluster:
			return b.compareStores(ctx, &q)
		case *latency:
			return b.latencies(ctx, &q)
		}
		return b.compareQueries(ctx, &q)
	}
}

const perCPU = "queries per second of CPU"

// compareQueries lets the servers take turns.
func (b *bench) compareQueries(ctx context.Context, q *questioning) error {
	servers, err := b.answering(ctx, q.layout())
	if err != nil {
		return err
	}
	if b.wants(echo) {
		s, err := b.echoServer(ctx, q.layout().server)
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	resolver := q.resolver(sample.Zone{Hosts: b.hosts}, 0)
	err = b.eachRound(ctx, func() error {
		for _, s := range servers {
			if err := b.queryTurn(ctx, s, resolver); err != nil {
				return fmt.Errorf("asking %s: %w", s.Name, err)
			}
		}
		return nil
	})
	for _, s := range servers {
		b.report.ratio(perCPU, s.Name, reference)
	}
	b.report.ratio(perCPU, stayput, echo)
	return err
}

// The subjects of the comparison of stores.
const (
	onPostgres = "stayput, PostgreSQL"
	onSQLite   = "stayput, SQLite"
)

// compareStores lets a daemon with its data in PostgreSQL and one with SQLite take turns.
func (b *bench) compareStores(ctx context.Context, q *questioning) error {
	p, err := b.database(ctx)
	if err != nil {
		return err
	}
	url, err := p.Create(ctx, "stayput")
	if err != nil {
		return err
	}
	zone := sample.Zone{Hosts: b.hosts}
	file, err := b.zoneFile(zone)
	if err != nil {
		return err
	}
	var servers []*peer.Server
	for _, of := range []struct{ name, dir, url string }{{onPostgres, "postgresql", url}, {onSQLite, "sqlite", ""}} {
		s, err := b.stayput(ctx, of.dir, peer.StayputOptions{CPU: q.layout().server, Store: of.url, Node: of.dir})
		if err != nil {
			return err
		}
		if err := s.ImportZone(ctx, file); err != nil {
			return err
		}
		s.Name = of.name
		servers = append(servers, s.Server)
	}
	resolver := q.resolver(zone, 0)
	err = b.eachRound(ctx, func() error {
		for _, s := range servers {
			if err := b.queryTurn(ctx, s, resolver); err != nil {
				return fmt.Errorf("asking %s: %w", s.Name, err)
			}
		}
		return nil
	})
	b.report.ratio(perCPU, onPostgres, onSQLite)
	return err
}

// answering starts everything that answers for the zone.
func (b *bench) answering(ctx context.Context, on layout) ([]*peer.Server, error) {
	zone := sample.Zone{Hosts: b.hosts}
	var servers []*peer.Server
	if b.wants(stayput) {
		file, err := b.zoneFile(zone)
		if err != nil {
			return nil, err
		}
		s, err := b.stayput(ctx, stayput, peer.StayputOptions{CPU: on.server})
		if err != nil {
			return nil, err
		}
		if err := s.ImportZone(ctx, file); err != nil {
			return nil, err
		}
		servers = append(servers, s.Server)
	}
	for _, k := range b.installed(ctx, func(peer.Kind) bool { return true }) {
		s, err := b.start(ctx, k, zone, on.server, on.threads)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// leastCPU is what a turn must use to be measured in clock ticks of 10 ms.
const leastCPU = 500 * time.Millisecond

// queryTurn warms one server up and measures it.
func (b *bench) queryTurn(ctx context.Context, s *peer.Server, resolver load.Resolver) error {
	resolver.Server, resolver.Echo = s.DNS, s.Name == echo
	// A large zone takes a while to get from one form into another.
	if _, err := resolver.Ask(ctx, b.duration/10+time.Duration(b.hosts)*time.Microsecond); err != nil {
		return err
	}
	answers, used, err := b.askEnough(ctx, s, resolver)
	if err == nil {
		b.addAnswers(s.Name, answers, used)
	}
	return err
}

// askEnough is ask for one turn, again if a busy machine let the server run too
// little to say anything.
func (b *bench) askEnough(ctx context.Context, s *peer.Server, resolver load.Resolver) (load.Answers, time.Duration, error) {
	for range 10 {
		answers, used, err := ask(ctx, s, resolver, b.duration)
		if err != nil || ctx.Err() != nil {
			return answers, used, errors.Join(err, ctx.Err())
		}
		if used >= min(leastCPU, b.duration/20) {
			return answers, used, nil
		}
		b.log.Printf("%s got %v of CPU in %v: once more", s.Name, used, b.duration)
	}
	return load.Answers{}, 0, errors.New("the machine is too busy to measure anything")
}

// ask measures one run of questions and the CPU that the server used for it.
func ask(ctx context.Context, s *peer.Server, resolver load.Resolver, d time.Duration) (load.Answers, time.Duration, error) {
	before, err := s.CPU()
	if err != nil {
		return load.Answers{}, 0, err
	}
	answers, err := resolver.Ask(ctx, d)
	if err != nil {
		return load.Answers{}, 0, err
	}
	after, err := s.CPU()
	if err != nil {
		return load.Answers{}, 0, err
	}
	if answers.Wrong > 0 {
		return load.Answers{}, 0, fmt.Errorf("%d of %d answers were wrong: %w", answers.Wrong, answers.Wrong+answers.Right, answers.FirstWrong)
	}
	return answers, after - before, nil
}

func (b *bench) addAnswers(name string, answers load.Answers, used time.Duration) {
	right := float64(answers.Right)
	b.report.add(name, perCPU, "/s", right/used.Seconds())
	b.report.add(name, "queries a second", "/s", right/answers.Elapsed.Seconds())
	b.report.add(name, "not answered", "%", 100*float64(answers.Lost)/(right+float64(answers.Lost)))
	b.log.Printf("%s: %.0f queries per second of CPU, %.0f/s", name, right/used.Seconds(), right/answers.Elapsed.Seconds())
}
