package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// usageError says that the command line was not understood.
type usageError struct {
	err  error
	hint string // empty: the usage line of the command
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// misuse returns an error about wrong usage.
func misuse(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// unknownCommand refuses arguments where only subcommands may stand.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("`%s --help` lists all commands", cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		// People rarely mistype the first letter.
		if i := slices.IndexFunc(near, func(name string) bool { return strings.HasPrefix(name, args[0][:1]) }); i > 0 {
			near = near[i:]
		}
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near[0])
	}
	return &usageError{fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()), hint}
}

func missingSubcommand(cmd *cobra.Command, _ []string) error {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return &usageError{
		errors.New("missing command after `" + cmd.CommandPath() + "`"),
		"one of " + strings.Join(names, ", "),
	}
}

// takes returns what checks that the arguments are there, one for each name, and say
// something.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return misuse("missing %s", strings.Join(names[len(args):], " and "))
		}
		if len(args) > len(names) {
			return misuse("unexpected argument %q", args[len(names)])
		}
		if i := slices.Index(args, ""); i >= 0 { // of a variable that is not set
			return misuse("%s is empty", names[i])
		}
		return nil
	}
}

// exclusive returns what refuses more than one of the flags. It stands among the
// checks of arguments, see [cobra.MatchAll].
func exclusive(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, _ []string) error {
		given := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !cmd.Flags().Changed(n) })
		if len(given) < 2 {
			return nil
		}
		return misuse("--%s and --%s exclude each other", given[0], given[1])
	}
}

// inWords says what a flag wants where its error has it in words of Go's.
func inWords(_ *cobra.Command, err error) error {
	number, ok := errors.AsType[*strconv.NumError](err)
	if !ok {
		return err
	}
	wants := "it wants a plain number, such as 60"
	switch {
	case number.Func == "ParseBool":
		wants = "it wants true or false"
	case errors.Is(number, strconv.ErrRange):
		wants = "the number is too large"
	}
	return errors.New(strings.TrimSuffix(err.Error(), number.Error()) + wants)
}

// required returns an error that names the flags of the list that were not given.
func required(cmd *cobra.Command, names ...string) error {
	missing := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return cmd.Flags().Changed(n) })
	if len(missing) == 0 {
		return nil
	}
	return misuse("missing --%s", strings.Join(missing, " and --"))
}

// changed returns a pointer to the flag's value, or nil if it was not given.
func changed[T any](cmd *cobra.Command, name string, value T) *T {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	return &value
}

// someChange returns an error unless one of the flags was given.
func someChange(cmd *cobra.Command, names ...string) error {
	if slices.ContainsFunc(names, cmd.Flags().Changed) {
		return nil
	}
	return misuse("nothing to change: one of --%s says what", strings.Join(names, ", --"))
}
