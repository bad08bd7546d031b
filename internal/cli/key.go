package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) keyCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "key COMMAND",
			Short: "Manage update keys",
			Long: `Manage update keys: the user names and secrets that routers use to report
addresses. They work for nothing else.`,
		},
		a.keyAddCommand(), a.keyListCommand(), a.keyShowCommand(), a.keyHistoryCommand(), a.keySetCommand(), a.keyRevokeCommand(),
	)
}

func (a *app) keyAddCommand() *cobra.Command {
	var n api.NewKey
	var secret bool
	cmd := &cobra.Command{
		Use:   "add --account NAME [--host FQDN ...] [--username NAME] [--secret-stdin] [--unchanged REPLY] [--bare-good] [--tls-only] [--md5] [--token] [--pattern NAME ... [--new-hosts N]]",
		Short: "Make an update key and print its secret",
		Long: `Make an update key and print its user name and secret. Only a hash of the secret
is kept: nobody can show it again.

Without --host it may update all hosts of the account, also those that come
later. User name and secret are made up unless they are given.

With --bare-good its devices hear one word and nothing else, as "stayput key set
USERNAME --bare-good" has it.

With --tls-only it is refused over plain HTTP, where everybody on the way could
read its secret.

With --pattern it may also update names that fit, where a label "*" stands for
any one label. With --new-hosts, those that are no hosts yet become hosts of the
account by their first update, while fewer than N fit.`,
		Example: `  stayput key add --account alice
  stayput key add --account alice --host home.dyn.example.org --username router
  stayput key add --account alice --username alice --secret-stdin < secret.txt
  stayput key add --account alice --unchanged good
  stayput key add --account alice --pattern '*.alice.dyn.example.org' --new-hosts 10`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "account"); err != nil {
				return err
			}
			return a.addKey(cmd.Context(), n, secret)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Account, "account", "", "`name` of the account that owns it")
	flags.StringSliceVar(&n.Hosts, "host", nil, "`host` that it may update; may be given more than once")
	flags.StringVar(&n.Username, "username", "", "user `name`")
	flags.BoolVar(&secret, "secret-stdin", false, "read the secret from standard input")
	flags.BoolVar(&n.Token, "token", false, "the secret alone suffices, without the user name")
	flags.BoolVar(&n.MD5, "md5", false, "take MD5 and SHA-256 digests of the secret as well, as some devices send")
	unchangedFlag(cmd, &n.Unchanged)
	patternFlags(cmd, &n.Patterns, &n.NewHosts)
	bareGoodFlag(cmd, &n.BareGood)
	tlsOnlyFlag(cmd, &n.TLSOnly)
	a.completeFlag(cmd, "account", accountNames)
	a.completeFlag(cmd, "host", hostNames)
	return cmd
}

func (a *app) addKey(ctx context.Context, n api.NewKey, readSecret bool) error {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	if readSecret {
		secret, err := a.readSecret("secret-stdin", "secret")
		if err != nil {
			return err
		}
		n.Secret = &secret
	}
	k, err := c.AddKey(ctx, n)
	if err != nil {
		return err
	}
	err = a.show(k, func(w io.Writer) { facts(w, fact{"username", k.Username}, fact{"secret", k.Secret}) })
	if err != nil {
		return err
	}
	a.advise("\nThe secret is shown only now and cannot be shown again.")
	return nil
}

func (a *app) keyListCommand() *cobra.Command {
	var owner string
	var failing bool
	cmd := &cobra.Command{
		Use:   "list [--account NAME] [--failing]",
		Short: "List update keys",
		Long: `List update keys in order of their user names: all of them, or those of an account.

With --failing, only those that were used with a wrong secret three times or
more, and not with the right one since.`,
		Example: `  stayput key list --account alice
  stayput key list --failing`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			if failing {
				return a.listFailing(cmd.Context(), c, owner)
			}
			keys, err := collect(c.AllKeys(cmd.Context(), owner))
			if err != nil {
				return err
			}
			empty := "There are no update keys yet. Make one with `stayput key add --account NAME`."
			if owner != "" {
				empty = owner + " has no update keys. Make one with `stayput key add --account " + owner + "`."
			}
			return list(a, keys, empty, "USERNAME|ACCOUNT|HOSTS|KIND|CREATED", func(k api.Key) []string {
				return []string{k.Username, k.Account, keyHosts(k), orDash(keyKind(k)), timeText(k.Created)}
			})
		},
	}
	cmd.Flags().StringVar(&owner, "account", "", "only those of the account with this `name`")
	cmd.Flags().BoolVar(&failing, "failing", false, "only those that are used with a wrong secret")
	a.completeFlag(cmd, "account", accountNames)
	return cmd
}

func (a *app) listFailing(ctx context.Context, c *api.Client, owner string) error {
	keys, err := c.FailingKeys(ctx, owner)
	if err != nil {
		return err
	}
	return list(a, keys, "No update key is used with a wrong secret.", "USERNAME|ACCOUNT|REFUSED|SINCE|LAST|FROM", func(k api.Key) []string {
		f := k.Failing
		return []string{k.Username, k.Account, counted(f.Refusals, "time"), timeText(f.Since), timeText(f.Last), addrText(f.Source)}
	})
}

func keyHosts(k api.Key) string {
	if len(k.Hosts)+len(k.Patterns) == 0 {
		return "all"
	}
	return strings.Join(slices.Concat(k.Hosts, k.Patterns), " ")
}

func keyKind(k api.Key) string {
	return strings.TrimSpace(yes(k.Token, "token ") + yes(k.MD5, "md5"))
}

func (a *app) keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "revoke USERNAME",
		Short:             "Revoke an update key",
		Long:              "Revoke an update key: what still uses it is told badauth from now on.",
		Example:           "  stayput key revoke alice",
		Args:              takes("USERNAME"),
		ValidArgsFunction: a.complete(keyNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.RevokeKey(ctx, args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "revoked key %s", args[0])
		}),
	}
}
