package test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/api"
	"stayput.dev/test/rig"
)

const (
	clusterNodes    = 3
	clusterHosts    = 12
	clusterUpdaters = 6
	clusterReaders  = 3
)

// member is a node of a cluster, on a machine of its own.
type member struct {
	*world
	number  int
	name    string // which its cable has, too
	machine network
	address string
	web     string // where it takes updates
	up      atomic.Bool
	lives   atomic.Int32
	clock   *rig.Clock // nil until it was set
}

// fleet is a cluster: three nodes, a primary with a synchronous standby, and clients
// of all nodes, who keep a history.
type fleet struct {
	*rack
	nodes            []*member
	primary, standby *rig.Replica
	databases        map[string]network // their machines, by address
	severed          *member            // has no way to these; nil if none
	history          *history
	pause            time.Duration // of a client between two requests

	user, secret, token string
	values              atomic.Uint32
	stop                chan struct{}
	clients             sync.WaitGroup
}

// newFleet starts a cluster, whose standby is synchronous or not.
func newFleet(t *testing.T, synchronous bool) *fleet {
	t.Helper()
	f := &fleet{rack: newRack(t), history: &history{}, databases: map[string]network{}, stop: make(chan struct{}), pause: 20 * time.Millisecond}
	server := func(name, address string) *rig.Replica {
		f.databases[address] = f.machine(name, databaseSwitch, address)
		return rig.NewReplica(t, f.databases[address], name, address)
	}
	f.primary, f.standby = server("db1", "192.0.2.11"), server("db2", "192.0.2.12")
	f.primary.Initialize()
	f.standby.Clone(f.primary)
	if synchronous {
		f.primary.Require(f.standby)
	}
	for i := range clusterNodes {
		address := fmt.Sprintf("192.0.2.%d", 21+i)
		n := &member{world: newWorld(t, ""), number: i, name: fmt.Sprintf("node-%d", i), address: address, web: address + ":8080"}
		n.machine = f.machine(n.name, nodeSwitch, address)
		n.prefix = n.machine
		n.env = []string{"STAYPUT_STORE_URL=postgres://postgres@192.0.2.11,192.0.2.12/postgres?sslmode=disable&target_session_attrs=read-write"}
		n.write("stayput.toml", fmt.Sprintf(`data = %q
[store]
node = %q
timeout = "2s"
[dns]
listen = ["127.0.0.1:5300", "%s:5300"]
[http]
listen = [%q]
`, n.data, n.name, address, n.web))
		f.nodes = append(f.nodes, n)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s says:\n%s", n.name, tail(n.log.String()))
			}
		})
		n.rise()
	}
	var hosts []string
	for i := range clusterHosts {
		hosts = append(hosts, hostOfCluster(i))
	}
	f.user, f.secret = f.nodes[0].seed(hosts...)
	f.nodes[0].run("account", "add", "staff", "--role", "admin")
	var token struct{ Secret string }
	if err := json.Unmarshal([]byte(f.nodes[0].run("token", "add", "--account", "staff", "--staff", "--json")), &token); err != nil {
		t.Fatal(err)
	}
	f.token = token.Secret
	f.history.began = time.Now()
	return f
}

func hostOfCluster(i int) string { return fmt.Sprintf("h%02d.dyn.example.org", i) }

// valueOf is the address that a value stands for.
func valueOf(value uint32) string { _, v6 := addresses(value); return v6.String() }

// rise starts the node.
func (n *member) rise() {
	n.t.Helper()
	n.start()
	n.lives.Add(1)
	n.up.Store(true)
}

// fall kills the node.
func (n *member) fall() {
	n.up.Store(false)
	n.kill()
	n.clock = nil
}

func (f *fleet) going() bool { return going(f.stop) }

// run lets clients of all kinds come until halt.
func (f *fleet) run() {
	for range clusterUpdaters {
		f.clients.Go(f.updater)
	}
	for range clusterReaders {
		f.clients.Go(f.reader)
	}
	for _, n := range f.nodes {
		f.clients.Go(func() { f.asker(n) })
		f.clients.Go(func() { f.watcher(n) })
	}
}

func (f *fleet) halt() {
	close(f.stop)
	f.clients.Wait()
}

