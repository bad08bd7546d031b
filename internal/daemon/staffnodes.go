package daemon

import (
	"context"
	"time"

	"stayput.dev/internal/web"
)

// staffNodes shows the cluster to the pages.
type staffNodes struct{ nodes }

// Shared implements web.Nodes.
func (n staffNodes) Shared() bool { return n.store.Shared() }

// Away implements web.Nodes.
func (n staffNodes) Away() error {
	_, why := n.store.Away()
	return why
}

// Cluster implements web.Nodes by what the API shows.
func (n staffNodes) Cluster(ctx context.Context) web.Cluster {
	s, problems := n.look(ctx)
	out := web.Cluster{Problems: problems}
	for _, x := range s.Nodes {
		out.Nodes = append(out.Nodes, web.Node{
			Name: x.Name, Version: x.Version, Self: x.Self, Started: x.Started, Revision: x.Revision, Behind: x.Behind,
			Ago: time.Duration(x.Ago * float64(time.Second)), Silent: x.Silent, IsLate: x.Lag > lateAfter.Seconds(), Roles: x.Roles, Jobs: x.Jobs,
		})
	}
	if s.Store == "postgresql" && s.Database == nil {
		return out // nobody knows who does what
	}
	for _, j := range s.Jobs {
		if j.Node == "" {
			out.Idle = append(out.Idle, j.Job)
		}
	}
	if d := s.Database; d != nil {
		out.Database = &web.Database{Version: d.Version, Primary: d.Primary}
		for _, b := range d.Standbys {
			out.Database.Standbys = append(out.Database.Standbys, web.Standby{Name: b.Name, State: b.State, Sync: b.Sync})
		}
	}
	return out
}
