package update_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// BenchmarkUpdate measures what an update costs besides the network and the
// disk: hosts of one zone, 100 to a key, each moved to a new address.
func BenchmarkUpdate(b *testing.B) {
	for _, hosts := range []int{10_000, 1_000_000} {
		service := benchService(b, hosts)
		for _, waiters := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("hosts=%d/waiters=%d", hosts, waiters), func(b *testing.B) {
				benchmark(b, service, hosts, waiters, func(i, n int) string {
					return netip.AddrFrom4([4]byte{198, 51, byte(i), byte(n)}).String()
				})
			})
		}
	}
}

// BenchmarkUnchanged measures updates that find their address in place.
func BenchmarkUnchanged(b *testing.B) {
	benchmark(b, benchService(b, 10_000), 10_000, 16, func(int, int) string { return "192.0.2.1" })
}

func benchService(b *testing.B, hosts int) *update.Service {
	w := newWorld(b, update.Options{})
	w.apply(func(*registry.State) (registry.Changes, error) { return manyHosts(b, hosts), nil })
	return update.New(w.registry, update.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func benchmark(b *testing.B, service *update.Service, hosts, waiters int, next func(host, n int) string) {
	var counter atomic.Int64
	var group sync.WaitGroup
	b.ReportAllocs()
	spent := rig.CPUTime(b)
	b.ResetTimer()
	for range waiters {
		group.Go(func() {
			for n := counter.Add(1); n <= int64(b.N); n = counter.Add(1) {
				i := rand.IntN(hosts)
				results, err := service.Update(b.Context(), update.Request{
					Username: "key" + strconv.Itoa(i/100), Secret: aliceSecret, Via: "dyndns2",
					Hosts: []string{"host" + strconv.Itoa(i) + ".many.example.org"}, V4: set(next(i, int(n))),
				})
				if err != nil || !results[0].Outcome.IsSuccess() {
					b.Errorf("updating host %d: %v, %v", i, results, err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64((rig.CPUTime(b)-spent).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// manyHosts is a zone of hosts at 192.0.2.1, with an update key for each hundred.
func manyHosts(tb testing.TB, hosts int) registry.Changes {
	tb.Helper()
	origin := name("many.example.org")
	z := zone.New(origin)
	_ = z.Put(zone.DefaultSOA(name("ns.example.org"), name("hostmaster.example.org"), 1).RRset(origin))
	var c registry.Changes
	kept := keep(tb, aliceSecret)
	at := time.Now().UTC().Truncate(time.Millisecond)
	for i := range hosts {
		host := name(fmt.Sprintf("host%d.many.example.org", i))
		if err := z.Put(zone.RRset{Name: host, Type: zone.TypeA, TTL: 60, Data: data("192.0.2.1")}); err != nil {
			tb.Fatal(err)
		}
		owner := uint32(10 + i/100)
		c.Accounts.Hosts = append(c.Accounts.Hosts, account.Host{
			ID: uint32(10 + i), Name: host, Account: owner, TTL: 60, Created: at,
			Sources: []account.Source{{Addr: netip.MustParseAddr("192.0.2.1"), Via: "admin", At: at}},
		})
		if i%100 == 0 {
			c.Accounts.Accounts = append(c.Accounts.Accounts, account.Account{ID: owner, Name: fmt.Sprintf("account%d", i/100), Role: account.Customer})
			c.Accounts.Keys = append(c.Accounts.Keys, account.Key{
				ID: owner, Account: owner, Username: fmt.Sprintf("key%d", i/100), Secret: kept,
			})
		}
	}
	made, _, err := z.Finish()
	if err != nil {
		tb.Fatal(err)
	}
	c.Replaced = []*zone.Zone{made}
	return c
}

// BenchmarkPrefix measures what it costs to renumber 500 hosts of one customer.
func BenchmarkPrefix(b *testing.B) {
	w := newWorld(b, update.Options{})
	w.many(500)
	service := update.New(w.registry, update.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	b.ReportAllocs()
	spent := rig.CPUTime(b)
	b.ResetTimer()
	for n := range b.N {
		to := netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::", 2+n%1000)), 48)
		results, err := service.Update(b.Context(), update.Request{
			Username: "alice", Secret: aliceSecret, Via: "dyndns2", Hosts: []string{"router.dyn.example.org"}, Prefix: to,
		})
		if err != nil || results[0].Outcome != update.Good {
			b.Fatalf("%v, %v", results, err)
		}
	}
	b.ReportMetric(float64((rig.CPUTime(b)-spent).Nanoseconds())/float64(b.N), "cpu-ns/op")
}
