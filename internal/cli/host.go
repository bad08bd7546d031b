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
		a.hostAddCommand(), a.hostListCommand(), a.hostShowCommand(), a.hostHistoryCommand(), a.hostAddressesCommand(), a.hostSetCommand(), a.hostNotifyCommand(),
		a.hostSetupCommand(), a.hostDeleteCommand(),
	)
}

func (a *app) hostAddCommand() *cobra.Command {
	var n api.NewHost
	var f optionFlags
	cmd := &cobra.Command{
		Use:   "add FQDN --account NAME [--address ADDRESS ... | --alias FQDN] [--ttl SECONDS] [--nonglobal CHOICE] [OPTION ...]",
		Short: "Make a host",
		Long: `Make a host that belongs to an account. Without an address it takes over the
addresses that stand at its name, as after an import, or has none until its
first update. With --alias, it is an alias (CNAME) of another name until then.

` + optionHelp,
		Example: `  stayput host add home.dyn.example.org --account alice
  stayput host add nas.dyn.example.org --account alice --address 192.0.2.7 --address 2001:db8::7`,
		Args: takes("FQDN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "account"); err != nil {
				return err
			}
			n.Name, n.HostOptions = args[0], f.options(cmd)
			return a.addHost(cmd.Context(), n)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Account, "account", "", "`name` of the account that owns it")
	flags.StringSliceVar(&n.Addresses, "address", nil, "IPv4 or IPv6 `address`; may be given more than once")
	flags.Uint32Var(&n.TTL, "ttl", 0, "`seconds` (default that of the zone)")
	flags.StringVar(&n.Alias, "alias", "", "`name` that it is an alias of")
	nonglobalFlag(cmd, &n.NonGlobal)
	f.add(cmd)
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
		Use:   "list [--account NAME] [--zone NAME] [--expiring]",
		Short: "List hosts",
		Long: `List hosts in order of their names: all of them, those of an account, those at and
below a name, or those that go offline soon because they have not reported.`,
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
				return []string{h.Name, h.Account, orDash(standing(h)), seenText(h.LastSeen)}
			})
		},
	}
	cmd.Flags().StringVar(&q.Account, "account", "", "only those of the account with this `name`")
	cmd.Flags().StringVar(&q.Zone, "zone", "", "only those at and below this `name`")
	cmd.Flags().BoolVar(&q.Expiring, "expiring", false, "only those that go offline soon unless they report")
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
		Use:   "show FQDN",
		Short: "Show a host",
		Long: `Show a host: its addresses and where each came from, its owner, when it last
reported, and which servers that its zone is pushed to do not have it yet.`,
		Example:           "  stayput host show home.dyn.example.org",
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			h, err := c.Host(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(h, func(w io.Writer) { printHost(w, h) })
		}),
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
		{"state", state(h)},
		{"alias of", h.Alias},
		{"account", h.Account},
		{"zone", h.Zone},
		{"ttl", fmt.Sprint(h.TTL)},
		{"interface id", h.InterfaceID},
		{"follows", h.Follows},
		{"nonglobal", h.NonGlobal},
		{"wildcard", yes(h.Wildcard, "yes")},
		{"mail exchanger", mailText(h)},
		{"while offline", h.Offline},
		{"expires after", h.ExpireAfter},
		{"device options", h.DeviceOptions},
		{"behind cgnat", yes(h.CGNAT, "yes: it cannot be reached from outside")},
		{"created", timeText(h.Created)},
		{"last seen", seenText(h.LastSeen)},
		{"goes offline", expiryText(h)},
	}
	for _, s := range h.Sources {
		by := yes(s.Username != "", " by "+s.Username)
		lines = append(lines, fact{"source", fmt.Sprintf("%s via %s%s at %s", s.Address, s.Via, by, timeText(s.At))})
	}
	for _, p := range h.Pending {
		lines = append(lines, fact{"pending", pendingText(p)})
	}
	facts(w, lines...)
}

// pendingText says since when a server does not have a host, and why.
func pendingText(p api.PendingPush) string {
	text := p.Target
	if !p.Since.IsZero() {
		text += ", since " + timeText(p.Since)
	}
	if p.Error != "" {
		text += " (" + p.Error + ")"
	}
	return text
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
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.DeleteHost(ctx, args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted host %s", args[0])
		}),
	}
}
