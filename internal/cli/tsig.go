package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) tsigCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "tsig COMMAND",
			Short: "Manage TSIG keys",
			Long: `Manage TSIG keys: the names and secrets with which programs sign DNS messages
(RFC 8945). An UPDATE (RFC 2136) that is signed with one may change what the key is
granted.`,
		},
		a.tsigAddCommand(), a.tsigListCommand(), a.tsigShowCommand(), a.tsigSetCommand(), a.tsigDeleteCommand(),
	)
}

// tsigFlags are what says what a TSIG key may do, and with which algorithm.
type tsigFlags struct {
	algorithms, zones, grants, types, transfers []string
	zone                                        string
}

func (a *app) tsigFlags(cmd *cobra.Command) *tsigFlags {
	var f tsigFlags
	flags := cmd.Flags()
	flags.StringSliceVar(&f.algorithms, "algorithm", nil, "`name`, such as hmac-sha256, or hmac-md5 for RouterOS; may be given more than once")
	flags.StringSliceVar(&f.zones, "update", nil, "`zone` in which it may change all names; may be given more than once")
	flags.StringArrayVar(&f.grants, "grant", nil, "`rule` of BIND's update-policy, such as \"subdomain home.example.org A TXT\"; may be given more than once")
	flags.StringVar(&f.zone, "zone", "", "`zone` in which alone the rules of --grant are for")
	flags.StringSliceVar(&f.types, "types", nil, "record `types` that it may change with --host and --update")
	flags.StringSliceVar(&f.transfers, "transfer", nil, "`zone` that it may have whole; may be given more than once")
	a.completeFlag(cmd, "transfer", zoneNames)
	completeWords(cmd, "algorithm", "hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5")
	a.completeFlag(cmd, "update", zoneNames)
	a.completeFlag(cmd, "zone", zoneNames)
	completeWords(cmd, "types", "A", "AAAA", "TXT", "PTR", "DHCID", "MX", "CNAME", "SRV", "ANY")
	return &f
}

// all returns the grants that the flags mean.
func (f *tsigFlags) all() []api.TSIGGrant {
	out := []api.TSIGGrant{}
	for _, z := range f.zones {
		out = append(out, api.TSIGGrant{Zone: z, Grant: strings.Join(append([]string{"zonesub"}, f.types...), " ")})
	}
	for _, g := range f.grants {
		out = append(out, api.TSIGGrant{Zone: f.zone, Grant: g})
	}
	return out
}

func (a *app) tsigAddCommand() *cobra.Command {
	var n api.NewTSIGKey
	var f *tsigFlags
	var readSecret bool
	cmd := &cobra.Command{
		Use: "add NAME [--algorithm NAME ...] [--secret-stdin] [--host FQDN | --update ZONE ...] [--types A,TXT] " +
			"[--grant RULE ... [--zone ZONE]] [--transfer ZONE ...] [--account NAME]",
		Short: "Make a TSIG key and print its secret",
		Long: `Make a TSIG key and print its secret in base64, which is made up unless it is
given: one line on standard input.

With --host the key is for that host: an UPDATE is an address update like any
other. With --types it may change these types there and at all names below. With
--update it may change all names of a zone, with --grant what a rule says: name,
subdomain, zonesub, wildcard, self, selfsub or selfwild, a name where the rule
needs one, and types; without types all but NS, SOA and those of DNSSEC. With
--transfer it may have a zone whole, from any address. Without any of these it may
do nothing.

With --account it may only change the hosts of that account and the names below
them.`,
		Example: `  stayput tsig add router --host home.dyn.example.org --algorithm hmac-sha256,hmac-md5
  stayput tsig add acme --host home.dyn.example.org --types TXT
  stayput tsig add dhcp --update dyn.example.org --types A,AAAA,DHCID
  stayput tsig add secondary --transfer dyn.example.org
  stayput tsig add web --grant "name www.example.org A AAAA" --grant "subdomain _acme-challenge.example.org TXT"`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Name, n.Algorithms, n.Grants, n.Transfers = args[0], f.algorithms, f.all(), f.transfers
			switch {
			case n.Host != "":
				n.Types = f.types
			case len(f.types) > 0 && len(f.zones) == 0:
				return misuse("--types is for --host and --update; a --grant has its own")
			}
			if readSecret {
				secret, err := a.readSecret("secret-stdin", "secret")
				if err != nil {
					return err
				}
				n.Secret = &secret
			}
			return a.addTSIGKey(cmd, n)
		},
	}
	f = a.tsigFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&readSecret, "secret-stdin", false, "read the secret, in base64, from standard input")
	flags.StringVar(&n.Host, "host", "", "`host` that it is for")
	flags.StringVar(&n.Account, "account", "", "`name` of the account that owns it")
	a.completeFlag(cmd, "host", hostNames)
	a.completeFlag(cmd, "account", accountNames)
	return cmd
}

