package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// unchangedFlag adds the flag for what the devices of a key hear.
func unchangedFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "unchanged", "", "`reply` when nothing changed: nochg, good, or default for what updates.unchanged_reply says")
	completeWords(cmd, "unchanged", "default", "nochg", "good")
}

// patternFlags adds the flags for names beside those of hosts.
func patternFlags(cmd *cobra.Command, patterns *[]string, newHosts *uint32) {
	cmd.Flags().StringSliceVar(patterns, "pattern", nil, "`name` with labels *, which it may update, too; may be given more than once")
	cmd.Flags().Uint32Var(newHosts, "new-hosts", 0, "`number` of hosts that fit up to which further names become hosts by their first update")
}

func bareGoodFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "bare-good", false, "reply \"good\" and nothing else when all is well")
}

func tlsOnlyFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "tls-only", false, "refuse it over plain HTTP")
}

func (a *app) keySetCommand() *cobra.Command {
	var unchanged string
	var bareGood, tlsOnly bool
	var patterns []string
	var newHosts uint32
	cmd := &cobra.Command{
		Use:   "set USERNAME [--unchanged default|nochg|good] [--bare-good[=false]] [--tls-only[=false]] [--pattern NAME ...] [--new-hosts N]",
		Short: "Change an update key",
		Long: `Change an update key. Its user name and secret stay.

With --unchanged good its devices hear "good" also when their address was known
already; some take the protocol's word, "nochg", for a failure.

With --bare-good they hear one word and nothing else, for scripts that compare
the whole reply: "good" without an address and a line end, also when nothing
changed, and one word for several hosts, of which all change or none.

With --tls-only it is refused over plain HTTP, where everybody on the way could
read its secret.

With --pattern and --new-hosts, see "stayput key add", it may update other names
than before, or make more of them, or with 0 none.`,
		Example:           "  stayput key set router --unchanged good",
		Args:              takes("USERNAME"),
		ValidArgsFunction: a.complete(keyNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := someChange(cmd, "unchanged", "bare-good", "tls-only", "pattern", "new-hosts"); err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			k, err := c.SetKey(cmd.Context(), args[0], api.KeyChange{
				Unchanged: changed(cmd, "unchanged", unchanged),
				BareGood:  changed(cmd, "bare-good", bareGood),
				TLSOnly:   changed(cmd, "tls-only", tlsOnly),
				Patterns:  changed(cmd, "pattern", patterns),
				NewHosts:  changed(cmd, "new-hosts", newHosts),
			})
			if err != nil {
				return err
			}
			return a.done(k, "changed key %s", k.Username)
		},
	}
	unchangedFlag(cmd, &unchanged)
	patternFlags(cmd, &patterns, &newHosts)
	bareGoodFlag(cmd, &bareGood)
	tlsOnlyFlag(cmd, &tlsOnly)
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
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			k, err := c.Key(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(k, func(w io.Writer) { printKey(w, k) })
		}),
	}
}

// makesHosts says how many hosts a key may make; empty for none.
func makesHosts(k api.Key) string {
	if k.NewHosts == 0 {
		return ""
	}
	return fmt.Sprintf("while fewer than %d fit", k.NewHosts)
}

// keyTransport says how a key must come; empty for any way.
func keyTransport(k api.Key) string {
	if k.TLSOnly {
		return "TLS only"
	}
	return ""
}

func printKey(w io.Writer, k api.Key) {
	facts(w,
		fact{"username", k.Username},
		fact{"account", k.Account},
		fact{"hosts", keyHosts(k)},
		fact{"makes hosts", makesHosts(k)},
		fact{"kind", keyKind(k)},
		fact{"unchanged", k.Unchanged},
		fact{"reply", yes(k.BareGood, "good, and nothing else")},
		fact{"over", keyTransport(k)},
		fact{"created", timeText(k.Created)},
		fact{"failing", failingText(k.Failing)},
	)
}
