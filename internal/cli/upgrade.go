package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// upgradeTime is how long a new process may take over, once it is ready to.
const upgradeTime = 2 * time.Minute

func (a *app) upgradeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "upgrade",
		Short: "Let the installed version take over from the running daemon",
		Long: `Make the running daemon start its program anew, as its file and its
configuration are by now, and wait until the new process has taken over. It gets
every socket: no query and no request goes unanswered, and no update is lost.

When the new process fails, whether at its configuration or at anything else, the
old one goes on as before, and the command fails and says why.`,
		Example: `  install -m 755 stayput-1.1 /usr/bin/stayput && stayput upgrade`,
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			old, err := c.Upgrade(cmd.Context())
			if err != nil {
				return err
			}
			s, err := awaitHeir(cmd.Context(), c, old.PID)
			if err != nil {
				return err
			}
			return a.done(s, "process %d of version %s has taken over from process %d", s.PID, s.Version, old.PID)
		},
	}
}

// awaitHeir returns how the daemon fares as soon as another process than old
// answers.
func awaitHeir(ctx context.Context, c *api.Client, old int) (api.Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, upgradeTime, errors.New("the old process still answers"))
	defer cancel()
	for {
		s, err := c.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return s, context.Cause(ctx)
		case err == nil && s.PID != old:
			return s, nil
		case err == nil && s.UpgradeError != "":
			return s, fmt.Errorf("upgrading: %s", s.UpgradeError)
		}
		// While the two change places there may be nobody to answer.
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
