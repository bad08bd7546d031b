package test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// notices is a secondary of one node that is only told, and looks at once whether the
// node has what it tells of.
type notices struct {
	conn  net.PacketConn
	heard chan uint32 // serials of the zone dyn.example.org
}

func newNotices(t *testing.T) *notices {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &notices{conn, make(chan uint32, 1000)}
}

// listen hears what a node says that was started.
func (n *notices) listen(t *testing.T, from *world) {
	t.Helper()
	server := &dns.Server{PacketConn: n.conn, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetReply(m))
		if m.Question[0].Name != "dyn.example.org." || len(m.Answer) != 1 {
			return
		}
		told := m.Answer[0].(*dns.SOA).Serial
		if has := serialAt(from.dns, "dyn.example.org."); told-has < 1<<31 && told != has {
			t.Errorf("a node tells of serial %d and has %d", told, has)
		}
		n.heard <- told
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
}

// difference returns what a node gives to a secondary that has a serial.
func difference(t *testing.T, w *world, serial uint32) (all []string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetIxfr("dyn.example.org.", serial, "ns1.example.net.", "hostmaster.example.net.")
	messages, err := rig.NewTransfer().In(m, w.dns)
	if err != nil {
		t.Fatal(err)
	}
	for m := range messages {
		if m.Error != nil {
			t.Fatal(m.Error)
		}
		for _, rr := range m.RR {
			all = append(all, rr.String())
		}
	}
	return all
}

// TestEveryNodeIsAPrimary: wherever an update came in, every node notifies its
// secondaries, of no serial before it has that itself; and a secondary that had the
// zone from one node gets the same difference from all.
func TestEveryNodeIsAPrimary(t *testing.T) {
	t.Parallel()
	nodes, _ := newNodes(t, 3)
	var secondaries []*notices
	for i, w := range nodes {
		n := newNotices(t)
		w.env = append(w.env, fmt.Sprintf("STAYPUT_STORE_NODE=node-%d", i), "STAYPUT_DNS_SECONDARIES="+n.conn.LocalAddr().String(), "STAYPUT_DNS_TRANSFERS=127.0.0.1")
		secondaries = append(secondaries, n)
	}
	nodes[0].start()
	hosts := []string{home}
	for i := range 20 { // or the whole zone would be no more than the difference
		hosts = append(hosts, hostOfCluster(i))
	}
	user, secret := nodes[0].seed(hosts...)
	nodes[1].start()
	nodes[2].start()
	for i, n := range secondaries {
		n.listen(t, nodes[i])
	}
	for i, host := range hosts[1:] {
		if status, body, err := get(nodes[0].http, fmt.Sprintf("/nic/update?hostname=%s&myip=198.51.100.%d", host, i+1), user, secret); err != nil || status != http.StatusOK {
			t.Fatal(status, body, err)
		}
	}
	before := nodes[0].serial()
	if got := transferred(t, nodes[0]); !strings.Contains(got, "SOA") {
		t.Fatal("the first node does not give its zone away")
	}

	for step := range 9 {
		address := fmt.Sprintf("192.0.2.%d", step+1)
		if got := change(t, nodes[step%3], address, user, secret); got != "good" {
			t.Fatalf("step %d: %q", step, got)
		}
		serial := nodes[step%3].serial()
		for i, w := range nodes {
			awaitAddress(t, w, address)
			until(t, fmt.Sprintf("node %d tells of serial %d", i, serial), func() bool {
				for {
					select {
					case told := <-secondaries[i].heard:
						if told-serial < 1<<31 {
							return true
						}
					default:
						return false
					}
				}
			})
		}
	}
	want := difference(t, nodes[0], before)
	if len(want) < 4 || !strings.Contains(want[1], fmt.Sprint(" ", before, " ")) {
		t.Fatalf("since serial %d the first node has no difference:\n%s", before, strings.Join(want, "\n"))
	}
	for i, w := range nodes[1:] {
		if got := difference(t, w, before); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("node %d gives\n%s\nand the first one\n%s", i+1, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for _, w := range nodes {
		w.stop()
	}
}
