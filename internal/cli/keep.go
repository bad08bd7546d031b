package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
	"stayput.dev/internal/daemon"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how the daemon fares",
		Long: `Show the version of the running daemon, since when it runs, how much it serves,
and whether it can write. It fails when the daemon cannot write, so that a
monitor may call it.`,
		Example: `  stayput status`,
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.show(s, func(w io.Writer) { printStatus(w, s) }); err != nil {
				return err
			}
			if s.StoreError != "" {
				return fmt.Errorf("the daemon cannot write: %s", s.StoreError)
			}
			return nil
		},
	}
}

func printStatus(w io.Writer, s api.Status) {
	facts(w,
		fact{"version", s.Version},
		fact{"process", fmt.Sprint(s.PID)},
		fact{"running since", timeText(s.Started) + ", " + (time.Duration(s.Uptime) * time.Second).String()},
		fact{"revision", fmt.Sprint(s.Revision)},
		fact{"zones", fmt.Sprint(s.Zones)},
		fact{"accounts", fmt.Sprint(s.Accounts)},
		fact{"hosts", fmt.Sprint(s.Hosts)},
	)
}

// keptFile says which file was written or read.
type keptFile struct {
	File string `json:"file"`
}

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of all data while the daemon runs",
		Long: `Write a consistent copy of all data to a new file while the daemon runs. The
daemon writes it, so its user must be allowed to write there. The file holds the
hashes of secrets: keep it as you keep the data itself.

Where the data is in PostgreSQL, its own tools back it up, such as pg_dump.`,
		Example: `  stayput backup /var/backups/stayput-monday.db`,
		Args:    takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := filepath.Abs(args[0])
			if err != nil {
				return fmt.Errorf("finding %s: %w", args[0], err)
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.Backup(cmd.Context(), file); err != nil {
				return err
			}
			return a.done(keptFile{file}, "wrote %s", file)
		},
	}
}

func (a *app) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore [FILE]",
		Short: "Put a backup in the place of a stopped daemon's data",
		Long: `Put a backup into the data directory of a daemon that does not run. What was
there is kept aside in the same directory. The serials of all zones rise above
those that may have been seen since the backup was made, so that secondaries
follow.

Where the data is in PostgreSQL, its own tools back it up and restore it. Stop
all daemons, restore the database, and then call this command without a file: it
does what is said of serials above.`,
		Example: `  systemctl stop stayput
  stayput restore /var/backups/stayput-monday.db
  systemctl start stayput`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return takes("FILE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings(installed())
			if err != nil {
				return err
			}
			if len(args) == 0 && cfg.Store.URL == "" {
				return misuse("missing FILE: without one, the data must be in PostgreSQL")
			}
			if len(args) == 0 {
				if err := daemon.Restore(cmd.Context(), cfg, ""); err != nil {
					return err
				}
				return a.done(keptFile{}, "the database may be used")
			}
			file, err := filepath.Abs(args[0])
			if err != nil {
				return fmt.Errorf("finding %s: %w", args[0], err)
			}
			if _, err := os.Stat(file); err != nil {
				return err
			}
			if err := daemon.Restore(cmd.Context(), cfg, file); err != nil {
				return err
			}
			a.advise("The data in %s is that of the backup. Start the daemon.", cfg.Data)
			return a.done(keptFile{file}, "restored %s", file)
		},
	}
}

func (a *app) seedCommand() *cobra.Command {
	var plan api.SeedPlan
	var file string
	cmd := &cobra.Command{
		Use:    "seed --zone ZONE --hosts N --accounts N [--out FILE]",
		Short:  "Fill a zone with made-up hosts, for measurements",
		Hidden: true,
		Long: `Fill a zone with hosts of made-up accounts, each with one update key, and write
a line "username,secret,host,host..." for every account. A zone that does not
exist is made.`,
		Example: `  stayput seed --zone dyn.example.org --hosts 1000 --accounts 100 --out keys.csv`,
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "zone", "hosts", "accounts"); err != nil {
				return err
			}
			return a.seed(cmd.Context(), plan, file)
		},
	}
	cmd.Flags().StringVar(&plan.Zone, "zone", "", "`zone` to fill")
	cmd.Flags().IntVar(&plan.Hosts, "hosts", 0, "how `many` hosts to make")
	cmd.Flags().IntVar(&plan.Accounts, "accounts", 0, "how `many` accounts own them")
	cmd.Flags().StringVar(&file, "out", "", "`file` for the list of keys (default standard output)")
	return cmd
}
