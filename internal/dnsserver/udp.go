package dnsserver

import (
	"context"
	"net"
	"net/netip"
	"time"

	"stayput.dev/internal/registry"
)

// ServeUDP answers what comes to conn until ctx ends or Shutdown is called; then it
// returns nil. It fails when conn is closed by others. In any case conn is closed
// at the end. Several calls may serve sockets of one address.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer func() { _ = conn.Close() }()
	ctx, end, ok := s.begin(ctx)
	if !ok {
		return nil
	}
	defer end()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	return s.answerUDP(ctx, conn, &udpWorker{worker: s.newWorker(s.tally.share())})
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
}

// answer puts the reply to each packet in the packet's place, and its octets into
// sizes: 0 for none. Nil packets get none; behind each other there must be room for
// the longest message. There are batchSize of them at most.
func (w *udpWorker) answer(packets [][]byte, sizes []int) {
	w.counters.queries[UDP].Add(uint64(len(packets)))
	clear(sizes)
	state := w.state()
	if state == nil {
		return
	}
	w.answerUsual(state, packets, sizes)
	for i, packet := range packets {
		switch {
		case packet == nil:
			w.counters.dropped.Add(1)
		case sizes[i] == 0:
			sizes[i] = copy(packet[:maxMessage], w.replyFrom(state.Zones, packet, UDP))
		}
	}
}

// answerUsual is answer for the usual packets only.
func (w *udpWorker) answerUsual(state *registry.State, packets [][]byte, sizes []int) {
	defer w.catch()
	t := w.server.tableOf(state)
	if t == nil || !w.usual.lookUp(t, state, packets) {
		return
	}
	udpSize := w.server.opts.Load().UDPSize
	for i, packet := range packets {
		sizes[i] = w.usual.answer(i, packet, udpSize)
	}
	w.usual.flush(w.counters)
}

// network returns the name that package net has for a protocol in the family of
// addr. A socket for [::] takes no IPv4.
func network(protocol string, addr netip.AddrPort) string {
	if addr.Addr().Unmap().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}
