package update_test

import (
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// TestShortNames: the first label is enough where it can mean one host alone, and
// never reaches a host of others.
func TestShortNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	request := update.Request{Short: true, Hosts: []string{"NAS", "printer", "nowhere", "home.dyn.example.org"}, V4: set("203.0.113.9")}
	if got, want := outcomes(w.update(request)), "good notfqdn notfqdn good"; got != want {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
	w.apply(func(st *registry.State) (registry.Changes, error) {
		other := account.Host{ID: 9, Name: name("nas.lab.dyn.example.org"), Account: 1, TTL: 60}
		return update.SetAddresses(st, other, addrs("203.0.113.4"), account.Source{Via: "admin", At: start}), nil
	})
	if got, want := outcomes(w.update(request)), "notfqdn notfqdn notfqdn nochange"; got != want {
		t.Errorf("outcomes with two of that label = %v, want %v", got, want)
	}
	request.Username, request.Secret = "nas-only", aliceSecret
	request.V4 = set("203.0.113.10")
	if got, want := outcomes(w.update(request)), "good notfqdn notfqdn nohost"; got != want {
		t.Errorf("outcomes of a key that covers one of them = %v, want %v", got, want)
	}
	if got, want := w.records("nas.lab.dyn.example.org"), "203.0.113.4"; got != want {
		t.Errorf("the other = %v, want %v", got, want)
	}
}

// TestAllHostsOrNone: where the request is one whole, nothing changes unless all can.
func TestAllHostsOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := len(w.store.all())
	request := update.Request{Whole: true, V4: set("203.0.113.9")}
	for _, other := range []string{"printer.dyn.example.org", "nowhere.dyn.example.org", "a..b"} {
		request.Hosts = []string{"home.dyn.example.org", other, "nas.dyn.example.org"}
		results := w.update(request)
		for _, r := range results {
			if r.Outcome.IsSuccess() || r.ID != 0 || r.Addrs != nil {
				t.Errorf("beside %s: %+v", other, r)
			}
		}
	}
	if got := len(w.store.all()) - before; got != 0 {
		t.Errorf("commits = %d, want none", got)
	}
	request.Hosts = []string{"home.dyn.example.org", "nas.dyn.example.org"}
	if got, want := outcomes(w.update(request)), "good good"; got != want {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
}
