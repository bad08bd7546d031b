package cli

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/weblog"
)

func (a *app) shadowFeedCommand() *cobra.Command {
	var to, strip string
	cmd := &cobra.Command{
		Use:   "feed [--to URL] [--strip PATH]",
		Short: "Mirror the requests of a web server's log",
		Long: `Read lines of a web server's log from standard input, and hand them on until it
ends. Apache cannot mirror, but its log can be a program. A line is

  ADDRESS STATUS LENGTH "REQUEST" "AUTHORIZATION" "USER-AGENT"

for a request that is to be mirrored with the answer that it got, or

  ID STATUS LENGTH

for the answer to one that the web server mirrored itself, with the header
Shadow-Id. LENGTH is that of the body.

It never keeps the web server waiting: while the daemon is away, lines are
dropped, and it says so on standard error.`,
		Example: `  LogFormat "%a %>s %B \"%r\" \"%{Authorization}i\" \"%{User-Agent}i\"" shadow
  CustomLog "|/usr/bin/stayput shadow feed" shadow`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := url.Parse(to)
			if err != nil || u.Scheme != "http" || u.Host == "" {
				return misuse("--to is the URL of plain HTTP, not %q", to)
			}
			m := weblog.Mirror{
				Address: u.Host, Prefix: strings.TrimSuffix(u.Path, "/"), Strip: strings.TrimSuffix(strip, "/"),
				Complain: func(dropped int, err error) {
					fmt.Fprintf(a.err, "stayput: %s of the log dropped, the last because: %v\n", counted(dropped, "line"), err)
				},
			}
			return m.Run(cmd.Context(), a.in)
		},
	}
	cmd.Flags().StringVar(&to, "to", "http://127.0.0.1:8080/shadow", "`url` of mirrored requests at the daemon")
	cmd.Flags().StringVar(&strip, "strip", "", "`path` that devices have in front, such as /dyndns")
	return cmd
}
