package update

import (
	"slices"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// complete returns the name of the host that begins with a label, if the key covers
// exactly one, and otherwise the label as it is.
func (p *plan) complete(st *registry.State, label zone.Name) zone.Name {
	found := label
	for h := range st.Accounts.HostsOf(p.key.Account) {
		if !p.key.Covers(h) || h.Name.CountLabels() < 2 || h.Name.First() != label.First() {
			continue
		}
		if found != label {
			return label
		}
		found = h.Name
	}
	return found
}

// allOrNone makes all hosts fail as the first that failed, and nothing change.
func (o *outcomes) allOrNone() {
	i := slices.IndexFunc(o.results, func(r Result) bool { return !r.Outcome.IsSuccess() })
	if i < 0 {
		return
	}
	why := o.results[i].Outcome
	o.changes, o.followers, o.heard, o.hanging = registry.Changes{}, nil, nil, nil
	for i, r := range o.results {
		if r.Outcome.IsSuccess() {
			o.results[i] = Result{Host: r.Host, Outcome: why}
		}
	}
}
