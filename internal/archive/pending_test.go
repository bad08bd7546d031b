package archive

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// TestWhatWaits lets changes of a few hosts come faster than they are kept: all that fit
// are told, then the last one of each host; and a cursor never passes one that waits.
func TestWhatWaits(t *testing.T) {
	t.Parallel()
	var p pending
	host := func(i int) zone.Name { return zone.MustName(fmt.Sprintf("h%d.example.org", i)) }
	for revision := range registry.Revision(2000) {
		p.at = revision + 1
		p.wait(Change{Host: host(int(revision) % 600), Key: uint32(revision)}, revision+1)
	}
	if len(p.changes) != 600 {
		t.Fatalf("%d changes wait, want one of each of 600 hosts", len(p.changes))
	}
	if some := p.first(busyFlush); len(some) != busyFlush || some[0].Key != 1800 {
		t.Errorf("%d changes are kept first, the first of them is %d; want the last one of its host", len(some), some[0].Key)
	}
	p.drop(busyFlush)
	if got := p.done(); got != busyFlush {
		t.Errorf("nothing waits up to %d, want the one before those that wait", got)
	}
	p.wait(Change{Host: host(599), Key: 7}, 2001)
	if len(p.changes) != 600-busyFlush || p.changes[len(p.changes)-1].Key != 7 {
		t.Error("a later change of a host that waits does not take its place")
	}
	p.wait(Change{Host: host(0)}, 2002)
	if len(p.changes) != 601-busyFlush {
		t.Error("a change of a host that does not wait any more does not wait")
	}
	p.drop(len(p.changes))
	if got := p.done(); got != 2000 || len(p.last) != 0 {
		t.Errorf("at the end nothing waits up to %d, and %d hosts are remembered", got, len(p.last))
	}
}

// TestWhatChangesWithoutTheHost: an account is suspended and resumed, and its host loses its
// address and has it again, of which the directory knows nothing. What else stands in the
// zone is no host's, and a host that came later had no part in it.
func TestWhatChangesWithoutTheHost(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	home, later, www := zone.MustName("home.example.org"), zone.MustName("later.example.org"), zone.MustName("www.example.org")
	d := account.Directory{}.Edit()
	d.Apply(&account.Changes{Hosts: []account.Host{
		{ID: 1, Name: home, Account: 7, Created: at.Add(-time.Hour)},
		{ID: 2, Name: later, Account: 8, Created: at.Add(time.Hour)},
	}})
	st := &registry.State{Accounts: d.Freeze()}
	set := func(name zone.Name, data ...zone.Rdata) zone.RRset {
		return zone.RRset{Name: name, Type: zone.TypeA, TTL: 60, Data: data}
	}
	for _, data := range [][]zone.Rdata{nil, {"\xc0\x00\x02\x01"}} {
		var p pending
		commit := registry.Commit{Revision: 1, At: at, By: []registry.Actor{{Via: "admin"}}}
		for _, name := range []zone.Name{home, later, www} {
			commit.Deltas = append(commit.Deltas, zone.Delta{Changes: []zone.Change{{Old: set(name), New: set(name, data...)}}})
		}
		p.add(&commit, st)
		if len(p.changes) != 1 {
			t.Fatalf("%d changes, want that of %s", len(p.changes), home)
		}
		got := p.changes[0].Change
		if got.Host != home || got.Account != 7 || got.Via != "admin" || !slices.Equal(got.Addrs, set(home, data...).Addresses()) {
			t.Errorf("change = %+v", got)
		}
	}
}

// TestFullWaitingRoom: when so many changes wait that no more commits are taken, the next
// look at them is not content with a few.
func TestFullWaitingRoom(t *testing.T) {
	t.Parallel()
	var p pending
	for i := range maxWaiting {
		if p.isFull() {
			t.Fatalf("full with %d changes", i)
		}
		p.wait(Change{Host: zone.MustName(fmt.Sprintf("h%d.example.org", i))}, 1)
	}
	if !p.isFull() {
		t.Error("not full with all that may wait")
	}
	p.drop(1)
	if p.isFull() {
		t.Error("full although one was kept")
	}
}
