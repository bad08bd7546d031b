//go:build linux

package figure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// The subjects of the figure of starts.
const (
	fromDatabase = "from the database"
	fromSnapshot = "from its own snapshot"
)

// starts measures how long a node of a cluster takes from the start of its process to
// its first right answer: one that comes anew, and one that was away while updates
// came in and has the snapshot that it wrote.
func starts(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts, s.duration = 1_000_000, 5*time.Second
	return func(ctx context.Context, b *bench) error {
		p, err := b.database(ctx)
		if err != nil {
			return err
		}
		nodes, fleet, err := b.nodes(ctx, p, 1, b.hosts)
		if err != nil {
			return err
		}
		c := starters{bench: b, writer: nodes[0], fleet: fleet, url: p.URL(fmt.Sprintf("stayput%d", b.hosts))}
		if err := c.prepare(ctx); err != nil {
			return err
		}
		moves := sample.NewMoves(b.hosts)
		err = b.eachRound(ctx, func() error {
			r, err := door(nodes[0], false, false, "good ").Closed(ctx, 16, fleet, moves.Next, b.duration)
			if err != nil {
				return err
			}
			b.addFailures(stayput, "", &r)
			b.report.add(nodeName(0), "updates before the starts", "", float64(r.Done))
			return c.turn(ctx)
		})
		b.report.ratio(firstAnswer, fromSnapshot, fromDatabase)
		return err
	}
}

// starters are nodes of one database, of which one is always there.
type starters struct {
	*bench
	writer *peer.Stayput
	fleet  *load.Fleet
	url    string
	suffix string // of the directories of those that come anew
	fresh  int    // how many have
}

// kept is the directory of the node that has been there before.
const kept = "node-kept"

// prepare waits until the database has a snapshot, lets one node write its own, and
// stops it.
func (c *starters) prepare(ctx context.Context) error {
	if _, err := awaitSnapshot(ctx, c.writer); err != nil { // which it writes after the database's
		return err
	}
	s, err := c.start(ctx, kept)
	if err != nil {
		return err
	}
	defer s.Stop()
	_, err = awaitSnapshot(ctx, s)
	return err
}

// start starts a node and waits for its first answer.
func (c *starters) start(ctx context.Context, dir string) (*peer.Stayput, error) {
	s, err := c.launch(ctx, dir, peer.StayputOptions{CPU: peer.AnyCPU, Store: c.url, Node: dir})
	if err != nil {
		return nil, err
	}
	return s, s.AwaitHost(ctx, c.fleet.Host(c.fleet.Len()-1), netip.Addr{})
}

// turn measures one start of each kind.
func (c *starters) turn(ctx context.Context) error {
	c.fresh++
	dir := fmt.Sprintf("node-fresh-%s%d", c.suffix, c.fresh)
	for _, of := range []struct{ subject, dir string }{{fromDatabase, dir}, {fromSnapshot, kept}} {
		s, err := c.start(ctx, of.dir)
		if err != nil {
			return err
		}
		read, err := s.BytesRead()
		if err != nil {
			return err
		}
		used, err := s.CPU()
		if err != nil {
			return err
		}
		c.report.add(of.subject, firstAnswer, "s", s.FirstIn.Seconds())
		c.report.add(of.subject, "CPU of the start", "s", used.Seconds())
		c.report.add(of.subject, "read from disk and network", "MiB", float64(read)/(1<<20))
		c.log.Printf("%s: first answer after %.2f s", of.subject, s.FirstIn.Seconds())
		s.Stop()
	}
	return nil
}

// awaitSnapshot waits until a node has written its own snapshot, and returns its size.
func awaitSnapshot(ctx context.Context, s *peer.Stayput) (size int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, peer.StartTimeout)
	defer cancel()
	err = s.Await(ctx, 50*time.Millisecond, func() bool {
		var info os.FileInfo
		if info, err = os.Stat(s.Snapshot()); err == nil {
			size = info.Size()
		}
		return !errors.Is(err, os.ErrNotExist)
	})
	return size, err
}
