package daemon

import (
	"context"
	"net"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd, if it listens, how the daemon is (sd_notify(3)).
func notify(state string) {
	_, _ = sd.SdNotify(false, state) // without systemd there is nobody to tell
}

// watchdog feeds systemd's watchdog as long as the daemon answers itself: a
// writer that works or says why not, and a DNS server that takes a connection.
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

func (d *daemon) answers() bool {
	if len(d.addrs.DNS) == 0 {
		return true
	}
	to := d.addrs.DNS[0]
	if to.Addr().IsUnspecified() {
		to = loopbackFor(to)
	}
	c, err := net.DialTimeout("tcp", to.String(), 2*time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
