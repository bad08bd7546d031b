package daemon

import (
	"context"
	"errors"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/config"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
)

// Setup opens the data of a daemon that does not run, lets f change it, and closes
// it again. It fails when a daemon runs.
func Setup(ctx context.Context, cfg *config.Config, f func(*admin.Service) error) error {
	s, err := store.Open(ctx, cfg.Data, store.Options{})
	if err != nil {
		return err
	}
	r, err := registry.Open(ctx, s, registry.Options{})
	if err != nil {
		return errors.Join(err, s.Close())
	}
	writer, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(writer) }()
	err = f(admin.New(r, admin.Options{TTL: cfg.Updates.TTL}))
	stop()
	return errors.Join(err, <-ended, s.Close())
}

// Restore puts the backup in file into the data directory of a daemon that does
// not run, see store.Restore.
func Restore(ctx context.Context, data, file string) error {
	return store.Restore(ctx, file, data, time.Now())
}
