//go:build linux

package figure

import (
	"testing"

	"github.com/google/pprof/profile"
)

func TestWorkOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stack []string // the innermost first
		want  string
	}{
		"a reply being sent":           {[]string{"syscall.Syscall6", "stayput.dev/internal/dnsserver.(*batch).send", "runtime.goexit"}, forQueries},
		"the state asked by a query":   {[]string{"stayput.dev/internal/registry.(*Registry).State", "stayput.dev/internal/dnsserver.(*udpWorker).answer"}, forQueries},
		"a commit":                     {[]string{"modernc.org/sqlite.fsync", "stayput.dev/internal/store.(*Store).Append"}, forUpdates},
		"garbage of updates":           {[]string{"runtime.scanobject", "runtime.gcBgMarkWorker.func2", "runtime.systemstack"}, forUpdates},
		"the scheduler of goroutines":  {[]string{"runtime.futex", "runtime.findRunnable", "runtime.mcall"}, forEither},
		"an update that waits for I/O": {[]string{"internal/poll.(*FD).Read", "stayput.dev/internal/front.(*conn).read"}, forUpdates},
	} {
		s := &profile.Sample{}
		for _, name := range c.stack {
			s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		if got := workOf(s); got != c.want {
			t.Errorf("%s is CPU %s, want %s", name, got, c.want)
		}
	}
}
