//go:build linux

package figure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// The subjects of the figure of updates through a cluster.
const (
	twoNodes = "stayput, 2 nodes"
	upserts  = "single-row upserts"
)

// database starts PostgreSQL, stops it at the end, and returns it.
func (b *bench) database(ctx context.Context) (*peer.Postgres, error) {
	dir, err := b.subdir("postgres")
	if err != nil {
		return nil, err
	}
	p, err := peer.StartPostgres(ctx, dir)
	if err != nil {
		return nil, err
	}
	b.stops = append(b.stops, p.Stop)
	b.report.note("%s", p.Version)
	return p, nil
}

// nodes starts n daemons on one new database of the server, the first of which gets so
// many hosts, and returns them with the routers that keep the hosts up to date. All
// know the last host on return.
func (b *bench) nodes(ctx context.Context, p *peer.Postgres, n, hosts int) (nodes []*peer.Stayput, fleet *load.Fleet, err error) {
	url, err := p.Create(ctx, fmt.Sprintf("stayput%d", hosts))
	if err != nil {
		return nil, nil, err
	}
	first, fleet, err := b.service(ctx, nodeName(0), hosts, peer.StayputOptions{CPU: peer.AnyCPU, Store: url, Node: nodeName(0)})
	if err != nil {
		return nil, nil, err
	}
	nodes = append(nodes, first)
	for i := 1; i < n; i++ {
		s, err := b.stayput(ctx, nodeName(i), peer.StayputOptions{CPU: peer.AnyCPU, Store: url, Node: nodeName(i)})
		if err != nil {
			return nil, nil, err
		}
		nodes = append(nodes, s)
	}
	return nodes, fleet, nil
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

// clusterUpdates measures changed addresses over HTTP through two nodes, in turns with
// upserts of single rows in the same PostgreSQL by as many connections.
func clusterUpdates(flags *flag.FlagSet, _ *settings) func(context.Context, *bench) error {
	clients := flags.Int("clients", 256, "how many update at once, over connections that they keep")
	return func(ctx context.Context, b *bench) error {
		if *clients < 2 {
			return fmt.Errorf("%w: two nodes need two clients", ErrUsage)
		}
		p, err := b.database(ctx)
		if err != nil {
			return err
		}
		nodes, fleet, err := b.nodes(ctx, p, 2, b.hosts)
		if err != nil {
			return err
		}
		rows, err := load.NewUpserts(ctx, p.URL("postgres"), b.hosts, fleet.Host)
		if err != nil {
			return err
		}
		moves, writes := sample.NewMoves(b.hosts), sample.NewMoves(b.hosts)
		err = b.eachRound(ctx, func() error {
			through := append(door(nodes[0], true, false, "good ").Clients(*clients/2, fleet, moves.Next),
				door(nodes[1], true, false, "good ").Clients(*clients-*clients/2, fleet, moves.Next)...)
			if err := b.clusterTurn(ctx, twoNodes, through, p, nodes); err != nil {
				return err
			}
			bare, err := rows.Clients(ctx, *clients, writes.Next)
			if err != nil {
				return err
			}
			return b.clusterTurn(ctx, upserts, bare, p, nodes)
		})
		b.report.ratio("updates/s", twoNodes, upserts)
		b.report.ratio(clusterCPU, twoNodes, upserts)
		return err
	}
}

// clusterCPU is what the generator has no part in.
const clusterCPU = "CPU an update, nodes and database"

// clusterTurn measures one turn of one subject.
func (b *bench) clusterTurn(ctx context.Context, subject string, clients []load.Client, p *peer.Postgres, nodes []*peer.Stayput) error {
	used := func() (total time.Duration, err error) {
		if total, err = p.CPU(); err != nil {
			return 0, err
		}
		for _, s := range nodes {
			cpu, err := s.CPU()
			if err != nil {
				return 0, err
			}
			total += cpu
		}
		return total, nil
	}
	before, err := used()
	if err != nil {
		return err
	}
	r := load.Closed(ctx, clients, b.hosts, b.duration)
	after, err := used()
	if err != nil {
		return err
	}
	b.addResult(subject, "", &r)
	if r.Done > 0 {
		b.report.add(subject, clusterCPU, "ms", milliseconds(after-before)/float64(r.Done))
	}
	return ctx.Err()
}

// lag measures how long it takes from when one node has answered an update until
// another one's DNS answers with it, while updates come in at a fixed rate.
func lag(flags *flag.FlagSet, _ *settings) func(context.Context, *bench) error {
	rate := flags.Float64("rate", 1000, "updates that arrive each second, over all nodes")
	count := flags.Int("nodes", 3, "nodes on the database")
	return func(ctx context.Context, b *bench) error {
		if *count < 2 || b.hosts <= watched {
			return fmt.Errorf("%w: want two nodes and more than %d hosts", ErrUsage, watched)
		}
		p, err := b.database(ctx)
		if err != nil {
			return err
		}
		nodes, fleet, err := b.nodes(ctx, p, *count, b.hosts)
		if err != nil {
			return err
		}
		moves := sample.NewMoves(b.hosts)
		return b.eachRound(ctx, func() error { return b.lagTurn(ctx, nodes, fleet, moves, *rate) })
	}
}

// watched is how many hosts, the last ones, only the watcher moves.
const watched = 100

// lagTurn measures one round.
func (b *bench) lagTurn(ctx context.Context, nodes []*peer.Stayput, fleet *load.Fleet, moves *sample.Moves, rate float64) error {
	results, errs := make([]load.Result, len(nodes)), make(chan error)
	for i, s := range nodes {
		go func() {
			way := door(s, false, false, "good ")
			var err error
			results[i], err = way.Open(ctx, load.Evenly(rate/float64(len(nodes)), b.duration, b.hosts-watched), fleet, moves.Next)
			errs <- err
		}()
	}
	w := watcher{nodes: nodes, fleet: fleet, moves: moves}
	err := w.watch(ctx, b.duration)
	for range nodes {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return err
	}
	arrived := 0.0
	for i := range results {
		arrived += results[i].Rate()
		b.addFailures(nodeName(i), "", &results[i])
	}
	b.report.add("all nodes", "updates/s meanwhile", "/s", arrived)
	lags := load.Result{Latencies: slices.Sorted(slices.Values(w.lags)), Done: len(w.lags)}
	b.addLatencies("from the answer to the other nodes' DNS", &lags)
	return nil
}

// watcher moves hosts at one node and asks the others.
type watcher struct {
	nodes []*peer.Stayput
	fleet *load.Fleet
	moves *sample.Moves
	lags  []time.Duration
}

// watch moves one host after the other for d, each at the next node.
func (w *watcher) watch(ctx context.Context, d time.Duration) error {
	var clients []load.Client
	for _, s := range w.nodes {
		clients = append(clients, door(s, true, false, "good ").Clients(1, w.fleet, w.moves.Next)...)
	}
	for _, c := range clients {
		defer c.Close()
	}
	for start, n := time.Now(), 0; time.Since(start) < d && ctx.Err() == nil; n++ {
		at, host := n%len(w.nodes), w.fleet.Len()-1-n%watched
		if err := clients[at].Update(host); err != nil {
			return fmt.Errorf("moving a host: %w", err)
		}
		answered, errs := time.Now(), make(chan error)
		for i, s := range w.nodes {
			if i != at {
				go func() { errs <- w.await(ctx, s, host) }()
			}
		}
		for range len(w.nodes) - 1 {
			if err := <-errs; err != nil {
				return err
			}
			w.lags = append(w.lags, time.Since(answered))
		}
		time.Sleep(time.Millisecond) // the machine is to be measured, not filled
	}
	return ctx.Err()
}

// await returns when the DNS of a node has the last address of a host.
func (w *watcher) await(ctx context.Context, s *peer.Stayput, host int) error {
	ctx, cancel := context.WithTimeout(ctx, load.Timeout)
	defer cancel()
	want := netip.AddrFrom4(w.moves.Last(host))
	return s.Await(ctx, 200*time.Microsecond, func() bool {
		got, err := peer.Lookup(s.DNS, w.fleet.Host(host))
		return err == nil && got == want
	})
}
