package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"stayput.dev/internal/api"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// What one node says is done, the API of every other one shows from then on, and so
// does the entity tag that a change expects.
func TestReadsShowWhatOtherNodesDid(t *testing.T) {
	t.Parallel()
	if !rig.OnPostgres() {
		t.Skip("one process at a time writes a file: STAYPUT_TEST_STORE=postgres")
	}
	dir := t.TempDir()
	nodes := []*world{newWorldAt(t, dir, (*store.Store).Others), newWorldAt(t, dir, (*store.Store).Others)}
	ok(nodes[0].AddZone(t.Context(), newZone("dyn.example.org")))(t)
	ok(nodes[0].AddAccount(t.Context(), api.NewAccount{Name: "alice"}))(t)
	for i := range 50 {
		made := ok(nodes[i%2].AddToken(t.Context(), api.NewToken{Account: "alice"}))(t)
		if got := statusOf(t, nodes[1-i%2], "/hosts", made.Secret); got != http.StatusOK {
			t.Fatalf("the other node answers %d to a token that was just made", got)
		}
	}
	ok(nodes[1].AddHost(t.Context(), api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	for i := range 200 {
		here, there := nodes[i%2], nodes[1-i%2]
		address := fmt.Sprintf("192.0.2.%d", i)
		ok(here.SetHost(t.Context(), "home.dyn.example.org", api.HostChange{Addresses: &[]string{address}}))(t)
		if h := ok(there.Host(t.Context(), "home.dyn.example.org"))(t); fmt.Sprint(h.Addresses) != "["+address+"]" {
			t.Fatalf("the other node shows %s at %v, want %s", h.Name, h.Addresses, address)
		}
	}
}

// mute is others who do not answer.
type mute struct{ bell registry.Bell }

// End implements registry.Others.
func (m *mute) End() (registry.Revision, <-chan struct{}) { return 0, m.bell.Next() }

// Lost implements registry.Others.
func (m *mute) Lost() bool { return false }

// AskEnd implements registry.Others.
func (m *mute) AskEnd(context.Context) (registry.Revision, error) {
	return 0, errors.New("the database is away")
}

// Without the database, programs hear that nobody knows, rather than what may be no
// longer so; the operator sees what there is, and everybody how the daemon fares.
func TestReadsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, t.TempDir(), func(*store.Store) registry.Others { return &mute{} })
	ok(w.AddZone(t.Context(), newZone("dyn.example.org")))(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "alice", Role: "admin"}))(t)
	ok(w.AddHost(t.Context(), api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	secret := ok(w.AddToken(t.Context(), api.NewToken{Account: "alice", Staff: true}))(t).Secret
	if h := ok(w.Host(t.Context(), "home.dyn.example.org"))(t); h.Name != "home.dyn.example.org" {
		t.Errorf("the operator sees %+v", h)
	}
	for path, want := range map[string]int{
		"/hosts/home.dyn.example.org":         http.StatusServiceUnavailable,
		"/hosts":                              http.StatusServiceUnavailable,
		"/zones/dyn.example.org/export":       http.StatusServiceUnavailable,
		"/status":                             http.StatusOK,
		"/cluster":                            http.StatusOK,
		"/hosts/home.dyn.example.org/history": http.StatusOK,
	} {
		if got := statusOf(t, w, path, secret); got != want {
			t.Errorf("GET %s = %d, want %d", path, got, want)
		}
	}
	if got := statusOf(t, w, "/status", "stp_wrong"); got != http.StatusServiceUnavailable {
		t.Errorf("a token that nobody here knows: %d; another node may have made it", got)
	}
}

// statusOf returns the status with which the world answers who comes with a token.
func statusOf(t *testing.T, w *world, path, token string) int {
	t.Helper()
	r := ok(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1"+path, nil))(t)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := ok(http.DefaultClient.Do(r))(t)
	_ = answer.Body.Close()
	return answer.StatusCode
}
