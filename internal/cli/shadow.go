package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) shadowCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "shadow COMMAND",
			Short: "Compare an old service with this one before it goes",
			Long: `Compare what an old service answers with what this one would. The web server
mirrors what devices send; the old service goes on answering it. Here it is
judged, and changes nothing. It wants http.shadow in the configuration, and the
web server among http.trusted_proxies.`,
		},
		a.shadowReportCommand(), a.shadowFeedCommand(), a.shadowClearCommand(),
	)
}

func (a *app) shadowReportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "report",
		Short: "Show where the old service answered otherwise",
		Long: `Show how often the old service and this one answered alike, and each request
that they answered differently: what was asked, without secrets, both answers,
how often, and when first and last.

It counts from when the daemon started, or from the last "stayput shadow clear".
The log of a web server tells how long an answer is, not its words: "nohost or
dnserr" is one of two that are as long.`,
		Example: `  stayput shadow report
  stayput shadow report --json`,
		Args: takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			r, err := c.Shadow(ctx)
			if err != nil {
				return err
			}
			if err := a.show(r, func(w io.Writer) { printShadow(w, r) }); err != nil {
				return err
			}
			if !r.On {
				a.advise("Mirrored requests are not taken: http.shadow is not set.")
			}
			return nil
		}),
	}
}

func printShadow(w io.Writer, r api.ShadowReport) {
	fmt.Fprintf(w, "%s judged since %s: %d answered alike, %d differently, %d without a known answer\n",
		counted(r.Judged, "request"), timeText(r.Since), r.Same, r.Different, r.Unknown)
	if len(r.Pairs) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "\nCOUNT\tOLD\tOURS\t")
		for _, p := range r.Pairs {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", p.Count, p.Old, p.Ours, yes(!p.Same && p.Old != "not known", "differs"))
		}
		_ = t.Flush() // w remembers what failed
	}
	for _, d := range r.Differences {
		fmt.Fprintf(w, "\n%s\n", oneLine(d.Request))
		facts(w,
			fact{"  old", d.Old},
			fact{"  ours", d.Ours},
			fact{"  why", d.Why},
			fact{"  key", oneLine(d.Username)},
			fact{"  count", fmt.Sprint(d.Count)},
			fact{"  first", timeText(d.First)},
			fact{"  last", timeText(d.Last)},
			fact{"  from", addrText(d.Source)},
		)
	}
	if r.Forgotten > 0 {
		fmt.Fprintf(w, "\n%s had to make room for later ones\n", counted(r.Forgotten, "difference"))
	}
}

func (a *app) shadowClearCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "clear",
		Short:   "Forget what was compared, and begin anew",
		Long:    "Forget what was compared, and begin anew: after an import, or when what differed was mended.",
		Example: "  stayput shadow clear",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			if err := c.ClearShadow(ctx); err != nil {
				return err
			}
			return a.done(struct{}{}, "began anew")
		}),
	}
}
