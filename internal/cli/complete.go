package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// namer returns names that begin like prefix; others are passed over.
type namer func(ctx context.Context, c *api.Client, prefix string) ([]string, error)

// mostCompletions bounds what a shell is offered.
const mostCompletions = 200

// complete returns what completes the first argument with names that the daemon
// knows. Without a daemon there are none.
func (a *app) complete(names namer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := a.dial(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := names(cmd.Context(), c, prefix)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var fitting []string
		for _, name := range found {
			if strings.HasPrefix(name, prefix) && len(fitting) < mostCompletions {
				fitting = append(fitting, name)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag completes the value of a flag with names that the daemon knows.
func (a *app) completeFlag(cmd *cobra.Command, flag string, names namer) {
	complete := a.complete(names)
	register(cmd, flag, func(cmd *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(cmd, nil, prefix)
	})
}

// completeWords completes the value of a flag with one of the words.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	register(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// register panics where the command has no such flag: a slip in the source.
func register(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

func zoneNames(ctx context.Context, c *api.Client, _ string) ([]string, error) {
	zones, err := c.Zones(ctx)
	var names []string
	for _, z := range zones {
		names = append(names, z.Name)
	}
	return names, err
}

func accountNames(ctx context.Context, c *api.Client, prefix string) ([]string, error) {
	p, err := c.Accounts(ctx, api.Page{Start: prefix, Limit: mostCompletions})
	var names []string
	for _, x := range p.Accounts {
		names = append(names, x.Name)
	}
	return names, err
}

func hostNames(ctx context.Context, c *api.Client, prefix string) ([]string, error) {
	p, err := c.Hosts(ctx, api.HostQuery{Prefix: prefix}, api.Page{Limit: mostCompletions})
	var names []string
	for _, h := range p.Hosts {
		names = append(names, h.Name)
	}
	return names, err
}

func keyNames(ctx context.Context, c *api.Client, prefix string) ([]string, error) {
	p, err := c.Keys(ctx, "", api.Page{Start: prefix, Limit: mostCompletions})
	var names []string
	for _, k := range p.Keys {
		names = append(names, k.Username)
	}
	return names, err
}

func tsigNames(ctx context.Context, c *api.Client, _ string) ([]string, error) {
	keys, err := c.TSIGKeys(ctx)
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return names, err
}