// sever takes from a node its way to the databases, until rejoin. Nobody is told.
func (f *fleet) sever(n *member) {
	f.severed = n
	for address, machine := range f.databases {
		n.machine.lose(f.t, address)
		machine.lose(f.t, n.address)
	}
}

func (f *fleet) rejoin() {
	for address, machine := range f.databases {
		f.severed.machine.find(f.t, address)
		machine.find(f.t, f.severed.address)
	}
	f.severed = nil
}

// ask makes a request of a node. It tells whether it can have arrived.
func (f *fleet) ask(n *member, target, credentials string) (r *http.Response, body string, arrived bool) {
	c, err := f.switches.dial("tcp", n.web)
	if err != nil {
		return nil, "", false
	}
	r, body, err = exchange(c, target, credentials)
	if err != nil {
		return nil, "", true
	}
	return r, body, true
}

// update asks a node to move a host, and tells what it said; false when it cannot have
// heard of it.
func (f *fleet) update(n *member, host int, value uint32) (w write, arrived bool) {
	h := f.history
	w = write{span: span{from: h.now()}, node: n.number, host: host, value: value, told: toldNothing}
	address := valueOf(value)
	r, body, arrived := f.ask(n, "/nic/update?hostname="+hostOfCluster(host)+"&myip="+address, basic(f.user, f.secret))
	w.to = h.now()
	if !arrived {
		return w, false
	}
	if r != nil {
		switch {
		case r.StatusCode == http.StatusOK && body == "good "+address+"\n":
			w.told = toldGood
		case r.StatusCode == http.StatusOK && body == "nochg "+address+"\n":
			w.told = toldUnchanged
		default:
			w.told = toldLater
			if r.StatusCode != http.StatusServiceUnavailable || body != "911\n" {
				h.fault("node %d answers an update with status %d and %q", n.number, r.StatusCode, body)
			}
		}
	}
	add(h, &h.writes, w)
	return w, true
}

// updater moves hosts, each time through another node. Like a device that hears
// nothing, it often asks again for what it does not know to be done.
func (f *fleet) updater() {
	host, value := -1, uint32(0)
	for f.going() {
		if host < 0 {
			host, value = rand.IntN(clusterHosts), f.values.Add(1)
		}
		w, arrived := f.update(f.nodes[rand.IntN(clusterNodes)], host, value)
		if !arrived || (w.told == toldLater || w.told == toldNothing) && rand.IntN(2) == 0 {
			f.sleep(10 * f.pause)
			continue
		}
		if w.told == toldGood && rand.IntN(4) == 0 {
			continue // the same again, elsewhere: nothing changed, unless somebody else came between
		}
		host = -1
		f.sleep(f.pause)
	}
}

func (f *fleet) sleep(d time.Duration) {
	select {
	case <-f.stop:
	case <-time.After(d/2 + rand.N(d)):
	}
}

// read asks a node's API for a host; false when it does not say.
func (f *fleet) read(n *member, host int) (reading, bool) {
	h := f.history
	what := reading{span: span{from: h.now()}, node: n.number, host: host}
	r, body, _ := f.ask(n, "/api/v1/hosts/"+hostOfCluster(host), "Bearer "+f.token)
	what.to = h.now()
	if r == nil || r.StatusCode == http.StatusServiceUnavailable {
		return what, false
	}
	var shown api.Host
	if err := json.Unmarshal([]byte(body), &shown); r.StatusCode != http.StatusOK || err != nil || len(shown.Addresses) > 1 {
		h.fault("the API of node %d answers with status %d and %q", n.number, r.StatusCode, body)
		return what, false
	}
	if len(shown.Addresses) == 1 {
		what.value = number(shown.Addresses[0])
	}
	add(h, &h.reads, what)
	return what, true
}

func (f *fleet) reader() {
	for f.going() {
		f.read(f.nodes[rand.IntN(clusterNodes)], rand.IntN(clusterHosts))
		f.sleep(f.pause)
	}
}

// valueIn returns the value that an answer shows; 0 is for no address.
func valueIn(answer []dns.RR) uint32 {
	if len(answer) == 0 {
		return 0
	}
	v6, _ := netip.AddrFromSlice(answer[0].(*dns.AAAA).AAAA)
	return number(v6)
}

