package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/api"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/store"
)

// What one node does for all, by the names of the leases.
const (
	jobArchive  = "archive"
	jobExpiry   = "expiry"
	jobMail     = "mail"
	jobNotices  = "notices"
	jobPrivacy  = "privacy"
	jobPush     = "push"
	jobWebhooks = "webhooks"
)

var jobs = []string{jobArchive, jobExpiry, jobMail, jobNotices, jobPrivacy, jobPush, jobWebhooks}

const (
	// speakEvery is how often a node says how it is.
	speakEvery = 2 * time.Second

	// lateAfter is the lag at which a node counts as behind.
	lateAfter = 5 * time.Second
)

// cluster is what this node knows of others on the same database. The zero cluster is
// ready for use.
type cluster struct {
	self atomic.Pointer[store.Node]    // as it is since requests are served; nil: not yet
	here sync.Map                      // names of the jobs that run here
	last atomic.Pointer[store.Cluster] // as it was a moment ago; nil: not known
	lag  atomic.Pointer[lag]           // of this node a moment ago; nil: not known
}

// lag is how far a node is behind.
type lag struct {
	commits uint64
	late    time.Duration // since when it has not the first of them
}

// once runs a job in one node of all.
func (d *daemon) once(g *group, job string, run func(context.Context)) {
	g.run(func(ctx context.Context) {
		d.store.Hold(ctx, job, func(ctx context.Context) {
			d.cluster.here.Store(job, true)
			defer d.cluster.here.Delete(job)
			run(ctx)
		})
	})
}

// elsewhere tells whether a job does not run here but in another node, and which that is;
// "" while no node is known to have it.
func (d *daemon) elsewhere(job string) (node string, elsewhere bool) {
	if _, here := d.cluster.here.Load(job); here || !d.store.Shared() {
		return "", false
	}
	if c := d.cluster.last.Load(); c != nil {
		for _, n := range c.Nodes {
			if n.ID != c.Self && slices.Contains(n.Jobs, job) {
				return n.Name, true
			}
		}
	}
	return "", true
}

// where says in words which node has a job, for whoever asks for it in the wrong place.
func where(node, does string) error {
	if node == "" {
		return &Error{fmt.Errorf("no node %s yet", does), "ask again in some seconds"}
	}
	return &Error{fmt.Errorf("node %s %s, not this one", node, does), "ask that one"}
}

// nodeName returns what this node is called.
func (d *daemon) nodeName() string {
	if d.cfg.Store.Node != "" {
		return d.cfg.Store.Node
	}
	name, err := os.Hostname()
	if err != nil {
		return "unnamed"
	}
	return name
}

// self returns what this node says of itself.
func (d *daemon) self() store.Node {
	n := store.Node{Name: d.nodeName(), Version: d.opts.Version, Started: d.began}
	for _, role := range []struct {
		name, as string
		at       []netip.AddrPort
	}{
		{roleDNS, "dns", d.addrs.DNS},
		{roleDNSTLS, "dns", d.addrs.DNSTLS},
		{roleHTTP, "updates", d.addrs.HTTP},
		{roleHTTPS, "updates", d.addrs.HTTPS},
		{roleGnuDIP, "updates", d.addrs.GnuDIP},
	} {
		if len(role.at) > 0 && !slices.Contains(n.Roles, role.as) && (role.as == "dns" || !d.answersOnly()) {
			n.Roles = append(n.Roles, role.as)
		}
		for _, a := range role.at {
			n.Addresses = append(n.Addresses, role.name+"="+a.String())
		}
	}
	return n
}

// speak says again and again how this node is, and looks how the others are, until ctx
// ends.
func (d *daemon) speak(self store.Node) func(context.Context) {
	return func(ctx context.Context) {
		tick := time.NewTicker(speakEvery)
		defer tick.Stop()
		worked, told := true, false
		for {
			heard, err := d.speakOnce(ctx, self)
			if told = told || heard; err != nil && worked && ctx.Err() == nil {
				d.log.Warn("other nodes do not hear of this one", "error", err)
			}
			worked = err == nil
			select {
			case <-ctx.Done():
				if !told {
					return
				}
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), speakEvery)
				defer cancel()
				_ = d.store.Leave(ctx) // or others find out
				return
			case <-tick.C:
			}
		}
	}
}

