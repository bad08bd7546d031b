package dnsserver

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"stayput.dev/internal/registry"
)

// ServeUDP answers what comes to conn until ctx ends or Shutdown is called; then it
// returns nil. It fails when conn is closed by others. In any case conn is closed
// at the end. Several calls may serve sockets of one address.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer func() { _ = conn.Close() }()
	taking, serving, taken, end, ok := s.begin(ctx)
	if !ok {
		return nil
	}
	defer end()
	w := &udpWorker{worker: s.newWorker(s.tally.share())}
	w.responder.hasty = true
	defer w.late.Wait()
	defer taken()
	defer context.AfterFunc(taking, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	defer context.AfterFunc(serving, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	return s.answerUDP(taking, conn, w)
}

// ListenUDPs opens n sockets of one address as ListenUDP does, or one where
// several cannot share an address. When the kernel is to choose the port, it is
// the same for all.
func ListenUDPs(addr netip.AddrPort, n int) ([]*net.UDPConn, error) {
	if !canShare {
		n = 1
	}
	var conns []*net.UDPConn
	for range n {
		conn, err := ListenUDP(addr)
		if err != nil {
			for _, c := range conns {
				_ = c.Close()
			}
			return nil, err
		}
		conns = append(conns, conn)
		addr = netip.AddrPortFrom(addr.Addr(), conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	}
	return conns, nil
}

// udpWorker answers the packets of a UDP socket, a batch at a time.
type udpWorker struct {
	*worker
	usual usual
	now   time.Time // when the batch came, if there is a rate limit

	// later returns what sends a reply to the i-th packet of the batch, when others
	// have taken its place.
	later func(i int) (send func(reply []byte) error)
	late  sync.WaitGroup // of those replies
}

// answer puts the reply to each packet, which came from the client of the same
// index, in the packet's place, and its octets into sizes: 0 for none. Nil packets
// get none; behind each other there must be room for the longest message. There
// are batchSize of them at most.
func (w *udpWorker) answer(packets [][]byte, clients []netip.Addr, sizes []int) {
	before := w.counters.queries[UDP].Add(uint64(len(packets))) - uint64(len(packets))
	clear(sizes)
	state := w.state()
	if state == nil {
		return
	}
	limit := w.server.limiter.Load()
	if limit != nil {
		w.now = time.Now()
	}
	w.answerUsual(state, packets, clients, sizes, before, limit)
	for i, packet := range packets {
		switch {
		case packet == nil:
			w.counters.dropped.Add(1)
			continue
		case sizes[i] != 0:
			continue
		}
		from, n := Client{UDP, clients[i]}, before+uint64(i)+1
		reply := w.replyFrom(state, packet, from, n)
		if w.responder.postponed {
			w.postpone(packet, from, n, w.later(i))
			continue
		}
		sizes[i] = copy(packet[:maxMessage], reply)
		if sizes[i] > 0 && limit != nil {
			sizes[i] = w.limit(limit, clients[i], packet[:sizes[i]], w.responder.about())
		}
	}
}

// postpone has an UPDATE answered without anybody waiting for it.
func (w *udpWorker) postpone(packet []byte, from Client, n uint64, send func([]byte) error) {
	seats, crew := w.server.updates.seats, w.server.crew
	select {
	case seats <- struct{}{}:
	default:
		w.counters.dropped.Add(1)
		return
	}
	packet = slices.Clone(packet)
	w.late.Go(func() {
		defer func() { <-seats }()
		other := crew.get(true)
		defer crew.put(other, true)
		state := other.state()
		if state == nil {
			return
		}
		reply := other.replyFrom(state, packet, from, n)
		if reply != nil && send(reply) != nil {
			other.counters.unsent.Add(1)
		}
	})
}

// answerUsual is answer for the usual packets only, but for those that go into the
// log of queries.
func (w *udpWorker) answerUsual(state *registry.State, packets [][]byte, clients []netip.Addr, sizes []int, before uint64, limit *limiter) {
	defer w.catch()
	t := w.server.tableOf(state)
	if t == nil || !w.usual.lookUp(t, state, packets) {
		return
	}
	u, opts, now := &w.usual, w.server.opts.Load(), unixTime()
	for i, packet := range packets {
		if opts.logs(before + uint64(i) + 1) {
			continue
		}
		if sizes[i] = u.answer(i, packet, clients[i], opts, now); sizes[i] == 0 {
			continue
		}
		w.countUsual(i, packet)
		if limit != nil {
			sizes[i] = w.limit(limit, clients[i], packet[:sizes[i]], u.about(i))
		}
	}
	u.flush(w.counters)
}

// countUsual counts what is not counted for a batch as a whole.
func (w *udpWorker) countUsual(i int, reply []byte) {
	a, code := &w.usual.asked[i], rcode(reply[3]&15)
	w.zone.in(&w.counters.zones, w.usual.found[i].view.origin).count(UDP, code, classOf(a.typ))
	w.counters.countCookie(a.proven)
}

// network returns the name that package net has for a protocol in the family of
// addr. A socket for [::] takes no IPv4.
func network(protocol string, addr netip.AddrPort) string {
	if addr.Addr().Unmap().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}
