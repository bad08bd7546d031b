package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/registry"
)

// Others returns what tells of the commits of other processes; nil for a file, which
// one process at a time writes.
func (s *Store) Others() registry.Others {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return nil
	}
	return others{s, e}
}

// others is a store in PostgreSQL as one of several processes sees it.
type others struct {
	store  *Store
	engine *postgresEngine
}

// End implements registry.Others by what notices and answers have told.
func (o others) End() (registry.Revision, <-chan struct{}) {
	grown := o.store.appended.Next() // before what it is about is looked at
	return registry.Revision(o.store.end.Load()), grown
}

// AskEnd implements registry.Others. It gives up after the time that a write may take.
func (o others) AskEnd(ctx context.Context) (registry.Revision, error) {
	from, _ := o.store.thread.place()
	var end, epoch int64
	err := o.engine.within(ctx, func(ctx context.Context) error {
		return o.engine.updates.QueryRow(ctx, headSQL).Scan(&end, &epoch)
	})
	if err == nil {
		err = o.engine.know(epoch)
	}
	if err == nil {
		_, err = o.engine.keepThread(from, registry.Revision(end), func(query string, args ...any) pgx.Row { return o.engine.updates.QueryRow(ctx, query, args...) })
	}
	if err != nil {
		return 0, fmt.Errorf("asking where the journal ends: %w", err)
	}
	o.store.grew(registry.Revision(end))
	return registry.Revision(end), nil
}
