package test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
	"stayput.dev/test/rig/primary"
)

// pushCampaign is what TestPushSoak lets a target go through.
type pushCampaign struct {
	hosts, each int           // how often each is updated
	frozen      time.Duration // at least, and so long the target stands still
}

func thePushCampaign() pushCampaign {
	if os.Getenv("STAYPUT_PUSH") != "" {
		return pushCampaign{hosts: 100, each: 100, frozen: 10 * time.Second}
	}
	return pushCampaign{hosts: 20, each: 20, frozen: 500 * time.Millisecond}
}

// Routers update their hosts while the server that the zone is pushed to is frozen, killed,
// stands still and is restarted. The address of each host only ever rises. Whoever asks
// the server all the time sees no older one after a newer one, and no host without an
// address; in the end the server has what we have, name by name.
func TestPushSoak(t *testing.T) {
	t.Parallel()
	for _, kind := range primary.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			thePushCampaign().run(t, kind.Run(t))
		})
	}
}

func (c pushCampaign) run(t *testing.T, target *primary.Server) {
	w := newWorld(t, "")
	w.pushTo(`push_wait = "50ms"`, target)
	w.start()
	var hosts []string
	for i := range c.hosts {
		hosts = append(hosts, fmt.Sprintf("h%d.dyn.example.org", i))
	}
	user, secret := w.seed(hosts...)
	w.addPushKey()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var watcher, routers sync.WaitGroup
	var seen atomic.Int64
	watcher.Go(func() { watchRising(ctx, t, target, hosts, &seen) })
	var done atomic.Int64
	for _, some := range slices.Collect(slices.Chunk(hosts, (c.hosts+15)/16)) {
		routers.Go(func() {
			for k := range c.each {
				for _, h := range some {
					if !updates(ctx, t, w, h, rising(k), user, secret) {
						return
					}
					done.Add(1)
				}
			}
		})
	}
	// reach waits until a part of all updates is done.
	reach := func(part float64) {
		t.Helper()
		until(t, "updates go on", func() bool { return float64(done.Load()) >= part*float64(c.hosts*c.each) })
	}
	reach(0.15)
	target.Freeze()
	until(t, "the daemon says that the target is frozen", func() bool { return strings.Contains(w.run("zone", "push"), "REFUSED") })
	time.Sleep(c.frozen)
	target.Thaw()
	reach(0.35)
	target.Kill()
	time.Sleep(c.frozen)
	target.Start()
	reach(0.55)
	target.Signal(syscall.SIGSTOP)
	time.Sleep(c.frozen)
	target.Signal(syscall.SIGCONT)
	reach(0.75)
	target.Stop()
	target.Start()
	routers.Wait()
	until(t, "the target has all", func() bool { return strings.Contains(w.run("zone", "push"), "up to date") })
	stop()
	watcher.Wait()

	if n := int(done.Load()); n != c.hosts*c.each {
		t.Errorf("%d updates were answered good, want %d", n, c.hosts*c.each)
	}
	t.Logf("%d updates, %d sightings", done.Load(), seen.Load())
	here, there := pushedSets(w.transfer(t)), pushedSets(target.Transfer())
	delete(there, "www.dyn.example.org. A")
	delete(there, "www.dyn.example.org. TXT")
	for set, want := range here {
		if got := there[set]; !slices.Equal(got, want) {
			t.Errorf("%s is %q at the target, want %q", set, got, want)
		}
		delete(there, set)
	}
	if len(there) > 0 {
		t.Errorf("the target has what we do not have: %q", there)
	}
	for _, h := range hosts {
		if got := addressesAt(target, h); len(got) != 1 || got[0] != rising(c.each-1).String() {
			t.Errorf("%s ends as %q, want %s", h, got, rising(c.each-1))
		}
	}
	if status := w.run("zone", "push", "dyn.example.org"); !strings.Contains(status, ": 0 differences, 0 deletions, 1 names of others") {
		t.Errorf("zone push dyn.example.org prints\n%s", status)
	}
}

// addPushKey gives the daemon the key that all primaries know.
func (w *world) addPushKey() {
	w.t.Helper()
	w.tell(primary.SecretText()+"\n", "tsig", "add", primary.KeyName, "--secret-stdin")
}

// rising returns the address of a host's update, counted from 0.
func rising(k int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(k + 1)}) }

// updates sends an update and tells whether it was answered as it should be.
func updates(ctx context.Context, t *testing.T, w *world, host string, to netip.Addr, user, secret string) bool {
	if ctx.Err() != nil {
		return false
	}
	status, body, err := get(w.http, fmt.Sprintf("/nic/update?hostname=%s&myip=%s", host, to), user, secret)
	if err != nil || status != http.StatusOK || !strings.HasPrefix(body, "good ") {
		t.Errorf("%s: %d %q %v", host, status, body, err)
		return false
	}
	return true
}

// watchRising asks a server for hosts, one after the other, until ctx ends.
func watchRising(ctx context.Context, t *testing.T, target *primary.Server, hosts []string, seen *atomic.Int64) {
	last := map[string]netip.Addr{}
	for i := 0; ctx.Err() == nil; i++ {
		h := hosts[i%len(hosts)]
		reply := target.Ask(h, dns.TypeA)
		if reply == nil || !reply.Authoritative {
			continue // it is away, or has not loaded the zone again
		}
		if len(reply.Answer) != 1 {
			if last[h].IsValid() || len(reply.Answer) > 1 {
				t.Errorf("%s was %s, and now has %d addresses, %s", h, last[h], len(reply.Answer), dns.RcodeToString[reply.Rcode])
			}
			continue
		}
		a, _ := netip.AddrFromSlice(reply.Answer[0].(*dns.A).A.To4())
		if a.Less(last[h]) {
			t.Errorf("%s went back from %s to %s", h, last[h], a)
		}
		last[h] = a
		seen.Add(1)
	}
}

// pushedSets returns the sets of records, each by its name and type, but for what makes
// the zone and the fence.
func pushedSets(records []dns.RR) map[string][]string {
	sets := map[string][]string{}
	for _, rr := range records {
		h := rr.Header()
		if h.Name == "_stayput-push.dyn.example.org." {
			continue
		}
		key := h.Name + " " + dns.TypeToString[h.Rrtype]
		sets[key] = append(sets[key], rr.String())
		slices.Sort(sets[key])
	}
	return sets
}

// transfer returns the records of the zone that the daemon has, but for what makes it.
func (w *world) transfer(t *testing.T) (all []dns.RR) {
	t.Helper()
	messages, err := rig.NewTransfer().In(new(dns.Msg).SetAxfr("dyn.example.org."), w.dns)
	if err != nil {
		t.Fatal(err)
	}
	for m := range messages {
		if m.Error != nil {
			t.Fatal(m.Error)
		}
		for _, rr := range m.RR {
			if h := rr.Header(); h.Rrtype != dns.TypeSOA && h.Rrtype != dns.TypeNS {
				all = append(all, rr)
			}
		}
	}
	return all
}
