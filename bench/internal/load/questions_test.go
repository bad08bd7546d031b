//go:build linux

package load

import (
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/bench/internal/sample"
)

// TestQuestionsMixture looks inside: packed questions have no other use than
// being sent.
func TestQuestionsMixture(t *testing.T) {
	t.Parallel()
	const n = 20_000
	zone := sample.Zone{Hosts: 1000}
	q := NewQuestions(zone, 0, n, 3, false)
	types := make(map[uint16]int)
	expect := make(map[expectation]int)
	for i := range q.Len() {
		var m dns.Msg
		if err := m.Unpack(q.at(i)); err != nil {
			t.Fatal(err)
		}
		types[m.Question[0].Qtype]++
		expect[q.expect[i]]++
	}
	within := func(what string, got, percent int) {
		t.Helper()
		if want := n * percent / 100; got < want*9/10 || got > want*11/10 {
			t.Errorf("%s: %d of %d, want about %d", what, got, n, want)
		}
	}
	within("A", types[dns.TypeA], 80)
	within("AAAA", types[dns.TypeAAAA], 20)
	within("NXDOMAIN", expect[noSuchDomain], 10)
	within("no data", expect[noData], 9) // every second of the 18 % AAAA that exist
	within("answered", expect[answered], 81)
}
