package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Nodes knows the processes that use one database.
type Nodes interface {
	// Cluster returns how they are, as far as can be told.
	Cluster(ctx context.Context) ClusterStatus
}

// ClusterStatus is how the nodes on one database are, and the database.
type ClusterStatus struct {
	Store    string           `json:"store" enum:"sqlite,postgresql" doc:"With sqlite there is one node."`
	Nodes    []NodeStatus     `json:"nodes" nullable:"false"`
	Jobs     []JobStatus      `json:"jobs" nullable:"false" doc:"What one node does for all."`
	Database *ClusterDatabase `json:"database,omitempty" doc:"Absent with sqlite, and while it cannot be reached."`
	Problems []string         `json:"problems" nullable:"false" doc:"What is wrong, in words; empty when all is well."`
}

// NodeStatus is what a node said of itself last.
type NodeStatus struct {
	Name      string    `json:"name"`
	Self      bool      `json:"self" doc:"Whether it is the one that answers this."`
	Version   string    `json:"version"`
	Roles     []string  `json:"roles" nullable:"false"`
	Addresses []string  `json:"addresses" nullable:"false" doc:"Where it listens, each as role=address."`
	Started   time.Time `json:"started"`
	Revision  uint64    `json:"revision" doc:"Number of the last commit that it shows."`
	Behind    uint64    `json:"behind" doc:"Commits that it did not show yet when it spoke."`
	Lag       float64   `json:"lag" doc:"Seconds since the first of them was made, when it spoke."`
	Ago       float64   `json:"ago" doc:"Seconds since it spoke."`
	Silent    bool      `json:"silent" doc:"Whether it should have spoken since."`
	Jobs      []string  `json:"jobs" nullable:"false"`
}

// JobStatus is who does a job that one node does for all.
type JobStatus struct {
	Job  string `json:"job" example:"mail"`
	Node string `json:"node,omitempty" doc:"Absent while nobody does it."`
}

// ClusterDatabase is how the database is.
type ClusterDatabase struct {
	Version     string           `json:"version"`
	Primary     bool             `json:"primary" doc:"False: it is in recovery and cannot be written."`
	Synchronous string           `json:"synchronous_standby_names,omitempty"`
	Standbys    []ClusterStandby `json:"standbys" nullable:"false"`
	Hidden      bool             `json:"standbys_hidden,omitempty" doc:"The role may not see how the standbys are; pg_monitor lets it."`
	Stale       float64          `json:"stale,omitempty" doc:"Of one in recovery: for how many seconds no node has said there how it is; what it shows may be as old."`
}

// ClusterStandby is a server that follows the database.
type ClusterStandby struct {
	Name  string `json:"name,omitempty"`
	State string `json:"state,omitempty" example:"streaming"`
	Sync  string `json:"sync,omitempty" example:"sync"`
}

func (s *server) addCluster(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/cluster", "show-cluster", "Show the nodes on one database, and how it is"), s.showCluster)
}

func (s *server) showCluster(ctx context.Context, _ *struct{}) (ClusterStatus, error) {
	if s.nodes == nil {
		return ClusterStatus{}, newProblem(http.StatusNotImplemented, "this daemon does not know of nodes", "")
	}
	return s.nodes.Cluster(ctx), nil
}

// Cluster returns how the nodes on one database are.
func (c *Client) Cluster(ctx context.Context) (ClusterStatus, error) {
	return get[ClusterStatus](ctx, c, http.MethodGet, "/cluster", nil, nil)
}
