package daemon

import (
	"net/http"

	"stayput.dev/internal/api"
)

// mirrored returns what judges requests that a web server mirrors, by path, as long as the
// configuration says that any are to be.
func (d *daemon) mirrored() map[string]http.Handler {
	paths := d.shadow.Paths()
	for path, h := range paths {
		paths[path] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !d.live.Load().HTTP.Shadow {
				http.Error(w, "http.shadow is not set", http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	return paths
}

// comparison shows the API what came of mirrored requests.
type comparison struct{ *daemon }

// Report implements api.Shadow.
func (c comparison) Report() api.ShadowReport {
	r := c.shadow.Report()
	out := api.ShadowReport{
		On: c.live.Load().HTTP.Shadow, Since: r.Since,
		Judged: r.Judged, Same: r.Same, Different: r.Different, Unknown: r.Unknown, Others: r.Others, Forgotten: r.Forgotten,
		Pairs: []api.ShadowPair{}, Differences: []api.ShadowDifference{},
	}
	for _, p := range r.Pairs {
		out.Pairs = append(out.Pairs, api.ShadowPair(p))
	}
	for _, x := range r.Differences {
		out.Differences = append(out.Differences, api.ShadowDifference{
			Request: x.Request, Username: x.Username, Old: x.Old, Ours: x.Ours, Why: x.Why, Count: x.Count,
			First: x.First, Last: x.Last, Source: x.Source,
		})
	}
	return out
}

// Clear implements api.Shadow.
func (c comparison) Clear() { c.shadow.Clear() }
