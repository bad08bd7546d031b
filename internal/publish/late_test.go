package publish_test

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig/primary"
)

// dawdler stands before a primary. While it is told so, it keeps what comes to itself; the
// sender may have gone long since when it hands that over.
type dawdler struct {
	addr, to netip.AddrPort
	mu       sync.Mutex // guards all below
	holding  bool
	held     []byte
	conns    []net.Conn
	meets    func() // called once, before the next connection gets any further; may be nil
}

func newDawdler(t *testing.T, to netip.AddrPort) *dawdler {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dawdler{addr: l.Addr().(*net.TCPAddr).AddrPort(), to: to}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { d.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		d.drop()
		all.Wait()
	})
	return d
}

func (d *dawdler) serve(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", d.to.String())
	if err != nil {
		return
	}
	defer to.Close()
	d.mu.Lock()
	d.conns = append(d.conns, from)
	meets := d.meets
	d.meets = nil
	d.mu.Unlock()
	if meets != nil {
		meets()
	}
	go func() { _, _ = io.Copy(from, to) }()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if d.keeps(buf[:n]) {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (d *dawdler) keeps(b []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.holding {
		d.held = append(d.held, b...)
	}
	return d.holding
}

func (d *dawdler) hold(really bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holding = really
}

// has tells whether something is kept.
func (d *dawdler) has() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.held) > 0
}

// meet lets something happen when the next connection comes.
func (d *dawdler) meet(something func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.meets = something
}

// drop ends all connections to the dawdler.
func (d *dawdler) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.conns = nil
}

// release hands over what was kept, and returns the code of the reply to it.
func (d *dawdler) release(t *testing.T) int {
	t.Helper()
	conn, err := net.Dial("tcp", d.to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write(d.held); err != nil {
		t.Fatal(err)
	}
	reply, err := (&dns.Conn{Conn: conn}).ReadMsg()
	if reply == nil {
		t.Fatal(err)
	}
	return reply.Rcode
}

// TestLateUpdate: an UPDATE that the target finds after a later one does nothing, though it is
// signed and in time.
func TestLateUpdate(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		between := newDawdler(t, target.Addr)
		w := newPushWorld(t, target)
		w.via = between.addr
		w.set("home A 192.0.2.1")
		w.push()
		w.arrive()
		between.hold(true)
		w.set("home A 192.0.2.2")
		until(t, between.has)
		between.hold(false)
		w.set("home A 192.0.2.3")
		between.drop()
		w.arrive()
		if code := between.release(t); code != dns.RcodeNXRrset {
			t.Errorf("the late one is answered %s", dns.RcodeToString[code])
		}
		w.expect(append([]string{"home 60 IN A 192.0.2.3"}, others...)...)
	})
}
