package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Pushes knows the servers that zones are pushed to.
type Pushes interface {
	// States returns how far each of them is.
	States() []PushStatus
	// Pending returns the servers that may not have a name as it is here.
	Pending(name zone.Name) []PendingPush
	// Reconcile compares a zone with what its targets have. It fails with
	// ErrNotPushed when there are none.
	Reconcile(ctx context.Context, origin zone.Name, r Reconcile) ([]PushComparison, error)
}

// ErrNotPushed says that a zone is pushed nowhere.
var ErrNotPushed = errors.New("it is pushed nowhere")

// PushStatus is how far a server is that a zone is pushed to.
type PushStatus struct {
	Zone    string     `json:"zone" example:"dyn.example.org"`
	Target  string     `json:"target" example:"192.0.2.53:53"`
	Key     string     `json:"key" doc:"Name of the TSIG key."`
	Pending int        `json:"pending" doc:"Names that the target may not have as they are here."`
	Oldest  *time.Time `json:"oldest,omitempty" doc:"Since when the first of them waits."`
	Pushed  uint64     `json:"pushed" doc:"Names that the target took, since the daemon started."`
	Refused int        `json:"refused,omitempty" doc:"Names that the target refuses one by one."`
	Foreign *int       `json:"foreign,omitempty" doc:"Names of others at the target when it was last compared; absent when it was not."`
	Held    int        `json:"held,omitempty" doc:"Deletions that wait for somebody to ask for them."`
	Error   string     `json:"error,omitempty" doc:"What is wrong."`

	Elsewhere bool   `json:"elsewhere,omitempty" doc:"Another node pushes, and only that one can say how far the server is."`
	Node      string `json:"node,omitempty" doc:"Its name; absent while no node is known to push."`
}

// PendingPush is a server that may not have a name as it is here.
type PendingPush struct {
	Target string    `json:"target" example:"192.0.2.53:53"`
	Key    string    `json:"key" doc:"Name of the TSIG key."`
	Since  time.Time `json:"since,omitzero" doc:"Absent where it is not known."`
	Held   bool      `json:"held,omitempty" doc:"What the name lost waits to be deleted until somebody says so."`
	Error  string    `json:"error,omitempty" doc:"Why the server does not take it; absent where it is on its way."`
}

// Reconcile says what becomes of what differs at targets.
type Reconcile struct {
	Mend   bool `json:"mend,omitempty" doc:"Push what differs."`
	Delete bool `json:"delete,omitempty" doc:"Also when that deletes much."`
	Take   bool `json:"take,omitempty" doc:"Go on where somebody else pushed, who must not do so any more."`
}

// PushComparison is how a target differs from a zone.
type PushComparison struct {
	Target      string           `json:"target" example:"192.0.2.53:53"`
	Differences []PushDifference `json:"differences" nullable:"false"`
	Deletions   int              `json:"deletions" doc:"How many of them would delete."`
	Held        bool             `json:"held" doc:"Whether these are so many that they must be asked for."`
	Foreign     int              `json:"foreign" doc:"Names that were never ours; they stay."`
}

// PushDifference is a set of records that a target does not have as it is here.
type PushDifference struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Here  []string `json:"here" nullable:"false" doc:"TTL and data of each record."`
	There []string `json:"there" nullable:"false"`
}

// pushList is how far all targets are.
type pushList struct {
	Pushes []PushStatus `json:"pushes" nullable:"false"`
}

// comparisonList is how the targets of a zone differ.
type comparisonList struct {
	Targets []PushComparison `json:"targets" nullable:"false"`
}

type reconcileInput struct {
	Zone string `path:"zone" doc:"Name of the zone."`
	Body Reconcile
}

func (s *server) addPushes(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/pushes", "list-pushes", "Show how far the servers are that zones are pushed to"), s.listPushes)
	answer(s, api, operation(http.MethodPost, "/zones/{zone}/reconcile", "reconcile-zone", "Compare a zone with what the servers have that it is pushed to"), s.reconcile)
}

func (s *server) listPushes(context.Context, *struct{}) (pushList, error) {
	if s.pushes == nil {
		return pushList{[]PushStatus{}}, nil
	}
	return pushList{s.pushes.States()}, nil
}

func (s *server) reconcile(ctx context.Context, in *reconcileInput) (comparisonList, error) {
	name, err := admin.ParseName(in.Zone)
	if err != nil {
		return comparisonList{}, err
	}
	if _, err := s.as(ctx).Zone(name); err != nil {
		return comparisonList{}, err
	}
	var all []PushComparison
	err = ErrNotPushed
	if s.pushes != nil {
		all, err = s.pushes.Reconcile(ctx, name, in.Body)
	}
	if changes := in.Body.Mend || in.Body.Take; changes && !errors.Is(err, ErrNotPushed) {
		err = cmp.Or(err, s.note(ctx, registry.Note{Verb: "mend", Subject: "zone " + name.String()}))
	}
	switch {
	case errors.Is(err, ErrNotPushed):
		return comparisonList{}, newProblem(http.StatusConflict, fmt.Sprintf("zone %s is pushed nowhere", name), "dns.push in the configuration says where zones are pushed to")
	case err != nil:
		hint := "the server must let the key transfer the zone; \"stayput zone bind\" shows how"
		if _, silent := errors.AsType[*net.OpError](err); silent {
			hint = "does a DNS server answer there, over TCP?"
		}
		if h, ok := err.(interface{ Hint() string }); ok {
			hint = h.Hint()
		}
		return comparisonList{}, newProblem(http.StatusBadGateway, err.Error(), hint)
	}
	return comparisonList{all}, nil
}

// Pushes returns how far each server is that zones are pushed to.
func (c *Client) Pushes(ctx context.Context) ([]PushStatus, error) {
	list, err := get[pushList](ctx, c, http.MethodGet, "/pushes", nil, nil)
	return list.Pushes, err
}

// ReconcileZone compares a zone with what the servers have that it is pushed to.
func (c *Client) ReconcileZone(ctx context.Context, name string, r Reconcile) ([]PushComparison, error) {
	list, err := get[comparisonList](ctx, c, http.MethodPost, "/zones/"+segment(name)+"/reconcile", nil, r)
	return list.Targets, err
}