// speakOnce tells whether others hear of this node.
func (d *daemon) speakOnce(ctx context.Context, self store.Node) (told bool, err error) {
	self.Revision = d.registry.State().Revision
	commits, late, err := d.store.Lag(ctx, self.Revision)
	if err != nil {
		return false, err
	}
	d.cluster.lag.Store(&lag{commits, late})
	told, err = d.store.Announce(ctx, self)
	if err != nil {
		return told, err
	}
	c, err := d.store.Cluster(ctx)
	if err == nil {
		d.cluster.last.Store(&c)
	}
	return told, err
}

// nodes shows the cluster to the API.
type nodes struct{ *daemon }

// Cluster implements api.Nodes.
func (n nodes) Cluster(ctx context.Context) api.ClusterStatus {
	out, problems := n.look(ctx)
	for _, p := range problems {
		out.Problems = append(out.Problems, p.String())
	}
	return out
}

// look returns how the nodes are, without what is wrong in words, and that.
func (n nodes) look(ctx context.Context) (out api.ClusterStatus, problems []phrase.Phrase) {
	out = api.ClusterStatus{Store: "sqlite", Nodes: []api.NodeStatus{}, Jobs: []api.JobStatus{}, Problems: []string{}}
	if err := n.registry.Err(); err != nil {
		problems = append(problems, n.cannot(err))
	}
	if lost := n.store.Lost(); lost > 0 {
		problems = append(problems, phrase.New("the database has lost changes that were acknowledged, as a failover to a standby that was behind does (this node had revision %v): stop all nodes, call `stayput restore` once, and start them again", lost))
	}
	self := store.Node{Name: n.nodeName(), Version: n.opts.Version, Started: n.began}
	if s := n.cluster.self.Load(); s != nil {
		self = *s
	}
	self.Revision = n.registry.State().Revision
	self.Behind, self.Late = n.ownLag()
	c := store.Cluster{Nodes: []store.Node{self}}
	if n.store.Shared() {
		out.Store = "postgresql"
		now, err := n.store.Cluster(ctx)
		if err != nil {
			problems = append(problems, phrase.New("the database does not answer: %v", err))
		} else {
			isSelf := func(other store.Node) bool { return other.ID == now.Self }
			if !slices.ContainsFunc(now.Nodes, isSelf) { // the database does not take what it says
				self.ID = now.Self
				now.Nodes = append(now.Nodes, self)
			}
			c = now
			out.Database = viewDatabase(&c)
		}
	} else {
		c.Nodes[0].Jobs = jobs
	}
	for i := range c.Nodes {
		out.Nodes = append(out.Nodes, viewNode(&c.Nodes[i], c.Self))
	}
	out.Jobs = viewJobs(&c)
	return out, append(problems, problemsOf(&out, n.answersOnly())...)
}

// cannot says why a node does not do what it should.
func (d *daemon) cannot(why error) phrase.Phrase {
	if d.answersOnly() {
		return phrase.New("this node cannot follow: %v", why)
	}
	return phrase.New("this node cannot write: %v", why)
}

