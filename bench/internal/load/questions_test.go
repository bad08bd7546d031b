//go:build linux

package load

import (
	"strings"
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

func TestRealisticQuestions(t *testing.T) {
	t.Parallel()
	const n = 10_000
	plain := NewQuestions(sample.Zone{Hosts: 1000}, 1, n, 3, false)
	q := NewQuestions(sample.Zone{Hosts: 1000}, 1, n, 3, true)
	edns, cookies, upper := 0, 0, 0
	for i := range n {
		var m dns.Msg
		if err := m.Unpack(q.at(i)); err != nil {
			t.Fatal(err)
		}
		if opt := m.IsEdns0(); opt != nil {
			edns++
			cookies += len(opt.Option)
		}
		if name := m.Question[0].Name; name != strings.ToLower(name) {
			upper++
		}
		if strings.Contains(strings.ToLower(m.Question[0].Name), "h0000000") {
			t.Fatalf("%s is before the first host", m.Question[0].Name)
		}
	}
	if edns < n*85/100 || edns > n*95/100 || cookies < n*17/100 || cookies > n*23/100 || upper < n*9/10 {
		t.Errorf("of %d questions %d have EDNS, %d a cookie, %d capital letters, want 90 %%, 20 %%, nearly all", n, edns, cookies, upper)
	}
	if plain.Len() != q.Len() {
		t.Errorf("Len = %d and %d", plain.Len(), q.Len())
	}
}
