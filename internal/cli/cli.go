// Package cli is the command line: the daemon's commands, and those that manage
// zones, accounts, hosts and update keys as a client of the REST API over the
// daemon's socket.
//
// It promises what scripts rely on: results go to standard output, everything
// said to people to standard error; errors are one line, then a hint where there
// is one; exit 0 for success, 1 for a failure, 2 for wrong usage. It holds no
// rules of its own, and prints a secret only when it has just been made.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// app is one run of the command line.
type app struct {
	version string
	in      io.Reader
	out     *output
	err     io.Writer

	config, data, socket string // flags that say which daemon is meant
	json                 bool
	began                bool // the command line was understood
}

// Main runs the command that args, without the program's name, ask for, and
// returns the exit status: 0, 1 for a failure or 2 for wrong usage.
func Main(version string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{version: version, in: stdin, out: &output{to: stdout}, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(context.Background())
	if _, ok := errors.AsType[*usageError](err); err != nil && !a.began && !ok {
		err = &usageError{err: err} // from cobra, which reads the command line
	}
	if err == nil && a.out.err != nil {
		err = fmt.Errorf("writing to standard output: %w", a.out.err)
	}
	return a.report(cmd, err)
}

// output remembers the first error of writing, so that a full disk fails the
// command.
type output struct {
	to  io.Writer
	err error
}

// Write writes to standard output.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

const (
	groupRun    = "run"
	groupManage = "manage"
	groupKeep   = "keep"
)

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stayput COMMAND",
		Short: "Names that stay put while addresses move",
		Long: `Stayput is a dynamic DNS service that you run yourself. One program holds the
authoritative DNS server, the update service that every router knows how to
call, and the commands that manage names.

To look around:    stayput demo
To set it up:      stayput init

All commands but serve, demo, init, restore, store and config speak to the running
daemon, over the socket in its data directory, and take effect at once.`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: 2,
		Args:                       unknownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun:           func(*cobra.Command, []string) { a.began = true },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "configuration `file` (default "+systemConfig+", if it is there)")
	flags.StringVar(&a.data, "data", "", "data `directory` of the daemon")
	flags.StringVar(&a.socket, "socket", "", "`path` of the daemon's socket")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	cmd.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run it:"},
		&cobra.Group{ID: groupManage, Title: "Manage what it serves:"},
		&cobra.Group{ID: groupKeep, Title: "Look after it:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			cmd.AddCommand(c)
		}
	}
	add(groupRun, a.serveCommand(), a.demoCommand(), a.initCommand())
	add(groupManage,
		a.zoneCommand(),
		a.recordCommand(),
		a.accountCommand(),
		a.planCommand(),
		a.hostCommand(),
		a.keyCommand(),
		a.tsigCommand(),
		a.tokenCommand(),
		a.webhookCommand(),
		a.brandCommand(),
		a.importCommand(),
		a.exportCommand(),
		a.shadowCommand(),
	)
	add(groupKeep,
		a.statusCommand(),
		a.clusterCommand(),
		a.whoCommand(),
		a.auditCommand(),
		a.upgradeCommand(),
		a.backupCommand(),
		a.restoreCommand(),
		a.storeCommand(),
		a.configCommand(),
		a.versionCommand(),
	)
	cmd.AddCommand(a.seedCommand())
	addShells(cmd)
	plainUse(cmd)
	cmd.SetFlagErrorFunc(inWords)
	return cmd
}

// group returns a command that has nothing but subcommands.
func group(c *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	c.Args = unknownCommand
	c.SuggestionsMinimumDistance = 2
	c.RunE = missingSubcommand
	c.AddCommand(subcommands...)
	return c
}

// addShells adds the help and completion commands of cobra.
func addShells(root *cobra.Command) {
	root.SetHelpCommandGroupID(groupKeep)
	root.SetCompletionCommandGroupID(groupKeep)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd("completion")
	if c, _, err := root.Find([]string{"completion"}); err == nil && c != root {
		c.Use, c.Short = "completion SHELL", "Print the completion script for a shell"
		group(c)
	}
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "\n  {{.CommandPath}} [command]{{end}}", "{{end}}", 1))
}

// plainUse makes usage lines say only what we wrote.
func plainUse(cmd *cobra.Command) {
	cmd.DisableFlagsInUseLine = true
	for _, c := range cmd.Commands() {
		plainUse(c)
	}
}
