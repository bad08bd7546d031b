package web

import (
	"context"
	"html/template"
	"time"

	"stayput.dev/internal/phrase"
)

// clusterPage shows the nodes on one database.
type clusterPage struct {
	staffTabs
	Problems []template.HTML
	Nodes    []nodeView
	Idle     []string // jobs that no node does
	Database *Database
	DB       stateView
}

type nodeView struct {
	Node
	stateView
	Since  template.HTML // it runs
	Behind template.HTML // empty: it is not
}

// A stateView is the look of a state, and its words.
type stateView struct {
	Kind  string
	State template.HTML
}

func (p *Pages) cluster(v *visit) error {
	page := &clusterPage{staffTabs: v.staffTabs("cluster")}
	if p.House.Nodes == nil {
		return v.show("cluster", page)
	}
	c := p.House.Nodes.Cluster(v.r.Context())
	page.Idle, page.Database = c.Idle, c.Database
	for _, problem := range c.Problems {
		page.Problems = append(page.Problems, v.sentence(problem))
	}
	for _, n := range c.Nodes {
		page.Nodes = append(page.Nodes, v.viewNode(n))
	}
	if page.Shared {
		page.DB = v.databaseState(c.Database)
	}
	return v.show("cluster", page)
}

func (v *visit) viewNode(n Node) nodeView {
	view := nodeView{Node: n, stateView: stateView{"good", v.text("cluster.works")}, Since: v.ago(n.Started)}
	if n.Behind > 0 {
		view.Behind = v.text("cluster.behind", "Count", int(n.Behind))
	}
	switch {
	case n.Silent:
		view.stateView = stateView{"bad", v.text("cluster.silent", "When", v.ago(v.now.Add(-n.Ago)))}
	case n.IsLate:
		view.stateView = stateView{"warn", v.text("cluster.late")}
	}
	return view
}

func (v *visit) databaseState(d *Database) stateView {
	switch {
	case d == nil:
		return stateView{"bad", v.text("cluster.away")}
	case d.Primary:
		return stateView{"good", v.text("cluster.primary")}
	}
	return stateView{"warn", v.text("cluster.recovery")}
}

// Nodes knows the processes that use one database.
type Nodes interface {
	// Shared tells whether there may be others than this one.
	Shared() bool
	// Away returns why the database does not answer, nil while it does. It asks nobody.
	Away() error
	// Cluster returns how the nodes are, and the database, which it asks.
	Cluster(ctx context.Context) Cluster
}

// Cluster is how the nodes on one database are.
type Cluster struct {
	Nodes    []Node
	Idle     []string        // jobs that nobody does
	Database *Database       // nil: there is none, or it does not answer
	Problems []phrase.Phrase // what is wrong
}

// Node is what a node said of itself last.
type Node struct {
	Name, Version    string
	Self             bool // it shows this
	Started          time.Time
	Revision, Behind uint64
	Ago              time.Duration // since it spoke
	Silent, IsLate   bool          // for longer than is usual
	Roles, Jobs      []string
}

// Database is how the database is.
type Database struct {
	Version  string
	Primary  bool // it can be written
	Standbys []Standby
}

// Standby is a server that follows the database. Each part may be empty.
type Standby struct{ Name, State, Sync string }
