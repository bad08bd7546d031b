package cli

import (
	"context"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) accountApplicationsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "applications",
		Short:   "List who waits for an account",
		Long:    "List who has signed up and waits for staff to approve, where signin.sign_up is\n\"approval\". Each waits for 30 days at most.",
		Example: "  stayput account applications",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			all, err := collect(c.AllApplications(ctx))
			if err != nil {
				return err
			}
			return list(a, all, "Nobody waits for an account.", "ID|NAME|EMAIL|LANGUAGE|AT|FROM", func(x api.Application) []string {
				return []string{x.ID, x.Name, x.Email, orDash(x.Language), timeText(x.At), orDash(x.From)}
			})
		}),
	}
}

func (a *app) accountApproveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "approve ID",
		Short: "Make the account that somebody applied for",
		Long: `Make the account that somebody applied for, with the name and the password that
they chose. They hear of it by mail. ` + "`stayput account applications`" + ` says who waits.`,
		Example:           "  stayput account approve alice",
		Args:              takes("ID"),
		ValidArgsFunction: a.complete(applicationIDs),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			made, err := c.Approve(ctx, args[0])
			if err != nil {
				return err
			}
			return a.done(made, "added account %s", made.Name)
		}),
	}
}

func (a *app) accountDeclineCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "decline ID [--yes]",
		Short: "Drop an application for an account",
		Long: `Drop an application for an account. Whoever applied is told nothing, and may
apply again.

On a terminal it asks first, unless --yes is given.`,
		Example:           "  stayput account decline alice",
		Args:              takes("ID"),
		ValidArgsFunction: a.complete(applicationIDs),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := a.confirm(yes, "Decline the application of %s?", args[0]); err != nil {
				return err
			}
			if err := c.Decline(ctx, args[0]); err != nil {
				return err
			}
			return a.done(struct{}{}, "declined the application of %s", args[0])
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func applicationIDs(ctx context.Context, c *api.Client, _ string) (ids []string, _ error) {
	for x, err := range c.AllApplications(ctx) {
		if err != nil || len(ids) == mostCompletions {
			return ids, err
		}
		ids = append(ids, x.ID)
	}
	return ids, nil
}
