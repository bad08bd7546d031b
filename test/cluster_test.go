package test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/api"
	"stayput.dev/test/rig"
	"stayput.dev/test/rig/primary"
)

// clusterStatus returns what a node says of the cluster, and whether it finds that well.
func clusterStatus(t *testing.T, w *world) (s api.ClusterStatus, well bool) {
	t.Helper()
	out, said, err := w.output("cluster", "status", "--json")
	if json.Unmarshal([]byte(out), &s) != nil {
		t.Fatalf("cluster status: %v\n%s%s", err, out, said)
	}
	return s, err == nil
}

// holderOf returns which node does all jobs; "" if several or none do.
func holderOf(s *api.ClusterStatus) string {
	holder := s.Jobs[0].Node
	for _, j := range s.Jobs {
		if j.Node != holder {
			return ""
		}
	}
	return holder
}

// TestNodeDiesAndItsJobsMove: of three nodes the one that pushes, mails and sends webhooks
// is killed, with work that it had not begun; others do that, once, and the status shows it.
func TestNodeDiesAndItsJobsMove(t *testing.T) {
	t.Parallel()
	target, post, hook := primary.BIND.New(t), rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"}), newListener(t)
	nodes, _ := newNodes(t, 3)
	for i, w := range nodes {
		w.write("stayput.toml", fmt.Sprintf(`data = %q
store.node = "node-%d"
dns.listen = ["127.0.0.1:0"]
dns.transfers = ["127.0.0.1"]
dns.push = ["dyn.example.org %s key %s"]
http.listen = ["127.0.0.1:0"]
http.public_url = "http://dns.example.org"
webhooks.allow = ["127.0.0.0/8"]
mail.server = %q
mail.security = "none"
mail.from = "Example DNS <dns@example.org>"
`, w.data, i, target.Addr, primary.KeyName, post.Addr))
	}
	nodes[0].start()
	user, secret := nodes[0].seed(home)
	nodes[0].run("tsig", "add", "stayput-push")
	target.Named(nodes[0].run("zone", "bind", "dyn.example.org", "--tsig", "stayput-push"))
	target.Start()
	nodes[0].run("webhook", "add", hook.URL, "--event", "host.changed")
	until(t, "the first node does all jobs", func() bool {
		s, well := clusterStatus(t, nodes[0])
		return well && holderOf(&s) == "node-0"
	})
	nodes[1].start()
	nodes[2].start()
	until(t, "there are three nodes", func() bool {
		s, well := clusterStatus(t, nodes[2])
		return well && len(s.Nodes) == 3 && holderOf(&s) == "node-0" && s.Database.Primary
	})
	until(t, "another node says who pushes", func() bool {
		return strings.Contains(nodes[1].run("zone", "push"), "pushed by node node-0") &&
			strings.Contains(nodes[1].run("webhook", "list"), "sent by node node-0")
	})
	if _, err := nodes[1].try("zone", "push", "dyn.example.org"); err == nil || !strings.Contains(err.Error(), "node-0") {
		t.Errorf("comparing where it is not pushed from: %v", err)
	}

	// moves makes a change and sends a mail at one node; settles waits for what they lead to.
	moves := func(w *world, step int) {
		t.Helper()
		if got := change(t, w, fmt.Sprintf("192.0.2.%d", step), user, secret); got != "good" {
			t.Fatalf("step %d: %q; the log:\n%s", step, got, w.log)
		}
		name := fmt.Sprintf("customer%d", step)
		w.run("account", "add", name, "--email", name+"@example.org")
		w.run("account", "invite", name, "--mail")
	}
	settles := func(step int) {
		t.Helper()
		address := fmt.Sprintf("192.0.2.%d", step)
		until(t, "BIND has "+address, func() bool {
			got := addressesAt(target, home)
			return len(got) == 1 && got[0] == address
		})
		hook.hears(t, address)
		post.Await(t, fmt.Sprintf("customer%d@example.org", step), 1)
	}
	for step := 1; step <= 3; step++ {
		moves(nodes[step-1], step)
		settles(step)
	}
	nodes[0].kill()
	for step := 4; step <= 8; step++ {
		moves(nodes[1+step%2], step)
	}
	until(t, "the status says who is silent", func() bool {
		s, well := clusterStatus(t, nodes[1])
		return !well && strings.Contains(strings.Join(s.Problems, "\n"), "node node-0 has been silent")
	})
	until(t, "others have the jobs", func() bool {
		s, _ := clusterStatus(t, nodes[1])
		for _, j := range s.Jobs {
			if j.Node != "node-1" && j.Node != "node-2" {
				return false
			}
		}
		return true
	})
	for step := 4; step <= 8; step++ {
		post.Await(t, fmt.Sprintf("customer%d@example.org", step), 1)
	}
	settles(8)
	hook.mu.Lock()
	if n := len(hook.got); n < 8 { // what was sent shortly before the end may come again
		t.Errorf("%d messages came of 8 changes", n)
	}
	hook.mu.Unlock()
	time.Sleep(3 * time.Second) // somebody else looks for mail as well
	if n := post.Count(); n != 8 {
		t.Errorf("%d mails came, want each of 8 once", n)
	}
	if got := nodes[2].ask(home, dns.TypeA); len(got) != 1 || got[0] != "192.0.2.8" {
		t.Errorf("the other node answers %v", got)
	}
	nodes[0].start()
	until(t, "all is well again", func() bool {
		s, well := clusterStatus(t, nodes[0])
		return well && len(s.Nodes) == 3
	})
	for _, w := range nodes {
		w.stop()
	}
}

// TestOneNodeOfSQLite: the status says that there is one.
func TestOneNodeOfSQLite(t *testing.T) {
	t.Parallel()
	rig.SQLiteOnly(t)
	w := newWorld(t, "")
	w.start()
	if got := w.run("cluster", "status"); !strings.Contains(got, "this is the only node") || !strings.Contains(got, "mail") {
		t.Errorf("cluster status prints\n%s", got)
	}
	if s, well := clusterStatus(t, w); !well || len(s.Nodes) != 1 || s.Store != "sqlite" || len(s.Problems) != 0 {
		t.Errorf("cluster status: %+v", s)
	}
	w.stop()
}