func (a *app) addTSIGKey(cmd *cobra.Command, n api.NewTSIGKey) error {
	c, err := a.dial(cmd.Context())
	if err != nil {
		return err
	}
	k, err := c.AddTSIGKey(cmd.Context(), n)
	if err != nil {
		return err
	}
	if err := a.show(k, func(w io.Writer) { printTSIGKey(w, k) }); err != nil {
		return err
	}
	switch {
	case len(k.Grants) > 0:
	case len(k.Transfers) > 0:
		return nil
	default:
		a.advise("\nThe key may do nothing yet: `stayput tsig set %s` says what it may.", k.Name)
		return nil
	}
	z := ""
	if k.Host != "" {
		h, err := c.Host(cmd.Context(), k.Host)
		if err != nil {
			return err
		}
		z = h.Zone
	}
	a.advise("\n%s", tsigRecipe(k, z))
	return nil
}

func printTSIGKey(w io.Writer, k api.TSIGKey) {
	lines := []fact{
		{"name", k.Name},
		{"algorithm", strings.Join(k.Algorithms, " ")},
		{"secret", k.Secret},
		{"account", k.Account},
		{"host", k.Host},
	}
	for _, g := range k.Grants {
		lines = append(lines, fact{"grant", grantText(g)})
	}
	facts(w, append(lines, fact{"transfers", strings.Join(k.Transfers, " ")}, fact{"created", timeText(k.Created)})...)
}

func grantText(g api.TSIGGrant) string {
	if g.Zone == "" {
		return g.Grant
	}
	return g.Grant + " (zone " + g.Zone + ")"
}

func (a *app) tsigListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List TSIG keys",
		Long:    "List TSIG keys in order of their names, without their secrets.",
		Example: "  stayput tsig list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			keys, err := c.TSIGKeys(cmd.Context())
			if err != nil {
				return err
			}
			const empty = "There are no TSIG keys yet. Make one with `stayput tsig add NAME --host FQDN`."
			return list(a, keys, empty, "NAME|ALGORITHM|ACCOUNT|HOST|MAY", func(k api.TSIGKey) []string {
				return []string{k.Name, strings.Join(k.Algorithms, " "), orDash(k.Account), orDash(k.Host), rightsText(k)}
			})
		},
	}
}

// rightsText says how much a key may.
func rightsText(k api.TSIGKey) string {
	var rights []string
	if n := len(k.Grants); n > 0 {
		rights = append(rights, counted(n, "grant"))
	}
	if n := len(k.Transfers); n > 0 {
		rights = append(rights, counted(n, "transfer"))
	}
	return orDash(strings.Join(rights, ", "))
}

func (a *app) tsigShowCommand() *cobra.Command {
	var secret bool
	cmd := &cobra.Command{
		Use:               "show NAME [--secret]",
		Short:             "Show a TSIG key",
		Long:              "Show a TSIG key: what it may change and, with --secret, its secret.",
		Example:           "  stayput tsig show router --secret",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(tsigNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			k, err := c.TSIGKey(ctx, args[0], secret)
			if err != nil {
				return err
			}
			return a.show(k, func(w io.Writer) { printTSIGKey(w, k) })
		}),
	}
	cmd.Flags().BoolVar(&secret, "secret", false, "also its secret")
	return cmd
}

func (a *app) tsigDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "delete NAME",
		Aliases:           []string{"remove"},
		Short:             "Delete a TSIG key",
		Long:              "Delete a TSIG key: what still signs with it is told BADKEY from now on.",
		Example:           "  stayput tsig delete router",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(tsigNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.DeleteTSIGKey(ctx, args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted TSIG key %s", args[0])
		}),
	}
}
