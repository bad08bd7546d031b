package cli

import (
	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// hostFlags are what `host set` may change.
type hostFlags struct {
	ttl                                      uint32
	addresses                                []string
	noAddress                                bool
	account, nonglobal, interfaceID, follows string
	alias                                    string
	takeOffline, force                       bool
	optionFlags
}

func (a *app) hostSetCommand() *cobra.Command {
	var f hostFlags
	cmd := &cobra.Command{
		Use: "set FQDN [--address ADDRESS ... | --no-address] [--ttl SECONDS] [--account NAME] [--nonglobal CHOICE] " +
			"[--interface-id ID] [--follows FQDN] [--alias FQDN] [--take-offline] [OPTION ...]",
		Short: "Change a host",
		Long: `Change a host. What is not given stays; given addresses take the place of those
that it has.

With --nonglobal accept, it takes addresses that cannot be reached from outside,
such as 192.168.1.2, when its devices report them; with ignore, they are told
that all is well and the address is left out.

With --interface-id, the host keeps the low bits of its IPv6 address when its
prefix changes; with --follows, the prefix is that of another host of the same
account, such as its router.

With --alias, the host is an alias (CNAME) of another name until an address is
reported or given; an alias cannot have other records.

` + optionHelp,
		Example: `  stayput host set home.dyn.example.org --address 192.0.2.7
  stayput host set home.dyn.example.org --wildcard --expire-after 30d
  stayput host set home.dyn.example.org --offline offline.example.org
  stayput host set lab.dyn.example.org --nonglobal accept
  stayput host set nas.dyn.example.org --interface-id ::1:2 --follows home.dyn.example.org`,
		Args:              cobra.MatchAll(takes("FQDN"), exclusive("address", "no-address")),
		ValidArgsFunction: a.complete(hostNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			names := []string{"address", "no-address", "ttl", "account", "nonglobal", "interface-id", "follows", "alias", "take-offline"}
			if err := someChange(cmd, append(names, optionFlagNames[:]...)...); err != nil {
				return err
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			h, err := c.SetHost(cmd.Context(), args[0], f.change(cmd))
			if err != nil {
				return err
			}
			return a.done(h, "changed host %s", h.Name)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.addresses, "address", nil, "IPv4 or IPv6 `address`; may be given more than once")
	flags.BoolVar(&f.noAddress, "no-address", false, "take its addresses away")
	flags.Uint32Var(&f.ttl, "ttl", 0, "`seconds`")
	flags.StringVar(&f.account, "account", "", "`name` of the new owner")
	nonglobalFlag(cmd, &f.nonglobal)
	flags.StringVar(&f.interfaceID, "interface-id", "", "low `bits` of its IPv6 address, such as ::1:2; empty for none")
	flags.StringVar(&f.follows, "follows", "", "`host` whose prefix it has; empty for none")
	flags.StringVar(&f.alias, "alias", "", "`name` that it is an alias of; empty for none")
	flags.BoolVar(&f.takeOffline, "take-offline", false, "it is offline from now on")
	f.add(cmd)
	flags.BoolVar(&f.force, "force", false, "although it lies within another account's host")
	a.completeFlag(cmd, "account", accountNames)
	a.completeFlag(cmd, "follows", hostNames)
	return cmd
}

func (f *hostFlags) change(cmd *cobra.Command) api.HostChange {
	c := api.HostChange{
		TTL: changed(cmd, "ttl", f.ttl), Addresses: changed(cmd, "address", f.addresses),
		Account: changed(cmd, "account", f.account), NonGlobal: changed(cmd, "nonglobal", f.nonglobal),
		InterfaceID: changed(cmd, "interface-id", f.interfaceID), Follows: changed(cmd, "follows", f.follows), Force: f.force,
		Alias: changed(cmd, "alias", f.alias), TakeOffline: f.takeOffline, HostOptions: f.options(cmd),
	}
	if f.noAddress {
		c.Addresses = &[]string{}
	}
	return c
}

// nonglobalFlag adds the flag for addresses that cannot be reached from outside.
func nonglobalFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "nonglobal", "",
		"addresses that cannot be reached from outside: `choice` of accept, ignore, or default for what updates.nonglobal says")
	completeWords(cmd, "nonglobal", "default", "ignore", "accept")
}
