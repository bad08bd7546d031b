package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) zoneStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show how secondaries follow",
		Long: `Ask every secondary which version it has of each zone, or of one, and show how
far behind it is. Secondaries are named in the configuration, in dns.secondaries,
or for one zone with "stayput zone set".
Servers that zones are pushed to come first; "stayput zone push" has more of them.`,
		Example: `  stayput zone status
  stayput zone status dyn.example.org`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			all, err := c.Secondaries(ctx)
			if err != nil {
				return err
			}
			pushes, err := c.Pushes(ctx)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				z, err := c.Zone(ctx, args[0])
				if err != nil {
					return err
				}
				all = slices.DeleteFunc(all, func(s api.SecondaryStatus) bool { return s.Zone != z.Name })
				pushes = slices.DeleteFunc(pushes, func(s api.PushStatus) bool { return s.Zone != z.Name })
			}
			if len(pushes) > 0 && !a.json {
				if err := a.listPushes(pushes); err != nil || len(all) == 0 {
					return err
				}
			}
			return list(a, all, "There are no secondaries. Name them in the configuration, in dns.secondaries, or with `stayput zone set NAME --secondary ADDRESS`.",
				"ZONE|SERIAL|SECONDARY|HAS|STATE", func(s api.SecondaryStatus) []string {
					return []string{s.Zone, fmt.Sprint(s.Serial), s.Secondary, serialOrDash(s.Has), stateOf(s)}
				})
		}),
	}
}

func serialOrDash(serial *uint32) string {
	if serial == nil {
		return "-"
	}
	return fmt.Sprint(*serial)
}

// stateOf says in words how a secondary follows.
func stateOf(s api.SecondaryStatus) string {
	switch {
	case s.Error != "":
		return s.Error
	case s.Behind == nil:
		return "-"
	case *s.Behind == 0:
		return "up to date"
	case *s.Behind == 1:
		return "1 change behind"
	}
	return fmt.Sprintf("%d changes behind", *s.Behind)
}
