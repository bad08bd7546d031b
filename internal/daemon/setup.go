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
	s, err := openStore(ctx, cfg, databaseOptions(cfg))
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

// openStore opens the store that the configuration names.
func openStore(ctx context.Context, cfg *config.Config, opts store.Options) (*store.Store, error) {
	s, err := store.Open(ctx, cfg.Data, opts)
	switch {
	case errors.Is(err, store.ErrUnreachable):
		err = &Error{err, "does it run, and may this machine connect to what store.url says?"}
	case errors.Is(err, store.ErrUnfinished):
		err = &Error{err, unfinishedHelp}
	case errors.Is(err, store.ErrOlderNodes):
		err = &Error{err, "upgrade those first to the version before this one, or stop them; `stayput cluster status` shows them"}
	case errors.Is(err, store.ErrNewer):
		err = &Error{err, "there is no way back to this version: start the one that wrote it, or a later one"}
	case errors.Is(err, store.ErrNothing), errors.Is(err, store.ErrSchema):
		err = &Error{err, "start a node first that takes updates; and is it the right database, or schema, of which store.url speaks?"}
	}
	return s, err
}

// databaseOptions returns which database the configuration names.
func databaseOptions(cfg *config.Config) store.Options {
	return store.Options{URL: string(cfg.Store.URL), Timeout: cfg.Store.Timeout}
}

// Restore puts the backup in file into the data directory of a daemon that does
// not run, see store.Restore. With PostgreSQL there is no such file: its own tools
// have restored the database, and with file empty it is made to look new to whoever
// follows it, see store.Renew.
func Restore(ctx context.Context, cfg *config.Config, file string) error {
	switch {
	case cfg.Store.URL == "":
		return store.Restore(ctx, file, cfg.Data, time.Now())
	case file != "":
		return &Error{
			errors.New("the data is in PostgreSQL, which this command cannot put a file into"),
			"restore the database with its own tools, such as pg_restore, and then call `stayput restore` without a file",
		}
	}
	return store.Renew(ctx, cfg.Data, databaseOptions(cfg), time.Now())
}
