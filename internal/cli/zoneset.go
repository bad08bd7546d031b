package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// zoneFlags are the flags of zone set.
type zoneFlags struct {
	ttl          uint32
	mname, rname string
	add, drop    []string // secondaries
	gap          string
}

func (a *app) zoneSetCommand() *cobra.Command {
	var f zoneFlags
	cmd := &cobra.Command{
		Use:   "set NAME [--ttl SECONDS] [--mname SERVER] [--rname MAILBOX] [--secondary ADDRESS[:PORT][,tsig=KEY] ...] [--no-secondary ADDRESS[:PORT] ...] [--notify-gap TIME]",
		Short: "Change a zone",
		Long: `Change the SOA record of a zone, or which servers follow it. What is not given
stays.

A secondary hears of changes of the zone at its address and may transfer the zone
from there, signed with a TSIG key if one is given. These secondaries are those of
this zone alone; those of all zones stand in the configuration, in dns.secondaries.
One with the address of such a one takes its place for this zone.`,
		Example: `  stayput zone set dyn.example.org --rname hostmaster@example.org
  stayput zone set dyn.example.org --secondary 192.0.2.53,tsig=ns2.example.org
  stayput zone set dyn.example.org --no-secondary 192.0.2.53 --notify-gap 5s`,
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := someChange(cmd, "ttl", "mname", "rname", "secondary", "no-secondary", "notify-gap"); err != nil {
				return err
			}
			change, err := f.change(cmd)
			if err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			z, err := c.SetZone(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.done(z, "changed zone %s", z.Name)
		},
	}
	flags := cmd.Flags()
	flags.Uint32Var(&f.ttl, "ttl", 0, "`seconds`, of the SOA record and of negative answers")
	flags.StringVar(&f.mname, "mname", "", "primary name `server`")
	flags.StringVar(&f.rname, "rname", "", "`mailbox` of who answers for the zone")
	flags.StringArrayVar(&f.add, "secondary", nil, "`address` of a server that is to follow the zone, with its port unless that is 53, and the TSIG key")
	flags.StringArrayVar(&f.drop, "no-secondary", nil, "`address` of one that is not to any more")
	flags.StringVar(&f.gap, "notify-gap", "", "the least `time` between two notices to one secondary, such as 5s; default for that of all zones")
	return cmd
}

func (f *zoneFlags) change(cmd *cobra.Command) (api.ZoneChange, error) {
	c := api.ZoneChange{
		TTL: changed(cmd, "ttl", f.ttl), MName: changed(cmd, "mname", f.mname), RName: changed(cmd, "rname", f.rname),
		DropSecondaries: f.drop, NotifyGap: changed(cmd, "notify-gap", f.gap),
	}
	for _, text := range f.add {
		address, more, given := strings.Cut(text, ",")
		key, isKey := strings.CutPrefix(more, "tsig=")
		if given && (!isKey || key == "") {
			return c, misuse("--secondary %s: behind the address comes nothing but ,tsig=KEY", text)
		}
		c.AddSecondaries = append(c.AddSecondaries, api.Secondary{Address: address, Key: key})
	}
	return c, nil
}
