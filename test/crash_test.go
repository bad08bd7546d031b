package test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// rounds returns how often to try: more in the soak.
func rounds(suite, soak int) int {
	if os.Getenv("STAYPUT_SOAK") != "" {
		return soak
	}
	return suite
}

// The daemon is killed as by kill -9, again and again, while 64 clients update.
// Whatever one of them was told is true after the restart.
func TestCrashLosesNothing(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	l := newLedger(w, 64)
	for round := range rounds(10, 100) {
		l.run(w)
		time.Sleep(300*time.Millisecond + rand.N(500*time.Millisecond))
		w.kill()
		l.halt()
		b := l.book()
		w.start()
		l.mustAudit(t, w, b)
		t.Logf("round %d: %d acknowledged so far, none lost", round+1, b.total())
	}
	if l.book().total() == 0 {
		t.Fatal("nothing was ever acknowledged")
	}
	w.stop()
}
