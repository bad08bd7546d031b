package web_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/web"
	"stayput.dev/internal/zone"
)

// neighbours is what the daemon tells the pages of servers elsewhere, and of what the
// world finds. Nobody else is there while pages are tested.
type neighbours struct {
	mu           sync.Mutex // guards what follows
	secondaries  []web.Secondary
	pushes       []web.Push
	findings     []web.Finding
	certificates []web.Certificate
	asked        int
	cluster      web.Cluster
	shared       bool
	away         error
}

func (n *neighbours) Cluster(context.Context) web.Cluster {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cluster
}

func (n *neighbours) Shared() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.shared
}

func (n *neighbours) Away() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.away
}

func (n *neighbours) Told() []web.Secondary {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.secondaries
}

func (n *neighbours) Ask(context.Context) []web.Secondary {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	all := make([]web.Secondary, len(n.secondaries))
	for i, s := range n.secondaries {
		s.Has = new(s.Serial - uint32(3*i))
		all[i] = s
	}
	return all
}

func (n *neighbours) Pushes() []web.Push {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pushes
}

func (n *neighbours) Check(context.Context, zone.Name) []web.Finding {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.findings
}

func (n *neighbours) showCertificates() []web.Certificate {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.certificates
}

// furnishHouse gives staff something to look at: a plan, records, servers elsewhere, and
// an hour of queries.
func (w *world) furnishHouse() {
	w.t.Helper()
	ctx := w.t.Context()
	ok(w.admin.AddPlan(ctx, account.Plan{Name: "home", Text: "What comes with the line", Hosts: 5, Keys: 3, Interval: time.Minute, Rest: 90 * 24 * time.Hour, NoMX: true}))(w.t)
	origin := zone.MustName("dyn.example.org")
	for _, r := range []admin.RecordSet{
		{Name: origin, Type: zone.TypeMX, TTL: new(uint32(3600)), Data: []string{"10 mail.example.net.", "20 backup.example.net."}},
		{Name: zone.MustName("www.dyn.example.org"), Type: zone.TypeA, TTL: new(uint32(300)), Data: []string{"192.0.2.80"}},
		{Name: zone.MustName("www.dyn.example.org"), Type: zone.TypeTXT, TTL: new(uint32(300)), Data: []string{`"a text for programs, which may be rather long, as those for DKIM are: v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"`}},
		{Name: zone.MustName("home.dyn.example.org"), Type: zone.TypeTXT, TTL: new(uint32(300)), Data: []string{`"beside a host"`}},
	} {
		r.Zone = origin
		done(w.t, w.admin.SetRecords(ctx, r))
	}
	w.neighbours.mu.Lock()
	w.neighbours.secondaries = []web.Secondary{
		{Zone: "dyn.example.org", Addr: "192.0.2.54:53", Serial: 1700, Told: noon.Add(-4 * time.Minute), Taken: true},
		{Zone: "dyn.example.org", Addr: "[2001:db8::54]:53", Serial: 1700, Told: noon.Add(-time.Hour), Err: phrase.New("does not take notices: %v", phrase.Errorf("asking %s: %w", "[2001:db8::54]:53", errors.New("i/o timeout")))},
	}
	w.neighbours.pushes = []web.Push{{Zone: "dyn.example.org", Target: "192.0.2.55:53", Pending: 2, Oldest: noon.Add(-3 * time.Hour)}}
	w.neighbours.pushes = append(w.neighbours.pushes, web.Push{
		Zone: "dyn.example.org", Target: "192.0.2.56:53", Pending: 1, Oldest: noon.Add(-time.Hour), Err: phrase.New("it answers %s: the zone may be frozen, or the key may not change these names", "REFUSED"),
	})
	w.neighbours.findings = []web.Finding{
		{Level: web.FoundWell, Topic: phrase.New("delegation"), Text: phrase.New("%s delegates to the name servers of the zone", "example.org")},
		{Level: web.FoundFault, Topic: phrase.New("secondaries"), Text: phrase.New("%s: %v", "[2001:db8::54]:53", phrase.Errorf("no answer")), Hint: phrase.New("is it running, and does it know the zone and the key?")},
		{Level: web.FoundOdd, Topic: phrase.New("records"), Text: phrase.New("expire %d is less than a week: secondaries stop to answer when we are away for longer", 86400)},
	}
	w.neighbours.certificates = []web.Certificate{{Names: []string{"dyn.example.org"}, Until: noon.Add(9 * 24 * time.Hour)}}
	w.neighbours.shared = true
	w.neighbours.cluster = web.Cluster{
		Nodes: []web.Node{
			{Name: "node-0", Version: "1.2.3", Self: true, Started: noon.Add(-50 * time.Hour), Revision: 81_234, Roles: []string{"dns", "updates"}, Jobs: []string{"archive", "expiry", "mail", "push"}},
			{Name: "node-1.ams.example.org", Version: "1.2.3", Started: noon.Add(-time.Hour), Revision: 81_200, Behind: 34, IsLate: true, Roles: []string{"dns", "updates"}},
			{Name: "answers", Version: "1.2.2", Started: noon.Add(-time.Hour), Revision: 70_000, Ago: 5 * time.Minute, Silent: true, Roles: []string{"dns"}},
		},
		Idle:     []string{"webhooks"},
		Database: &web.Database{Version: "15.13 (Debian 15.13-0+deb12u1)", Primary: true, Standbys: []web.Standby{{Name: "db2", State: "streaming", Sync: "sync"}}},
		Problems: []phrase.Phrase{
			phrase.New("node %s has been silent for %s", "answers", 5*time.Minute), phrase.New("no node does %s", "webhooks"),
			phrase.New("this node cannot write: %v", errors.New("the disk is full, as it says")),
		},
	}
	w.neighbours.mu.Unlock()
	w.spend(time.Hour)
}

// spend lets queries and updates come for so long before noon.
func (w *world) spend(ago time.Duration) {
	w.mu.Lock()
	w.replies = map[string]uint64{"NOERROR": 0, "NXDOMAIN": 0, "REFUSED": 0, "SERVFAIL": 0}
	w.mu.Unlock()
	user, secret := w.addHost("bob", "shop")
	step, i := 15*time.Second, uint64(0)
	for left := ago; left >= 0; left -= step {
		w.at(left)
		w.trend.Sample()
		w.mu.Lock()
		w.replies["NOERROR"] += 400 + 90*(i*i%13)
		w.replies["NXDOMAIN"] += 60 + 20*(i%7)
		w.replies["REFUSED"] += i % 3
		if i > 150 && i < 170 {
			w.replies["SERVFAIL"] += 300
		}
		w.mu.Unlock()
		if i%8 == 0 {
			w.report(left, user, secret, "shop", "myip=198.51.100."+string(rune('1'+i/8%9)))
			w.at(left)
		}
		if i%24 == 0 {
			w.report(left, user, "wrong", "shop", "")
			w.at(left)
		}
		i++
	}
	w.at(0)
	w.trend.Sample()
}
