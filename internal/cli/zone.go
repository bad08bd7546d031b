package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) zoneCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "zone COMMAND",
			Short: "Manage zones",
			Long: `Manage the zones that the daemon answers for. A change is durable and answered
by the DNS when the command ends.`,
		},
		a.zoneAddCommand(), a.zoneListCommand(), a.zoneShowCommand(), a.zoneSetCommand(),
		a.zoneExportCommand(), a.zoneImportCommand(), a.zoneDeleteCommand(), a.zoneStatusCommand(), a.zoneCheckCommand(),
		a.zonePushCommand(), a.zoneBindCommand(),
	)
}

func (a *app) zoneAddCommand() *cobra.Command {
	var n api.NewZone
	var servers []string
	cmd := &cobra.Command{
		Use:   "add NAME (--ns SERVER[=ADDRESS[,ADDRESS]] [--ns ...] | --catalog) [--ttl SECONDS] [--mname SERVER] [--rname MAILBOX] [--force]",
		Short: "Make a zone",
		Long: `Make a zone and print the records that the zone above it needs. If that is ours,
it delegates to the new zone at once.

A name server within the zone needs its addresses, after "=".

With --catalog, it is a catalog zone (RFC 9432): it lists all others, so that
secondaries learn by themselves which zones there are.`,
		Example: `  stayput zone add dyn.example.org --ns ns1.dyn.example.org=192.0.2.1,2001:db8::1
  stayput zone add dyn.example.org --ns ns1.example.net --ns ns2.example.net --rname dns@example.org`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if !n.Catalog {
				if err := required(cmd, "ns"); err != nil {
					return err
				}
			}
			n.Name = args[0]
			if n.NameServers, err = readServers(servers); err != nil {
				return err
			}
			return a.addZone(cmd.Context(), n)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&servers, "ns", nil, "name `server` of the zone, with its addresses if it is within the zone")
	flags.StringVar(&n.MName, "mname", "", "primary name `server` (default the first --ns)")
	flags.StringVar(&n.RName, "rname", "", "`mailbox` of who answers for the zone (default hostmaster below the zone)")
	flags.Uint32Var(&n.TTL, "ttl", 0, "`seconds`, of the SOA record and of negative answers (default 60)")
	flags.BoolVar(&n.Force, "force", false, "take along hosts of the zone above that this one would hide")
	flags.BoolVar(&n.Catalog, "catalog", false, "make a catalog zone")
	return cmd
}

// readServers reads values of --ns.
func readServers(texts []string) ([]api.NewNameServer, error) {
	var servers []api.NewNameServer
	for _, text := range texts {
		name, addrs, given := strings.Cut(text, "=")
		server := api.NewNameServer{Name: name}
		if given {
			server.Addresses = strings.Split(addrs, ",")
		}
		for _, addr := range server.Addresses {
			if _, err := netip.ParseAddr(addr); err != nil {
				return nil, misuse("--ns %s: %q is not an address", text, addr)
			}
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func (a *app) addZone(ctx context.Context, n api.NewZone) error {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	z, err := c.AddZone(ctx, n)
	if err != nil {
		return err
	}
	if z.Catalog {
		return a.done(z, "added catalog zone %s", z.Name)
	}
	if err := a.done(z, "added zone %s", z.Name); err != nil {
		return err
	}
	a.advise("\nThe zone above it finds it by these records:\n\n%s", delegation(z.Name, z.NameServers))
	return nil
}

// delegation returns the lines that the zone above needs: NS records, and the
// addresses of the name servers within the zone.
func delegation(name string, servers []api.NameServer) string {
	var b strings.Builder
	width := len(name)
	for _, s := range servers {
		width = max(width, len(s.Name))
	}
	line := func(owner, kind, data string) {
		fmt.Fprintf(&b, "    %-*s  86400  IN  %-4s  %s\n", width+1, owner+".", kind, data)
	}
	for _, s := range servers {
		line(name, "NS", s.Name+".")
	}
	for _, s := range servers {
		for _, addr := range s.Addresses {
			line(s.Name, addressType(addr), addr.String())
		}
	}
	return b.String()
}

func addressType(a netip.Addr) string {
	if a.Is4() {
		return "A"
	}
	return "AAAA"
}

func (a *app) zoneListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List zones",
		Long:    "List all zones in order of their names.",
		Example: "  stayput zone list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			zones, err := c.Zones(cmd.Context())
			if err != nil {
				return err
			}
			return list(a, zones, "There are no zones yet. Make one with `stayput zone add NAME --ns SERVER=ADDRESS`.",
				"ZONE|SERIAL|NAMES|NAME SERVERS", func(z api.Zone) []string {
					return []string{z.Name, fmt.Sprint(z.Serial), fmt.Sprint(z.Names), serverNames(z)}
				})
		},
	}
}

func serverNames(z api.Zone) string {
	var names []string
	for _, s := range z.NameServers {
		names = append(names, s.Name)
	}
	return orDash(strings.Join(names, " "))
}

func (a *app) zoneShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Show a zone",
		Long:              "Show the SOA record of a zone, its name servers, and how much is in it.",
		Example:           "  stayput zone show dyn.example.org",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			z, err := c.Zone(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(z, func(w io.Writer) { printZone(w, z) })
		}),
	}
}

func printZone(w io.Writer, z api.Zone) {
	lines := []fact{
		{"zone", z.Name},
		{"serial", fmt.Sprint(z.Serial)},
		{"mname", z.MName},
		{"rname", z.RName},
		{"ttl", fmt.Sprintf("%d, negative answers %d, new hosts %d", z.TTL, z.Minimum, z.HostTTL)},
		{"timers", fmt.Sprintf("refresh %d, retry %d, expire %d", z.Refresh, z.Retry, z.Expire)},
	}
	for _, s := range z.NameServers {
		lines = append(lines, fact{"ns", strings.TrimSpace(s.Name + " " + addressText(s.Addresses))})
	}
	for _, s := range z.Secondaries {
		lines = append(lines, fact{"secondary", strings.TrimSuffix(s.Address+" key "+s.Key, " key ")})
	}
	if z.NotifyGap != "" {
		lines = append(lines, fact{"notify gap", z.NotifyGap})
	}
	lines = append(lines, fact{"names", fmt.Sprint(z.Names)}, fact{"hosts", fmt.Sprint(z.Hosts)})
	facts(w, lines...)
}

func (a *app) zoneDeleteCommand() *cobra.Command {
	var force, yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME [--force] [--yes]",
		Short: "Delete a zone",
		Long: `Delete a zone, and its delegation from the zone above if that is ours. While
there are hosts in it, it wants --force, which deletes them as well.

On a terminal it asks first, unless --yes is given.`,
		Example:           "  stayput zone delete dyn.example.org",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := a.confirm(yes, "Delete zone %s with all its records?", args[0]); err != nil {
				return err
			}
			if err := c.DeleteZone(ctx, args[0], force); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted zone %s", args[0])
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "delete the hosts in it as well")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// deleted says what has gone.
type deleted struct {
	Deleted string `json:"deleted"`
}
