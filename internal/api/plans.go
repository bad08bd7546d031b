package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// Plan is what the accounts of one kind of contract may have. What is absent or
// zero is not limited.
type Plan struct {
	Name       string `json:"name" example:"home"`
	Text       string `json:"text,omitempty" doc:"For people, one line."`
	Hosts      uint32 `json:"hosts,omitempty" doc:"How many an account may have."`
	Keys       uint32 `json:"keys,omitempty" doc:"How many update keys."`
	Interval   uint32 `json:"interval,omitempty" doc:"Seconds that the addresses of one family at a host must stand before an update key may change them again."`
	NoWildcard bool   `json:"no_wildcard,omitempty" doc:"Its hosts have no wildcards."`
	NoMX       bool   `json:"no_mx,omitempty" doc:"Its hosts have no mail exchangers."`
	Rest       uint32 `json:"rest,omitempty" doc:"Seconds for which a released name is kept from strangers; without it, as long as usual."`
}

// PlanChange is what to change of a plan; what is absent stays.
type PlanChange struct {
	Text       *string `json:"text,omitempty" doc:"For people, one line."`
	Hosts      *uint32 `json:"hosts,omitempty" doc:"How many an account may have; 0 for any number."`
	Keys       *uint32 `json:"keys,omitempty" doc:"How many update keys; 0 for any number."`
	Interval   *uint32 `json:"interval,omitempty" doc:"Seconds that the addresses of one family at a host must stand before an update key may change them again."`
	NoWildcard *bool   `json:"no_wildcard,omitempty" doc:"Its hosts have no wildcards."`
	NoMX       *bool   `json:"no_mx,omitempty" doc:"Its hosts have no mail exchangers."`
	Rest       *uint32 `json:"rest,omitempty" doc:"Seconds for which a released name is kept from strangers; 0 for as long as usual."`
}

// planList is all plans.
type planList struct {
	Plans []Plan `json:"plans" nullable:"false"`
}

// planPath is a request about one plan.
type planPath struct {
	Plan string `path:"plan"`
}

// planChange is a request to change one plan.
type planChange struct {
	Plan string `path:"plan"`
	Body PlanChange
}

func (s *server) addPlans(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/plans", "list-plans", "List plans"), s.listPlans)
	answer(s, api, operation(http.MethodPost, "/plans", "add-plan", "Make a plan"), s.addPlan)
	answer(s, api, operation(http.MethodGet, "/plans/{plan}", "show-plan", "Show a plan"), s.showPlan)
	answer(s, api, operation(http.MethodPatch, "/plans/{plan}", "set-plan", "Change a plan"), s.setPlan)
	act(s, api, operation(http.MethodDelete, "/plans/{plan}", "delete-plan", "Delete a plan"), s.deletePlan)
}

func (s *server) listPlans(ctx context.Context, _ *struct{}) (planList, error) {
	out := planList{[]Plan{}}
	for _, p := range s.as(ctx).Plans() {
		out.Plans = append(out.Plans, viewPlan(p))
	}
	return out, nil
}

func (s *server) addPlan(ctx context.Context, in *body[Plan]) (Plan, error) {
	b := &in.Body
	p, err := s.as(ctx).AddPlan(ctx, account.Plan{
		Name: b.Name, Text: b.Text, Hosts: b.Hosts, Keys: b.Keys, Interval: seconds(b.Interval),
		NoWildcard: b.NoWildcard, NoMX: b.NoMX, Rest: seconds(b.Rest),
	})
	return viewPlan(p), err
}

func (s *server) showPlan(ctx context.Context, in *planPath) (Plan, error) {
	p, err := s.as(ctx).Plan(in.Plan)
	return viewPlan(p), err
}

func (s *server) setPlan(ctx context.Context, in *planChange) (Plan, error) {
	b := &in.Body
	change := admin.PlanChange{Text: b.Text, Hosts: b.Hosts, Keys: b.Keys, NoWildcard: b.NoWildcard, NoMX: b.NoMX}
	if b.Interval != nil {
		change.Interval = new(seconds(*b.Interval))
	}
	if b.Rest != nil {
		change.Rest = new(seconds(*b.Rest))
	}
	p, err := s.as(ctx).SetPlan(ctx, in.Plan, change)
	return viewPlan(p), err
}

func (s *server) deletePlan(ctx context.Context, in *planPath) error {
	return s.as(ctx).DeletePlan(ctx, in.Plan)
}

func viewPlan(p account.Plan) Plan {
	return Plan{
		Name: p.Name, Text: p.Text, Hosts: p.Hosts, Keys: p.Keys, Interval: uint32(p.Interval / time.Second),
		NoWildcard: p.NoWildcard, NoMX: p.NoMX, Rest: uint32(p.Rest / time.Second),
	}
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// Plans returns all plans in order of their names.
func (c *Client) Plans(ctx context.Context) ([]Plan, error) {
	list, err := get[planList](ctx, c, http.MethodGet, "/plans", nil, nil)
	return list.Plans, err
}

// AddPlan makes a plan.
func (c *Client) AddPlan(ctx context.Context, p Plan) (Plan, error) {
	return get[Plan](ctx, c, http.MethodPost, "/plans", nil, p)
}

// SetPlan changes a plan.
func (c *Client) SetPlan(ctx context.Context, name string, change PlanChange) (Plan, error) {
	return get[Plan](ctx, c, http.MethodPatch, "/plans/"+segment(name), nil, change)
}

// DeletePlan deletes a plan that no account has.
func (c *Client) DeletePlan(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/plans/"+segment(name), nil, nil)
}
