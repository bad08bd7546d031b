package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
	"stayput.dev/internal/importer"
)

func (a *app) importCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "import KIND",
			Short: "Take over customers, hosts and keys from elsewhere",
			Long: `Take over customers, hosts, update keys and zones from another installation, all
in one commit.

What cannot be taken over is reported and left out. An import may be repeated:
it adds what is new and brings up to date what has changed there. It deletes
nothing, and the address that a device has reported here stays.

With --dry-run, it only reports what it would do.`,
		},
		a.importNicokaiserCommand(), a.importCSVCommand(), a.importZonefileCommand(), a.importDyndnsdCommand(),
		a.importDatabaseCommand("docker-ddns-server", `Take over the hosts of docker-ddns-server from its database, FILE, in SQLite. Each
of its users becomes an account with an update key for its hosts.`, importer.DockerDDNSServer),
		a.importDatabaseCommand("nsupdate.info", `Take over the hosts of nsupdate.info from its database, FILE, in SQLite. Each user
with hosts becomes an account; the name of each host is the user name of its
update key, as before, with the secret of before.

It keeps no addresses: --zone or --zone-file tells them.`, importer.NsupdateInfo),
	)
}

// importing are the flags of all imports.
type importing struct{ dryRun, force bool }

func (i *importing) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&i.dryRun, "dry-run", false, "only report what would be done")
	cmd.Flags().BoolVar(&i.force, "force", false, "take over names that are reserved, rest, or lie within another account's host")
}

// moveIn carries out a plan and reports what became of it.
func (a *app) moveIn(ctx context.Context, c *api.Client, p *importer.Plan, how importing) error {
	p.DryRun, p.Force = how.dryRun, how.force
	parts, err := c.MoveIn(ctx, p.MoveIn)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for _, part := range parts {
		count[part.Outcome]++
	}
	report := importReport{how.dryRun, parts, p.Problems}
	if err := a.show(report, func(w io.Writer) { report.print(w, count) }); err != nil {
		return err
	}
	if n := count["refused"]; n > 0 {
		return &hinted{fmt.Errorf("%s refused", counted(n, "part")+wasWere(n)), "the rest " + done(how.dryRun) + " taken over"}
	}
	return nil
}

func wasWere(n int) string {
	if n == 1 {
		return " was"
	}
	return " were"
}

func done(dryRun bool) string {
	if dryRun {
		return "would be"
	}
	return "is"
}

// importReport is what became of an import.
type importReport struct {
	DryRun   bool               `json:"dry_run,omitempty"`
	Parts    []api.Moved        `json:"parts"`
	Problems []importer.Problem `json:"problems,omitempty"`
}

// print tells all but what was here already, and how much there is of each.
func (r *importReport) print(w io.Writer, count map[string]int) {
	for _, p := range r.Problems {
		fmt.Fprintf(w, "note: %s: %s\n", oneLine(p.Where), oneLine(p.What))
	}
	for _, part := range r.Parts {
		if part.Outcome == "kept" && part.Why == "" {
			continue
		}
		fmt.Fprintf(w, "%s %s %s", part.Outcome, part.Kind, oneLine(part.Name))
		if part.Why != "" {
			fmt.Fprintf(w, ": %s", oneLine(part.Why))
		}
		if part.Secret != "" {
			fmt.Fprintf(w, ", secret %s", part.Secret)
		}
		fmt.Fprintln(w)
	}
	var sums []string
	for _, outcome := range [...]string{"added", "changed", "kept", "refused"} {
		sums = append(sums, fmt.Sprintf("%d %s", count[outcome], outcome))
	}
	if r.DryRun {
		sums = append(sums, "nothing is done: this was a dry run")
	}
	fmt.Fprintln(w, strings.Join(sums, ", "))
}

// moveFrom carries out the plan that read makes, along with the zones.
func (a *app) moveFrom(ctx context.Context, zones oldZones, how importing, read func(*api.Client) (*importer.Plan, error)) error {
	old, err := zones.read(ctx, a)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	plan, err := read(c)
	if err != nil {
		return err
	}
	plan.AddZones(old)
	return a.moveIn(ctx, c, plan, how)
}

// knownKeys returns the accounts of all update keys, by user name.
func knownKeys(ctx context.Context, c *api.Client) (map[string]string, error) {
	known := map[string]string{}
	for k, err := range c.AllKeys(ctx, "") {
		if err != nil {
			return nil, err
		}
		known[k.Username] = k.Account
	}
	return known, nil
}

