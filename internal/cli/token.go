package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) tokenCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "token COMMAND",
			Short: "Manage API tokens",
			Long: `Manage API tokens, with which programs use the REST API in the name of an account.
They never work for updates; routers use update keys, see ` + "`stayput key`" + `.`,
		},
		a.tokenAddCommand(), a.tokenListCommand(), a.tokenRevokeCommand(),
	)
}

func (a *app) tokenAddCommand() *cobra.Command {
	var n api.NewToken
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "add --account NAME [--name TEXT] [--read-only] [--staff] [--zone NAME ...] [--host FQDN ...] [--source NETWORK ...] [--expires TIME]",
		Short: "Make an API token and print its secret",
		Long: `Make an API token and print its secret, which nobody can read again.

A token sees and changes what belongs to its account. With --staff it may do what
the role of its account may: for support, see all and change what customers may;
for admin, everything. With --zone and --host it is good for these hosts alone.`,
		Example: `  stayput token add --account alice --name "my script" --host home.dyn.example.org
  stayput token add --account billing --staff --source 192.0.2.0/24
  stayput token add --account root --staff --read-only --expires 720h`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n.Account == "" {
				return misuse("--account says whose token it is to be")
			}
			if expires != 0 {
				n.Expires = new(time.Now().Add(expires))
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			t, err := c.AddToken(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.show(t, func(w io.Writer) {
				facts(w,
					fact{"token", t.Secret},
					fact{"id", t.ID},
					fact{"account", t.Account},
					fact{"may", tokenRights(t.Token)},
					fact{"from", strings.Join(t.Sources, " ")},
					fact{"expires", timeText(t.Expires)},
				)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Account, "account", "", "`name` of the account that it acts for")
	flags.StringVar(&n.Name, "name", "", "what it is for: a `text`")
	flags.BoolVar(&n.ReadOnly, "read-only", false, "it changes nothing")
	flags.BoolVar(&n.Staff, "staff", false, "it may do what the role of the account may")
	flags.StringSliceVar(&n.Zones, "zone", nil, "`name` at and below which alone it is good; may be given more than once")
	flags.StringSliceVar(&n.Hosts, "host", nil, "`host` for which alone it is good; may be given more than once")
	flags.StringSliceVar(&n.Sources, "source", nil, "`network` from which alone it may come; may be given more than once")
	flags.DurationVar(&expires, "expires", 0, "`time` from now after which it is no longer good, such as 720h")
	a.completeFlag(cmd, "account", accountNames)
	a.completeFlag(cmd, "zone", zoneNames)
	a.completeFlag(cmd, "host", hostNames)
	return cmd
}

// tokenRights says what a token may.
func tokenRights(t api.Token) string {
	what := "change"
	if t.ReadOnly {
		what = "read"
	}
	switch names := append(t.Zones[:len(t.Zones):len(t.Zones)], t.Hosts...); {
	case len(names) > 0:
		return what + " " + strings.Join(names, " ")
	case t.Staff:
		return what + " as staff"
	}
	return what
}

func (a *app) tokenListCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:     "list [--account NAME]",
		Short:   "List API tokens",
		Long:    "List API tokens, without their secrets.",
		Example: "  stayput token list --account alice",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			tokens, err := c.Tokens(ctx, account)
			if err != nil {
				return err
			}
			return list(a, tokens, "There are no API tokens. Make one with `stayput token add --account NAME`.",
				"TOKEN|ACCOUNT|MAY|FROM|EXPIRES|LAST USED|NAME", func(t api.Token) []string {
					return []string{
						t.ID, t.Account, tokenRights(t), orDash(strings.Join(t.Sources, " ")),
						orDash(timeText(t.Expires)), orDash(timeText(t.LastUsed)), orDash(t.Name),
					}
				})
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "only those of the account with this `name`")
	a.completeFlag(cmd, "account", accountNames)
	return cmd
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Aliases: []string{"delete", "remove"},
		Short:   "Revoke an API token",
		Long:    "Revoke an API token: from now on it is good for nothing.",
		Example: "  stayput token revoke tmfrggzdfmy",
		Args:    takes("ID"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.RevokeToken(ctx, args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "revoked API token %s", args[0])
		}),
	}
}
