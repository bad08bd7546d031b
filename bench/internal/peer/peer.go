//go:build linux

package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stayput.dev/bench/internal/sample"
	"stayput.dev/bench/internal/wire"
)

// KeyName is the TSIG key that may update the zone on servers that take
// RFC 2136.
const KeyName = "bench-key"

// Secret returns the key's secret.
func Secret() []byte { return []byte("not a secret: for benchmarks only") }

// StartTimeout is how long a server may take to its first answer.
const StartTimeout = 2 * time.Minute

// Options say how a server is to run.
type Options struct {
	Dir      string      // for everything that the server writes; must exist
	Zone     sample.Zone // what ZoneFile holds
	ZoneFile string      // a master file; the server may overwrite a copy of it, never this one
	CPU      int         // the one core that it may use, or AnyCPU
	Threads  int         // serving threads; 0 as shipped
}

// A Server is a server that answers for the zone.
type Server struct {
	*Process
	Name    string
	DNS     netip.AddrPort
	FirstIn time.Duration // from process start to the first right answer
}

// A Kind is a DNS server that the figures compare with.
type Kind struct {
	Name    string
	program string
	// configure writes the configuration for port into o.Dir and returns
	// the arguments that make the program run it in the foreground.
	configure func(o Options, port uint16) ([]string, error)
	updating  bool
	version   string // the argument that prints it
}

// Kinds returns the servers that this package knows, the reference of the
// query figures first.
func Kinds() []Kind {
	return []Kind{
		{Name: "knot", program: "knotd", configure: configureKnot, updating: true, version: "--version"},
		{Name: "bind", program: "named", configure: configureBIND, updating: true, version: "-v"},
		{Name: "nsd", program: "nsd", configure: configureNSD, version: "-v"},
		{Name: "pdns", program: "pdns_server", configure: configurePowerDNS, version: "--version"},
	}
}

// Pushable returns the servers that zones are pushed to. Kinds has PowerDNS with a
// backend that takes no updates.
func Pushable() []Kind {
	kinds := slices.DeleteFunc(Kinds(), func(k Kind) bool { return !k.updating })
	return append(kinds, Kind{Name: "pdns", program: "pdns_server", configure: configurePowerDNSSQLite, updating: true, version: "--version"})
}

// Updates reports whether the server takes RFC 2136 updates here.
func (k Kind) Updates() bool { return k.updating }

// Find returns the path of the server's program, an error when it is not
// installed. Debian keeps servers in sbin, which users often lack in PATH.
func (k Kind) Find() (string, error) {
	for _, name := range []string{k.program, "/usr/sbin/" + k.program, "/usr/local/sbin/" + k.program} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s (%s): not installed", k.Name, k.program)
}

// Version returns the first line that the program says of itself, an error
// when it is not installed.
func (k Kind) Version(ctx context.Context) (string, error) {
	program, err := k.Find()
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, program, k.version).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	if err != nil && line == "" { // some exit with a failure after telling
		return "", fmt.Errorf("asking %s for its version: %w", k.Name, err)
	}
	return line, nil
}

// Start starts the server and returns when it answers for the zone's last
// host. The caller stops it.
func (k Kind) Start(ctx context.Context, o Options) (*Server, error) {
	program, err := k.Find()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", k.Name, err)
	}
	args, err := k.configure(o, ports[0])
	if err != nil {
		return nil, fmt.Errorf("configuring %s: %w", k.Name, err)
	}
	p, err := Spawn(o.CPU, filepath.Join(o.Dir, "log"), program, args...)
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p, Name: k.Name, DNS: loopback(ports[0])}
	last := o.Zone.Hosts - 1
	if err := s.AwaitHost(ctx, o.Zone.Host(last), o.Zone.IPv4(last)); err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

// AwaitHost asks until the server answers host's A with want, or with any
// address when want is the zero Addr, and notes how long after the start of
// the process that was.
func (s *Server) AwaitHost(ctx context.Context, host string, want netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	err := s.Await(ctx, 2*time.Millisecond, func() bool {
		got, err := Lookup(s.DNS, host)
		return err == nil && (got == want || !want.IsValid())
	})
	if err != nil {
		return err
	}
	s.FirstIn = time.Since(s.Started)
	return nil
}

// Lookup asks server for the A record of host and returns the first, an error
// when there is none or no answer within 200 ms.
func Lookup(server netip.AddrPort, host string) (netip.Addr, error) {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		return netip.Addr{}, err
	}
	question := wire.AppendQuestion(nil, 1, host, wire.TypeA)
	if _, err := conn.Write(question); err != nil {
		return netip.Addr{}, err
	}
	var in [1500]byte
	n, err := conn.Read(in[:])
	if err != nil {
		return netip.Addr{}, err
	}
	return wire.FirstA(in[:n], len(question))
}

// LookupPatiently is Lookup that asks again, for up to a minute, while a busy
// machine keeps the server from answering in time.
func LookupPatiently(server netip.AddrPort, host string) (got netip.Addr, err error) {
	for range 300 {
		if got, err = Lookup(server, host); !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return got, err
}

// loopback returns the address of port on 127.0.0.1.
func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// freePorts returns ports that are free for UDP and TCP. They lie below those that the
// kernel gives to clients, of which a load has many: one of these might take a port
// before the server does.
func freePorts(n int) ([]uint16, error) {
	ports := make([]uint16, 0, n)
	for tries := 0; len(ports) < n; tries++ {
		port := 10_000 + rand.N[uint16](20_000)
		tcp, err := net.Listen("tcp4", loopback(port).String())
		if err != nil {
			if tries == 1000 {
				return nil, fmt.Errorf("finding a port: %w", err)
			}
			continue
		}
		defer tcp.Close() // all at once, or a port might come twice
		udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback(port)))
		if err != nil {
			continue // taken for UDP only
		}
		defer udp.Close()
		ports = append(ports, port)
	}
	return ports, nil
}
