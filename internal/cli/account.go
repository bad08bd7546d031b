package cli

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) accountCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "account COMMAND",
			Short: "Manage accounts",
			Long: `Manage accounts: the people and companies that own hosts, and staff. The
password of an account is for signing in, and never works for updates; routers
use update keys, see ` + "`stayput key`" + `.`,
		},
		a.accountAddCommand(), a.accountListCommand(), a.accountShowCommand(), a.accountSetCommand(), a.accountInviteCommand(), a.accountResetFactorsCommand(), a.accountEndSessionsCommand(), a.accountDeleteCommand(),
		a.accountExportCommand(), a.accountEraseCommand(),
		a.accountApplicationsCommand(), a.accountApproveCommand(), a.accountDeclineCommand(),
	)
}

func (a *app) accountAddCommand() *cobra.Command {
	var n api.NewAccount
	var password bool
	cmd := &cobra.Command{
		Use:   "add NAME [--email ADDRESS] [--role ROLE] [--plan PLAN] [--external-id ID] [--full-name TEXT] [--language TAG] [--password-stdin]",
		Short: "Make an account",
		Long: `Make an account. Without a password nobody can sign in to it, and its hosts and
update keys work all the same.

--password-stdin reads the password from standard input, and asks for it when
that is a terminal. There staff are asked for theirs without it, too.`,
		Example: `  stayput account add alice --email alice@example.org
  stayput account add root --role admin --password-stdin < password.txt`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n.Name = args[0]
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			if n.Password, err = a.newPassword(password, n.Role); err != nil {
				return err
			}
			added, err := c.AddAccount(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.done(added, "added account %s", added.Name)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Email, "email", "", "mail `address`")
	flags.StringVar(&n.Role, "role", "", "`role`: customer, support or admin (default customer)")
	flags.StringVar(&n.Plan, "plan", "", "name of its `plan`; without it there are no limits")
	flags.StringVar(&n.ExternalID, "external-id", "", "its `id` in the system that sends the bills")
	flags.StringVar(&n.FullName, "full-name", "", "what to call it, for people: a `text`")
	flags.StringVar(&n.Language, "language", "", "language `tag`, such as pt-BR")
	flags.BoolVar(&password, "password-stdin", false, "read the password from standard input")
	completeWords(cmd, "role", "customer", "support", "admin")
	return cmd
}

// newPassword returns the password of an account to be made, "" for none: that of
// standard input where the flag asks for it, and of staff at a terminal.
func (a *app) newPassword(flag bool, role string) (string, error) {
	tty := a.terminal()
	switch {
	case flag:
		return a.readSecret("password-stdin", "password")
	case tty != nil && (role == "support" || role == "admin"):
		return a.askSecret(tty, "password")
	}
	return "", nil
}

func (a *app) accountListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List accounts",
		Long:    "List all accounts in order of their names.",
		Example: "  stayput account list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			accounts, err := collect(c.AllAccounts(cmd.Context()))
			if err != nil {
				return err
			}
			return list(a, accounts, "There are no accounts yet. Make one with `stayput account add NAME`.",
				"ACCOUNT|ROLE|HOSTS|KEYS|EMAIL|STATE", func(x api.Account) []string {
					return []string{
						x.Name, x.Role, fmt.Sprint(x.Hosts), fmt.Sprint(x.Keys), orDash(x.Email),
						orDash(yes(x.Suspended, x.State)),
					}
				})
		},
	}
}

// collect returns everything that is yielded, or the error.
func collect[T any](all iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for thing, err := range all {
		if err != nil {
			return nil, err
		}
		out = append(out, thing)
	}
	return out, nil
}

func (a *app) accountShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Show an account",
		Long:              "Show an account. Its hosts are listed by `stayput host list --account NAME`.",
		Example:           "  stayput account show alice",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			x, err := c.Account(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(x, func(w io.Writer) { printAccount(w, x) })
		}),
	}
}

func printAccount(w io.Writer, x api.Account) {
	password := "none"
	if x.HasPassword {
		password = "set"
	}
	facts(w,
		fact{"account", x.Name},
		fact{"role", x.Role},
		fact{"email", x.Email},
		fact{"password", password},
		fact{"state", yes(x.Suspended, x.State)},
		fact{"full name", x.FullName},
		fact{"language", x.Language},
		fact{"plan", x.Plan},
		fact{"external id", x.ExternalID},
		fact{"created", timeText(x.Created)},
		fact{"terminated", timeText(x.Terminated)},
		fact{"hosts", fmt.Sprint(x.Hosts)},
		fact{"keys", fmt.Sprint(x.Keys)},
	)
}

func (a *app) accountDeleteCommand() *cobra.Command {
	var force, yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME [--force] [--yes]",
		Short: "Delete an account",
		Long: `Delete an account and its update keys. While it owns hosts, it wants --force,
which releases them as well.

On a terminal it asks first, unless --yes is given.`,
		Example:           "  stayput account delete alice",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := a.confirm(yes, "Delete account %s with its update keys?", args[0]); err != nil {
				return err
			}
			if err := c.DeleteAccount(ctx, args[0], force); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted account %s", args[0])
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "release its hosts as well")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
