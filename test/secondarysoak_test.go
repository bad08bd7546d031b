//go:build linux

package test

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// campaign is what TestSecondariesSoak lets a daemon and its secondaries go through.
type campaign struct {
	hosts    int
	rate     int // updates a second
	lasts    time.Duration
	baseline time.Duration // how long a Knot has the part of the daemon before; 0: not at all
	patient  time.Duration // for the first transfer, and to catch up in the end
}

// theCampaign is a short one without a baseline, or that of `make soak-secondaries`,
// parts of which the environment may replace.
func theCampaign(t *testing.T) campaign {
	t.Helper()
	if os.Getenv("STAYPUT_SECONDARIES") == "" {
		return campaign{hosts: 5000, rate: 100, lasts: 5 * time.Second, patient: time.Minute}
	}
	c := campaign{hosts: 1_000_000, rate: 1000, lasts: 5 * time.Minute, baseline: 2 * time.Minute, patient: 2 * time.Minute}
	for name, p := range map[string]*int{"STAYPUT_SECONDARIES_HOSTS": &c.hosts, "STAYPUT_SECONDARIES_RATE": &c.rate} {
		if text := os.Getenv(name); text != "" {
			*p = must(strconv.Atoi(text))(t)
		}
	}
	for name, p := range map[string]*time.Duration{"STAYPUT_SECONDARIES_LAST": &c.lasts, "STAYPUT_SECONDARIES_BASELINE": &c.baseline} {
		if text := os.Getenv(name); text != "" {
			*p = must(time.ParseDuration(text))(t)
		}
	}
	return c
}

// While many hosts of a large zone change all the time, each secondary fetches it whole
// once, then a difference a second at most, is not much further behind than behind a
// Knot, and in the end has what we have. Then ten who fetch it whole at once cost the
// daemon little memory.
func TestSecondariesSoak(t *testing.T) {
	c := theCampaign(t)
	w, secondaries := newSecondaries(t, nil, followers...)
	file := filepath.Join(w.dir, "keys.csv")
	w.run("seed", "--zone", "dyn.example.org", "--hosts", strconv.Itoa(c.hosts), "--accounts", strconv.Itoa(c.hosts/10), "--out", file)
	keys := strings.Fields(read(t, file))
	behindKnot := c.behindKnot(t, w, keys)
	for _, s := range secondaries {
		s.start(t, w.upstream(), s.zone, "", "dyn.example.org")
	}
	await(t, secondaries, w.serial(), c.patient)

	began, differences := time.Now(), w.transfers("ixfr")
	lags := follows(w.dns, secondaries)
	took := c.update(t, w, keys)
	await(t, secondaries, w.serial(), c.patient)
	seconds, n := int(time.Since(began).Seconds()), w.transfers("ixfr")-differences
	t.Logf("Stayput took %d updates in %s, %.0f a second", took, c.lasts, float64(took)/c.lasts.Seconds())
	if c.baseline > 0 && took*20 < 19*c.rate*int(c.lasts.Seconds()) {
		t.Errorf("the rate was not kept")
	}
	ours := lags()
	compare(t, secondaries, ours, behindKnot)
	t.Logf("%d differences in %d s went to %d secondaries", n, seconds, len(secondaries))
	for i, s := range secondaries {
		if n := ours[i].versions - 1; n > seconds+2 {
			t.Errorf("%s fetched %d versions in %d s", s.program, n, seconds)
		}
	}
	if n > len(secondaries)*(seconds+2) {
		t.Errorf("%d differences in %d s for %d secondaries", n, seconds, len(secondaries))
	}
	if n := w.transfers("axfr"); n != len(secondaries) {
		t.Errorf("%d whole zones went out, want one to each", n)
	}
	want := digestAt(t, w.dns, secondaries[0].program, secondaries[0].secret)
	for _, s := range secondaries {
		if got := digestAt(t, s.address, "", ""); got != want {
			t.Errorf("%s has %+v, want %+v", s.program, got, want)
		}
	}
	tenTransfers(t, w, secondaries[0], want.records)
}

// tenTransfers lets ten clients fetch the zone, of so many records, at once, and sees what
// memory that takes.
func tenTransfers(t *testing.T, w *world, as *secondary, records int) {
	t.Helper()
	vitals := watch(w)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { fetch(t, w.dns, as.program, as.secret, records) })
	}
	all.Wait()
	vitals.finish()
	t.Logf("memory: %d MiB idle, %d MiB at most during ten transfers", vitals.idle>>20, vitals.most>>20)
	if vitals.most*10 > vitals.idle*13 {
		t.Errorf("ten transfers take %d octets, idle are %d", vitals.most, vitals.idle)
	}
}

// compare prints how far behind secondaries were, and fails where that is more than twice
// what it was behind a Knot, in lags in the same order; nil without a baseline.
func compare(t *testing.T, secondaries []*secondary, ours, behindKnot []lag) {
	t.Helper()
	for i, s := range secondaries {
		t.Logf("%-6s behind Stayput: %s", s.program, ours[i])
		if behindKnot == nil {
			continue
		}
		t.Logf("%-6s behind Knot:    %s; p99 is %.2f times that", s.program, behindKnot[i], float64(ours[i].p99)/float64(behindKnot[i].p99))
		if ours[i].p99 > 2*behindKnot[i].p99 {
			t.Errorf("%s lags %s behind Stayput and %s behind Knot (p99)", s.program, ours[i].p99, behindKnot[i].p99)
		}
	}
}

