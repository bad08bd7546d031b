package rig

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Patience is how long a test waits for what must come, so that no machine is too slow
// or too busy.
const Patience = time.Minute

// Exchange asks a DNS server over UDP, and has patience with it.
func Exchange(m *dns.Msg, address string) (*dns.Msg, error) {
	client := dns.Client{Timeout: Patience}
	reply, _, err := client.Exchange(m, address)
	return reply, err
}

// NewTransfer returns a transfer that has patience with its server.
func NewTransfer() *dns.Transfer {
	return &dns.Transfer{DialTimeout: Patience, ReadTimeout: Patience, WriteTimeout: Patience}
}

// Above lie the ports that the kernel gives to whoever names none, also to clients.
const firstPort, ports = 10000, 22000

var (
	startPort  = rand.Uint32N(ports) // other processes have others
	portsGiven atomic.Uint32
)

// FreePort returns an address of 127.0.0.1 that is free for UDP and TCP and stays so
// until somebody names its port: a server may listen there later, and again after it
// was killed.
func FreePort() (netip.AddrPort, error) {
	for range ports {
		port := firstPort + (startPort+portsGiven.Add(1))%ports
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
		if isFree(address.String()) {
			return address, nil
		}
	}
	return netip.AddrPort{}, errors.New("no port is free")
}

// isFree tells whether nobody listens at an address.
func isFree(address string) bool {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}
