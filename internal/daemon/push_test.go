package daemon_test

import (
	"net/netip"
	"strings"
	"testing"

	"stayput.dev/internal/api"
	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
)

// TestPushWithoutKey: whoever compares a zone hears that its key is missing, and not
// that the zone is pushed nowhere.
func TestPushWithoutKey(t *testing.T) {
	t.Parallel()
	cfg := load(t, t.TempDir(), "")
	cfg.DNS.Push = []config.Push{{Zone: "dyn.example.org", Addr: netip.MustParseAddrPort("127.0.0.1:1"), Key: "stayput-push"}}
	d := start(t, cfg, daemon.Options{})
	d.addZone(t)
	_, err := api.NewClient(d.Socket).ReconcileZone(t.Context(), "dyn.example.org", api.Reconcile{})
	if err == nil || !strings.Contains(err.Error(), "there is no TSIG key stayput-push") {
		t.Errorf("got = %v, want that the key is missing", err)
	}
}
