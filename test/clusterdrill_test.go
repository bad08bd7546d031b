package test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// drill is a fleet to which bad things happen, one after the other, as dice say.
type drill struct {
	*fleet
	dice  *rand.Rand
	unit  time.Duration // faults last some of them
	away  time.Duration // the databases are, at least
	times map[string]int

	alone time.Duration // since when a node is severed
}

// calamity is a bad thing, with its end.
type calamity struct {
	name   string
	befall func(*drill)
}

var calamities = []calamity{
	{"a node is killed", (*drill).killNode},
	{"a node is cut off", (*drill).cutNode},
	{"the primary is killed, the standby promoted", (*drill).killPrimary},
	{"the standby is cut off, the primary is killed, the standby promoted", (*drill).killPrimaryAlone},
	{"the nodes are cut off from the databases", (*drill).cutDatabases},
	{"the standby is cut off", (*drill).cutStandby},
	{"the primary restarts", (*drill).restartPrimary},
	{"a clock jumps", (*drill).jumpClock},
}

// some is how long a fault lasts.
func (d *drill) some() time.Duration { return d.unit + time.Duration(d.dice.Int64N(int64(2*d.unit))) }

// node returns one that has a way to the databases: without, none can start.
func (d *drill) node() *member {
	for {
		if n := d.nodes[d.dice.IntN(len(d.nodes))]; n != d.severed {
			return n
		}
	}
}

// severs is how long a node is severed at least, while others have their calamities.
const severs = time.Minute

// severOne takes from one node its way to the databases.
func (d *drill) severOne() {
	n := d.node()
	d.t.Logf("%s: %s is cut off from the databases", d.history.now().Round(time.Millisecond), n.name)
	d.sever(n)
	d.alone = d.history.now()
}

// rejoinAfter gives it back when that was long enough. All that the node answered
// meanwhile must have been 911.
func (d *drill) rejoinAfter(least time.Duration) {
	if d.severed == nil || d.history.now()-d.alone < least {
		return
	}
	time.Sleep(severs - (d.history.now() - d.alone))
	add(d.history, &d.history.aways, outage{span{d.alone, d.history.now()}, d.severed.number})
	d.t.Logf("%s: %s is back", d.history.now().Round(time.Millisecond), d.severed.name)
	d.rejoin()
	d.settle()
}

func (d *drill) killNode() {
	n := d.node()
	n.fall()
	time.Sleep(d.some())
	n.rise()
}

func (d *drill) cutNode() {
	n := d.node()
	d.cut(n.name)
	time.Sleep(d.some())
	d.mend(n.name)
}

// cutDatabases takes the cable between the switches out. All that is asked for and
// answered meanwhile must hear 911.
func (d *drill) cutDatabases() {
	d.cut(uplink)
	from := d.history.now()
	time.Sleep(d.away)
	d.asleep()
	add(d.history, &d.history.aways, outage{span{from, d.history.now()}, everyNode})
	d.mend(uplink)
}

// cutStandby leaves the primary without the standby that must have what it
// acknowledges.
func (d *drill) cutStandby() {
	d.cut(d.standby.Name)
	d.asleep()
	d.mend(d.standby.Name)
	d.primary.AwaitSynchronous()
}

func (d *drill) restartPrimary() {
	d.primary.Kill()
	d.primary.Start(nil)
	d.primary.AwaitSynchronous()
}

// killPrimary ends the primary, and the standby takes over. The dead server comes back as
// its new synchronous standby, from a fresh base backup.
func (d *drill) killPrimary() {
	d.failOver()
	d.standby.Clone(d.primary)
	d.primary.Require(d.standby)
}

// killPrimaryAlone is killPrimary after it had no standby for a while, in which it must
// have acknowledged nothing.
func (d *drill) killPrimaryAlone() {
	d.cut(d.standby.Name)
	d.asleep()
	d.killPrimary()
}

// asleep returns when every node has refused an update, some time ago.
func (d *drill) asleep() {
	d.t.Helper()
	for _, n := range d.nodes {
		eventually(d.t, n.name+" refuses updates", func() bool {
			w, arrived := d.update(n, d.dice.IntN(clusterHosts), d.values.Add(1))
			return arrived && w.told == toldLater
		})
	}
	time.Sleep(d.some())
}

// failOver ends the primary, at times as a machine does that loses its power, which says
// goodbye to nobody, and promotes the standby. From then on it waits for none.
func (d *drill) failOver() {
	dead := d.primary
	silent := d.dice.IntN(2) == 0
	if silent {
		d.cut(dead.Name)
	}
	dead.Kill()
	d.mend(d.standby.Name)
	d.standby.Promote()
	d.primary, d.standby = d.standby, dead
	d.settle()
	if silent {
		d.mend(dead.Name)
	}
}

// jumpClock sets the clock of a node some hours forward, back, and right again, in an
// order that dice say. Each time the node must soon take updates.
func (d *drill) jumpClock() {
	if !rig.HasClocks() {
		d.t.Log("the clock of one process cannot be set on this machine")
		return
	}
	n := d.node()
	if n.clock == nil {
		n.clock = rig.ClockOf(d.t, n.pid)
	}
	jumps := []time.Duration{3 * time.Hour, -3 * time.Hour, 0}
	for _, i := range d.dice.Perm(len(jumps)) {
		by := jumps[i]
		add(d.history, &d.history.skews, skew{d.history.now(), 6 * time.Hour}) // of one that is fast and one that is slow
		n.clock.Shift(d.t, by)
		eventually(d.t, n.name+" goes by the new time", func() bool {
			r, _, _ := d.ask(n, "/api/v1/status", "Bearer "+d.token)
			if r == nil {
				return false
			}
			date, err := http.ParseTime(r.Header.Get("Date"))
			return err == nil && (time.Until(date)-by).Abs() < time.Minute
		})
		time.Sleep(d.some())
		d.settle()
	}
}

