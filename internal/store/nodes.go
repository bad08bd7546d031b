package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/registry"
)

const (
	// silentAfter is how long a node may say nothing before it counts as silent.
	silentAfter = 10 * time.Second

	// forgetAfter is how long a silent node is shown.
	forgetAfter = 24 * time.Hour
)

// Node is a process that uses the database, as it said last.
type Node struct {
	ID        string // of this run of it; Announce knows ours
	Name      string
	Version   string
	Roles     []string
	Addresses []string // where it listens, each with its role before it, as in "dns=192.0.2.1:53"
	Started   time.Time
	Revision  registry.Revision // that it shows
	Behind    uint64            // commits that it did not have yet when it spoke
	Late      time.Duration     // since when it had not the first of them, by the clock of who made it
	Ago       time.Duration     // since it spoke
	Jobs      []string          // that it has the leases of
}

// Silent tells whether the node should have spoken since.
func (n *Node) Silent() bool { return n.Ago > silentAfter }

// Standby is a server that follows the database.
type Standby struct{ Name, State, Sync string }

// Cluster is who uses the database, and how that is.
type Cluster struct {
	Self      string // ID of our own node
	Nodes     []Node // by their names
	Version   string // of the server
	Recovery  bool   // whether the server only reads
	SyncNames string // its synchronous_standby_names
	Standbys  []Standby
	Blind     bool // whether the role may not see how the standbys are

	// Stale is, of a server that only reads, for how long no node has said there how
	// it is: as old may be what it shows. 0 at a primary.
	Stale time.Duration
}

// Shared tells whether other processes may use the database too.
func (s *Store) Shared() bool {
	_, ok := s.engine.(*postgresEngine)
	return ok
}

// Announce says what is new of our own node, and forgets others that were silent
// for long. It tells whether others hear of it: with SQLite there are none, and with
// Options.ReadOnly the database may not take it.
func (s *Store) Announce(ctx context.Context, n Node) (told bool, err error) {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return false, nil
	}
	err = e.within(ctx, func(ctx context.Context) error {
		if e.only {
			if err := e.pool.QueryRow(ctx, mayAnnounceSQL).Scan(&told); err != nil || !told {
				return err
			}
		}
		_, err := e.pool.Exec(ctx, announceSQL, e.holder, n.Name, n.Version, strings.Join(n.Roles, " "),
			strings.Join(n.Addresses, " "), int64(n.Revision), n.Started.UnixMilli(), e.knows.Load())
		if err == nil {
			_, err = e.pool.Exec(ctx, forgetNodesSQL, e.holder, forgetAfter.Milliseconds(), n.Name, silentAfter.Milliseconds())
		}
		told = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("saying how this node is: %w", err)
	}
	return told, nil
}

// Lag tells what the database holds after a revision: how many commits, and for how long
// it has had the first of them, by the clock of who made it. With SQLite there are none.
func (s *Store) Lag(ctx context.Context, revision registry.Revision) (commits uint64, late time.Duration, err error) {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return 0, 0, nil
	}
	var behind, ms int64
	err = e.within(ctx, func(ctx context.Context) error {
		return e.pool.QueryRow(ctx, lagSQL, int64(revision)).Scan(&behind, &ms)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("asking how far this node is behind: %w", err)
	}
	return uint64(behind), time.Duration(ms) * time.Millisecond, nil
}

// Leave says that our node is no more. With SQLite it does nothing.
func (s *Store) Leave(ctx context.Context) error {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return nil
	}
	return e.within(ctx, func(ctx context.Context) error {
		_, err := e.pool.Exec(ctx, leaveSQL, e.holder)
		return err
	})
}

// Cluster returns who uses the database. Only for one that is Shared.
func (s *Store) Cluster(ctx context.Context) (Cluster, error) {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return Cluster{}, errors.New("the data is in a file, which one process uses")
	}
	c := Cluster{Self: e.holder}
	err := e.within(ctx, func(ctx context.Context) error {
		var stale int64
		err := e.pool.QueryRow(ctx, databaseSQL).Scan(&c.Version, &c.Recovery, &c.SyncNames, &stale)
		c.Stale = time.Duration(stale) * time.Millisecond
		if err == nil {
			c.Nodes, err = e.nodes(ctx)
		}
		if err == nil {
			err = e.standbys(ctx, &c)
		}
		return err
	})
	if err != nil {
		return Cluster{}, fmt.Errorf("asking who uses the database: %w", err)
	}
	return c, nil
}

// nodes returns all nodes with their jobs.
func (e *postgresEngine) nodes(ctx context.Context) ([]Node, error) {
	jobs := map[string][]string{}
	var name, holder string
	rows, err := e.pool.Query(ctx, leasesSQL)
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&name, &holder}, func() error {
			jobs[holder] = append(jobs[holder], name)
			return nil
		})
	}
	if err == nil {
		rows, err = e.pool.Query(ctx, nodesSQL)
	}
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Node, error) {
		var n Node
		var roles, addresses string
		var revision, behind, late, started, ago int64
		err := row.Scan(&n.ID, &n.Name, &n.Version, &roles, &addresses, &revision, &behind, &late, &started, &ago)
		n.Roles, n.Addresses = strings.Fields(roles), strings.Fields(addresses)
		n.Revision, n.Behind, n.Late = registry.Revision(revision), uint64(behind), time.Duration(late)*time.Millisecond
		n.Started, n.Ago, n.Jobs = time.UnixMilli(started).UTC(), time.Duration(ago)*time.Millisecond, jobs[n.ID]
		return n, err
	})
}

// standbys notes how the servers are that follow the one we speak to.
func (e *postgresEngine) standbys(ctx context.Context, c *Cluster) error {
	rows, err := e.pool.Query(ctx, standbysSQL)
	if err != nil {
		return err
	}
	c.Standbys, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Standby])
	for _, s := range c.Standbys {
		c.Blind = c.Blind || s.State == ""
	}
	return err
}
