package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) hostHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history FQDN",
		Short: "Show what devices asked of a host and were told",
		Long: `Show the last 20 requests about a host and the replies, the latest first; what
repeats itself stands there once. Secrets are hidden.

Of requests without the right secret, which anybody can send, there are at most
five more. The daemon remembers as much as updates.history allows, also over a
restart or an upgrade.`,
		Example:           "  stayput host history home.dyn.example.org",
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			all, err := c.HostHistory(ctx, args[0])
			if err != nil {
				return err
			}
			return a.showHistory(all, "Nothing that a device asked of "+args[0]+" is remembered.")
		}),
	}
}

func (a *app) keyHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history USERNAME",
		Short: "Show what came with an update key and reached no host",
		Long: `Show the last requests with the user name of an update key that reached no host:
because the secret was wrong, or the host none that the key may update. The latest
is first; what repeats itself stands there once. Secrets are hidden.

All other requests stand in the history of their hosts.`,
		Example:           "  stayput key history router",
		Args:              takes("USERNAME"),
		ValidArgsFunction: a.complete(keyNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			all, err := c.KeyHistory(ctx, args[0])
			if err != nil {
				return err
			}
			return a.showHistory(all, "Nothing came with "+args[0]+" that reached no host. See `stayput host history FQDN` for what did.")
		}),
	}
}

// showHistory prints two lines for each exchange: when and what was told to whom,
// and what was asked.
func (a *app) showHistory(all []api.Exchange, empty string) error {
	if len(all) == 0 && !a.json {
		a.advise("%s", empty)
		return nil
	}
	return a.show(all, func(w io.Writer) {
		now := time.Now()
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, x := range all {
			fmt.Fprintf(t, "%s\t%s\n\t%s\n", ago(now.Sub(x.Last)), exchangeText(x), joinLines(x.Request, " "))
		}
		_ = t.Flush() // out remembers what failed
	})
}

// exchangeText says what was told, why, to whom and how often.
func exchangeText(x api.Exchange) string {
	var b strings.Builder
	if x.Status != 0 && x.Status != http.StatusOK {
		fmt.Fprintf(&b, "%d ", x.Status)
	}
	b.WriteString(joinLines(x.Reply, " / "))
	switch {
	case x.Pending != "":
		fmt.Fprintf(&b, " (not yet at %s)", x.Pending)
	case x.Why != "":
		fmt.Fprintf(&b, " (%s)", x.Why)
	}
	if x.Source.IsValid() {
		fmt.Fprintf(&b, " from %v", x.Source)
	}
	if x.Agent != "" {
		fmt.Fprintf(&b, " by %s", joinLines(x.Agent, " "))
	}
	if x.Username != "" {
		fmt.Fprintf(&b, " as %s", x.Username)
	}
	if x.Count > 1 {
		fmt.Fprintf(&b, ", %s since %s", counted(x.Count, "time"), timeText(x.First))
	}
	return b.String()
}

// joinLines returns text whose lines are joined.
func joinLines(text, between string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", between)
}

// ago says how long ago something was, in the largest unit that fits.
func ago(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if d >= unit.size {
			return counted(int(d/unit.size), unit.name) + " ago"
		}
	}
	return "now"
}

// failingText says that a key is used with a wrong secret; empty for nil.
func failingText(f *api.Failing) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("wrong secret, %s since %s", counted(f.Refusals, "time"), timeText(f.Since))
}

// addrText returns an address, or a dash for none.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}
