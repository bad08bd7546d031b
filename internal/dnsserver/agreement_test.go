package dnsserver_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// seedVariable repeats a comparison: a run says which seed it had.
const seedVariable = "STAYPUT_SEED"

// TestAgreement asks us, BIND, Knot and NSD some 20,000 questions of all kinds
// about zones that are made anew each time.
func TestAgreement(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	r := makeRealm(seed)
	masters := r.masters(rand.New(rand.NewPCG(seed, 3)))
	zones := readZones(t, masters)
	compare(t, masters, zones, makeQuestions(t, r, zones, seed))
}

// newSeed returns a new seed, or the one that is to be repeated.
func newSeed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d repeats this", seedVariable, seed)
	return seed
}

// readZones reads master files, which stand under the origins of their zones.
func readZones(t testing.TB, masters map[string]string) (zones zone.Set) {
	t.Helper()
	for origin, text := range masters {
		zones = zones.With(readZone(t, origin, text))
	}
	return zones
}

// compare serves the zones from all makes, asks the questions, and holds our
// replies against those of the majority.
func compare(t *testing.T, masters map[string]string, zones zone.Set, questions []*dns.Msg) {
	t.Helper()
	state := &registry.State{Zones: zones}
	ours := serve(t, dnsserver.Options{}, func() *registry.State { return state })
	all := panel{{name: "ours", udp: ours.udp, tcp: ours.tcp}}
	for _, p := range peers {
		address := p.start(t, masters)
		all = append(all, panelist{p.program, address, address})
	}
	used := map[string]int{}
	for _, e := range all.ask(t, questions) {
		checkNoDuplicates(t, e.full[0])
		ours, theirs := claimsOf(e, 0), majority(e)
		if maps.Equal(ours, theirs) {
			continue
		}
		if why := excuse(zones, e); why != "" {
			used[why]++
			continue
		}
		t.Errorf("%s", disagreement(all, e))
	}
	for why, times := range used {
		t.Logf("%d times: %s", times, why)
	}
}
