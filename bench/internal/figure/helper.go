//go:build linux

package figure

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stayput.dev/bench/internal/peer"
)

// helpers are what stayput-bench can be besides the generator, by the argument that
// makes it so. Each serves until the context ends, and writes the address that it
// listens on as one line.
func helpers() map[string]func(context.Context, io.Writer) error {
	return map[string]func(context.Context, io.Writer) error{
		BareCommand: ServeBare,
		EchoCommand: ServeEcho,
	}
}

// Helper returns what serves when stayput-bench is called with args, nil when they
// name a figure or nothing.
func Helper(args []string) func(context.Context, io.Writer) error {
	if len(args) != 1 {
		return nil
	}
	return helpers()[args[0]]
}

// helper starts this program as one of the helpers, in a process of its own as
// Stayput is, and returns where it listens. It is stopped at the end.
func (b *bench) helper(ctx context.Context, command string, cpu int) (*peer.Process, netip.AddrPort, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("starting %s: %w", command, err)
	}
	log := filepath.Join(b.dir, command+".log")
	p, err := peer.Spawn(cpu, log, program, command)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	b.stops = append(b.stops, p.Stop)
	var at netip.AddrPort
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = p.Await(ctx, 5*time.Millisecond, func() bool {
		said, err := os.ReadFile(log)
		if err != nil {
			return false
		}
		line, _, whole := strings.Cut(string(said), "\n")
		at, err = netip.ParseAddrPort(line)
		return whole && err == nil
	})
	return p, at, err
}
