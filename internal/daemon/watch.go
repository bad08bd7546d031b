package daemon

import (
	"context"
	"crypto/x509"
	"fmt"

	"stayput.dev/internal/api"
	"stayput.dev/internal/checkup"
	"stayput.dev/internal/metrics"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/watch"
	"stayput.dev/internal/web"
	"stayput.dev/internal/zone"
)

// recorder hears of what devices ask and are told.
func (d *daemon) recorder() watch.Recorders { return watch.Recorders{d.history, d.tally} }

// readCounters tells what is shown of counters over time. The DNS server must be there.
func (d *daemon) readCounters(counts watch.Counts) {
	for rcode, n := range d.dns.Stats().Replies {
		counts[web.Replies+rcode] = n
	}
	for outcome, n := range metrics.Sum(d.updates, "stayput_updates_total", "outcome") {
		counts[web.Updates+outcome] = n
	}
}

// standing tells the API who stands out.
type standing struct{ *watch.Tally }

// StandingOut implements api.Tally.
func (t standing) StandingOut(n int) api.StandingOut {
	return api.StandingOut{
		Failing: viewCounts(t.Failing(n)), Limited: viewCounts(t.Limited(n)), LimitedKeys: viewCounts(t.LimitedKeys(n)), Changing: viewCounts(t.Changing(n)),
	}
}

func viewCounts[K comparable](counts []watch.Count[K]) (out []api.Standing) {
	for _, c := range counts {
		out = append(out, api.Standing{Of: fmt.Sprint(c.Of), Times: c.Times})
	}
	return out
}

// house is what staff see of the service on the pages.
func (d *daemon) house() web.House {
	return web.House{
		Trend: d.trend, Tally: d.tally, Servers: neighbours{d}, Checks: worldly{checks{d}}, Certificates: d.showCertificates, Nodes: staffNodes{nodes{d}},
	}
}

// neighbours shows the servers elsewhere to the pages.
type neighbours struct{ *daemon }

// Told implements web.Servers.
func (n neighbours) Told() []web.Secondary {
	var all []web.Secondary
	for _, s := range n.notifier.States() {
		out := web.Secondary{Zone: s.Zone.String(), Addr: s.Secondary.Addr.String(), Serial: s.Serial, Told: s.At, Taken: s.Taken}
		if s.Err != nil && !s.Taken {
			out.Err = phrase.New("does not take notices: %v", s.Err)
		}
		all = append(all, out)
	}
	return all
}

// Ask implements web.Servers.
func (n neighbours) Ask(ctx context.Context) []web.Secondary {
	var all []web.Secondary
	for _, s := range n.notifier.Check(ctx) {
		out := web.Secondary{Zone: s.Zone.String(), Addr: s.Secondary.Addr.String(), Serial: s.Serial, Told: s.At, Taken: s.Taken, Err: faultOf(&s)}
		if s.HasErr == nil {
			out.Has = new(s.Has)
		}
		all = append(all, out)
	}
	return all
}

// Pushes implements web.Servers.
func (n neighbours) Pushes() []web.Push {
	var all []web.Push
	for _, s := range n.pushers.States() {
		out := web.Push{Zone: s.Zone.String(), Target: s.Target.String(), Pending: s.Pending, Oldest: s.Oldest, Refused: s.Refused, Held: s.Held}
		if s.Err != nil {
			out.Err = phrase.Of(s.Err)
		}
		all = append(all, out)
	}
	return all
}

// worldly lets the pages look at zones as the API does.
type worldly struct{ checks }

// Check implements web.Checks.
func (w worldly) Check(ctx context.Context, origin zone.Name) []web.Finding {
	levels := [...]web.Level{checkup.OK: web.FoundWell, checkup.Warn: web.FoundOdd, checkup.Fail: web.FoundFault}
	var all []web.Finding
	for _, f := range w.look(ctx, origin, api.CheckBy{}) {
		all = append(all, web.Finding{Level: levels[f.Level], Topic: phrase.Fixed(string(f.Topic)), Text: f.Text, Hint: f.Hint})
	}
	return all
}

// showCertificates tells which certificates listeners show, and until when.
func (d *daemon) showCertificates() []web.Certificate {
	var all []web.Certificate
	for _, c := range d.certs {
		pair, err := c.GetCertificate(nil)
		if err != nil {
			continue
		}
		leaf := pair.Leaf
		if leaf == nil {
			if leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
				continue
			}
		}
		names := leaf.DNSNames
		if len(names) == 0 {
			names = []string{leaf.Subject.CommonName}
		}
		all = append(all, web.Certificate{Names: names, Until: leaf.NotAfter})
	}
	return all
}
