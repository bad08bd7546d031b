//go:build linux

package peer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/google/pprof/profile"
)

// Profile returns where the daemon's CPU time goes during d, in whole seconds.
func (s *Stayput) Profile(ctx context.Context, d time.Duration) (*profile.Profile, error) {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "data", "admin.sock"))
		},
	}}
	url := fmt.Sprintf("http://admin/debug/pprof/profile?seconds=%d", max(int(d.Seconds()), 1))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("profiling %s: %w", s.Name, err)
	}
	reply, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("profiling %s: %w", s.Name, err)
	}
	defer reply.Body.Close()
	p, err := profile.Parse(reply.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the profile of %s: %w", s.Name, err)
	}
	return p, nil
}
