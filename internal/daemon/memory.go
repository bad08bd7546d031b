package daemon

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// headroom is how much garbage may gather before it is collected when the state is
// small, in octets. A large state may gather half of itself: it lives long and
// holds few pointers, so that collecting costs little.
const headroom = 64 << 20

// tuneCollector sets when the garbage collector runs by how much is alive. Who sets
// GOGC decides alone.
func tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := headroom * 100 / max(live[0].Value.Uint64(), 1)
	debug.SetGCPercent(int(min(max(percent, 50), 800)))
}
