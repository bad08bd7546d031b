package archive

import (
	"fmt"
	"testing"

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
