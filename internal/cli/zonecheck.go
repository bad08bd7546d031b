package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) zoneCheckCommand() *cobra.Command {
	var resolver string
	var inside bool
	cmd := &cobra.Command{
		Use:   "check NAME [--resolver ADDRESS[:PORT]] [--inside]",
		Short: "Look at a zone as the world finds it",
		Long: `Ask the servers of the zone above whether and how they delegate to the zone, all
name servers and secondaries whether they answer for it and have our version, and
look at its timers and records for what is odd. Nothing is changed.

The servers of others are found by dns.resolvers of the configuration, or by the
resolvers of the daemon's machine. The check fails, with exit status 1, where
somebody does not find what is here; of what is only odd it warns.`,
		Example: `  stayput zone check dyn.example.org
  stayput zone check dyn.example.org --resolver 192.0.2.1
  stayput zone check home.arpa --inside`,
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			found, err := c.CheckZone(ctx, args[0], resolver, inside)
			if err != nil {
				return err
			}
			if err := a.show(found, func(w io.Writer) { writeFindings(w, found) }); err != nil {
				return err
			}
			return faultsIn(args[0], found)
		}),
	}
	cmd.Flags().StringVar(&resolver, "resolver", "", "`address` of whom to ask for names of others")
	cmd.Flags().BoolVar(&inside, "inside", false, "ask nobody but secondaries, for zones that the world is not to find")
	return cmd
}

func writeFindings(w io.Writer, found []api.Finding) {
	for _, f := range found {
		fmt.Fprintf(w, "%-4s  %s: %s\n", f.Level, f.Topic, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(w, "      hint: %s\n", f.Hint)
		}
	}
}

// faultsIn is an error where there are faults.
func faultsIn(zone string, found []api.Finding) error {
	n := 0
	for _, f := range found {
		if f.Level == api.LevelFail {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%s in zone %s", counted(n, "fault"), zone)
}
