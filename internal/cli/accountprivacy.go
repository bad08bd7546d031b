package cli

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) accountExportCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "export NAME [--output FILE]",
		Short: "Print all that is kept about an account",
		Long: `Print all that is kept about an account as one JSON document: the account, its
hosts with their addresses now and then and what devices asked lately, its keys
without their secrets, its sessions, second factors and sign-ins, mails that wait
for it, and what was changed by it or of it.

With --output it goes to a new file that only its owner can read.`,
		Example: `  stayput account export alice
  stayput account export alice --output alice.json`,
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			all, err := c.ExportAccount(ctx, args[0])
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(all, "", "  ")
			if err != nil {
				return err
			}
			text = append(text, '\n')
			if output == "" {
				_, err := a.out.Write(text)
				return err
			}
			return writeNew(output, text)
		}),
	}
	cmd.Flags().StringVar(&output, "output", "", "write it to a new `file`")
	return cmd
}

// writeNew writes a file that does not exist yet and that only its owner may read.
func writeNew(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.Write(text); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func (a *app) accountEraseCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase NAME [--yes]",
		Short: "Delete a customer's account and forget all about it",
		Long: `Delete a customer's account with its hosts and keys, as delete --force does, and
forget all about it within a day: address history, what devices asked, the audit
log, sign-ins, mails. What stays for how long, doc/privacy.md says; what backups
hold is not touched.

On a terminal it asks first, unless --yes is given.`,
		Example:           "  stayput account erase alice",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(accountNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := a.confirm(yes, "Delete account %s with all that it has, and forget it?", args[0]); err != nil {
				return err
			}
			e, err := c.EraseAccount(ctx, args[0])
			if err != nil {
				return err
			}
			return a.done(e, "erased account %s; nothing is left of it by %s", e.Account, e.ForgottenBy.Format(time.RFC3339))
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
