package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"stayput.dev/internal/api"
	"stayput.dev/internal/config"
	"stayput.dev/internal/publish"
	"stayput.dev/internal/zone"
)

// pushesTo returns where zones are pushed to.
func pushesTo(c config.DNS) []publish.TargetName {
	var all []publish.TargetName
	for _, p := range c.Push {
		all = append(all, publish.TargetName{Zone: zone.MustName(p.Zone), Addr: p.Addr, Key: zone.MustName(p.Key)})
	}
	return all
}

// pushes shows the pushers to the API.
type pushes struct {
	*publish.Pushers
	daemon *daemon
}

// States implements api.Pushes.
func (p pushes) States() []api.PushStatus {
	all := []api.PushStatus{}
	node, elsewhere := p.daemon.elsewhere(jobPush)
	for _, s := range p.Pushers.States() {
		out := api.PushStatus{
			Zone: s.Zone.String(), Target: s.Target.String(), Key: s.Key.String(), Pending: s.Pending, Pushed: s.Pushed,
			Refused: s.Refused, Held: s.Held, Elsewhere: elsewhere, Node: node,
		}
		if !s.Oldest.IsZero() {
			out.Oldest = new(s.Oldest.UTC())
		}
		if s.Err != nil {
			out.Error = s.Err.Error()
		}
		if s.Foreign >= 0 {
			out.Foreign = new(s.Foreign)
		}
		all = append(all, out)
	}
	return all
}

// Pending implements api.Pushes.
func (p pushes) Pending(name zone.Name) (all []api.PendingPush) {
	for _, l := range p.Late(name) {
		out := api.PendingPush{Target: l.Target.String(), Key: l.Key.String(), Since: l.Since.UTC(), Held: l.Held}
		if l.Err != nil {
			out.Error = l.Err.Error()
		}
		all = append(all, out)
	}
	return all
}

// Reconcile implements api.Pushes.
func (p pushes) Reconcile(ctx context.Context, origin zone.Name, r api.Reconcile) ([]api.PushComparison, error) {
	if node, elsewhere := p.daemon.elsewhere(jobPush); elsewhere {
		return nil, where(node, "pushes")
	}
	all := p.Of(origin)
	if len(all) == 0 {
		return nil, p.idle(origin)
	}
	out, faults := []api.PushComparison{}, []error(nil)
	for _, pusher := range all {
		if r.Take {
			pusher.TakeFence()
		}
		found, err := pusher.Reconcile(ctx, publish.ReconcileOptions{Mend: r.Mend, Delete: r.Delete})
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", pusher.State().Target, err))
			continue
		}
		c := api.PushComparison{Target: pusher.State().Target.String(), Deletions: found.Deletions, Foreign: found.Foreign, Held: found.Held && !r.Delete, Differences: []api.PushDifference{}}
		for _, d := range found.Differences {
			c.Differences = append(c.Differences, api.PushDifference{
				Name: d.Here.Name.String(), Type: d.Here.Type.String(), Here: lines(d.Here), There: lines(d.There),
			})
		}
		out = append(out, c)
	}
	return out, errors.Join(faults...)
}

// idle says why nobody pushes a zone from here.
func (p pushes) idle(origin zone.Name) error {
	for _, s := range p.Pushers.States() {
		if s.Zone == origin {
			return &Error{
				fmt.Errorf("%s: %w", s.Target, cmp.Or(s.Err, publish.ErrNotReady)),
				"dns.push in the configuration names the key, `stayput tsig add` makes it, and a second later zones are pushed with it",
			}
		}
	}
	return api.ErrNotPushed
}

// lines returns the records of a set, each as its TTL and its data.
func lines(s zone.RRset) []string {
	all := []string{}
	for _, data := range s.Data {
		all = append(all, fmt.Sprintf("%d %s", s.TTL, zone.FormatData(s.Type, data)))
	}
	return all
}
