package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// Checks looks at zones as the world finds them.
type Checks interface {
	// Check returns what it finds of a zone that is there. It takes as long as
	// others take to answer, within limits.
	Check(ctx context.Context, origin zone.Name, by CheckBy) []Finding
}

// CheckBy says how a zone is looked at.
type CheckBy struct {
	Resolver netip.AddrPort // that is asked for names of others; the zero AddrPort: those of the configuration, or of the machine
	Inside   bool           // nobody but secondaries is asked
}

// The levels of findings.
const (
	LevelOK   = "ok"
	LevelWarn = "warn"
	LevelFail = "fail"
)

// Finding is one thing that was found about a zone.
type Finding struct {
	Level string `json:"level" enum:"ok,warn,fail" doc:"fail where somebody does not find what is here; warn for what is odd."`
	Topic string `json:"topic" example:"delegation"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty" doc:"What may be done about it."`
}

// findingList is what was found about a zone.
type findingList struct {
	Findings []Finding `json:"findings" nullable:"false"`
}

type checkInput struct {
	Zone     string `path:"zone" example:"dyn.example.org"`
	Resolver string `query:"resolver" example:"192.0.2.1" doc:"Whom to ask for names of others, in the place of dns.resolvers or those of the machine. Only admins may name one."`
	Inside   bool   `query:"inside" doc:"Ask nobody but secondaries."`
}

func (s *server) addChecks(api huma.API) {
	op := operation(http.MethodGet, "/zones/{zone}/check", "check-zone", "Look at a zone as the world finds it")
	op.Description = "Asks the servers of the zone above, the name servers and the secondaries, which may take half a minute, and looks at the records."
	answer(s, api, op, s.check)
}

func (s *server) check(ctx context.Context, in *checkInput) (findingList, error) {
	name, err := admin.ParseName(in.Zone)
	if err != nil {
		return findingList{}, err
	}
	by := CheckBy{Inside: in.Inside}
	if in.Resolver != "" {
		if by.Resolver, err = admin.ParseServer(in.Resolver); err != nil {
			return findingList{}, err
		}
	}
	if _, err := s.as(ctx).Zone(name); err != nil {
		return findingList{}, err
	}
	if s.checks == nil {
		return findingList{}, newProblem(http.StatusNotImplemented, "this daemon checks no zones", "")
	}
	return findingList{s.checks.Check(ctx, name, by)}, nil
}

// CheckZone looks at a zone as the world finds it. Without a resolver, the daemon chooses
// one.
func (c *Client) CheckZone(ctx context.Context, name, resolver string, inside bool) ([]Finding, error) {
	query := url.Values{"inside": {strconv.FormatBool(inside)}}
	if resolver != "" {
		query.Set("resolver", resolver)
	}
	list, err := get[findingList](ctx, c, http.MethodGet, "/zones/"+segment(name)+"/check", query, nil)
	return list.Findings, err
}
