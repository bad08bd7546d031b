package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) clusterCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "cluster",
		Short: "Look after several nodes on one database",
	}, a.clusterStatusCommand())
}

func (a *app) clusterStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the nodes, what each does for all, and the database",
		Long: `Show the nodes that use one PostgreSQL database: what each said of itself a moment
ago, how far it was behind, which node does what only one does, and how the
database and its standbys are. It fails when something is wrong, so that a
monitor may call it.

With the data in a file there is one node.`,
		Example: `  stayput cluster status
  stayput cluster status --json`,
		Args: takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			s, err := c.Cluster(ctx)
			if err != nil {
				return err
			}
			if err := a.show(s, func(w io.Writer) { printCluster(w, &s) }); err != nil {
				return err
			}
			if len(s.Problems) > 0 {
				return errors.New(strings.Join(s.Problems, "; "))
			}
			return nil
		}),
	}
}

func printCluster(w io.Writer, s *api.ClusterStatus) {
	if s.Store == "sqlite" {
		fmt.Fprintln(w, "the data is in a file of SQLite's: this is the only node")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tVERSION\tREVISION\tBEHIND\tSEEN\tROLES\tJOBS")
	for _, n := range s.Nodes {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", n.Name, n.Version, n.Revision, behindText(&n), spokeText(&n),
			strings.Join(n.Roles, " "), orDash(strings.Join(n.Jobs, " ")))
	}
	_ = t.Flush() // out remembers what failed
	d := s.Database
	if d == nil {
		return
	}
	state := "primary"
	if !d.Primary {
		state = "in recovery"
	}
	fmt.Fprintf(w, "\nPostgreSQL %s, %s\n", d.Version, state)
	for _, b := range d.Standbys {
		if d.Hidden {
			fmt.Fprintf(w, "standby, of which this role may not see more (GRANT pg_monitor lets it)\n")
			continue
		}
		fmt.Fprintf(w, "standby %s: %s, %s\n", orDash(b.Name), b.State, b.Sync)
	}
}

// behindText says how far a node was behind.
func behindText(n *api.NodeStatus) string {
	if n.Behind == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", n.Behind, seconds(n.Lag))
}

// spokeText says when a node spoke.
func spokeText(n *api.NodeStatus) string {
	switch {
	case n.Self:
		return "this one"
	case n.Silent:
		return "silent for " + seconds(n.Ago)
	}
	return seconds(n.Ago) + " ago"
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond).String()
}