// seedOf returns where the dice of a test start: where STAYPUT_SEED says, or anywhere.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("STAYPUT_SEED"); given != "" {
		seed = must(strconv.ParseUint(given, 10, 64))(t)
	}
	t.Logf("STAYPUT_SEED=%d", seed)
	return seed
}

// TestCluster: to three nodes on a primary with a synchronous standby, each a machine of
// its own, everything happens that may happen, one after the other and beside a minute in
// which one of the nodes has no database, while clients of all nodes update, read and ask. No update that was acknowledged is lost, or forgotten by any node; what
// clients did and read through any node could have been one thing after the other; the
// DNS of every node that lives answers, never goes back, and is never further behind
// than the status shows. STAYPUT_CLUSTER says for how long.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "setpriv")
	lasts := time.Minute
	if text := os.Getenv("STAYPUT_CLUSTER"); text != "" {
		lasts = must(time.ParseDuration(text))(t)
	}
	d := &drill{dice: rand.New(rand.NewPCG(seedOf(t), 0)), unit: time.Second, times: map[string]int{}, fleet: newFleet(t, true)}
	if lasts > time.Minute {
		d.unit, d.away, d.pause = 4*time.Second, time.Minute, 50*time.Millisecond
	}
	d.history.began = time.Now()
	d.run()
	d.settle()
	for round := 0; round == 0 || d.history.now() < lasts; round++ {
		d.severOne()
		for _, i := range d.dice.Perm(len(calamities)) {
			if round > 0 && d.history.now() > lasts {
				break
			}
			c := &calamities[i]
			t.Logf("%s: %s", d.history.now().Round(time.Millisecond), c.name)
			d.times[c.name]++
			c.befall(d)
			d.settle()
			d.rejoinAfter(severs)
		}
		d.rejoinAfter(0)
	}
	t.Logf("%s: it is over", d.history.now().Round(time.Millisecond))
	faults := d.conclude()
	t.Logf("%s: judged", d.history.now().Round(time.Millisecond))
	t.Logf("%d updates, %d reads, %d answers of the DNS, %d looks at the cluster", len(d.history.writes), len(d.history.reads), len(d.history.sights), len(d.history.showns))
	if len(faults) > 0 {
		t.Errorf("%d faults:\n%s", len(faults), strings.Join(faults[:min(len(faults), 50)], "\n"))
	}
	d.history.mustLinearize(t)
	t.Logf("%s: linearized", d.history.now().Round(time.Millisecond))
	for _, n := range d.nodes {
		n.stop()
	}
}

// tail returns the end of a text.
func tail(text string) string {
	const most = 16 << 10 // octets
	return text[max(len(text)-most, 0):]
}

// TestClusterLosesWithoutSynchronousStandby: the same judges find what a failover loses
// that goes to a standby which was behind.
func TestClusterLosesWithoutSynchronousStandby(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	t.Parallel()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "setpriv")
	d := &drill{dice: rand.New(rand.NewPCG(seedOf(t), 0)), fleet: newFleet(t, false)}
	d.run()
	d.settle()
	d.cut(d.standby.Name)
	d.settle() // which is acknowledged
	time.Sleep(time.Second)
	answer, err := d.query(d.nodes[0], "dyn.example.org", dns.TypeSOA)
	if err != nil {
		t.Fatal(err)
	}
	lost := answer[0].(*dns.SOA).Serial
	d.failOver()
	faults := d.conclude()
	if said := fmt.Sprint(faults); !strings.Contains(said, "a later one was acknowledged") {
		t.Errorf("nothing is found lost; the faults are %q", faults)
	}
	for _, n := range d.nodes { // which say so by themselves
		if s, well := clusterStatus(t, n.world); well || !strings.Contains(fmt.Sprint(s.Problems), "has lost changes that were acknowledged") {
			t.Errorf("%s finds wrong only %q", n.name, s.Problems)
		}
	}

	// What doc/operate/cluster.md says is to be done: secondaries that had what is lost take
	// what there is for newer.
	for _, n := range d.nodes {
		n.stop()
	}
	file := must(binary())(t)
	d.nodes[0].machine.run(t, "env", d.nodes[0].env[0], file, "--config", filepath.Join(d.nodes[0].dir, "stayput.toml"), "restore")
	for _, n := range d.nodes {
		n.start()
		answer, err := d.query(n, "dyn.example.org", dns.TypeSOA)
		if err != nil {
			t.Fatal(err)
		}
		if serial := answer[0].(*dns.SOA).Serial; serial-lost-1 >= 1<<31-1 {
			t.Errorf("%s has serial %d, and %d was lost", n.name, serial, lost)
		}
	}
	until(t, "all is well", func() bool {
		_, well := clusterStatus(t, d.nodes[0].world)
		return well
	})
	for _, n := range d.nodes {
		n.stop()
	}
}