func viewNode(n *store.Node, self string) api.NodeStatus {
	return api.NodeStatus{
		Name: n.Name, Self: n.ID == self, Version: n.Version, Roles: notNil(n.Roles), Addresses: notNil(n.Addresses), Started: n.Started.UTC(),
		Revision: uint64(n.Revision), Behind: n.Behind, Lag: n.Late.Seconds(), Ago: n.Ago.Seconds(), Silent: n.Silent(), Jobs: notNil(n.Jobs),
	}
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// viewJobs returns who does each job.
func viewJobs(c *store.Cluster) []api.JobStatus {
	out := []api.JobStatus{}
	for _, job := range jobs {
		s := api.JobStatus{Job: job}
		for _, n := range c.Nodes {
			if slices.Contains(n.Jobs, job) {
				s.Node = n.Name
			}
		}
		out = append(out, s)
	}
	return out
}

func viewDatabase(c *store.Cluster) *api.ClusterDatabase {
	out := &api.ClusterDatabase{Version: c.Version, Primary: !c.Recovery, Synchronous: c.SyncNames, Standbys: []api.ClusterStandby{}, Hidden: c.Blind, Stale: c.Stale.Seconds()}
	for _, s := range c.Standbys {
		out.Standbys = append(out.Standbys, api.ClusterStandby{Name: s.Name, State: s.State, Sync: s.Sync})
	}
	return out
}

// problemsOf says what is wrong with a cluster, as far as it is known. A node that only
// answers questions may have a standby for its database.
func problemsOf(s *api.ClusterStatus, answersOnly bool) (all []phrase.Phrase) {
	d := s.Database
	if d != nil && !d.Primary && answersOnly && d.Stale > lateAfter.Seconds() {
		// Then so is all that it says of the nodes.
		return append(all, phrase.New("the database is a standby in which no node has said for %s how it is: it does not follow, or no node takes updates", inSeconds(d.Stale)))
	}
	for _, n := range s.Nodes {
		switch {
		case n.Silent:
			all = append(all, phrase.New("node %s has been silent for %s", n.Name, inSeconds(n.Ago)))
		case n.Lag > lateAfter.Seconds():
			all = append(all, phrase.New("node %s is behind for %s, by %d commits that are known", n.Name, inSeconds(n.Lag), n.Behind))
		}
	}
	if s.Store == "postgresql" && d == nil {
		return all
	}
	var idle []string
	for _, j := range s.Jobs {
		if j.Node == "" {
			idle = append(idle, j.Job)
		}
	}
	if len(idle) > 0 {
		all = append(all, phrase.New("no node does %s", strings.Join(idle, ", ")))
	}
	if d != nil {
		isSync := func(b api.ClusterStandby) bool { return b.Sync == "sync" || b.Sync == "quorum" }
		switch {
		case !d.Primary && !answersOnly:
			all = append(all, phrase.New("the database is in recovery and cannot be written"))
		case d.Primary && d.Synchronous != "" && !d.Hidden && !slices.ContainsFunc(d.Standbys, isSync):
			all = append(all, phrase.New("no synchronous standby is there, so that updates hang"))
		}
	}
	return all
}

func inSeconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}

// countNodes returns how many nodes there are and how many of them are silent, as of a moment
// ago.
func (d *daemon) countNodes() (all, silent int) {
	c := d.cluster.last.Load()
	if c == nil {
		return 1, 0
	}
	for i := range c.Nodes {
		if all++; c.Nodes[i].Silent() {
			silent++
		}
	}
	return all, silent
}

// countJobs returns how many jobs run here of those that one node does for all.
func (d *daemon) countJobs() (n int) {
	d.cluster.here.Range(func(any, any) bool { n++; return true })
	return n
}

// ownLag returns how far this node was behind when it looked last. What a standby shows
// may be as old as what nodes last said there of themselves, and while no database answers
// nobody knows what it has, so that the lag is the time since.
func (d *daemon) ownLag() (commits uint64, late time.Duration) {
	if l := d.cluster.lag.Load(); l != nil {
		commits, late = l.commits, l.late
	}
	if c := d.cluster.last.Load(); c != nil && c.Stale > lateAfter {
		late = max(late, c.Stale)
	}
	if since, why := d.store.Away(); why != nil {
		late = max(late, time.Since(since))
	}
	return commits, late
}

// isReached returns 1 while the database answers, else 0.
func (d *daemon) isReached() int {
	if _, why := d.store.Away(); why != nil {
		return 0
	}
	return 1
}