// await returns when all secondaries have the serial.
func await(t *testing.T, secondaries []*secondary, serial uint32, patience time.Duration) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		late := slices.IndexFunc(secondaries, func(s *secondary) bool { return serialAt(s.address, "dyn.example.org.") != serial })
		if late < 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not have serial %d after %s", secondaries[late].program, serial, patience)
		}
	}
}

// update sends updates of random hosts at the rate of the campaign until it ends, and
// returns how many. Keys are lines of what seed writes.
func (c campaign) update(t *testing.T, w *world, keys []string) (n int) {
	t.Helper()
	var under sync.WaitGroup
	seats := make(chan struct{}, 100)
	began := time.Now()
	for ; time.Since(began) < c.lasts; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(c.rate))))
		fields := strings.Split(keys[rand.IntN(len(keys))], ",")
		target := fmt.Sprintf("/nic/update?hostname=%s&myip=198.18.%d.%d", fields[2+rand.IntN(len(fields)-2)], rand.IntN(256), rand.IntN(256))
		seats <- struct{}{}
		under.Go(func() {
			defer func() { <-seats }()
			if status, body, err := get(w.http, target, fields[0], fields[1]); err != nil || status != http.StatusOK {
				t.Errorf("%s: %d %q %v", target, status, body, err)
			}
		})
	}
	under.Wait()
	return n
}

// sighting is a serial and when it was seen.
type sighting struct {
	serial uint32
	at     time.Time
}

// lag is how long a secondary took to have what its primary had.
type lag struct {
	p50, p99 time.Duration
	of       int // sightings of the primary
	versions int // that the secondary was seen with
}

func (l lag) String() string {
	return fmt.Sprintf("lag p50 %4d ms, p99 %4d ms, of %d; %d versions", l.p50.Milliseconds(), l.p99.Milliseconds(), l.of, l.versions)
}

// follows looks at which serials a primary and its secondaries have, until what it
// returns is called: that tells how far behind each secondary was.
func follows(primary string, secondaries []*secondary) func() []lag {
	stop := make(chan struct{})
	var done sync.WaitGroup
	seen := make([][]sighting, len(secondaries)+1)
	for i, address := range append([]string{primary}, addressesOf(secondaries)...) {
		done.Go(func() {
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
					if serial := serialAt(address, "dyn.example.org."); serial > 0 {
						seen[i] = append(seen[i], sighting{serial, time.Now()})
					}
				}
			}
		})
	}
	return func() (all []lag) {
		close(stop)
		done.Wait()
		for _, there := range seen[1:] {
			all = append(all, lagOf(seen[0], there))
		}
		return all
	}
}

func addressesOf(secondaries []*secondary) (all []string) {
	for _, s := range secondaries {
		all = append(all, s.address)
	}
	return all
}

// lagOf returns how long after each sighting of a serial it was seen elsewhere.
func lagOf(here, there []sighting) lag {
	var all []time.Duration
	versions := map[uint32]bool{}
	for _, s := range there {
		versions[s.serial] = true
	}
	for _, s := range here {
		for len(there) > 0 && there[0].serial < s.serial {
			there = there[1:]
		}
		if len(there) > 0 {
			all = append(all, max(there[0].at.Sub(s.at), 0))
		}
	}
	if len(all) == 0 {
		return lag{}
	}
	slices.Sort(all)
	return lag{all[len(all)/2], all[len(all)*99/100], len(all), len(versions)}
}

// digest is a zone in short: equal zones have equal ones.
type digest struct {
	records int
	sum     uint64
}

// digestAt returns the digest of the zone that a server has. With a key, it signs.
func digestAt(t *testing.T, address, key, secret string) (d digest) {
	t.Helper()
	transfer, query := rig.NewTransfer(), new(dns.Msg).SetAxfr("dyn.example.org.")
	if key != "" {
		transfer.TsigSecret = map[string]string{key + ".": secret}
		query.SetTsig(key+".", dns.HmacSHA256, 300, time.Now().Unix())
	}
	messages, err := transfer.In(query, address)
	if err != nil {
		t.Fatal(err)
	}
	for m := range messages {
		if m.Error != nil {
			t.Fatalf("transferring from %s: %v", address, m.Error)
		}
		for _, rr := range m.RR {
			h := fnv.New64a()
			_, _ = io.WriteString(h, rr.String())
			d.records, d.sum = d.records+1, d.sum+h.Sum64()
		}
	}
	return d
}

// fetch transfers the zone, of so many records, and looks at none of them.
func fetch(t *testing.T, address, key, secret string, records int) {
	query := new(dns.Msg).SetAxfr("dyn.example.org.").SetTsig(key+".", dns.HmacSHA256, 300, time.Now().Unix())
	packet, _, err := dns.TsigGenerate(query, secret, "", false)
	if err != nil {
		t.Error(err)
		return
	}
	conn, err := dns.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	if _, err := conn.Write(packet); err != nil {
		t.Error(err)
	}
	for records > 0 {
		message, err := conn.ReadMsgHeader(nil)
		if err != nil {
			t.Errorf("%v with %d records to come", err, records)
			return
		}
		records -= int(message[6])<<8 | int(message[7])
	}
}
