package cli

import (
	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// accountFlags are what `account set` may change.
type accountFlags struct {
	email, role          string
	plan, externalID     string
	fullName, language   string
	state                string
	suspended            bool
	password, noPassword bool
}

func (a *app) accountSetCommand() *cobra.Command {
	var f accountFlags
	cmd := &cobra.Command{
		Use:   "set NAME [--email ADDRESS] [--role ROLE] [--plan PLAN] [--external-id ID] [--full-name TEXT] [--language TAG] [--suspended=true|false | --state STATE] [--password-stdin | --no-password]",
		Short: "Change an account, suspend or resume it",
		Long: `Change an account. What is not given stays.

The hosts of a suspended account keep their names but have no addresses, and its
update keys do nothing: devices are told to try again later. When it is resumed,
they get back what they had. --state says the same as active and suspended, and
terminated: all its hosts are released, whose names rest, and its keys deleted.
Made active again, the account may have these names again while they rest.`,
		Example: `  stayput account set alice --email alice@example.org
  stayput account set alice --plan home
  stayput account set alice --suspended=true
  stayput account set alice --suspended=false`,
		Args:              cobra.MatchAll(takes("NAME"), exclusive("suspended", "state"), exclusive("password-stdin", "no-password")),
		ValidArgsFunction: a.complete(accountNames),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.setAccount(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.email, "email", "", "mail `address`; empty for none")
	flags.StringVar(&f.role, "role", "", "`role`: customer, support or admin")
	flags.StringVar(&f.plan, "plan", "", "name of its `plan`; empty for none")
	flags.StringVar(&f.externalID, "external-id", "", "its `id` in the system that sends the bills; empty for none")
	flags.StringVar(&f.fullName, "full-name", "", "what to call it, for people: a `text`")
	flags.StringVar(&f.language, "language", "", "language `tag`, such as pt-BR; empty for none")
	flags.StringVar(&f.state, "state", "", "`state`: active, suspended or terminated")
	flags.BoolVar(&f.suspended, "suspended", false, "suspend it, or resume it with =false")
	flags.BoolVar(&f.password, "password-stdin", false, "read a new password from standard input")
	flags.BoolVar(&f.noPassword, "no-password", false, "take its password away")
	completeWords(cmd, "state", "active", "suspended", "terminated")
	completeWords(cmd, "role", "customer", "support", "admin")
	return cmd
}

func (a *app) setAccount(cmd *cobra.Command, name string, f accountFlags) error {
	if err := someChange(cmd, "email", "role", "plan", "external-id", "full-name", "language", "state", "suspended", "password-stdin", "no-password"); err != nil {
		return err
	}
	change := api.AccountChange{
		Email: changed(cmd, "email", f.email), Role: changed(cmd, "role", f.role),
		Suspended: changed(cmd, "suspended", f.suspended), State: changed(cmd, "state", f.state),
		Plan: changed(cmd, "plan", f.plan), ExternalID: changed(cmd, "external-id", f.externalID),
		FullName: changed(cmd, "full-name", f.fullName), Language: changed(cmd, "language", f.language),
	}
	c, err := a.dial(cmd.Context())
	if err != nil {
		return err
	}
	switch {
	case f.password:
		secret, err := a.readSecret("password-stdin", "password")
		if err != nil {
			return err
		}
		change.Password = &secret
	case f.noPassword:
		change.Password = new(string)
	}
	x, err := c.SetAccount(cmd.Context(), name, change)
	if err != nil {
		return err
	}
	return a.done(x, "changed account %s", x.Name)
}
