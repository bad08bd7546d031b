package daemon

import (
	"context"
	"net/netip"

	"stayput.dev/internal/api"
	"stayput.dev/internal/checkup"
	"stayput.dev/internal/zone"
)

// checks lets the API look at zones as the world finds them.
type checks struct{ *daemon }

// Check implements api.Checks.
func (c checks) Check(ctx context.Context, origin zone.Name, by api.CheckBy) []api.Finding {
	all := []api.Finding{}
	for _, f := range c.look(ctx, origin, by) {
		all = append(all, api.Finding{Level: f.Level.String(), Topic: string(f.Topic), Text: f.Text.String(), Hint: f.Hint.String()})
	}
	return all
}

// look looks at a zone.
func (c checks) look(ctx context.Context, origin zone.Name, by api.CheckBy) []checkup.Finding {
	opts := checkup.Options{
		Zones: func() zone.Set { return c.registry.State().Zones }, Inside: by.Inside, Resolvers: c.resolvers(by.Resolver),
	}
	for _, s := range c.notifier.Followers(origin) {
		opts.Followers = append(opts.Followers, checkup.Follower{
			Name:   s.Addr.String(),
			Serial: func(ctx context.Context) (uint32, error) { return c.notifier.Serial(ctx, s, origin) },
		})
	}
	return checkup.Zone(ctx, origin, opts)
}

// resolvers returns whom to ask for names of others: who was named for this once, or in
// the configuration, or else those of the machine.
func (d *daemon) resolvers(named netip.AddrPort) []netip.AddrPort {
	if named.IsValid() {
		return []netip.AddrPort{named}
	}
	if all := d.dnsConfig().Resolvers; len(all) > 0 {
		return all
	}
	return checkup.SystemResolvers()
}
