package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
)

// answerUDP answers what comes to conn, in batches, until ctx ends. While there is
// something it asks the socket for more without a detour; when there is
// nothing it waits where Go waits for all sockets, which costs no thread.
func (s *Server) answerUDP(ctx context.Context, conn *net.UDPConn, w *udpWorker) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("reading from %s: %w", conn.LocalAddr(), err)
	}
	b, err := newBatch(conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified())
	if err != nil {
		return err
	}
	defer b.free()
	w.later = func(i int) func([]byte) error {
		to, control := b.sender(i)
		return func(reply []byte) error { return sendLater(raw, reply, to, control) }
	}
	for {
		var fault error
		err := raw.Read(func(fd uintptr) bool {
			var empty bool
			empty, fault = w.drain(ctx, b, raw, fd)
			return !empty
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("reading from %s: %w", conn.LocalAddr(), err)
		case errors.Join(err, fault) != nil:
			s.logFault("cannot read from UDP socket", conn.LocalAddr(), errors.Join(err, fault))
			pause(ctx)
		}
	}
}

// rounds is how many batches are answered before a look at whether the socket was
// closed.
const rounds = 1000

// drain answers what has come to a socket. It returns empty when there is nothing
// left for now.
func (w *udpWorker) drain(ctx context.Context, b *batch, raw syscall.RawConn, fd uintptr) (empty bool, err error) {
	for i := 0; i < rounds && ctx.Err() == nil; i++ {
		n, err := b.receive(fd)
		if n == 0 || err != nil {
			return n == 0 && err == nil, err
		}
		packets, clients, sizes := b.take(n)
		w.answer(packets, clients, sizes)
		b.put(n)
		if unsent := b.send(raw, fd, n); unsent > 0 {
			w.counters.unsent.Add(uint64(unsent))
		}
		b.clear(n)
		runtime.Gosched() // others need the processor too
	}
	return false, nil
}
