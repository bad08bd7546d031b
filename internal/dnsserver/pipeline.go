package dnsserver

import (
	"encoding/binary"
	"slices"
	"time"

	"stayput.dev/internal/zone"
)

// maxLong is how many queries of a connection that take long may be unanswered
// before the next one is read: a client has to be told where to stop (RFC 7766
// §6.2.1.1).
const maxLong = 16

// mayTakeLong tells whether who answers a packet may have to wait, for a disk or for
// the client. The others are answered from memory, in less time than
// it takes to hand them to another goroutine.
func mayTakeLong(packet []byte) bool {
	if len(packet) < headerSize {
		return false
	}
	if opcode := packet[2] >> 3 & 15; opcode != 0 {
		return true
	}
	end := skipName(packet, headerSize)
	return end > 0 && len(packet) >= end+2 && isTransfer(zone.Type(binary.BigEndian.Uint16(packet[end:])))
}

// incoming is a message that has come over a connection.
type incoming struct {
	packet []byte // good until answerMessage returns, if nothing is held
	held   int    // octets that the connection holds for it
	long   bool   // answering it may take long
	more   bool   // the next one is there already
}

// answerMessage answers a message, or has it answered. Queries do not wait for one
// that takes long; what is answered at once is so in the order in which it came.
func (s *Server) answerMessage(c *conn, m incoming) {
	s.conns.countQueries(c, 1)
	if m.long = mayTakeLong(m.packet); !m.long {
		s.answerConn(c, m)
		return
	}
	s.flush(c) // replies wait for what comes next only if that is quick
	if m.held == 0 {
		m.packet = slices.Clone(m.packet)
	}
	m.more = false
	c.long <- struct{}{}
	c.answering.Go(func() {
		if !s.transfer(c, m) {
			s.answerConn(c, m)
		}
		<-c.long
	})
}

// answerConn puts the reply to a message on its way, or gives the connection up when
// there is none.
func (s *Server) answerConn(c *conn, m incoming) {
	c.out.awaitRoom() // before it takes a worker, which is large
	w := s.crew.get(m.long)
	reply := w.reply(m.packet, c.client)
	s.conns.release(c, m.held)
	if reply == nil {
		s.crew.put(w, m.long)
		s.endQueries(c, 1)
		c.giveUp()
		return
	}
	out := w.buf[:tcpPrefix+len(reply)]
	binary.BigEndian.PutUint16(out, uint16(len(reply)))
	waiting, held := c.out.put(out, true)
	s.crew.put(w, m.long)
	s.conns.hold(c, held)
	if !m.more || waiting >= parcelSize {
		s.flush(c)
	}
}

// flush sends the replies that wait, unless somebody does already.
func (s *Server) flush(c *conn) {
	if !c.out.begin() {
		return
	}
	broken := false
	for p := c.out.take(); p.messages > 0; p = c.out.take() {
		if !broken {
			_ = c.SetWriteDeadline(time.Now().Add(messageTimeout))
			_, err := c.stream.Write(p.octets)
			broken = err != nil
		}
		if broken {
			s.streams.unsent.Add(uint64(p.messages))
			c.drop()
		}
		s.conns.release(c, p.held)
		s.endQueries(c, p.queries)
	}
}

// endQueries counts so many queries as answered.
func (s *Server) endQueries(c *conn, n int) {
	c.noteReply()
	s.conns.countQueries(c, -n)
}
