package feed_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/feed"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

var (
	origin = zone.MustName("dyn.example.org")
	home   = zone.MustName("home.dyn.example.org")
	nas    = zone.MustName("nas.dyn.example.org")
	at     = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)
)

// town returns a state with the zone, alice, and her hosts.
func town(t *testing.T) *registry.State {
	t.Helper()
	d := zone.New(origin)
	_ = d.Put(zone.DefaultSOA(origin, origin, 1).RRset(origin))
	v4, _ := zone.AddressSets(home, 60, []netip.Addr{netip.MustParseAddr("192.0.2.7")})
	_ = d.Put(v4)
	z, _, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	st, err := (&registry.State{}).Apply(registry.Commit{
		Revision: 1, Replaced: []*zone.Zone{z},
		Accounts: account.Changes{
			Accounts: []account.Account{{ID: 1, Name: "alice", ExternalID: "crm-1"}},
			Hosts:    []account.Host{{ID: 1, Name: home, Account: 1}, {ID: 2, Name: nas, Account: 1}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestOf(t *testing.T) {
	t.Parallel()
	st := town(t)
	change := func(name zone.Name) zone.Delta {
		return zone.Delta{Origin: origin, Changes: []zone.Change{{New: zone.RRset{Name: name, Type: zone.TypeA}}}}
	}
	gone := zone.MustName("gone.dyn.example.org")
	for what, tt := range map[string]struct {
		commit registry.Commit
		want   string
	}{
		"a host by its records and its entry": {
			registry.Commit{Deltas: []zone.Delta{change(home)}, Accounts: account.Changes{Hosts: []account.Host{{Name: home}}}},
			`[{"type":"host.changed","timestamp":"2026-11-01T12:00:00Z","revision":7,"data":{"host":"home.dyn.example.org","account":"alice","addresses":["192.0.2.7"]}}]`,
		},
		"records that are no host's": {registry.Commit{Deltas: []zone.Delta{change(origin)}}, "null"},
		"a host that goes": {
			registry.Commit{Accounts: account.Changes{DeletedHosts: []zone.Name{gone}, Rests: []account.Rest{{Name: gone, Account: 1}}}},
			`[{"type":"host.deleted","timestamp":"2026-11-01T12:00:00Z","revision":7,"data":{"host":"gone.dyn.example.org","account":"alice","addresses":[]}}]`,
		},
		"a host that goes and comes": {
			registry.Commit{Accounts: account.Changes{DeletedHosts: []zone.Name{nas}, Hosts: []account.Host{{Name: nas}}}},
			`[{"type":"host.changed","timestamp":"2026-11-01T12:00:00Z","revision":7,"data":{"host":"nas.dyn.example.org","account":"alice","addresses":[]}}]`,
		},
		"accounts": {
			registry.Commit{Accounts: account.Changes{Accounts: []account.Account{{ID: 1}}, DeletedAccounts: []string{"bob"}}},
			`[{"type":"account.deleted","timestamp":"2026-11-01T12:00:00Z","revision":7,"data":{"account":"bob"}},` +
				`{"type":"account.changed","timestamp":"2026-11-01T12:00:00Z","revision":7,"data":{"account":"alice","external_id":"crm-1","state":"active"}}]`,
		},
	} {
		tt.commit.Revision, tt.commit.At = 7, at
		events := feed.Of(&tt.commit, st)
		got, err := json.Marshal(events)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v, want %s", what, got, err, tt.want)
		}
		for _, e := range events {
			if strings.HasPrefix(e.Kind, "host.") && e.Account != 1 {
				t.Errorf("%s: %s is about account %d", what, e.Kind, e.Account)
			}
		}
	}
}

// TestManyHostsGo by one commit, as with a customer who had very many: each with its owner,
// without looking at all of them for each.
func TestManyHostsGo(t *testing.T) {
	t.Parallel()
	const many = 300_000
	st, c := town(t), &registry.Commit{Revision: 7, At: at}
	for i := range many {
		name := zone.MustName(fmt.Sprintf("gone%06d.dyn.example.org", i))
		c.Accounts.DeletedHosts = append(c.Accounts.DeletedHosts, name)
		c.Accounts.Rests = append(c.Accounts.Rests, account.Rest{Name: name, Account: uint32(1 + i%2)})
	}
	events := feed.Of(c, st)
	if len(events) != many {
		t.Fatalf("%d events, want %d", len(events), many)
	}
	for i, e := range events {
		if e.Kind != feed.HostDeleted || e.Host != c.Accounts.DeletedHosts[i] || e.Account != uint32(1+i%2) {
			t.Fatalf("event %d: %+v", i, e)
		}
	}
}
