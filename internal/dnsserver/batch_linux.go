package dnsserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// slotSize sets the buffers of a batch apart by more than the longest packet,
	// so that they do not compete for the same lines of the processor's cache.
	slotSize = 1<<16 + 4096 + 64

	// controlSize is the octets of the control message that says which of our
	// addresses a packet was sent to.
	controlSize = 64
)

// batch is packets that came with one system call. A reply takes the place of
// its packet, with the client's address and the control message beside it.
type batch struct {
	messages [batchSize]messageHeader
	vectors  [batchSize]unix.Iovec
	names    [batchSize]unix.RawSockaddrInet6 // of the clients; IPv4 addresses are shorter
	controls [batchSize][controlSize]byte
	memory   []byte // batchSize slots; of each the kernel gives us only the pages that were used
	control  bool   // whether packets come with a control message
	packets  [batchSize][]byte
	clients  [batchSize]netip.Addr
	sizes    [batchSize]int
}

// messageHeader is the kernel's struct mmsghdr.
type messageHeader struct {
	header unix.Msghdr
	octets uint32 // that came, or were sent
}

// newBatch makes a batch for a socket, which has control messages when it takes
// what comes to any address. It must be freed.
func newBatch(control bool) (*batch, error) {
	memory, err := unix.Mmap(-1, 0, batchSize*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("getting memory for packets: %w", err)
	}
	b := &batch{memory: memory, control: control}
	for i := range batchSize {
		b.vectors[i].Base = &memory[i*slotSize]
		h := &b.messages[i].header
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.names[i])) //nolint:gosec // the kernel's type has octets there
		if control {
			h.Control = &b.controls[i][0]
		}
	}
	b.clear(batchSize)
	return b, nil
}

func (b *batch) free() { _ = unix.Munmap(b.memory) }

// clear makes the first n slots ready for what comes next.
func (b *batch) clear(n int) {
	for i := range n {
		b.vectors[i].SetLen(maxMessage)
		h := &b.messages[i].header
		h.Namelen = unix.SizeofSockaddrInet6
		if b.control {
			h.SetControllen(controlSize)
		}
	}
}

// receive takes what has come to the socket, without waiting. It returns 0 when
// there is nothing.
func (b *batch) receive(fd uintptr) (int, error) {
	n, errno := b.call(unix.SYS_RECVMMSG, fd, 0, batchSize)
	switch errno {
	case 0:
		return n, nil
	case unix.EAGAIN:
		return 0, nil
	}
	return 0, errno
}

// call calls recvmmsg(2) or sendmmsg(2), which must not wait, for the slots from
// at to end. The scheduler is not told, as the call is as short as it is: there is
// nothing that it could do meanwhile.
func (b *batch) call(trap, fd uintptr, at, end int) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&b.messages[at])), uintptr(end-at), unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // package unix has no such call
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// take returns the first n packets, nil for those that nobody can be answered to, who
// sent them, and where the octets of their replies are to be written down.
func (b *batch) take(n int) (packets [][]byte, clients []netip.Addr, sizes []int) {
	for i := range n {
		start := i * slotSize
		b.packets[i] = b.memory[start : start+int(b.messages[i].octets) : start+slotSize]
		if b.names[i].Port == 0 { // it stands in the same place for both families
			b.packets[i] = nil
		}
		b.clients[i] = addressIn(&b.names[i])
	}
	return b.packets[:n], b.clients[:n], b.sizes[:n]
}

// addressIn returns the address of a client of either family.
func addressIn(name *unix.RawSockaddrInet6) netip.Addr {
	if name.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr) //nolint:gosec // the kernel says which of the two it is
	}
	return netip.AddrFrom16(name.Addr).Unmap()
}

// put makes the first n slots, in which replies now stand, ready for send.
func (b *batch) put(n int) {
	for i := range n {
		b.vectors[i].SetLen(b.sizes[i])
		if b.control {
			h := &b.messages[i].header
			h.SetControllen(len(replyFrom(b.controls[i][:h.Controllen])))
		}
	}
}

// send sends the replies in the first n slots, waiting while the system takes no
// more, and returns how many it would not take at all.
func (b *batch) send(raw syscall.RawConn, fd uintptr, n int) (unsent int) {
	for at := 0; at < n; {
		if b.vectors[at].Len == 0 {
			at++
			continue
		}
		sent, err := b.sendSome(raw, fd, at, b.endOfRun(at, n))
		if at += sent; err != nil {
			at++
			unsent++
		}
	}
	return unsent
}

// endOfRun returns where the replies end that stand in one row from slot at on.
func (b *batch) endOfRun(at, n int) int {
	for at < n && b.vectors[at].Len != 0 {
		at++
	}
	return at
}

// sendSome sends the replies in the slots from at to end and returns how many
// left before one that did not, which the error is about.
func (b *batch) sendSome(raw syscall.RawConn, fd uintptr, at, end int) (sent int, err error) {
	sent, errno := b.call(unix.SYS_SENDMMSG, fd, at, end)
	if errno == unix.EAGAIN {
		err = raw.Write(func(fd uintptr) bool {
			sent, errno = b.call(unix.SYS_SENDMMSG, fd, at, end)
			return errno != unix.EAGAIN
		})
	}
	if err == nil && errno != 0 {
		err = errno
	}
	return sent, err
}

// sender returns who sent the i-th packet of the batch, and the control message that a
// reply needs. Both are good when others have taken the packet's place.
func (b *batch) sender(i int) (to unix.Sockaddr, control []byte) {
	name := &b.names[i]
	control = replyFrom(slices.Clone(b.controls[i][:b.messages[i].header.Controllen]))
	var port [2]byte // in the order of the network
	binary.NativeEndian.PutUint16(port[:], name.Port)
	at := int(binary.BigEndian.Uint16(port[:]))
	if name.Family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: at, Addr: addressIn(name).As4()}, control
	}
	return &unix.SockaddrInet6{Port: at, ZoneId: name.Scope_id, Addr: name.Addr}, control
}

// sendLater sends a reply outside a batch, without waiting.
func sendLater(raw syscall.RawConn, reply []byte, to unix.Sockaddr, control []byte) error {
	var fault error
	err := raw.Control(func(fd uintptr) {
		fault = unix.Sendmsg(int(fd), reply, control, to, unix.MSG_DONTWAIT)
	})
	return errors.Join(err, fault)
}
