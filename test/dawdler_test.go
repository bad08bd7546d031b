//go:build linux

package test

import (
	wire "encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// dawdlers are clients that hold TCP connections and are in no hurry. One whose
// connection is closed comes again.
type dawdlers struct {
	w         *world
	connected atomic.Int64
	stop      chan struct{}
	done      sync.WaitGroup
}

// loiter sends so many dawdlers to a daemon, from 64 addresses.
func loiter(w *world, n int) *dawdlers {
	d := &dawdlers{w: w, stop: make(chan struct{})}
	for i := range n {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%64))}, Timeout: 10 * time.Second}
		manner := manners[i%len(manners)]
		if i%200 == 0 {
			manner = (*dawdlers).neverReads
		}
		d.done.Go(func() {
			for d.going() {
				if c, err := from.Dial("tcp", w.dns); err == nil {
					d.connected.Add(1)
					manner(d, c)
					c.Close()
				}
				d.wait(rand.N(time.Second))
			}
		})
	}
	return d
}

func (d *dawdlers) finish() {
	close(d.stop)
	d.done.Wait()
}

func (d *dawdlers) going() bool {
	select {
	case <-d.stop:
		return false
	default:
		return true
	}
}

// wait waits, and returns false when it is over.
func (d *dawdlers) wait(pause time.Duration) bool {
	select {
	case <-d.stop:
		return false
	case <-time.After(pause):
		return true
	}
}

// manners are the ways to dawdle over a connection, until it breaks.
var manners = []func(d *dawdlers, c net.Conn){
	(*dawdlers).saysNothing, (*dawdlers).startsALength, (*dawdlers).drips, (*dawdlers).announcesMuch,
}

func (d *dawdlers) saysNothing(c net.Conn) {
	for d.going() {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := c.Read(make([]byte, 1)); n == 0 && err != nil && !isTimeout(err) {
			return // the daemon has closed it
		}
	}
}

func (d *dawdlers) startsALength(c net.Conn) {
	if _, err := c.Write([]byte{0}); err == nil {
		d.saysNothing(c)
	}
}

// drips sends questions octet by octet, and takes no reply.
func (d *dawdlers) drips(c net.Conn) {
	question := streamed(question("dyn.example.org.", dns.TypeSOA))
	for i := 0; d.wait(rand.N(time.Second)); i++ {
		if _, err := c.Write(question[i%len(question):][:1]); err != nil {
			return
		}
	}
}

// announcesMuch begins the longest message that there is, and takes its time with
// the rest.
func (d *dawdlers) announcesMuch(c net.Conn) {
	for part := append([]byte{0xff, 0xff}, make([]byte, 2000)...); d.wait(rand.N(time.Second)); {
		if _, err := c.Write(part); err != nil {
			return
		}
	}
}

// neverReads sends questions until no more fit, and takes no reply.
func (d *dawdlers) neverReads(c net.Conn) {
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	var many []byte
	for range 1000 {
		many = append(many, streamed(question("dyn.example.org.", dns.TypeANY))...)
	}
	for d.wait(rand.N(200 * time.Millisecond)) {
		_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Write(many); err != nil && !isTimeout(err) {
			return
		}
	}
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error) //nolint:errorlint // as the connection returns it
	return ok && n.Timeout()
}

// question returns a query as it goes over the wire.
func question(name string, qtype uint16) []byte {
	packet, err := new(dns.Msg).SetQuestion(name, qtype).Pack()
	if err != nil {
		panic(err)
	}
	return packet
}

// streamed puts the length before a message.
func streamed(message []byte) []byte {
	return append(wire.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}
