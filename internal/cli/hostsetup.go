package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
	"stayput.dev/internal/recipe"
)

func (a *app) hostSetupCommand() *cobra.Command {
	var server, username, device string
	devices := recipe.Devices()
	cmd := &cobra.Command{
		Use:   "setup FQDN --server URL [--device DEVICE] [--username NAME]",
		Short: "Print what the host's router needs to be told",
		Long: `Print what keeps a host up to date, ready to paste: for all kinds of devices and
programs, or for one. Put the secret, which is not known here, in the place of
SECRET. doc/devices.md tells of these devices and of more.

--server is the URL by which routers reach this service. The user name is that
of an update key of the account, unless it is given.

--device is one of ` + wrapped(devices) + `.`,
		Example: `  stayput host setup home.dyn.example.org --server https://update.example.org
  stayput host setup home.dyn.example.org --server https://update.example.org --device routeros7`,
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
			if device != "" && !slices.Contains(devices, device) {
				return &usageError{fmt.Errorf("--device: no recipe for %q", device), "one of " + strings.Join(devices, ", ")}
			}
			return a.setupHost(cmd.Context(), args[0], server, username, device)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`URL` by which routers reach this service")
	cmd.Flags().StringVar(&username, "username", "", "user `name` of an update key")
	cmd.Flags().StringVar(&device, "device", "", "kind of `device` or program (default all)")
	a.completeFlag(cmd, "username", keyNames)
	completeWords(cmd, "device", devices...)
	return cmd
}

// wrapped lists words, some in a line.
func wrapped(words []string) string {
	var lines []string
	for some := range slices.Chunk(words, 8) {
		lines = append(lines, strings.Join(some, ", "))
	}
	return strings.Join(lines, ",\n")
}

func (a *app) setupHost(ctx context.Context, name, server, username, device string) error {
	if _, err := recipe.ParseServer(server); err != nil {
		return &usageError{fmt.Errorf("--server: %w", err), ""}
	}
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	book, err := c.Recipes(ctx, name, server, username, device)
	if err != nil {
		return err
	}
	if err := a.show(book.Recipes, func(w io.Writer) { printRecipes(w, book.Recipes) }); err != nil {
		return err
	}
	if book.Username == "" {
		a.advise("%s has no update key that covers this host: `stayput key add --account %s` makes one", book.Account, book.Account)
	}
	return nil
}

func printRecipes(w io.Writer, all []api.Recipe) {
	for i, r := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "# %s\n%s", r.Title, r.Text)
	}
}
