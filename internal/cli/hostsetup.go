package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) hostSetupCommand() *cobra.Command {
	var server, username string
	cmd := &cobra.Command{
		Use:   "setup FQDN --server URL [--username NAME]",
		Short: "Print what the host's router needs to be told",
		Long: `Print what keeps a host up to date, ready to paste: the update URL, files for
ddclient and inadyn, a curl command, a script for RouterOS, and what a Fritz!Box
wants. Put the secret, which is not known here, in the place of SECRET.

--server is the URL by which routers reach this service. The user name is that
of an update key of the account, unless it is given.`,
		Example:           "  stayput host setup home.dyn.example.org --server https://update.example.org",
		Args:              takes("FQDN"),
		ValidArgsFunction: a.complete(hostNames),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if server == "" && a.terminal() != nil {
				if server, err = a.ask("URL by which routers reach this service", ""); err != nil {
					return err
				}
			}
			if server == "" {
				return misuse("missing --server")
			}
			return a.setupHost(cmd.Context(), args[0], server, username)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`URL` by which routers reach this service")
	cmd.Flags().StringVar(&username, "username", "", "user `name` of an update key")
	a.completeFlag(cmd, "username", keyNames)
	return cmd
}

func (a *app) setupHost(ctx context.Context, name, server, username string) error {
	base, err := readServerURL(server)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	h, err := c.Host(ctx, name)
	if err != nil {
		return err
	}
	if username == "" {
		keys, err := collect(c.AllKeys(ctx, h.Account))
		if err != nil {
			return err
		}
		username = usableKey(keys, h.Name)
	}
	all := recipes(base, h.Name, username)
	if err := a.show(all, func(w io.Writer) { printRecipes(w, all) }); err != nil {
		return err
	}
	if username == unknownUsername {
		a.advise("%s has no update key that covers this host: `stayput key add --account %s` makes one", h.Account, h.Account)
	}
	return nil
}

// readServerURL reads the URL of the update service, of which only scheme, host
// and port may be given.
func readServerURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &usageError{fmt.Errorf("--server: %q is not the URL of a web server", text), "such as https://update.example.org"}
	}
	if u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, &usageError{fmt.Errorf("--server: %q says more than scheme, host and port", text), "such as https://update.example.org"}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Where a recipe does not know better.
const (
	unknownUsername = "USERNAME"
	unknownSecret   = "SECRET"
)

// usableKey returns the user name of a key that may update the host.
func usableKey(keys []api.Key, host string) string {
	for _, k := range keys {
		if len(k.Hosts) == 0 || slices.Contains(k.Hosts, host) {
			return k.Username
		}
	}
	return unknownUsername
}
