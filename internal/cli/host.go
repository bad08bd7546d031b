package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) hostCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "host COMMAND",
			Short: "Manage hosts",
			Long: `Manage hosts: the names that accounts keep up to date. Names are written in full,
such as home.dyn.example.org.`,
		},
		a.hostAddCommand(), a.hostListCommand(), a.hostShowCommand(), a.hostSetCommand(),
		a.hostSetupCommand(), a.hostDeleteCommand(),
	)
}

func (a *app) hostAddCommand() *cobra.Command {
	var n api.NewHost
	cmd := &cobra.Command{
		Use:   "add FQDN --account NAME [--address ADDRESS ...] [--ttl SECONDS] [--nonglobal CHOICE]",
		Short: "Make a host",
		Long: `Make a host that belongs to an account. Without an address it takes over the
addresses that stand at its name, as after an import, or has none until its
first update.`,
		Example: `  stayput host add home.dyn.example.org --account alice
  stayput host add nas.dyn.example.org --account alice --address 192.0.2.7 --address 2001:db8::7`,
		Args: takes("FQDN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "account"); err != nil {
				return err
			}
			n.Name = args[0]
			return a.addHost(cmd.Context(), n)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Account, "account", "", "`name` of the account that owns it")
	flags.StringSliceVar(&n.Addresses, "address", nil, "IPv4 or IPv6 `address`; may be given more than once")
	flags.Uint32Var(&n.TTL, "ttl", 0, "`seconds` (default that of the zone)")
	nonglobalFlag(cmd, &n.NonGlobal)
	flags.BoolVar(&n.Force, "force", false, "although the name is reserved, rests, or lies within another account's host")
	a.completeFlag(cmd, "account", accountNames)
	return cmd
}

func (a *app) addHost(ctx context.Context, n api.NewHost) error {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	h, err := c.AddHost(ctx, n)
	if err != nil {
		return err
	}
	if err := a.done(h, "added host %s", h.Name); err != nil {
		return err
	}
	owner, err := c.Account(ctx, h.Account)
	if err == nil && owner.Keys == 0 {
		a.advise("next: `stayput key add --account %s` makes the update key that its router uses", owner.Name)
	} else {
		a.advise("next: `stayput host setup %s` prints what its router wants to know", h.Name)
	}
	return nil
}

func (a *app) hostListCommand() *cobra.Command {
	var q api.HostQuery
	cmd := &cobra.Command{
		Use:   "list [--account NAME] [--zone NAME]",
		Short: "List hosts",
		Long:  "List hosts in order of their names: all of them, those of an account, or those at and below a name.",
		Example: `  stayput host list --account alice
  stayput host list --zone dyn.example.org --json`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			hosts, err := collect(c.AllHosts(cmd.Context(), q))
			if err != nil {
				return err
			}
			empty := "There are no such hosts."
			if q == (api.HostQuery{}) {
				empty = "There are no hosts yet. Make one with `stayput host add FQDN --account NAME`."
			}
			return list(a, hosts, empty, "HOST|ACCOUNT|ADDRESSES|LAST SEEN", func(h api.Host) []string {
				return []string{h.Name, h.Account, orDash(addressText(h.Addresses)), seenText(h.LastSeen)}
			})
		},
	}
	cmd.Flags().StringVar(&q.Account, "account", "", "only those of the account with this `name`")
	cmd.Flags().StringVar(&q.Zone, "zone", "", "only those at and below this `name`")
	a.completeFlag(cmd, "account", accountNames)
	a.completeFlag(cmd, "zone", zoneNames)
	return cmd
}

func seenText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return timeText(t)
}

func (a *app) hostShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show FQDN",
		Short:             "Show a host",
		Long:              "Show a host: its addresses and where each came from, its owner, and when it last reported.",
		Example:           "  stayput host show home.dyn.example.org",
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			h, err := c.Host(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(h, func(w io.Writer) { printHost(w, h) })
		},
	}
}

func printHost(w io.Writer, h api.Host) {
	addresses := addressText(h.Addresses)
	if addresses == "" {
		addresses = "none"
	}
	lines := []fact{
		{"host", h.Name},
		{"addresses", addresses},
		{"state", yes(h.Suspended, "suspended with its account")},
		{"account", h.Account},
		{"zone", h.Zone},
		{"ttl", fmt.Sprint(h.TTL)},
		{"interface id", h.InterfaceID},
		{"follows", h.Follows},
		{"nonglobal", h.NonGlobal},
		{"created", timeText(h.Created)},
		{"last seen", seenText(h.LastSeen)},
	}
	for _, s := range h.Sources {
		by := yes(s.Username != "", " by "+s.Username)
		lines = append(lines, fact{"source", fmt.Sprintf("%s via %s%s at %s", s.Address, s.Via, by, timeText(s.At))})
	}
	facts(w, lines...)
}

func (a *app) hostDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete FQDN",
		Short: "Delete a host",
		Long: `Delete a host and its records. Its name rests for a while, in which only the same
account may have it again.`,
		Example:           "  stayput host delete home.dyn.example.org",
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.DeleteHost(cmd.Context(), args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted host %s", args[0])
		},
	}
}
