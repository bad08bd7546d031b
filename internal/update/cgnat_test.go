package update_test

import (
	"net/netip"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

func TestCGNAT(t *testing.T) {
	t.Parallel()
	pools := []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.51.100.0/24")}
	const stood = "203.0.113.1"
	for _, tt := range []struct {
		name  string
		rules update.Rules
		host  account.NonGlobal
		addr  string
		want  string // what stands afterwards
		flag  bool
	}{
		{"no pools", update.Rules{}, account.NonGlobalDefault, "100.64.0.7", stood, false},
		{"as non-global, which is ignored", update.Rules{CGNATPools: pools}, account.NonGlobalDefault, "198.51.100.7", stood, true},
		{"as non-global, which is accepted", update.Rules{CGNATPools: pools, AcceptNonGlobal: true}, account.NonGlobalDefault, "198.51.100.7", "198.51.100.7", true},
		{"ignored", update.Rules{CGNATPools: pools, CGNAT: update.CGNATIgnore, AcceptNonGlobal: true}, account.NonGlobalDefault, "100.64.0.7", stood, true},
		{"accepted", update.Rules{CGNATPools: pools, CGNAT: update.CGNATAccept}, account.NonGlobalDefault, "100.64.0.7", "100.64.0.7", false},
		{"flagged", update.Rules{CGNATPools: pools, CGNAT: update.CGNATFlag}, account.NonGlobalDefault, "100.64.0.7", "100.64.0.7", true},
		{"flagged, of the operator", update.Rules{CGNATPools: pools, CGNAT: update.CGNATFlag}, account.NonGlobalDefault, "198.51.100.7", "198.51.100.7", true},
		{"flagged, not in a pool", update.Rules{CGNATPools: pools, CGNAT: update.CGNATFlag}, account.NonGlobalDefault, "203.0.113.7", "203.0.113.7", false},
		{"flagged, private", update.Rules{CGNATPools: pools, CGNAT: update.CGNATFlag}, account.NonGlobalDefault, "192.168.1.7", stood, false},
		{"the host ignores", update.Rules{CGNATPools: pools, CGNAT: update.CGNATFlag}, account.NonGlobalIgnore, "198.51.100.7", stood, true},
		{"the host accepts", update.Rules{CGNATPools: pools, CGNAT: update.CGNATIgnore}, account.NonGlobalAccept, "198.51.100.7", "198.51.100.7", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{Rules: tt.rules, Seen: openSeen(t, &shelf{})})
			w.give(homeHost, func(h *account.Host) { h.NonGlobal = tt.host })
			results := w.update(update.Request{Hosts: []string{homeHost}, V4: set(tt.addr)})
			if got := w.records(homeHost); got != tt.want {
				t.Errorf("records = %s, want %s", got, tt.want)
			}
			if len(results[0].Addrs) != 1 || results[0].Addrs[0].String() != tt.addr {
				t.Errorf("told %v, want what was sent", results[0].Addrs)
			}
			if got := w.service.BehindCGNAT(w.host(homeHost).ID, addrs(tt.want)); got != tt.flag {
				t.Errorf("behind CGNAT = %v, want %v", got, tt.flag)
			}
		})
	}
}

// What counts is the last report, and where it came from as well.
func TestCGNATOfTheSource(t *testing.T) {
	t.Parallel()
	rules := update.Rules{CGNATPools: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, CGNAT: update.CGNATFlag}
	w := newWorld(t, update.Options{Rules: rules, Seen: openSeen(t, &shelf{})})
	for i, tt := range []struct {
		source string
		want   bool
	}{{"203.0.113.9", false}, {"::ffff:198.51.100.9", true}, {"198.51.100.9", true}, {"203.0.113.9", false}} {
		w.update(update.Request{Hosts: []string{homeHost}, V4: set("203.0.113.1"), Source: netip.MustParseAddr(tt.source)})
		if got := w.service.BehindCGNAT(w.host(homeHost).ID, addrs("203.0.113.1")); got != tt.want {
			t.Errorf("report %d from %s: behind CGNAT = %v", i, tt.source, got)
		}
	}
	if w.service.BehindCGNAT(w.host("nas.dyn.example.org").ID, nil) {
		t.Error("a host that never reported is behind CGNAT")
	}
}
