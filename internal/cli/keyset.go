package cli

import (
	"io"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// unchangedFlag adds the flag for what the devices of a key hear.
func unchangedFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "unchanged", "", "`reply` when nothing changed: nochg, good, or default for what updates.unchanged_reply says")
	completeWords(cmd, "unchanged", "default", "nochg", "good")
}

func (a *app) keySetCommand() *cobra.Command {
	var unchanged string
	cmd := &cobra.Command{
		Use:   "set USERNAME --unchanged default|nochg|good",
		Short: "Change an update key",
		Long: `Change an update key. Its user name and secret stay.

With --unchanged good its devices hear "good" also when their address was known
already; some take the protocol's word, "nochg", for a failure.`,
		Example:           "  stayput key set router --unchanged good",
		Args:              takes("USERNAME"),
		ValidArgsFunction: a.complete(keyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := someChange(cmd, "unchanged"); err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			k, err := c.SetKey(cmd.Context(), args[0], api.KeyChange{Unchanged: changed(cmd, "unchanged", unchanged)})
			if err != nil {
				return err
			}
			return a.done(k, "changed key %s", k.Username)
		},
	}
	unchangedFlag(cmd, &unchanged)
	return cmd
}

func (a *app) keyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show USERNAME",
		Short:             "Show an update key",
		Long:              "Show an update key: whose it is and what it may update. Nobody can show its secret.",
		Example:           "  stayput key show router",
		Args:              takes("USERNAME"),
		ValidArgsFunction: a.complete(keyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			k, err := c.Key(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(k, func(w io.Writer) { printKey(w, k) })
		},
	}
}

func printKey(w io.Writer, k api.Key) {
	facts(w,
		fact{"username", k.Username},
		fact{"account", k.Account},
		fact{"hosts", keyHosts(k)},
		fact{"kind", keyKind(k)},
		fact{"unchanged", k.Unchanged},
		fact{"created", timeText(k.Created)},
	)
}
