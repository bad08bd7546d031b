package cli

import (
	"io"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) hostNotifyCommand() *cobra.Command {
	var silent string
	var addresses, failing bool
	cmd := &cobra.Command{
		Use:   "notify FQDN [--silent TIME] [--changed=true|false] [--failing=true|false]",
		Short: "Show or change what a host's owner hears of it by mail",
		Long: `Show or change what the owner of a host hears of it by mail: that it has been
silent for longer than --silent, and that it is heard of again; with --changed that
it has other addresses, once an hour at most; with --failing that its updates have
come with a wrong secret for more than a day, once a week. Time in which the daemon
was down is no silence. Another owner must ask anew.`,
		Example: `  stayput host notify home.dyn.example.org
  stayput host notify home.dyn.example.org --silent 2d
  stayput host notify home.dyn.example.org --silent never --changed`,
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			change := api.NoticeChange{Silent: changed(cmd, "silent", silent), Changed: changed(cmd, "changed", addresses), Failing: changed(cmd, "failing", failing)}
			if change == (api.NoticeChange{}) {
				n, err := c.Notice(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.show(n, func(w io.Writer) {
					word := map[bool]string{true: "yes", false: "no"}
					facts(w, fact{"silent", n.Silent}, fact{"changed", word[n.Changed]}, fact{"failing", word[n.Failing]})
				})
			}
			n, err := c.SetNotice(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.done(n, "changed what the owner of %s hears of it", args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&silent, "silent", "", "how long it may be silent: `time` such as 2d, or never")
	flags.BoolVar(&addresses, "changed", false, "tell of other addresses")
	flags.BoolVar(&failing, "failing", false, "tell of wrong secrets")
	completeWords(cmd, "silent", "never", "1d", "2d", "7d")
	return cmd
}
