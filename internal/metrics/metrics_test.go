package metrics_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"stayput.dev/internal/metrics"
)

func TestOnlyTheAllowedSeeThePage(t *testing.T) {
	t.Parallel()
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	h := metrics.Handler(func() []netip.Prefix { return allow },
		metrics.Counter("stayput_things_total", "Things.", func() float64 { return 42 }))
	tests := []struct {
		remote string
		status int
	}{
		{"127.0.0.1:4711", http.StatusOK},
		{"[::ffff:127.0.0.1]:4711", http.StatusOK},
		{"[2001:db8::7]:4711", http.StatusOK},
		{"192.0.2.7:4711", http.StatusNotFound},
		{"", http.StatusNotFound},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = tt.remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("from %q: status = %d, want %d", tt.remote, w.Code, tt.status)
		}
		if shown := strings.Contains(w.Body.String(), "stayput_things_total 42"); shown != (tt.status == http.StatusOK) {
			t.Errorf("from %q: counter shown = %v", tt.remote, shown)
		}
	}
}

// TestSum adds up what a room counts by one of its labels.
func TestSum(t *testing.T) {
	t.Parallel()
	room := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stayput_things_total"}, []string{"kind", "outcome"})
	room.WithLabelValues("a", "good").Add(2)
	room.WithLabelValues("b", "good").Add(3)
	room.WithLabelValues("b", "bad").Inc()
	got := metrics.Sum(room, "stayput_things_total", "outcome")
	if want := map[string]uint64{"good": 5, "bad": 1}; !maps.Equal(got, want) {
		t.Errorf("Sum = %v, want %v", got, want)
	}
	if got := metrics.Sum(room, "stayput_others_total", "outcome"); got != nil {
		t.Errorf("of another name Sum = %v", got)
	}
}
