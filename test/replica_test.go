package test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/api"
	"stayput.dev/test/rig"
)

// newListenerForNotices returns where a secondary hears of changes, and what it heard.
func newListenerForNotices(t *testing.T) (address string, heard <-chan string) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan string, 100)
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetReply(m))
		if m.Opcode == dns.OpcodeNotify {
			all <- m.Question[0].Name
		}
	}), MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
	return conn.LocalAddr().String(), all
}

// metric returns the line of a node's metrics that begins with a name.
func metric(t *testing.T, w *world, name string) string {
	t.Helper()
	_, page, err := get(w.http, "/metrics", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("there is no %s in\n%s", name, page)
	return ""
}

// TestDNSNodeOnAStandby: a node that only answers questions starts from a hot standby and
// follows it, tells secondaries and gives them zones, goes on while the standby is away, and
// catches up; it takes no updates, and the database does not hear of it.
func TestDNSNodeOnAStandby(t *testing.T) {
	t.Parallel()
	nodes, _ := newNodes(t, 1)
	primary := nodes[0]
	primary.start()
	user, secret := primary.seed(home)
	standby := rig.NewStandby(t)
	secondary, notices := newListenerForNotices(t)

	w := newWorld(t, "")
	w.env = []string{
		"STAYPUT_STORE_URL=" + standby.URL(primaryURL(primary)), "STAYPUT_STORE_TIMEOUT=1s", "STAYPUT_STORE_NODE=answers",
		"STAYPUT_DNS_SECONDARIES=" + secondary, "STAYPUT_ROLE=dns",
	}
	w.start()
	if got := change(t, primary, "192.0.2.1", user, secret); got != "good" {
		t.Fatalf("at the primary: %q", got)
	}
	awaitAddress(t, w, "192.0.2.1")
	awaitNotice(t, notices, "dyn.example.org.")
	if got := transferred(t, w); !strings.Contains(got, "192.0.2.1") {
		t.Errorf("the zone that a secondary gets:\n%s", got)
	}

	for _, path := range []string{"/nic/update?hostname=" + home + "&myip=192.0.2.9", "/api/v1/zones", "/", "/signin"} {
		if status, _, err := get(w.http, path, user, secret); err != nil || status != http.StatusNotFound {
			t.Errorf("GET %s: status %d, %v; want 404", path, status, err)
		}
	}
	if _, err := w.try("account", "add", "bob"); err == nil || !strings.Contains(err.Error(), "this node changes nothing") {
		t.Errorf("adding an account here: %v", err)
	}
	if got := w.run("host", "list"); !strings.Contains(got, home) {
		t.Errorf("the hosts here:\n%s", got)
	}
	if r, err := rig.Exchange(new(dns.Msg).SetUpdate("dyn.example.org."), w.dns); err != nil || r.Rcode != dns.RcodeNotImplemented {
		t.Errorf("UPDATE: %v, %v; want NOTIMP", r, err)
	}
	until(t, "the node sees itself and the other one, and finds all well", func() bool {
		s, well := clusterStatus(t, w)
		return well && len(s.Nodes) == 2 && !s.Database.Primary && nodeOf(&s, "answers").Self
	})
	if s, _ := clusterStatus(t, primary); len(s.Nodes) != 1 {
		t.Errorf("the primary knows %+v", s.Nodes)
	}

	standby.Stop()
	until(t, "readiness says that the database is away", func() bool {
		status, text, err := get(w.http, "/readyz", "", "")
		return err == nil && status == http.StatusOK && strings.Contains(text, "from memory: the database has not answered since 2")
	})
	if got := metric(t, w, "stayput_cluster_database_up"); got != "0" {
		t.Errorf("stayput_cluster_database_up %s", got)
	}
	until(t, "the lag grows", func() bool { return metric(t, w, "stayput_cluster_lag_seconds") > "1" })
	if got := change(t, primary, "192.0.2.2", user, secret); got != "good" {
		t.Fatalf("at the primary: %q", got)
	}
	if got := w.ask(home, dns.TypeA); len(got) != 1 || got[0] != "192.0.2.1" {
		t.Errorf("without a database the node answers %v", got)
	}
	standby.Start()
	awaitAddress(t, w, "192.0.2.2")
	awaitNotice(t, notices, "dyn.example.org.")
	until(t, "all is well again", func() bool {
		_, text, err := get(w.http, "/readyz", "", "")
		return err == nil && text == "ready\n" && metric(t, w, "stayput_cluster_lag_commits") == "0" && metric(t, w, "stayput_cluster_lag_seconds") == "0"
	})
	w.stop()
	w.start() // from the standby alone
	awaitAddress(t, w, "192.0.2.2")
	w.stop()
	primary.stop()
}

// TestDNSNodeOnThePrimary: where the database takes it, such a node is in the register.
func TestDNSNodeOnThePrimary(t *testing.T) {
	t.Parallel()
	nodes, links := newNodes(t, 2)
	other, w := nodes[0], nodes[1]
	w.env = append(w.env, "STAYPUT_STORE_NODE=answers", "STAYPUT_ROLE=dns")
	w.launch()
	err := w.cmd.Wait()
	<-w.log.ended
	if err == nil || !strings.Contains(w.log.String(), "start a node first that takes updates") {
		t.Fatalf("from an empty database it ends with %v, and says\n%s", err, w.log)
	}
	other.start()
	user, secret := other.seed(home)
	w.start()
	until(t, "the other node knows it", func() bool {
		s, well := clusterStatus(t, other)
		n := nodeOf(&s, "answers")
		return well && len(n.Roles) == 1 && n.Roles[0] == "dns" && len(n.Jobs) == 0
	})
	links[1].Mute()
	if got := change(t, other, "192.0.2.1", user, secret); got != "good" {
		t.Fatalf("at the other node: %q", got)
	}
	until(t, "the status says that this node is cut off", func() bool {
		s, well := clusterStatus(t, w)
		return !well && strings.Contains(strings.Join(s.Problems, "\n"), "the database does not answer")
	})
	links[1].Mend()
	awaitAddress(t, w, "192.0.2.1")
	w.stop()
	until(t, "it is no longer in the register", func() bool {
		s, _ := clusterStatus(t, other)
		return len(s.Nodes) == 1
	})
	other.stop()
}

// TestReadyOnlyWithTheDatabase: a node that takes updates says that it is not ready when it
// is cut off, also while nobody asks it for anything, and is alive all the same.
func TestReadyOnlyWithTheDatabase(t *testing.T) {
	t.Parallel()
	nodes, links := newNodes(t, 1)
	w := nodes[0]
	w.start()
	w.seed(home)
	for _, end := range []func(){links[0].Cut, links[0].Mute} {
		end()
		until(t, "readiness says that the database is away", func() bool {
			status, text, err := get(w.http, "/readyz", "", "")
			return err == nil && status == http.StatusServiceUnavailable && saysSinceWhen(text)
		})
		if status, _, err := get(w.http, "/healthz", "", ""); err != nil || status != http.StatusOK {
			t.Errorf("/healthz: status %d, %v", status, err)
		}
		if got := w.ask("dyn.example.org", dns.TypeNS); len(got) != 1 {
			t.Errorf("the DNS answers %v", got)
		}
		links[0].Mend()
		until(t, "it is ready again", func() bool {
			status, _, err := get(w.http, "/readyz", "", "")
			return err == nil && status == http.StatusOK
		})
	}
	w.stop()
}

// primaryURL returns the URL by which a node that newNodes made finds its database: its own
// way there, which standbys replace.
func primaryURL(w *world) string {
	for _, variable := range w.env {
		if url, ok := strings.CutPrefix(variable, "STAYPUT_STORE_URL="); ok {
			return url
		}
	}
	return ""
}

func nodeOf(s *api.ClusterStatus, name string) api.NodeStatus {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n
		}
	}
	return api.NodeStatus{}
}

func awaitNotice(t *testing.T, notices <-chan string, zone string) {
	t.Helper()
	for late := time.After(rig.Patience); ; {
		select {
		case got := <-notices:
			if got == zone {
				return
			}
		case <-late:
			t.Fatalf("no notice of %s came", zone)
		}
	}
}

// transferred returns the zone as a secondary gets it.
func transferred(t *testing.T, w *world) string {
	t.Helper()
	messages, err := rig.NewTransfer().In(new(dns.Msg).SetAxfr("dyn.example.org."), w.dns)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for m := range messages {
		if m.Error != nil {
			t.Fatal(m.Error)
		}
		for _, rr := range m.RR {
			all.WriteString(rr.String() + "\n")
		}
	}
	return all.String()
}

// saysSinceWhen tells whether readiness says since when the database is away: a moment of this test.
func saysSinceWhen(text string) bool {
	said, ok := strings.CutPrefix(strings.TrimSpace(text), "the database has not answered since ")
	since, err := time.Parse(time.RFC3339, said)
	return ok && err == nil && time.Since(since) >= 0 && time.Since(since) < time.Hour
}
