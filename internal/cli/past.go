package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) whoCommand() *cobra.Command {
	var at string
	var limit int
	cmd := &cobra.Command{
		Use:   "who ADDRESS|PREFIX [--at TIME] [--limit N]",
		Short: "Show who has or had an address",
		Long: `Show which hosts have or had an address, or one of a prefix, from when until when,
the latest first. With --at only those that had it at that time, as somebody asks
who complains about what came from it.

What hosts no longer have is remembered for as long as store.keep_addresses says.`,
		Example: `  stayput who 192.0.2.7
  stayput who 2001:db8:1::/48 --at "2026-11-26 14:05:00"`,
		Args: takes("ADDRESS|PREFIX"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			var when time.Time
			if at != "" {
				var err error
				if when, err = parseTime(at); err != nil {
					return err
				}
			}
			stays, err := c.FindAddress(ctx, args[0], when, limit)
			if err != nil {
				return err
			}
			asked := args[0]
			if at != "" {
				asked += " at " + timeText(when)
			}
			return a.showStays(stays, asked)
		}),
	}
	cmd.Flags().StringVar(&at, "at", "", "only who had it at that `time`, in UTC unless it says otherwise")
	cmd.Flags().IntVar(&limit, "limit", 100, "how `many` at most")
	return cmd
}

// parseTime reads a time as people write it.
func parseTime(text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05Z", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, text, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &usageError{
		err:  fmt.Errorf("%q is not a time", text),
		hint: `write it as "2026-11-26 14:05:00" (UTC) or 2026-11-26T14:05:00+01:00`,
	}
}

func (a *app) showStays(stays []api.Stay, asked string) error {
	if len(stays) == 0 && !a.json {
		a.advise("No host is known to have had %s.", asked)
		return nil
	}
	return a.show(stays, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ADDRESS\tHOST\tACCOUNT\tFROM\tUNTIL\tBY")
		for _, s := range stays {
			until := "now"
			if s.Until != nil {
				until = timeText(*s.Until)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Address, s.Host, orDash(s.Account), timeText(s.From), until, byText(s.Via, s.Username))
		}
		_ = t.Flush() // out remembers what failed
	})
}

// byText says how an address came.
func byText(via, username string) string {
	return orDash(strings.TrimSpace(via + " " + username))
}

func (a *app) hostAddressesCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "addresses FQDN [--limit N]",
		Short: "Show what addresses a host had",
		Long: `Show what became of the addresses of a host, the latest first. What hosts no
longer have is remembered for as long as store.keep_addresses says.`,
		Example:           "  stayput host addresses home.dyn.example.org",
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			changes, err := c.HostAddresses(ctx, args[0], limit)
			if err != nil {
				return err
			}
			if len(changes) == 0 && !a.json {
				a.advise("No address of %s is remembered.", args[0])
				return nil
			}
			return a.show(changes, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "AT\tADDRESSES\tACCOUNT\tBY")
				for _, c := range changes {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", timeText(c.At), addressesText(c), orDash(c.Account), byText(c.Via, c.Username))
				}
				_ = t.Flush() // out remembers what failed
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "how `many` at most")
	return cmd
}

func addressesText(c api.AddressChange) string {
	var all []string
	for _, addr := range c.Addresses {
		all = append(all, addr.String())
	}
	if len(all) == 0 {
		return "no " + strings.Replace(c.Family, "ipv", "IPv", 1)
	}
	return strings.Join(all, " ")
}

func (a *app) auditCommand() *cobra.Command {
	var account, subject string
	var limit int
	cmd := &cobra.Command{
		Use:   "audit [--account NAME] [--subject TEXT] [--limit N]",
		Short: "Show what people changed",
		Long: `Show what people changed, the latest first: who, when, from where, and what is
different. Updates of devices are not among it: see "stayput host addresses" and
"stayput host history".

It is remembered for as long as store.keep_deeds says.`,
		Example: `  stayput audit
  stayput audit --account anna
  stayput audit --subject "zone dyn.example.org"`,
		Args: takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			deeds, err := c.Audit(ctx, account, subject, limit)
			if err != nil {
				return err
			}
			if len(deeds) == 0 && !a.json {
				a.advise("Nothing of it is remembered.")
				return nil
			}
			return a.show(deeds, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "AT\tBY\tWHAT\tDETAIL")
				for _, d := range deeds {
					by := strings.TrimSpace(d.Actor + " " + d.Via + " " + d.From)
					fmt.Fprintf(t, "%s\t%s\t%s %s\t%s\n", timeText(d.At), by, d.Verb, d.Subject, d.Detail)
				}
				_ = t.Flush() // out remembers what failed
			})
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "`name` of the account: only what concerns it, or it did")
	cmd.Flags().StringVar(&subject, "subject", "", "`text`: only what was done to it, as in \"host home.dyn.example.org\"")
	cmd.Flags().IntVar(&limit, "limit", 100, "how `many` at most")
	a.completeFlag(cmd, "account", accountNames)
	return cmd
}
