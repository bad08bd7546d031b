package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/daemon"
)

func (a *app) storeCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "store COMMAND",
		Short: "Move all data to another place",
		Long: `Move all data from a file to PostgreSQL or back. The command works on the data of
daemons that do not run.`,
	}, a.storeMigrateCommand())
}

// migrated says what a migration did.
type migrated struct {
	Revision uint64 `json:"revision,omitempty"` // absent while the copy is not whole
	Rows     int64  `json:"rows"`
	Written  int64  `json:"written"`
}

func (a *app) storeMigrateCommand() *cobra.Command {
	var m daemon.Migration
	cmd := &cobra.Command{
		Use:   "migrate --to URL|DIR [--from URL|DIR] [--ahead] [--dry-run]",
		Short: "Copy all data to PostgreSQL, or back to a directory",
		Long: `Copy all data from the place that the configuration names to another one: the
URL of a PostgreSQL database, or a data directory. The daemons must not run, but
with --ahead they may: that copies what there is and leaves the copy unfinished,
so that the call after they are stopped has little left to do.

It may be interrupted and called again. In the end all rows of both are compared,
and the states that they make; before that no daemon opens the copy. What was
copied stays as it is. Put it away: of the two only one may go on.`,
		Example: `  stayput store migrate --to postgres://stayput@db1.example.org/stayput --ahead
  systemctl stop stayput
  stayput store migrate --to postgres://stayput@db1.example.org/stayput`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "to"); err != nil {
				return err
			}
			cfg, err := a.settings(installed())
			if err != nil {
				return err
			}
			m.Progress = a.progressBar()
			did, err := daemon.Migrate(cmd.Context(), cfg, m)
			if err != nil {
				return err
			}
			out := migrated{uint64(did.Revision), did.Rows, did.Written}
			switch {
			case m.DryRun:
				return a.done(out, "would move %s", counted(int(out.Rows), "row"))
			case m.Ahead:
				a.advise("Stop the daemon, and call the same without --ahead.")
				return a.done(out, "copied %s, %d changed; the copy is not finished", counted(int(out.Rows), "row"), out.Written)
			}
			a.advise("Let store.url name the new place, start the daemon, and put the old data away.")
			return a.done(out, "moved %s, at revision %d", counted(int(out.Rows), "row"), out.Revision)
		},
	}
	cmd.Flags().StringVar(&m.To, "to", "", "`place` to move to: a postgres:// URL or a data directory")
	cmd.Flags().StringVar(&m.From, "from", "", "`place` to move from (default what the configuration says)")
	cmd.Flags().BoolVar(&m.Ahead, "ahead", false, "copy while the daemon runs, and leave the end to a later call")
	cmd.Flags().BoolVar(&m.DryRun, "dry-run", false, "only look whether it could be done")
	return cmd
}

// progressBar returns what draws how far some work is, nil where nobody looks.
func (a *app) progressBar() func(part string, done, all int64) {
	if a.json || !isTerminal(a.err) {
		return nil
	}
	const width = 30
	var drawn time.Time
	return func(part string, done, all int64) {
		if ended := done == all; !ended && time.Since(drawn) < 100*time.Millisecond {
			return
		}
		drawn = time.Now()
		full := int(width * done / max(all, 1))
		fmt.Fprintf(a.err, "\r%-20s [%s%s] %d of %d", part, strings.Repeat("#", full), strings.Repeat(".", width-full), done, all)
		if done == all {
			fmt.Fprintln(a.err)
		}
	}
}
