package cli

import (
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
		a.accountAddCommand(), a.accountListCommand(), a.accountShowCommand(), a.accountSetCommand(), a.accountDeleteCommand(),
	)
}

func (a *app) accountAddCommand() *cobra.Command {
	var n api.NewAccount
	var password bool
	cmd := &cobra.Command{
		Use:   "add NAME [--email ADDRESS] [--role ROLE] [--password-stdin]",
		Short: "Make an account",
		Long: `Make an account. Without a password nobody can sign in to it, and its hosts and
update keys work all the same.

--password-stdin reads the password from standard input, and asks for it when
that is a terminal.`,
		Example: `  stayput account add alice --email alice@example.org
  stayput account add root --role admin --password-stdin < password.txt`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n.Name = args[0]
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			if password {
				if n.Password, err = a.readSecret("password-stdin", "password"); err != nil {
					return err
				}
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
	flags.BoolVar(&password, "password-stdin", false, "read the password from standard input")
	completeWords(cmd, "role", "customer", "support", "admin")
	return cmd
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
						orDash(yes(x.Suspended, "suspended")),
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
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			x, err := c.Account(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(x, func(w io.Writer) { printAccount(w, x) })
		},
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
		fact{"state", yes(x.Suspended, "suspended")},
		fact{"created", timeText(x.Created)},
		fact{"hosts", fmt.Sprint(x.Hosts)},
		fact{"keys", fmt.Sprint(x.Keys)},
	)
}

func (a *app) accountSetCommand() *cobra.Command {
	var email, role string
	var suspended, password, noPassword bool
	cmd := &cobra.Command{
		Use:   "set NAME [--email ADDRESS] [--role ROLE] [--suspended=true|false] [--password-stdin | --no-password]",
		Short: "Change an account, suspend or resume it",
		Long: `Change an account. What is not given stays.

The hosts of a suspended account keep their names but have no addresses, and its
update keys do nothing. When it is resumed, they get back what they had.`,
		Example: `  stayput account set alice --email alice@example.org
  stayput account set alice --suspended=true
  stayput account set alice --suspended=false`,
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := someChange(cmd); err != nil {
				return err
			}
			change := api.AccountChange{
				Email: changed(cmd, "email", email), Role: changed(cmd, "role", role),
				Suspended: changed(cmd, "suspended", suspended),
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			switch {
			case password:
				secret, err := a.readSecret("password-stdin", "password")
				if err != nil {
					return err
				}
				change.Password = &secret
			case noPassword:
				change.Password = new(string)
			}
			x, err := c.SetAccount(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.done(x, "changed account %s", x.Name)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&email, "email", "", "mail `address`; empty for none")
	flags.StringVar(&role, "role", "", "`role`: customer, support or admin")
	flags.BoolVar(&suspended, "suspended", false, "suspend it, or resume it with =false")
	flags.BoolVar(&password, "password-stdin", false, "read a new password from standard input")
	flags.BoolVar(&noPassword, "no-password", false, "take its password away")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "no-password")
	completeWords(cmd, "role", "customer", "support", "admin")
	return cmd
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
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.confirm(yes, "Delete account %s with its update keys?", args[0]); err != nil {
				return err
			}
			if err := c.DeleteAccount(cmd.Context(), args[0], force); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted account %s", args[0])
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "release its hosts as well")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
