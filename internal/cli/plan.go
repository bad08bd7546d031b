package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) planCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "plan COMMAND",
			Short: "Manage plans",
			Long: `Manage plans: how many hosts and update keys an account may have, how often its
addresses may change, and whether its hosts may have wildcards and mail exchangers.
` + "`stayput account set NAME --plan PLAN`" + ` gives an account one. Who has no plan has no
limits.`,
		},
		a.planAddCommand(), a.planListCommand(), a.planSetCommand(), a.planDeleteCommand(),
	)
}

// planFlags are the limits of a plan.
type planFlags struct {
	text             string
	hosts, keys      uint32
	interval, rest   time.Duration
	noWildcard, noMX bool
}

func (f *planFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.text, "text", "", "what people read about it, one `line`")
	flags.Uint32Var(&f.hosts, "hosts", 0, "`number` of hosts that an account may have; 0 for any")
	flags.Uint32Var(&f.keys, "keys", 0, "`number` of update keys that an account may have; 0 for any")
	flags.DurationVar(&f.interval, "interval", 0, "`time` that an address must stand before an update may change it again, such as 5m")
	flags.DurationVar(&f.rest, "rest", 0, "`time` for which a released name is kept from strangers, such as 720h; 0 for the usual 90 days")
	flags.BoolVar(&f.noWildcard, "no-wildcard", false, "its hosts have no wildcards")
	flags.BoolVar(&f.noMX, "no-mx", false, "its hosts have no mail exchangers")
}

const planUse = " [--text LINE] [--hosts N] [--keys N] [--interval TIME] [--rest TIME] [--no-wildcard] [--no-mx]"

func (a *app) planAddCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:     "add NAME" + planUse,
		Short:   "Make a plan",
		Long:    "Make a plan. What is not given is not limited.",
		Example: "  stayput plan add home --hosts 3 --keys 5 --interval 1m --no-wildcard",
		Args:    takes("NAME"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			p, err := c.AddPlan(ctx, api.Plan{
				Name: args[0], Text: f.text, Hosts: f.hosts, Keys: f.keys, Interval: wholeSeconds(f.interval),
				NoWildcard: f.noWildcard, NoMX: f.noMX, Rest: wholeSeconds(f.rest),
			})
			if err != nil {
				return err
			}
			return a.done(p, "added plan %s", p.Name)
		}),
	}
	f.add(cmd)
	return cmd
}

// wholeSeconds returns a time in seconds. One that is negative comes out too long.
func wholeSeconds(d time.Duration) uint32 { return uint32(int32(d / time.Second)) }

func (a *app) planSetCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "set NAME" + planUse,
		Short: "Change a plan",
		Long: `Change a plan. What is not given stays. What accounts have already stays theirs,
also where it is more than the plan allows from now on.`,
		Example: "  stayput plan set home --hosts 5 --no-wildcard=false",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := someChange(cmd, "text", "hosts", "keys", "interval", "rest", "no-wildcard", "no-mx"); err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			p, err := c.SetPlan(cmd.Context(), args[0], api.PlanChange{
				Text: changed(cmd, "text", f.text), Hosts: changed(cmd, "hosts", f.hosts), Keys: changed(cmd, "keys", f.keys),
				Interval: changed(cmd, "interval", wholeSeconds(f.interval)), Rest: changed(cmd, "rest", wholeSeconds(f.rest)),
				NoWildcard: changed(cmd, "no-wildcard", f.noWildcard), NoMX: changed(cmd, "no-mx", f.noMX),
			})
			if err != nil {
				return err
			}
			return a.done(p, "changed plan %s", p.Name)
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) planListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List plans",
		Long:    "List plans in order of their names.",
		Example: "  stayput plan list",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			plans, err := c.Plans(ctx)
			if err != nil {
				return err
			}
			return list(a, plans, "There are no plans yet. Make one with `stayput plan add NAME`.",
				"PLAN|HOSTS|KEYS|INTERVAL|WILDCARD|MX|REST|TEXT", func(p api.Plan) []string {
					return []string{
						p.Name, limitText(p.Hosts), limitText(p.Keys), spanText(p.Interval),
						allowed(!p.NoWildcard), allowed(!p.NoMX), spanText(p.Rest), orDash(p.Text),
					}
				})
		}),
	}
}

func limitText(n uint32) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func spanText(seconds uint32) string {
	if seconds == 0 {
		return "-"
	}
	return (time.Duration(seconds) * time.Second).String()
}

func allowed(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (a *app) planDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a plan",
		Long:    "Delete a plan that no account has.",
		Example: "  stayput plan delete home",
		Args:    takes("NAME"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.DeletePlan(ctx, args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted plan %s", args[0])
		}),
	}
}
