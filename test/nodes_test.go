package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// newNodes returns daemons that are not started, with data directories of their own
// and one database, and ways to it that may be cut.
func newNodes(t *testing.T, n int) (nodes []*world, links []*rig.Link) {
	t.Helper()
	if !rig.OnPostgres() {
		t.Skip("several nodes need a server: STAYPUT_TEST_STORE=postgres")
	}
	url := rig.PostgresURL(t, t.TempDir())
	for range n {
		w, l := newWorld(t, ""), rig.NewLink(t, url)
		w.env = []string{"STAYPUT_STORE_URL=" + l.URL, "STAYPUT_STORE_TIMEOUT=3s"}
		nodes, links = append(nodes, w), append(links, l)
	}
	return nodes, links
}

// change asks a node to move the host home, and returns its answer.
func change(t *testing.T, w *world, address, user, secret string) string {
	t.Helper()
	_, body, err := get(w.http, "/nic/update?hostname="+home+"&myip="+address, user, secret)
	if err != nil {
		t.Fatal(err)
	}
	word, _, _ := strings.Cut(strings.TrimSpace(body), " ")
	return word
}

// awaitAddress waits until a node answers with the address.
func awaitAddress(t *testing.T, w *world, address string) {
	t.Helper()
	for end := time.Now().Add(rig.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if got := w.ask(home, dns.TypeA); len(got) == 1 && got[0] == address {
			return
		}
	}
	t.Fatalf("%s stands at %v, want %s", home, w.ask(home, dns.TypeA), address)
}

// TestNodes: an update at one node is what every other node goes by from then on, and
// what their DNS answers soon.
func TestNodes(t *testing.T) {
	t.Parallel()
	nodes, _ := newNodes(t, 2)
	nodes[0].start()
	user, secret := nodes[0].seed(home)
	nodes[1].start()
	for i := range 50 {
		here, there := nodes[i%2], nodes[1-i%2]
		first, second := fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("198.51.100.%d", i+1)
		for _, step := range []struct {
			at            *world
			address, want string
		}{{here, first, "good"}, {there, first, "nochg"}, {there, second, "good"}, {here, first, "good"}, {there, first, "nochg"}} {
			if got := change(t, step.at, step.address, user, secret); got != step.want {
				t.Fatalf("round %d: %s = %q, want %q; the logs:\n%s\n%s", i, step.address, got, step.want, here.log, there.log)
			}
		}
		awaitAddress(t, there, first)
	}
	for _, w := range nodes {
		w.stop()
	}
}

// TestTheDatabaseIsAway: the DNS goes on, updates hear 911, readiness says so, and
// all comes back by itself; a node that was cut off then shows what others did.
func TestTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	nodes, links := newNodes(t, 2)
	nodes[0].start()
	user, secret := nodes[0].seed(home)
	nodes[1].start()
	near, far := nodes[0], nodes[1]
	for i, end := range []func(){links[1].Cut, links[1].Mute} {
		before, after := fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("198.51.100.%d", i+1)
		change(t, near, before, user, secret)
		awaitAddress(t, far, before)
		end()
		for _, address := range []string{before, after} { // to say that nothing changed, it would have to know
			status, body, err := get(far.http, "/nic/update?hostname="+home+"&myip="+address, user, secret)
			if err != nil || status != http.StatusServiceUnavailable || strings.TrimSpace(body) != "911" {
				t.Errorf("without a database: status %d, %q, %v; want 503 and 911", status, body, err)
			}
		}
		awaitAddress(t, far, before)
		if status, _, err := get(far.http, "/readyz", "", ""); err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("readiness: status %d, %v", status, err)
		}
		if got := change(t, near, after, user, secret); got != "good" {
			t.Fatalf("at the other node: %q", got)
		}
		links[1].Mend()
		awaitAddress(t, far, after)
		until(t, "the node has the database again", func() bool { return change(t, far, after, user, secret) == "nochg" })
		if got := change(t, far, before, user, secret); got != "good" {
			t.Errorf("with the database back: %q; the log:\n%s", got, far.log)
		}
	}
	for _, w := range nodes {
		w.stop()
	}
}
