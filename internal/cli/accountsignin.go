package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) accountInviteCommand() *cobra.Command {
	var n api.NewInvitation
	cmd := &cobra.Command{
		Use:   "invite NAME [--mail] [--language TAG]",
		Short: "Print a link with which an account's owner chooses the password",
		Long: `Print a link with which whoever has it chooses the password of an account and
signs in, once, within seven days. Earlier links of the account stop working,
and so does this one when the password changes in any other way. What the
account has stays as it is until then.

--mail sends the link to the account's mail address instead, in the account's
language. It needs mail.server and http.public_url in the configuration.`,
		Example: `  stayput account invite admin
  stayput account invite alice --mail --language es`,
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			made, err := c.Invite(cmd.Context(), args[0], n)
			if err != nil {
				return err
			}
			if a.json || n.Mail {
				return a.done(made, "invited account %s by mail", made.Account)
			}
			fmt.Fprintln(a.out, made.Link)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&n.Mail, "mail", false, "send the link by mail")
	flags.StringVar(&n.Language, "language", "", "language `tag` of the mail, if the account has none: en, de, es, fr or pt")
	completeWords(cmd, "language", "en", "de", "es", "fr", "pt")
	return cmd
}

func (a *app) accountResetFactorsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reset-factors NAME",
		Short: "Remove the second factors of somebody who has lost them",
		Long: `Remove the app, the passkeys and the recovery codes of an account, and end its
sessions, for somebody who has lost them all. The password stays. Do it for
nobody who has not proved who they are.`,
		Example:           "  stayput account reset-factors admin",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.ResetFactors(ctx, args[0]); err != nil {
				return err
			}
			return a.done(struct{}{}, "removed the second factors of account %s", args[0])
		}),
	}
}

func (a *app) accountEndSessionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "end-sessions NAME",
		Short:             "Sign an account out everywhere",
		Long:              "End all sessions of an account, at once. Its password and its second factors stay.",
		Example:           "  stayput account end-sessions alice",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.EndSessions(ctx, args[0]); err != nil {
				return err
			}
			return a.done(struct{}{}, "signed account %s out everywhere", args[0])
		}),
	}
}
