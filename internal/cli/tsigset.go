package cli

import (
	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) tsigSetCommand() *cobra.Command {
	var f *tsigFlags
	var noGrants bool
	cmd := &cobra.Command{
		Use:   "set NAME [--algorithm NAME ...] [--types A,TXT] [--update ZONE ... | --grant RULE ... [--zone ZONE] | --no-grants] [--transfer ZONE ...]",
		Short: "Change a TSIG key",
		Long: `Change a TSIG key. Its name, secret and host stay. What --update and --grant say
takes the place of all that it was granted beside its host, and what --transfer says
of the zones that it may have whole; an empty one takes these away.`,
		Example: `  stayput tsig set router --algorithm hmac-sha256
  stayput tsig set router --types A,AAAA,TXT
  stayput tsig set dhcp --update dyn.example.org --update 2.0.192.in-addr.arpa`,
		Args:              cobra.MatchAll(takes("NAME"), exclusive("no-grants", "grant"), exclusive("no-grants", "update")),
		ValidArgsFunction: a.complete(tsigNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := someChange(cmd, "algorithm", "types", "update", "grant", "no-grants", "transfer"); err != nil {
				return err
			}
			change := api.TSIGChange{
				Algorithms: changed(cmd, "algorithm", f.algorithms), Transfers: changed(cmd, "transfer", f.transfers),
			}
			if grants := f.all(); len(grants) > 0 || noGrants {
				change.Grants = &grants
			}
			if len(f.zones) == 0 {
				change.Types = changed(cmd, "types", f.types)
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			k, err := c.SetTSIGKey(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return a.done(k, "changed TSIG key %s", k.Name)
		},
	}
	f = a.tsigFlags(cmd)
	cmd.Flags().BoolVar(&noGrants, "no-grants", false, "take away all grants beside that of its host")
	return cmd
}
