package daemon

import "testing"

// Garbage may gather by how much is alive and how much there is to do.
func TestCollector(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	tests := []struct {
		name    string
		live    uint64
		cycles  []uint64 // in each second
		percent int
	}{
		{"a small state", 8 * mib, []uint64{0}, 800},
		{"one of some size", 64 * mib, []uint64{0, 2}, 100},
		{"a large one", 1024 * mib, []uint64{0}, 50},
		{"much to do", 64 * mib, []uint64{0, 3}, 200},
		{"and then less", 64 * mib, []uint64{3, 1, 0, 1, 0}, 200},
		{"and then nothing", 64 * mib, append([]uint64{3}, make([]uint64, longRest)...), 100},
	}
	for _, tt := range tests {
		c, h, percent := new(collector), heap{live: tt.live, held: tt.live}, 0
		for _, n := range tt.cycles {
			h.cycles += n
			percent, _ = c.judge(h)
		}
		if percent != tt.percent {
			t.Errorf("%s: %d %% of what is alive, want %d", tt.name, percent, tt.percent)
		}
	}
}

// What a burst needed goes back to the system after a rest, once, and only if it is worth it.
func TestCollectorGivesBack(t *testing.T) {
	t.Parallel()
	c := new(collector)
	burst := heap{live: 200 << 20, held: 400 << 20, cycles: 5}
	given := 0
	for range 2 * longRest {
		if _, giveBack := c.judge(burst); giveBack {
			given++
			burst.held = 220 << 20
		}
	}
	if given != 1 {
		t.Errorf("memory was given back %d times, want once", given)
	}
}
