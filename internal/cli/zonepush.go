package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) zonePushCommand() *cobra.Command {
	var r api.Reconcile
	cmd := &cobra.Command{
		Use:   "push [ZONE [--mend [--delete]] [--take]]",
		Short: "Show where zones are pushed to, and compare",
		Long: `Show how far the servers are that zones are pushed to; they are named in the
configuration, in dns.push. With a zone, transfer it from them and show what
they do not have as it is here: "-" is what they have, "+" what it should be.

With --mend that is pushed then. Names that were never ours are never deleted.
Where very many names would be, they stay until --delete asks for it.

Only one Stayput may push into a zone, and a TXT record there says which. After a
backup was restored, or in the place of another one that does so no more, --take
makes it this one.`,
		Example: `  stayput zone push
  stayput zone push dyn.example.org
  stayput zone push dyn.example.org --mend`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if len(args) == 0 && (r.Mend || r.Delete || r.Take) || r.Delete && !r.Mend {
				return misuse("--mend and --take want a zone, and --delete wants --mend")
			}
			if len(args) == 0 {
				all, err := c.Pushes(ctx)
				if err != nil {
					return err
				}
				return a.listPushes(all)
			}
			all, err := c.ReconcileZone(ctx, args[0], r)
			if err != nil {
				return err
			}
			return a.show(all, func(w io.Writer) { writeComparisons(w, all, r) })
		}),
	}
	flags := cmd.Flags()
	flags.BoolVar(&r.Mend, "mend", false, "push what differs")
	flags.BoolVar(&r.Delete, "delete", false, "also when that deletes very many names")
	flags.BoolVar(&r.Take, "take", false, "go on where somebody else pushed")
	return cmd
}

func (a *app) listPushes(all []api.PushStatus) error {
	return list(a, all, "No zone is pushed anywhere. Name servers in the configuration, in dns.push.",
		"ZONE|TARGET|KEY|PENDING|STATE", func(s api.PushStatus) []string {
			return []string{s.Zone, s.Target, s.Key, fmt.Sprint(s.Pending), stateOfPush(s)}
		})
}

// stateOfPush says in words how far a target is.
func stateOfPush(s api.PushStatus) string {
	switch {
	case s.Error != "":
		return s.Error
	case s.Node != "":
		return "pushed by node " + s.Node + ", which knows more"
	case s.Elsewhere:
		return "waiting for a node to push"
	case s.Held > 0:
		return fmt.Sprintf("%d deletions wait for \"stayput zone push %s --mend --delete\"", s.Held, s.Zone)
	case s.Pending > 0:
		return "pushing"
	}
	return "up to date"
}

func writeComparisons(w io.Writer, all []api.PushComparison, r api.Reconcile) {
	for _, c := range all {
		fmt.Fprintf(w, "%s: %d differences, %d deletions, %d names of others\n", c.Target, len(c.Differences), c.Deletions, c.Foreign)
		for _, d := range c.Differences {
			for _, line := range d.There {
				fmt.Fprintf(w, "- %s %s %s\n", d.Name, d.Type, line)
			}
			for _, line := range d.Here {
				fmt.Fprintf(w, "+ %s %s %s\n", d.Name, d.Type, line)
			}
		}
		switch {
		case c.Held && r.Mend:
			fmt.Fprintln(w, "deletions are held, since they are so many: --delete lets them be made")
		case r.Mend && len(c.Differences) > 0:
			fmt.Fprintln(w, "being pushed")
		}
	}
}

func (a *app) zoneBindCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "bind ZONE --tsig KEY",
		Short: "Print what BIND needs for a zone to be pushed to it",
		Long: `Print what goes into named.conf of a BIND 9 that is the primary of the zone, so
that the zone can be pushed to it: the key, with its secret, and the zone with its
update policy. For a zone that is there already, take over the lines within it.`,
		Example: `  stayput tsig add stayput-push
  stayput zone bind dyn.example.org --tsig stayput-push`,
		Args:              takes("ZONE"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "tsig"); err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			z, err := c.Zone(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			k, err := c.TSIGKey(cmd.Context(), key, true)
			if err != nil {
				return err
			}
			if len(k.Algorithms) == 0 {
				return errors.New("the key has no algorithm")
			}
			return a.show(map[string]string{"named.conf": bindLines(z.Name, k)}, func(w io.Writer) { fmt.Fprint(w, bindLines(z.Name, k)) })
		},
	}
	cmd.Flags().StringVar(&key, "tsig", "", "`name` of the TSIG key")
	return cmd
}

// bindLines returns what stands in named.conf of the primary of a zone.
func bindLines(zone string, k api.TSIGKey) string {
	return fmt.Sprintf(`key %[2]q {
	algorithm %[3]s;
	secret %[4]q;
};

zone %[1]q {
	type primary;
	file "%[1]s.zone"; // in a directory that named may write to
	update-policy { grant %[2]q zonesub ANY; };
	allow-transfer { key %[2]q; }; // so that both can be compared
};
`, zone, k.Name, k.Algorithms[0], k.Secret)
}
