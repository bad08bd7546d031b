//go:build linux

package figure_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"stayput.dev/bench/internal/figure"
	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
)

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		nil,
		{"speed"},
		{"updates", "-clients", "0"},
		{"updates", "-clients", "4,x"},
		{"updates", "-rounds", "0"},
		{"updates", "-no-such-flag"},
		{"updates", "surplus"},
		{"cluster", "-clients", "1"},
		{"lag", "-nodes", "1"},
		{"scale", "-sizes", "100,200"},
	} {
		err := figure.Run(t.Context(), io.Discard, io.Discard, args)
		if !errors.Is(err, figure.ErrUsage) {
			t.Errorf("Run(%q) = %v, want wrong usage", args, err)
		}
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := figure.Run(t.Context(), &out, io.Discard, []string{"load", "-h"}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "hosts in the zone (default 1000000)"; !strings.Contains(got, want) {
		t.Errorf("help = %q, want %q in it", got, want)
	}
}

// TestUpdatesOfBIND measures the real thing for a moment.
func TestUpdatesOfBIND(t *testing.T) {
	t.Parallel()
	requireServer(t, "bind")
	var out strings.Builder
	dir := t.TempDir()
	args := []string{"updates", "-json", "-dir", dir, "-servers", "bind", "-hosts", "100", "-rounds", "2", "-duration", "100ms", "-clients", "1,2"}
	if err := figure.Run(t.Context(), &out, t.Output(), args); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Notes    []string
		Measured []struct {
			Subject, Measure string
			Values           []float64
		}
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	rates := 0
	for _, m := range got.Measured {
		if strings.HasPrefix(m.Measure, "updates/s") {
			rates++
			if m.Subject != "bind" || len(m.Values) != 2 || m.Values[0] <= 0 {
				t.Errorf("%+v, want two positive rates of bind", m)
			}
		}
	}
	if rates != 2 || len(got.Notes) != 1 {
		t.Errorf("%d rates, notes %q, want 2 and the version alone", rates, got.Notes)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v, want nothing", left, err)
	}
}

func requireServer(t *testing.T, name string) {
	t.Helper()
	for _, kind := range peer.Kinds() {
		if _, err := kind.Find(); kind.Name == name && err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

func TestBareHandlerAnswersBothWays(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	said, out := io.Pipe()
	ended := make(chan error)
	go func() { ended <- figure.ServeBare(ctx, out) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	fleet := load.NewFleet([]load.Key{{Username: "u", Secret: "s", Hosts: []string{"h.example.org"}}})
	for _, keepAlive := range []bool{false, true} {
		h := &load.HTTP{Server: netip.MustParseAddrPort(strings.TrimSpace(line)), KeepAlive: keepAlive, Expect: []string{"nochg "}}
		clients := h.Clients(2, fleet, func(int) [4]byte { return [4]byte{192, 0, 2, 1} })
		if got := load.Closed(ctx, clients, 1, 50*time.Millisecond); got.Done == 0 || got.Failed != 0 {
			t.Errorf("keep-alive %v: done %d, failed %d (%v), want all done", keepAlive, got.Done, got.Failed, got.FirstFail)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ServeBare = %v, want nil at the end", err)
	}
}
