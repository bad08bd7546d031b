package daemon

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"stayput.dev/internal/config"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// newEmpty returns a daemon with a registry, and nothing that runs.
func newEmpty(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{cfg: &config.Config{Data: t.TempDir()}, failed: make(chan error, 1), handover: newHandover(), log: slog.New(slog.DiscardHandler)}
	s := rig.OpenStore(t, d.cfg.Data, store.Options{Logger: d.log})
	var err error
	if d.registry, err = registry.Open(t.Context(), s, registry.Options{Logger: d.log}); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNobodyWaitsForAnHeir that loads when the daemon has failed: it is ended at once.
func TestNobodyWaitsForAnHeir(t *testing.T) {
	t.Parallel()
	d := newEmpty(t)
	d.opts.Program = []string{"/bin/sleep", "600"} // which never says that it has loaded
	answer := make(chan error, 1)
	d.upgrade(context.WithoutCancel(t.Context()), answer)
	dropped := make(chan struct{})
	go func() {
		defer close(dropped)
		d.dropHeir()
	}()
	select {
	case <-dropped:
	case <-time.After(rig.Patience):
		t.Fatal("it waits for an heir that loads")
	}
	if err := <-answer; err == nil {
		t.Error("who asked for the upgrade hears that it succeeded")
	}
	d.running.Wait()
}