func (a *app) importCSVCommand() *cobra.Command {
	var how importing
	var zones oldZones
	cmd := &cobra.Command{
		Use:   "csv FILE " + oldZonesUse + " [--dry-run] [--force]",
		Short: "Take over a list of customers and hosts",
		Long: `Take over a list of customers, hosts and update keys. The first line of FILE
names the columns, of these in any order:

  account   name of the customer; must be there
  email     mail address of the customer
  host      full name of a host of the customer
  address   addresses of the host, with blanks between
  ttl       seconds
  username  user name of an update key for the host, or without one for all hosts
  secret    of the key; without it, one is made and printed
  hash      of the secret, as htpasswd or crypt make it, in its place

A customer with several hosts or keys has several lines. A FILE of "-" is
standard input. The secret of a key that is here already stays.`,
		Example: "  stayput import csv customers.csv --dry-run",
		Args:    takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveFrom(cmd.Context(), zones, how, func(*api.Client) (*importer.Plan, error) {
				f, err := a.open(args[0])
				if err != nil {
					return nil, err
				}
				defer f.Close()
				return importer.ReadCSV(args[0], f)
			})
		},
	}
	zones.flags(cmd)
	how.flags(cmd)
	return cmd
}

func (a *app) importDyndnsdCommand() *cobra.Command {
	var how importing
	var zones oldZones
	var database string
	cmd := &cobra.Command{
		Use:   "dyndnsd CONFIG [--db FILE] " + oldZonesUse + " [--dry-run] [--force]",
		Short: "Take over an installation of dyndnsd",
		Long: `Take over an installation of dyndnsd: users and hosts of its configuration, in
YAML, and the addresses of its database, in JSON.

Every user becomes an update key. Users who share hosts become keys of one
account, named after the first of them.`,
		Example: "  stayput import dyndnsd config.yml --db db.json --zone-file dyn.example.org=dyn.zone",
		Args:    takes("CONFIG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveFrom(cmd.Context(), zones, how, func(c *api.Client) (*importer.Plan, error) {
				return a.planDyndnsd(cmd.Context(), c, args[0], database)
			})
		},
	}
	cmd.Flags().StringVar(&database, "db", "", "`file` of addresses, which its configuration names as db")
	zones.flags(cmd)
	how.flags(cmd)
	return cmd
}

func (a *app) planDyndnsd(ctx context.Context, c *api.Client, config, database string) (*importer.Plan, error) {
	known, err := knownKeys(ctx, c)
	if err != nil {
		return nil, err
	}
	text, err := a.open(config)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	d := importer.Dyndnsd{ConfigFile: config, DatabaseFile: database, Config: text, Known: known}
	if database != "" {
		addresses, err := a.open(database)
		if err != nil {
			return nil, err
		}
		defer addresses.Close()
		d.Database = addresses
	}
	return d.Plan()
}

// importDatabaseCommand is for programs that keep their hosts in SQLite.
func (a *app) importDatabaseCommand(name, long string, which importer.Database) *cobra.Command {
	var how importing
	var zones oldZones
	cmd := &cobra.Command{
		Use:     name + " FILE " + oldZonesUse + " [--dry-run] [--force]",
		Short:   "Take over an installation of " + name,
		Long:    long,
		Example: "  stayput import " + name + " ddns.db --dry-run",
		Args:    takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveFrom(cmd.Context(), zones, how, func(*api.Client) (*importer.Plan, error) {
				return importer.ReadSQLite(cmd.Context(), args[0], which)
			})
		},
	}
	zones.flags(cmd)
	how.flags(cmd)
	return cmd
}

func (a *app) importZonefileCommand() *cobra.Command {
	var how importing
	var source zoneSource
	var which importer.Hosts
	cmd := &cobra.Command{
		Use:   "zonefile NAME (FILE | --from ADDRESS [--tsig FILE]) [--account NAME --host PATTERN ...] [--dry-run] [--force]",
		Short: "Take over a zone, and names of it as hosts",
		Long: `Take over a zone from a master file, or from the server that has it, with its
serial and TTLs. If it is here already its content stays, and the serial rises
to that of the other server.

With --account and --host, names of it that have addresses become hosts. In a
PATTERN, a label "*" stands for any one label.`,
		Example: `  stayput import zonefile dyn.example.org --from 192.0.2.53 --account staff --host '*.dyn.example.org'
  stayput import zonefile dyn.example.org db.dyn --dry-run`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return misuse("missing NAME")
			case len(args) == 1 && source.server == "":
				return misuse("missing FILE or --from")
			case len(args) == 2 && source.server != "":
				return misuse("either FILE or --from, not both")
			case len(args) > 2:
				return misuse("unexpected argument %q", args[2])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if (which.Account == "") != (len(which.Patterns) == 0) {
				return misuse("--account and --host belong together")
			}
			var z *importer.Zone
			if source.server != "" {
				z, err = source.transfer(cmd.Context(), args[0])
			} else {
				z, err = a.readZone(args[0], args[1])
			}
			if err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			return a.moveIn(cmd.Context(), c, importer.PlanZone(z, which), how)
		},
	}
	source.flags(cmd)
	cmd.Flags().StringVar(&which.Account, "account", "", "`name` of the account that the hosts are to belong to")
	cmd.Flags().StringArrayVar(&which.Patterns, "host", nil, "`pattern` of names that become hosts; may be given more than once")
	a.completeFlag(cmd, "account", accountNames)
	how.flags(cmd)
	return cmd
}
