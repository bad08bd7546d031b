package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/registry"
)

// Shadow compares what an old service answers with what ours would.
type Shadow interface {
	// Report returns what came of it so far.
	Report() ShadowReport
	// Clear forgets all, and begins anew.
	Clear()
}

// ShadowReport is what came of comparing an old service with ours.
type ShadowReport struct {
	On        bool      `json:"on" doc:"Whether mirrored requests are taken now."`
	Since     time.Time `json:"since" doc:"When it began: with the daemon, or when it was last cleared."`
	Judged    int       `json:"judged" doc:"Update requests that were mirrored."`
	Same      int       `json:"same" doc:"Of these, those that the old service answered in the same way."`
	Different int       `json:"different" doc:"Those that it answered otherwise."`
	Unknown   int       `json:"unknown" doc:"Those of which it is not known, or not yet, how it answered them."`
	Others    int       `json:"others" doc:"Mirrored requests that were no updates."`
	Forgotten int       `json:"forgotten,omitempty" doc:"Differences that had to make room for later ones."`

	Pairs       []ShadowPair       `json:"pairs" nullable:"false" doc:"Which answers met, the most frequent first."`
	Differences []ShadowDifference `json:"differences" nullable:"false" doc:"The last seen first."`
}

// ShadowPair is an answer of the old service, and ours.
type ShadowPair struct {
	Old   string `json:"old" doc:"Its word, or two that its length leaves open; not known, where nobody told of it."`
	Ours  string `json:"ours"`
	Same  bool   `json:"same"`
	Count int    `json:"count"`
}

// ShadowDifference is a request, once or several times, that the old service answered
// otherwise. Secrets are hidden.
type ShadowDifference struct {
	Request  string     `json:"request" doc:"Method, path and parameters."`
	Username string     `json:"username,omitempty" doc:"Of the update key, if the secret was right."`
	Old      string     `json:"old"`
	Ours     string     `json:"ours"`
	Why      string     `json:"why,omitempty" doc:"What our answer leaves open, such as: wrong secret."`
	Count    int        `json:"count"`
	First    time.Time  `json:"first"`
	Last     time.Time  `json:"last"`
	Source   netip.Addr `json:"source" doc:"From where the last came."`
}

func (s *server) addShadow(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/shadow", "show-shadow", "Show where an old service answers mirrored requests otherwise"), s.showShadow)
	act(s, api, operation(http.MethodDelete, "/shadow", "clear-shadow", "Forget that, and begin anew"), s.clearShadow)
}

func (s *server) showShadow(context.Context, *struct{}) (ShadowReport, error) {
	if s.shadow == nil {
		return ShadowReport{Pairs: []ShadowPair{}, Differences: []ShadowDifference{}}, nil
	}
	return s.shadow.Report(), nil
}

func (s *server) clearShadow(ctx context.Context, _ *struct{}) error {
	if s.shadow == nil {
		return nil
	}
	if err := s.note(ctx, registry.Note{Verb: "clear", Subject: "shadow"}); err != nil {
		return err
	}
	s.shadow.Clear()
	return nil
}

// Shadow returns where an old service answers mirrored requests otherwise.
func (c *Client) Shadow(ctx context.Context) (ShadowReport, error) {
	return get[ShadowReport](ctx, c, http.MethodGet, "/shadow", nil, nil)
}

// ClearShadow forgets that, and begins anew.
func (c *Client) ClearShadow(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/shadow", nil, nil)
}
