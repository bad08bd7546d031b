package dnsserver

import (
	"fmt"
	"testing"

	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// deaf hears what a Recorder is told, and keeps nothing.
type deaf struct{}

func (deaf) Record(*history.Exchange) {}

// TestRecordMany: to tell of ten times as many hosts of one UPDATE is some ten times the work.
func TestRecordMany(t *testing.T) {
	work := func(hosts int) float64 {
		u := &updateMessage{zone: zone.MustName("example.org")}
		var results []update.Result
		for i := range hosts {
			name := zone.MustName(fmt.Sprintf("h%d.example.org", i))
			u.updates = append(u.updates, updateRecord{name: name, typ: zone.TypeA, class: classANY})
			results = append(results, update.Result{Host: name.String()})
		}
		r := &Responder{opts: &Options{Recorder: deaf{}}}
		return testing.AllocsPerRun(1, func() { r.record(u, results, nil, rcodeNoError) })
	}
	if few, many := work(100), work(1000); many > 20*few {
		t.Errorf("%.0f allocations for 100 hosts, %.0f for 1,000", few, many)
	}
}
