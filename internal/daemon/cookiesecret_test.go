package daemon

import (
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/history"
	"stayput.dev/internal/publish"
)

// TestRenewingUndoesNoReload that comes at the same time.
func TestRenewingUndoesNoReload(t *testing.T) {
	t.Parallel()
	d := newEmpty(t)
	d.dns = dnsserver.New(d.registry.State, dnsserver.Options{Logger: d.log})
	d.notifier = publish.NewNotifier(d.registry, publish.NotifyOptions{Logger: d.log})
	d.pushers = publish.NewPushers(d.registry, nil, publish.PushOptions{Logger: d.log})
	d.history = history.New(d.registry, 0, nil)
	done := make(chan struct{})
	var renewing sync.WaitGroup
	for range 2 {
		renewing.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := d.renewOwnSecrets(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 1000 {
		want := config.DNS{Cookies: config.CookiesOff, TCPConnections: i}
		if err := d.setDNS(want); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Microsecond) // who came between has his turn
		if got := d.dnsConfig().TCPConnections; got != i {
			t.Errorf("after reload %d the DNS server heeds %d", i, got)
			break
		}
	}
	close(done)
	renewing.Wait()
}
