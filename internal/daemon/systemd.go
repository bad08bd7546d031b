package daemon

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"stayput.dev/internal/zone"
)

// notify tells systemd, if it listens, how the daemon is (sd_notify(3)).
func notify(state string) {
	_, _ = sd.SdNotify(false, state) // without systemd there is nobody to tell
}

// watchdog feeds systemd's watchdog as long as the DNS server answers. A store that
// does not work is no reason to end: questions are answered all the same.
func (d *daemon) watchdog(ctx context.Context) {
	every, err := sd.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if d.answers() {
			notify("WATCHDOG=1")
		}
	}
}

// answers tells whether the DNS server answers at an address that this machine has
// now. Where it has none of them, there is nobody to ask.
func (d *daemon) answers() bool {
	for _, at := range d.addrs.DNS {
		if at.Addr().IsUnspecified() {
			at = loopbackFor(at)
		}
		if isHere(at.Addr()) {
			return answersAt(at, d.someName())
		}
	}
	return true
}

// someName returns a name that we answer for, if there is any.
func (d *daemon) someName() zone.Name {
	for z := range d.registry.State().Zones.All() {
		return z.Origin()
	}
	return zone.Root
}

// answersAt tells whether a DNS server replies to a question for the SOA record of a
// name. That it takes the connection tells nothing: the kernel does that.
func answersAt(at netip.AddrPort, name zone.Name) bool {
	const patience = 2 * time.Second
	conn, err := net.DialTimeout("tcp", at.String(), patience)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	query := []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0} // behind the ID: one question (RFC 1035 §4.1.1)
	query = append(append([]byte{'s', 'p'}, query...), name...)
	query = append(query, 0, byte(zone.TypeSOA), 0, 1) // of class IN
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return false
	}
	var reply [5]byte // its length, the ID, and the octet with the bit that makes it a reply
	_, err = io.ReadFull(conn, reply[:])
	return err == nil && string(reply[2:4]) == "sp" && reply[4]&0x80 != 0
}
