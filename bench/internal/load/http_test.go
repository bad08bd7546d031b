//go:build linux

package load_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/sample"
)

// A registrar answers updates as Stayput does and remembers what it saw.
type registrar struct {
	mu          sync.Mutex
	addresses   map[string]string
	connections map[string]bool // by the client's address and port
	sources     map[string]bool // by the client's address
	faults      []string
}

func newRegistrar() *registrar {
	return &registrar{addresses: map[string]string{}, connections: map[string]bool{}, sources: map[string]bool{}}
}

func (r *registrar) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	host, address := req.URL.Query().Get("hostname"), req.URL.Query().Get("myip")
	if user, secret, ok := req.BasicAuth(); !ok || secret != "secret of "+user {
		r.faults = append(r.faults, "bad credentials "+user)
	}
	if req.URL.Path != "/nic/update" || req.Method != http.MethodGet {
		r.faults = append(r.faults, req.Method+" "+req.URL.Path)
	}
	r.connections[req.RemoteAddr] = true
	r.sources[netip.MustParseAddrPort(req.RemoteAddr).Addr().String()] = true
	word := "good"
	if r.addresses[host] == address {
		word = "nochg"
	}
	r.addresses[host] = address
	fmt.Fprintf(w, "%s %s\n", word, address)
}

// fleet returns routers of 20 hosts under two keys.
func fleet() *load.Fleet {
	keys := []load.Key{{Username: "one"}, {Username: "two"}}
	for i := range keys {
		keys[i].Secret = "secret of " + keys[i].Username
		for n := range 10 {
			keys[i].Hosts = append(keys[i].Hosts, fmt.Sprintf("h%d.%s.example.org", n, keys[i].Username))
		}
	}
	return load.NewFleet(keys)
}

// way returns the way to a test server.
func way(s *httptest.Server, expect ...string) *load.HTTP {
	return &load.HTTP{Server: netip.MustParseAddrPort(s.Listener.Addr().String()), Expect: expect}
}

func TestClosedLoopUpdates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		keepAlive, security bool
	}{
		{name: "a connection for each"},
		{name: "kept connections", keepAlive: true},
		{name: "TLS", security: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRegistrar()
			s := httptest.NewUnstartedServer(r)
			defer s.Close()
			h := way(s, "good ")
			h.KeepAlive = tt.keepAlive
			if tt.security {
				s.StartTLS()
				h.TLS = &tls.Config{InsecureSkipVerify: true}
			} else {
				s.Start()
			}
			moves, routers := sample.NewMoves(20), fleet()
			got, err := h.Closed(t.Context(), 3, routers, moves.Next, 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if got.Failed != 0 || got.Done == 0 || len(got.Latencies) != got.Done {
				t.Fatalf("done %d, failed %d (%v), latencies %d, want all done", got.Done, got.Failed, got.FirstFail, len(got.Latencies))
			}
			s.Close()
			if len(r.faults) != 0 {
				t.Errorf("the server saw %v", r.faults)
			}
			want := got.Done
			if tt.keepAlive {
				want = 3
			}
			if len(r.connections) != want {
				t.Errorf("%d connections for %d updates, want %d", len(r.connections), got.Done, want)
			}
		})
	}
}

func TestEachRouterHasItsOwnSource(t *testing.T) {
	t.Parallel()
	r := newRegistrar()
	s := httptest.NewServer(r)
	defer s.Close()
	routers := fleet()
	where := func(int) [4]byte { return [4]byte{192, 0, 2, 1} }
	if err := load.Each(t.Context(), way(s, "good ").Clients(3, routers, where), routers.Len()); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	if len(r.addresses) != routers.Len() || len(r.sources) != routers.Len() {
		t.Errorf("%d hosts from %d sources, want %d of each", len(r.addresses), len(r.sources), routers.Len())
	}
	r.mu.Unlock()

	err := load.Each(t.Context(), way(s, "good ").Clients(3, routers, where), routers.Len())
	if err == nil || !strings.Contains(err.Error(), "nochg") {
		t.Errorf("the same addresses again: %v, want the nochg reported", err)
	}
}

func TestOpenLoopCountsFromTheSchedule(t *testing.T) {
	t.Parallel()
	const stall = 50 * time.Millisecond
	var once sync.Mutex // one at a time: the second waits for the first
	arrivals := []load.Arrival{{At: 0, Host: 1}, {At: time.Millisecond, Host: 2}, {At: 2 * time.Millisecond, Host: 3}}
	got, err := load.Open(t.Context(), arrivals, func(int) error {
		once.Lock()
		defer once.Unlock()
		time.Sleep(stall)
		return nil
	})
	if err != nil || got.Done != 3 || len(got.Lateness) != 3 {
		t.Fatalf("%v, done %d, late %d, want 3 of each", err, got.Done, len(got.Lateness))
	}
	if least := 3*stall - 2*time.Millisecond; got.Latencies[2] < least {
		t.Errorf("the last waited %v, want at least %v", got.Latencies[2], least)
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	steady := load.Evenly(1000, 2*time.Second, 7)
	if len(steady) != 2000 || steady[1999].At != 1999*time.Millisecond {
		t.Errorf("steady: %d arrivals, the last at %v, want 2000 and 1.999s", len(steady), steady[len(steady)-1].At)
	}
	back := load.AtRandom(500, time.Minute)
	seen := make(map[int]bool)
	for i, a := range back {
		seen[a.Host] = true
		if a.At < 0 || a.At >= time.Minute || i > 0 && a.At < back[i-1].At {
			t.Fatalf("arrival %d at %v, want ascending within a minute", i, a.At)
		}
	}
	if len(seen) != 500 {
		t.Errorf("%d hosts come back, want 500", len(seen))
	}
}
