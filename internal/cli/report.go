package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/config"
)

// Exit states.
const (
	succeeded = 0
	failed    = 1
	misused   = 2
)

// report prints the error, which may be nil, and returns the exit status.
func (a *app) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return succeeded
	}
	if faults, ok := errors.AsType[config.Faults](err); ok {
		for _, f := range faults {
			fmt.Fprintf(a.err, "stayput: %v\n", f)
		}
		return failed
	}
	fmt.Fprintf(a.err, "stayput: %s\n", oneLine(err.Error()))
	status, hint := failed, hintOf(err)
	if u, ok := errors.AsType[*usageError](err); ok {
		status = misused
		if hint = u.hint; hint == "" {
			hint = "usage: " + cmd.UseLine()
		}
	}
	if hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", oneLine(hint))
	}
	return status
}

// oneLine joins the lines of what others say.
func oneLine(text string) string {
	return strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ").Replace(strings.TrimSpace(text))
}

// hintOf returns what may be done about the error, or "".
func hintOf(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Hint
	}
	if h := admin.Hint(err); h != "" {
		return h
	}
	var hinted interface {
		error
		Hint() string
	}
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// hinted is an error with a hint.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// Hint returns what may be done.
func (h *hinted) Hint() string { return h.hint }
