package test

import (
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// TestClusterJudges: what TestCluster goes by finds what is wrong with made-up histories,
// and nothing in those that are right.
func TestClusterJudges(t *testing.T) {
	t.Parallel()
	at := func(from, to int) span {
		return span{time.Duration(from) * time.Second, time.Duration(to) * time.Second}
	}
	// 1 is acknowledged, then 2; 3 is asked for while nobody knows.
	written := []write{{at(1, 2), 0, 0, 1, toldGood}, {at(3, 4), 1, 0, 2, toldGood}, {at(5, 6), 1, 0, 3, toldLater}}
	for _, tt := range []struct {
		name    string
		history *history
		says    string // of what the judges say; "" for nothing
		broken  bool   // not linearizable
	}{
		{"all is well", &history{
			writes: written,
			reads:  []reading{{at(0, 1), 0, 0, 0}, {at(2, 3), 0, 0, 1}, {at(4, 5), 1, 0, 2}, {at(7, 8), 1, 0, 3}, {at(9, 10), 0, 0, 3}},
			sights: []sight{{0, 0, 0, 0}, {0, 0, 1, 4e9}, {0, 0, 2, 5e9}, {1, 0, 2, 5e9}, {1, 0, 3, 8e9}},
			showns: []shown{{span: at(0, 0), node: 0}},
		}, "", false},
		{"an acknowledged update is lost", &history{writes: written, reads: []reading{{at(5, 6), 0, 0, 1}}}, "a later one was acknowledged", true},
		{"the doubtful one takes effect, and is undone", &history{
			writes: written, reads: []reading{{at(7, 8), 0, 0, 3}, {at(9, 10), 0, 0, 2}},
		}, "", true},
		{"the doubtful one never takes effect", &history{
			writes: append([]write{{at(7, 8), 0, 1, 4, toldGood}}, written...), reads: []reading{{at(9, 10), 1, 0, 2}},
		}, "", false},
		{"the doubtful one takes effect after another one that was asked for later", &history{
			writes: append([]write{{at(7, 8), 0, 1, 4, toldGood}}, written...), reads: []reading{{at(9, 10), 1, 0, 2}, {at(11, 12), 1, 0, 3}},
		}, "", true},
		{"nothing changed, says a node that has not heard of the change", &history{
			writes: append([]write{{at(5, 6), 0, 0, 1, toldUnchanged}}, written...),
		}, "", true},
		{"changed, says a node of what was so", &history{
			writes: append([]write{{at(7, 8), 0, 0, 2, toldGood}}, written[:2]...),
		}, "", true},
		{"a value that nobody wrote", &history{writes: written, reads: []reading{{at(7, 8), 0, 0, 9}}}, "which nobody wrote", true},
		{"the DNS of a node goes back", &history{
			writes: written, sights: []sight{{0, 0, 2, 5e9}, {1, 0, 1, 5e9}, {0, 0, 1, 6e9}},
		}, "after the later 2", false},
		{"the DNS is behind, as was shown", &history{
			writes: written, sights: []sight{{0, 0, 1, 9e9}},
			showns: []shown{{span: at(8, 8), node: 0, behind: 1, lag: 5 * time.Second}},
		}, "", false},
		{"the DNS is further behind than was shown", &history{
			writes: written, sights: []sight{{0, 0, 1, 9e9}}, skews: []skew{{10e9, time.Hour}},
			showns: []shown{{span: at(8, 8), node: 0, behind: 1, lag: 3 * time.Second}},
		}, "its lag was shown as 4.005s at most", false},
		{"the DNS is further behind than was shown, by clocks that differ", &history{
			writes: written, sights: []sight{{0, 0, 1, 9e9}}, skews: []skew{{9e9, time.Hour}},
			showns: []shown{{span: at(8, 8), node: 0, behind: 1, lag: 3 * time.Second}},
		}, "", false},
		{"the DNS is behind, and nobody could know", &history{
			writes: written, sights: []sight{{0, 0, 1, 9e9}},
			showns: []shown{{span: at(8, 8), node: 0}},
		}, "its lag was shown as 1.005s at most", false},
		{"acknowledged without a database", &history{writes: written, aways: []outage{{at(2, 7), everyNode}}}, "node 1 acknowledged value 2 of host 0", false},
		{"nobody was refused without a database", &history{writes: written[:2], aways: []outage{{at(5, 7), everyNode}}}, "nobody heard 911", false},
		{"acknowledged by the one without a database", &history{writes: written, aways: []outage{{at(2, 7), 1}}}, "node 1 acknowledged value 2 of host 0", false},
		{"refused by the one without a database", &history{writes: written, aways: []outage{{at(4, 7), 1}}}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			said := strings.Join(tt.history.judge(), "\n")
			if (said != "") != (tt.says != "") || !strings.Contains(said, tt.says) {
				t.Errorf("the judges say %q, want %q", said, tt.says)
			}
			if ok := porcupine.CheckOperations(register, tt.history.operations()); ok == tt.broken {
				t.Errorf("Porcupine: linearizable = %t, want %t", ok, !tt.broken)
			}
		})
	}
}
