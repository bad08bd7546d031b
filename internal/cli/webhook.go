package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) webhookCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "webhook COMMAND",
			Short: "Tell other systems what happens",
			Long: `Manage webhooks: URLs to which what happens is sent, signed as Standard Webhooks
has it, until the receiver takes it.`,
		},
		a.webhookAddCommand(), a.webhookListCommand(), a.webhookTestCommand(), a.webhookPauseCommand(true), a.webhookPauseCommand(false),
		a.webhookReplayCommand(), a.webhookDeleteCommand(),
	)
}

func (a *app) webhookAddCommand() *cobra.Command {
	var n api.NewWebhook
	var readSecret bool
	cmd := &cobra.Command{
		Use:   "add URL [--event KIND ...] [--account NAME] [--secret-stdin]",
		Short: "Make a webhook and print its secret",
		Long: `Make a webhook and print the secret with which its messages are signed, which
nobody can read again. What happens from now on is sent to it.

Nothing is sent to addresses that are not public unless webhooks.allow in the
configuration names their network.`,
		Example: "  stayput webhook add https://billing.example.org/stayput --event host.changed",
		Args:    takes("URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.URL = args[0]
			if readSecret {
				var err error
				if n.Secret, err = a.readSecret("secret-stdin", "secret"); err != nil {
					return err
				}
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			h, err := c.AddWebhook(cmd.Context(), n)
			if err != nil {
				return err
			}
			return a.show(h, func(w io.Writer) {
				facts(w,
					fact{"webhook", h.ID},
					fact{"url", h.URL},
					fact{"secret", h.Secret},
					fact{"events", strings.Join(h.Events, " ")},
					fact{"account", h.Account},
				)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&n.Events, "event", nil, "`kind` of events to send: host.changed, host.deleted, account.changed, account.deleted; may be given more than once")
	flags.StringVar(&n.Account, "account", "", "`name` of the account whose events alone are sent")
	flags.BoolVar(&readSecret, "secret-stdin", false, "read the secret, whsec_ and base64, from standard input")
	a.completeFlag(cmd, "account", accountNames)
	completeWords(cmd, "event", "host.changed", "host.deleted", "account.changed", "account.deleted")
	return cmd
}

func (a *app) webhookListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List webhooks, and how sending goes",
		Long:    "List webhooks, and how sending goes since the daemon started.",
		Example: "  stayput webhook list",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			hooks, err := c.Webhooks(ctx)
			if err != nil {
				return err
			}
			return list(a, hooks, "There are no webhooks. Make one with `stayput webhook add URL`.",
				"WEBHOOK|STATE|SENT|FAILURES|URL|FAULT", func(h api.Webhook) []string {
					fault := h.Dead
					if fault == "" {
						fault = h.Sending.Error
						if h.Sending.Node != "" {
							fault = "sent by node " + h.Sending.Node + ", which knows more"
						}
					}
					return []string{h.ID, h.State, fmt.Sprint(h.Sending.Sent), fmt.Sprint(h.Sending.Failures), h.URL, orDash(fault)}
				})
		}),
	}
}

func (a *app) webhookTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "test ID",
		Short:   "Send a message of type test, once",
		Long:    "Send a message of type test, once, also to a webhook that is paused, and say whether it was taken.",
		Example: "  stayput webhook test wmfrggzdfmy",
		Args:    takes("ID"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			t, err := c.TestWebhook(ctx, args[0])
			if err != nil {
				return err
			}
			if !t.Taken {
				return fmt.Errorf("webhook %s did not take it: %s", args[0], t.Error)
			}
			return a.done(t, "webhook %s took it", args[0])
		}),
	}
}

// webhookPauseCommand returns what pauses a webhook, or lets it go on.
func (a *app) webhookPauseCommand(pause bool) *cobra.Command {
	word, short, did := "resume", "Let a webhook go on", "resumed"
	long := "Let a webhook go on that was paused or dead: what happened meanwhile is sent, as far back as the journal goes."
	if pause {
		word, short, did = "pause", "Send nothing to a webhook for now", "paused"
		long = "Send nothing to a webhook for now. What happens waits for it, as far back as the journal goes."
	}
	return &cobra.Command{
		Use:     word + " ID",
		Short:   short,
		Long:    long,
		Example: "  stayput webhook " + word + " wmfrggzdfmy",
		Args:    takes("ID"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			h, err := c.SetWebhook(ctx, args[0], api.WebhookChange{Paused: &pause})
			if err != nil {
				return err
			}
			return a.done(h, "%s webhook %s", did, h.ID)
		}),
	}
}

func (a *app) webhookReplayCommand() *cobra.Command {
	var after uint64
	cmd := &cobra.Command{
		Use:     "replay ID --after REVISION",
		Short:   "Send again what happened after a revision",
		Long:    "Send again what happened after a revision, as far back as the journal goes.",
		Example: "  stayput webhook replay wmfrggzdfmy --after 4711",
		Args:    cobra.MatchAll(takes("ID"), func(cmd *cobra.Command, _ []string) error { return required(cmd, "after") }),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			h, err := c.ReplayWebhook(ctx, args[0], after)
			if err != nil {
				return err
			}
			return a.done(h, "sending to webhook %s again what happened after revision %d", h.ID, after)
		}),
	}
	cmd.Flags().Uint64Var(&after, "after", 0, "`revision` after which to begin")
	return cmd
}

func (a *app) webhookDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID",
		Aliases: []string{"remove"},
		Short:   "Delete a webhook",
		Long:    "Delete a webhook: nothing more is sent to it.",
		Example: "  stayput webhook delete wmfrggzdfmy",
		Args:    takes("ID"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.DeleteWebhook(ctx, args[0]); err != nil {
				return err
			}
			return a.done(deleted{args[0]}, "deleted webhook %s", args[0])
		}),
	}
}
