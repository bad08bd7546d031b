package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/registry"
)

// watch tells grown where the journal ends, as others append to it, until close.
// Nobody does while we alone hold the data.
func (e *postgresEngine) watch() {
	if e.stopWatch != nil || e.held {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stopWatch = stop
	e.noteHeard() // by who opened the store
	e.watching.Go(func() {
		pause := retryFirst
		for {
			heard, err := e.listen(ctx)
			if ctx.Err() != nil {
				return
			}
			e.noteAway(err)
			if heard || pause == retryFirst {
				pause = retryFirst
				e.log.Warn("lost the database, trying again", "error", err)
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			pause = min(2*pause, retryLast)
		}
	})
}

// listen asks where the journal ends when somebody says that there is something new,
// and else now and then: notices get lost, a pooler between us and the server may
// swallow them, and a server that only reads has none. It tells whether it
// reached the database.
func (e *postgresEngine) listen(ctx context.Context) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.Background()) //nolint:contextcheck // ctx may have ended
	if err := e.within(ctx, func(ctx context.Context) error { return subscribe(ctx, conn) }); err != nil {
		return false, err
	}
	if err := e.within(ctx, func(ctx context.Context) error { return askAdvisory(ctx, conn, workSQL) }); err != nil {
		return false, err
	}
	for {
		var end, epoch int64
		from, _ := e.thread.place()
		err := e.within(ctx, func(ctx context.Context) error { return conn.QueryRow(ctx, headSQL).Scan(&end, &epoch) })
		if err == nil {
			err = e.know(epoch)
		}
		if err == nil {
			_, err = e.keepThread(from, registry.Revision(end), func(query string, args ...any) pgx.Row { return conn.QueryRow(ctx, query, args...) })
		}
		if errors.Is(err, errTorn) {
			err = nil // who has the state finds out, and loads another
		}
		if err != nil {
			return heard, err
		}
		heard = true
		e.noteHeard()
		e.grown(registry.Revision(end))
		if err := e.awaitNotice(ctx, conn); err != nil {
			return heard, err
		}
	}
}

// within runs fn for no longer than a write may take.
func (e *postgresEngine) within(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, errSilent)
	defer cancel()
	err := fn(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// subscribe asks for notices. Processes with other schemas in the same database have
// others.
func subscribe(ctx context.Context, conn *pgx.Conn) error {
	var channel string
	if err := conn.QueryRow(ctx, channelSQL).Scan(&channel); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
	if isPostgres(err, "25006") { // a server that only reads has none
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for notices: %w", err)
	}
	return nil
}

// awaitNotice returns when there is a notice of somebody else's, or when it is time to
// ask.
func (e *postgresEngine) awaitNotice(ctx context.Context, conn *pgx.Conn) error {
	until, cancel := context.WithTimeout(ctx, pollEvery)
	defer cancel()
	n, err := conn.WaitForNotification(until)
	for err == nil && n.PID == e.appender.Load() {
		n, err = conn.WaitForNotification(until)
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && !conn.IsClosed() {
		return nil
	}
	return err
}

// awayError says that the database does not answer, and since when it has not.
type awayError struct {
	since time.Time
	why   error
}

func (e *postgresEngine) noteHeard() {
	e.heard.Store(time.Now().UnixNano())
	e.away.Store(nil)
}

func (e *postgresEngine) noteAway(why error) {
	e.away.Store(&awayError{time.Unix(0, e.heard.Load()), why})
}

// Away tells why the database does not answer and when it last did; nil while it does.
// It asks nothing: PostgreSQL is asked twice a second in any case, and has not answered
// when it takes longer than Options.Timeout. A file is never away.
func (s *Store) Away() (since time.Time, why error) {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return time.Time{}, nil
	}
	if a := e.away.Load(); a != nil {
		return a.since, a.why
	}
	return time.Time{}, nil
}
