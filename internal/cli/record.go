package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) recordCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "record COMMAND",
			Short: "Manage records of zones that are no host's",
			Long: `Manage records of zones that are no host's, those of one type at a name together.

A NAME is below the zone, or in full; @ is the zone's own. Addresses of hosts are
changed by ` + "`stayput host set`" + `, the SOA record by ` + "`stayput zone set`" + `.`,
		},
		a.recordListCommand(), a.recordSetCommand(), a.recordDeleteCommand(),
	)
}

func (a *app) recordListCommand() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "list ZONE [--prefix TEXT]",
		Short: "List the records of a zone",
		Long: `List the records of a zone in canonical order of names, with those of its hosts,
which are changed with the host.`,
		Example: `  stayput record list dyn.example.org
  stayput record list dyn.example.org --prefix _dmarc`,
		Args:              takes("ZONE"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			sets, err := collect(c.Records(ctx, args[0], prefix))
			if err != nil {
				return err
			}
			if len(sets) == 0 && !a.json {
				a.advise("There are no such records.")
				return nil
			}
			if sets == nil {
				sets = []api.RRset{}
			}
			return a.show(sets, func(w io.Writer) { table(w, "NAME|TTL|TYPE|VALUE", recordRows(sets)) })
		}),
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "only at names that begin with the `text`")
	return cmd
}

// recordRows returns a row for each record.
func recordRows(sets []api.RRset) (rows [][]string) {
	for _, set := range sets {
		for _, value := range set.Values {
			rows = append(rows, []string{set.Name, fmt.Sprint(set.TTL), set.Type, value})
		}
	}
	return rows
}

func (a *app) recordSetCommand() *cobra.Command {
	var change api.RRsetChange
	var ttl uint32
	cmd := &cobra.Command{
		Use:   "set ZONE NAME TYPE VALUE [VALUE ...] [--ttl SECONDS]",
		Short: "Put records in the place of those of one type at a name",
		Long: `Put records in the place of those of one type at a name.

Each VALUE is one argument, as it stands in a master file: put one with spaces in
quotes. Names in it that do not end in a dot are below the zone. A TXT record
without quotes of its own is one text.`,
		Example: `  stayput record set dyn.example.org www A 192.0.2.80 192.0.2.81
  stayput record set dyn.example.org @ MX "10 mail.example.org." --ttl 3600
  stayput record set dyn.example.org _dmarc TXT "v=DMARC1; p=reject"`,
		Args: func(_ *cobra.Command, args []string) error {
			names := []string{"ZONE", "NAME", "TYPE", "VALUE"}
			if len(args) < len(names) {
				return takes(names...)(nil, args)
			}
			return nil
		},
		ValidArgsFunction: a.complete(zoneNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			change.TTL, change.Values = changed(cmd, "ttl", ttl), args[3:]
			set, err := c.SetRecords(cmd.Context(), args[0], args[1], args[2], change)
			if err != nil {
				return err
			}
			return a.show(set, func(w io.Writer) { table(w, "NAME|TTL|TYPE|VALUE", recordRows([]api.RRset{set})) })
		},
	}
	cmd.Flags().Uint32Var(&ttl, "ttl", 0, "how many `seconds` they may be kept by others; without it, as it is, and 3600 for new ones")
	return cmd
}

func (a *app) recordDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "delete ZONE NAME TYPE",
		Short:             "Delete the records of one type at a name",
		Long:              "Delete the records of one type at a name.",
		Example:           "  stayput record delete dyn.example.org www A",
		Args:              takes("ZONE", "NAME", "TYPE"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.DeleteRecords(ctx, args[0], args[1], args[2]); err != nil {
				return err
			}
			return a.done(deleted{args[1] + " " + args[2]}, "deleted records %s %s of zone %s", args[1], args[2], args[0])
		}),
	}
}
