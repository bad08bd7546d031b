package test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rack is where the machines of a cluster stand: each is a network of its own, with a
// cable to one of two switches, that of the nodes or that of the databases. A cable
// joins the switches. Clients are at that of the nodes.
type rack struct {
	t        *testing.T
	switches network
}

// The switches, and the ends of the cable between them.
const (
	nodeSwitch     = "nodes"
	databaseSwitch = "databases"
	uplink         = "uplink" // at the nodes' switch
	downlink       = "downlink"
)

func newRack(t *testing.T) *rack {
	t.Helper()
	s := &rack{t, newEmptyNetwork(t)}
	s.do("link", "add", nodeSwitch, "type", "bridge")
	s.do("link", "add", databaseSwitch, "type", "bridge")
	s.do("link", "add", uplink, "type", "veth", "peer", "name", downlink)
	s.do("link", "set", uplink, "master", nodeSwitch)
	s.do("link", "set", downlink, "master", databaseSwitch)
	for _, link := range []string{nodeSwitch, databaseSwitch, uplink, downlink} {
		s.mend(link)
	}
	s.do("address", "add", "192.0.2.1/24", "dev", nodeSwitch)
	return s
}

func (s *rack) do(args ...string) {
	s.t.Helper()
	s.switches.run(s.t, slices.Concat([]string{"ip"}, args)...)
}

// machine adds a machine whose cable has its name.
func (s *rack) machine(name, at, address string) network {
	s.t.Helper()
	m := newEmptyNetwork(s.t)
	s.do("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", m.process())
	s.do("link", "set", name, "master", at)
	s.mend(name)
	m.run(s.t, "ip", "address", "add", address+"/24", "dev", "eth0")
	m.run(s.t, "ip", "link", "set", "eth0", "up")
	return m
}

// cut takes a cable out, and mend puts it in again. A machine keeps its address
// meanwhile, and nobody hears that it is gone.
func (s *rack) cut(cable string)  { s.t.Helper(); s.do("link", "set", cable, "down") }
func (s *rack) mend(cable string) { s.t.Helper(); s.do("link", "set", cable, "up") }

// lose makes a machine of this network lose all that it sends to an address of its own
// subnet, and nobody hears of that, until find.
func (n network) lose(t *testing.T, address string) {
	t.Helper()
	n.run(t, "ip", "neighbour", "replace", address, "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent")
}

func (n network) find(t *testing.T, address string) {
	t.Helper()
	n.run(t, "ip", "neighbour", "del", address, "dev", "eth0")
}

// dial makes a connection from inside the network.
func (n network) dial(kind, address string) (net.Conn, error) {
	there, err := os.Open(strings.TrimPrefix(n[1], "--net="))
	if err != nil {
		return nil, err
	}
	defer there.Close()
	runtime.LockOSThread() // sockets belong to the network that their thread is in
	here, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer here.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	c, err := net.DialTimeout(kind, address, 2*time.Second)
	if unix.Setns(int(here.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread() // or the thread ends with the goroutine
	}
	return c, err
}
