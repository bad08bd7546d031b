//go:build linux

package load

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sources lets the questions of one socket come from several addresses: each goes
// out with a control message that says from which (ip(7), IP_PKTINFO).
type sources struct {
	count    int // 0: the system chooses
	turn     int
	server   unix.RawSockaddrInet4
	controls [batch][]byte
}

// address directs what the line sends to server, from so many addresses.
func (l *line) address(server netip.AddrPort, count int) error {
	if count == 0 {
		return unix.Connect(l.fd, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()})
	}
	s := &l.sources
	s.count = count
	s.server = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: server.Addr().As4()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.server.Port))[:], server.Port())
	for i := range batch {
		s.controls[i] = unix.PktInfo4(&unix.Inet4Pktinfo{})
		h := &l.out[i].hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.server)), unix.SizeofSockaddrInet4
		h.Control = &s.controls[i][0]
		h.SetControllen(len(s.controls[i]))
	}
	return unix.Bind(l.fd, &unix.SockaddrInet4{})
}

// next gives the message in slot i the next source address, out of 127.1.0.0/16.
func (s *sources) next(i int) {
	if s.count == 0 {
		return
	}
	s.turn = s.turn%s.count + 1
	info := s.controls[i][unix.CmsgLen(0):]
	copy(info[4:], []byte{127, 1, byte(s.turn >> 8), byte(s.turn)}) // ipi_spec_dst
}
