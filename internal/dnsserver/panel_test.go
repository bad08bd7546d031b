package dnsserver_test

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// panel is servers that are asked the same. We are the first.
type panel []panelist

// panelist is one of them, and where it listens.
type panelist struct{ name, udp, tcp string }

// asked is one question and what each of the panel replied.
type asked struct {
	question *dns.Msg
	udp      []*dns.Msg
	full     []*dns.Msg // over TCP, if any reply was truncated
}

// ask asks all of the panel all questions.
func (p panel) ask(t testing.TB, questions []*dns.Msg) []asked {
	t.Helper()
	packets := make([][]byte, len(questions))
	for i, q := range questions {
		var err error
		if packets[i], err = q.Pack(); err != nil {
			t.Fatal(err)
		}
	}
	replies := make([][]*dns.Msg, len(p))
	var asking sync.WaitGroup
	for i := range p {
		asking.Go(func() { replies[i] = askUDP(t, p[i].udp, packets) })
	}
	asking.Wait()
	if t.Failed() {
		t.FailNow()
	}
	out := make([]asked, len(questions))
	for i, q := range questions {
		out[i].question = q
		for _, r := range replies {
			out[i].udp = append(out[i].udp, r[i])
		}
	}
	p.askAgain(t, out)
	return out
}

// askAgain asks over TCP what somebody could not say over UDP.
func (p panel) askAgain(t testing.TB, all []asked) {
	t.Helper()
	client := dns.Client{Net: "tcp", Timeout: time.Minute}
	conns := make([]*dns.Conn, len(p))
	for i := range all {
		e := &all[i]
		if e.full = e.udp; !anyTruncated(e.udp) {
			continue
		}
		e.full = make([]*dns.Msg, len(p))
		for k := range p {
			var err error
			if conns[k] == nil {
				if conns[k], err = client.Dial(p[k].tcp); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conns[k].Close() })
			}
			if e.full[k], _, err = client.ExchangeWithConn(e.question, conns[k]); err != nil {
				t.Fatalf("asking %s over TCP for %s: %v", p[k].name, e.question.Question[0].String(), err)
			}
		}
	}
}

func anyTruncated(replies []*dns.Msg) bool {
	for _, r := range replies {
		if r.Truncated {
			return true
		}
	}
	return false
}

// batch is how many questions are under way at once: few enough for the buffers
// of any socket.
const batch = 64

// askUDP asks a server all the questions and returns the replies in the order
// of the questions. Each must be answered.
func askUDP(t testing.TB, address string, packets [][]byte) []*dns.Msg {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	replies := make([]*dns.Msg, len(packets))
	for first := 0; first < len(packets) && !t.Failed(); first += batch {
		askBatch(t, conn, packets, replies, first)
	}
	return replies
}

// askBatch asks the questions from first on. Their IDs are their places. What is
// lost on the way is asked again.
func askBatch(t testing.TB, conn net.Conn, packets [][]byte, replies []*dns.Msg, first int) {
	t.Helper()
	end := min(first+batch, len(packets))
	missing := end - first
	for range 20 {
		for i := first; i < end; i++ {
			if replies[i] != nil {
				continue
			}
			packet := append([]byte(nil), packets[i]...) // others ask it too
			binary.BigEndian.PutUint16(packet, uint16(i))
			if _, err := conn.Write(packet); err != nil {
				t.Error(err)
			}
		}
		if missing -= readBatch(t, conn, replies, first, end, missing); missing == 0 {
			return
		}
	}
	for i := first; i < end; i++ {
		if replies[i] == nil {
			t.Errorf("%s does not answer %x", conn.RemoteAddr(), packets[i])
		}
	}
}

// readBatch reads replies until all that are missing have come, or none comes any
// more, and returns how many came.
func readBatch(t testing.TB, conn net.Conn, replies []*dns.Msg, first, end, missing int) (came int) {
	t.Helper()
	buf := make([]byte, 65536)
	for came < missing {
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, err := conn.Read(buf)
		if err != nil {
			break
		}
		i := first&^0xffff | int(binary.BigEndian.Uint16(buf))
		if i < first || i >= end || replies[i] != nil {
			continue // the second reply to one that was asked again
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(buf[:n]); err != nil {
			t.Errorf("reply %x: %v", buf[:n], err)
			break
		}
		replies[i] = reply
		came++
	}
	return came
}
