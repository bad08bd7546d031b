//go:build linux

package figure

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// reference is the server that others are divided by where the figure is not
// about Stayput alone.
const reference = "knot"

// stayput is the subject that all this is about.
const stayput = "stayput"

// A bench is one measurement: its settings, its servers and its report.
type bench struct {
	*settings
	dir    string
	report *report
	log    *log.Logger
	stops  []func()
}

// stop stops all servers, a database after those that use it.
func (b *bench) stop() {
	for _, stop := range slices.Backward(b.stops) {
		stop()
	}
	b.stops = nil
}

// subdir makes a directory for one server.
func (b *bench) subdir(name string) (string, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a directory: %w", err)
	}
	return dir, nil
}

// zoneFile writes the zone's master file.
func (b *bench) zoneFile(zone sample.Zone) (string, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("zone-%d", zone.Hosts))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, zone.WriteFile(path)
}

// stayput starts a daemon in the directory called name and stops it at the
// end. It is ready on return.
func (b *bench) stayput(ctx context.Context, name string, o peer.StayputOptions) (*peer.Stayput, error) {
	s, err := b.launch(ctx, name, o)
	if err != nil {
		return nil, err
	}
	return s, s.AwaitReady(ctx)
}

// launch is stayput without the waiting.
func (b *bench) launch(ctx context.Context, name string, o peer.StayputOptions) (*peer.Stayput, error) {
	var err error
	if b.binary == "" {
		b.log.Print("building stayput")
		dir, err := b.subdir("build") // not where a daemon called stayput has its directory
		if err != nil {
			return nil, err
		}
		if b.binary, err = peer.Build(ctx, dir); err != nil {
			return nil, err
		}
	}
	o.Binary = b.binary
	if o.Dir, err = b.subdir(name); err != nil {
		return nil, err
	}
	s, err := peer.StartStayput(o)
	if err != nil {
		return nil, err
	}
	b.stops = append(b.stops, s.Stop)
	return s, nil
}

// service starts a daemon with so many hosts and returns the routers that
// keep them up to date.
func (b *bench) service(ctx context.Context, name string, hosts int, o peer.StayputOptions) (*peer.Stayput, *load.Fleet, error) {
	s, err := b.stayput(ctx, name, o)
	if err != nil {
		return nil, nil, err
	}
	b.log.Printf("seeding %d hosts", hosts)
	keys, err := s.Seed(ctx, hosts, b.owners(hosts))
	if err != nil {
		return nil, nil, err
	}
	fleet := load.NewFleet(keys)
	if fleet.Len() != hosts {
		return nil, nil, fmt.Errorf("%d hosts were seeded, want %d", fleet.Len(), hosts)
	}
	b.log.Printf("waiting until they are written down for later")
	return s, fleet, s.AwaitArchive(ctx)
}

// installed returns the wanted kinds of servers that are installed, and notes
// the version of each and the names of those that are not.
func (b *bench) installed(ctx context.Context, usable func(peer.Kind) bool) []peer.Kind {
	return b.among(ctx, slices.DeleteFunc(peer.Kinds(), func(k peer.Kind) bool { return !usable(k) }))
}

// among is installed for some kinds.
func (b *bench) among(ctx context.Context, all []peer.Kind) []peer.Kind {
	var kinds []peer.Kind
	for _, k := range all {
		if !b.wants(k.Name) {
			continue
		}
		version, err := k.Version(ctx)
		if err != nil {
			b.report.note("%v", err)
			continue
		}
		b.report.note("%s: %s", k.Name, version)
		kinds = append(kinds, k)
	}
	return kinds
}

// start starts a server for the zone and stops it at the end.
func (b *bench) start(ctx context.Context, k peer.Kind, zone sample.Zone, cpu, threads int) (*peer.Server, error) {
	file, err := b.zoneFile(zone)
	if err != nil {
		return nil, err
	}
	dir, err := b.subdir(k.Name)
	if err != nil {
		return nil, err
	}
	s, err := k.Start(ctx, peer.Options{Dir: dir, Zone: zone, ZoneFile: file, CPU: cpu, Threads: threads})
	if err != nil {
		return nil, err
	}
	b.stops = append(b.stops, s.Stop)
	return s, nil
}

// eachRound calls turn for every round, and stops when ctx ends.
func (b *bench) eachRound(ctx context.Context, turn func() error) error {
	for n := range b.rounds {
		b.log.Printf("round %d of %d", n+1, b.rounds)
		if err := turn(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// addResult adds a run of updates to the report. More than a few failures make
// the rate meaningless, so they are always shown.
func (b *bench) addResult(subject, how string, r *load.Result) {
	b.report.add(subject, "updates/s"+how, "/s", r.Rate())
	b.report.add(subject, "p50"+how, "ms", milliseconds(r.Percentile(50)))
	b.report.add(subject, "p99"+how, "ms", milliseconds(r.Percentile(99)))
	b.addFailures(subject, how, r)
	b.log.Printf("%s%s: %.0f/s, p50 %v, p99 %v", subject, how, r.Rate(), r.Percentile(50), r.Percentile(99))
}

func (b *bench) addFailures(subject, how string, r *load.Result) {
	if r.Failed > 0 {
		b.report.note("%s%s: %d of %d updates failed, such as: %v", subject, how, r.Failed, r.Failed+r.Done, r.FirstFail)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