// query asks a node's DNS on its own machine, where no cable is between.
func (f *fleet) query(n *member, name string, qtype uint16) ([]dns.RR, error) {
	c, err := n.machine.dial("udp", "127.0.0.1:5300")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	client := dns.Client{Timeout: 10 * time.Second}
	r, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), &dns.Conn{Conn: c})
	if err == nil && r.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("answered %s", dns.RcodeToString[r.Rcode])
	}
	if err != nil {
		return nil, err
	}
	return r.Answer, nil
}

// asker asks the DNS of a node for all hosts and for the serial, again and again. Who
// does not answer must not live.
func (f *fleet) asker(n *member) {
	serial, known := uint32(0), false
	for i := 0; f.going(); i++ {
		life := n.lives.Load()
		if !n.up.Load() {
			f.sleep(f.pause)
			continue
		}
		sent := f.history.now()
		host := i % (clusterHosts + 1)
		name, qtype := "dyn.example.org", dns.TypeSOA
		if host < clusterHosts {
			name, qtype = hostOfCluster(host), dns.TypeAAAA
		}
		answer, err := f.query(n, name, qtype)
		switch {
		case err != nil:
			if n.up.Load() && n.lives.Load() == life {
				f.history.fault("the DNS of node %d does not answer a query of %s: %v", n.number, sent, err)
			}
		case host < clusterHosts:
			add(f.history, &f.history.sights, sight{n.number, host, valueIn(answer), sent})
		default:
			is := answer[0].(*dns.SOA).Serial
			if known && is-serial >= 1<<31 {
				f.history.fault("the serial of node %d goes back from %d to %d", n.number, serial, is)
			}
			serial, known = is, true
		}
		f.sleep(f.pause / 2)
	}
}

// watcher asks a node how all of them are.
func (f *fleet) watcher(n *member) {
	for f.going() {
		from := f.history.now()
		if r, body, _ := f.ask(n, "/api/v1/cluster", "Bearer "+f.token); r != nil {
			var status api.ClusterStatus
			if err := json.Unmarshal([]byte(body), &status); err != nil || r.StatusCode != http.StatusOK {
				f.history.fault("node %d answers with status %d and %q to who asks for the cluster", n.number, r.StatusCode, body)
			}
			f.note(span{from, f.history.now()}, &status)
		}
		f.sleep(25 * f.pause)
	}
}

// note notes how far behind nodes were shown to be. Without a database that is not shown.
func (f *fleet) note(asked span, status *api.ClusterStatus) {
	if status.Database == nil {
		return
	}
	last := map[string]api.NodeStatus{} // by name: a run that died may be shown beside the next one
	for _, s := range status.Nodes {
		if other, twice := last[s.Name]; !twice || s.Ago < other.Ago {
			last[s.Name] = s
		}
	}
	for _, n := range f.nodes {
		if s, ok := last[n.name]; ok {
			add(f.history, &f.history.showns, shown{asked, n.number, s.Behind, seconds(s.Lag), seconds(s.Ago)})
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// eventually waits until a condition holds, however slow the machine is.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

// settle returns when every node takes updates that has a way to the databases.
func (f *fleet) settle() {
	f.t.Helper()
	for _, n := range f.nodes {
		if n == f.severed {
			continue
		}
		eventually(f.t, n.name+" takes updates", func() bool {
			w, arrived := f.update(n, rand.IntN(clusterHosts), f.values.Add(1))
			return arrived && w.told == toldGood
		})
	}
}

// conclude lets all clients end, and judges what they did and saw. Nothing may be lost
// by now on any node.
func (f *fleet) conclude() (faults []string) {
	f.t.Helper()
	f.halt()
	for _, n := range f.nodes {
		for host := range clusterHosts {
			// What the API says first may be about to be found lost.
			eventually(f.t, "the DNS of "+n.name+" answers what its API does", func() bool {
				r, answered := f.read(n, host)
				if !answered {
					return false
				}
				sent := f.history.now()
				answer, err := f.query(n, hostOfCluster(host), dns.TypeAAAA)
				if err != nil || valueIn(answer) != r.value {
					return false
				}
				add(f.history, &f.history.sights, sight{n.number, host, r.value, sent})
				return true
			})
		}
	}
	return f.history.judge()
}
