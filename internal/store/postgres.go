package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"stayput.dev/internal/registry"
)

const (
	// minConnections is what a process needs at once for followers, snapshots, jobs and
	// what is kept beside.
	minConnections = 8

	// updateConnections is how many updates have for themselves. They use two, but one that
	// was given up because nobody answered takes some seconds to go.
	updateConnections = 8

	// pollEvery is how often the database is asked whether others have appended,
	// in case that nothing said so.
	pollEvery = 500 * time.Millisecond

	// retryFirst and retryLast are the pauses between attempts to reach a database
	// that is away.
	retryFirst = 25 * time.Millisecond
	retryLast  = time.Second
)

var (
	errNoBackup = errors.New("the data is in PostgreSQL, whose own tools back it up: pg_dump, pg_basebackup")
	errSilent   = errors.New("the database does not answer")
	errDeposed  = errors.New("this database is one that another has taken over from")
	errUnsafe   = errors.New("synchronous_commit is off for this user or database: a crash of the server would lose updates that were acknowledged")
)

// postgresEngine keeps a store in PostgreSQL, together with any number of other
// processes.
type postgresEngine struct {
	log     *slog.Logger
	grown   func(registry.Revision) // told where the journal ends
	thread  *thread
	timeout time.Duration
	noSync  bool
	only    bool // reads, see Options.ReadOnly
	steps   steps
	knows   atomic.Int64 // the last of them, once the schema was looked at
	holder  string       // our name as one who has leases
	pool    *pgxpool.Pool
	updates *pgxpool.Pool // for appends, and to ask where the journal ends: nothing else that waits for the server is in their way
	readers *sql.DB
	epoch   atomic.Int64 // the latest that we have met

	heard atomic.Int64              // when the database last answered, in nanoseconds since 1970; 0: not yet
	away  atomic.Pointer[awayError] // why it does not; nil while it does

	appender atomic.Uint32 // the server's number of the connection that appended last
	turns    turns

	writing sync.RWMutex // held by who writes, wholly by who lets nobody; guards owned
	owned   bool         // whether this process may write

	held bool // by us alone, see hold

	stopWatch context.CancelFunc // nil until watch runs
	watching  sync.WaitGroup
}

func newPostgres(opts Options, grown func(registry.Revision), thread *thread) (*postgresEngine, error) {
	config, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of the database: %w", err) // which hides the password
	}
	e := &postgresEngine{log: opts.Logger, grown: grown, thread: thread, timeout: opts.Timeout, noSync: opts.NoSync, only: opts.ReadOnly, steps: steps{goose.DialectPostgres, opts.later}, holder: newID()}
	e.configure(config)
	if e.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, err
	}
	config = config.Copy()
	config.MaxConns, config.MinConns, config.MinIdleConns = updateConnections, 0, 0
	if e.updates, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		e.pool.Close()
		return nil, err
	}
	e.readers = stdlib.OpenDBFromPool(e.pool)
	return e, nil
}

// configure says what the URL does not.
func (e *postgresEngine) configure(config *pgxpool.Config) {
	config.MaxConns = max(config.MaxConns, minConnections)
	if config.PingTimeout == 0 { // one that was idle may lead to a server that is cut off
		config.PingTimeout = e.timeout / 10
	}
	config.PrepareConn = e.isCurrent
	giveCancellers(config)
	c := &config.ConnConfig.Config
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = e.timeout
	}
	suits := c.ValidateConnect
	if suits == nil && !e.only {
		suits = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	c.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if suits != nil {
			if err := suits(ctx, conn); err != nil {
				return err
			}
		}
		return e.meet(ctx, conn)
	}
	// A process that is cut off must not keep others waiting: the server ends
	// what nobody waits for any more, and looks for whoever sent half of an append.
	for name, value := range map[string]string{
		"application_name":                    "stayput",
		"lock_timeout":                        fmt.Sprint((e.timeout * 4 / 5).Milliseconds()),
		"idle_in_transaction_session_timeout": fmt.Sprint(time.Minute.Milliseconds()),
		"tcp_keepalives_idle":                 "10", // seconds, as the next
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
	} {
		if _, given := c.RuntimeParams[name]; !given {
			c.RuntimeParams[name] = value
		}
	}
}

// own implements engine.
func (e *postgresEngine) own(ctx context.Context, first bool) error {
	if e.only {
		return e.attach(ctx)
	}
	if err := e.expectFree(ctx); err != nil {
		return err
	}
	l, err := readLadder(ctx, e.readers, e.steps)
	if err == nil && l.have < l.last() {
		err = e.migrateAlone(ctx, first)
	}
	if err != nil {
		return err
	}
	e.knows.Store(l.last())
	e.writing.Lock()
	e.owned = true
	e.writing.Unlock()
	e.watch()
	return nil
}

// migrateAlone migrates; of processes that start at once, one does. What older nodes need
// stays while they are in the register, and while we take over from one.
func (e *postgresEngine) migrateAlone(ctx context.Context, first bool) error {
	tx, err := e.readers.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, migratingSQL); err != nil {
		return err
	}
	older := e.olderNodes
	if !first {
		older = nil
	}
	return migrate(ctx, e.readers, e.steps, older)
}

// olderNodes returns the nodes that do not know a step of the schema.
func (e *postgresEngine) olderNodes(ctx context.Context, step int64) ([]string, error) {
	rows, err := e.pool.Query(ctx, olderNodesSQL, step)
	if isPostgres(err, "42P01") { // a database that is being made
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(names) > 0 {
		e.log.Warn("the database keeps what older nodes need until they are gone and a node starts", "nodes", names)
	}
	return names, err
}

// disown implements engine.
func (e *postgresEngine) disown() error {
	e.writing.Lock()
	defer e.writing.Unlock()
	e.owned = false
	e.endTurn()
	return nil
}

// attach implements engine.
func (e *postgresEngine) attach(ctx context.Context) error {
	if err := e.expectFree(ctx); err != nil {
		return err
	}
	l, err := readLadder(ctx, e.readers, e.steps)
	if err == nil && l.have < l.least() {
		err = ErrSchema
	}
	if err != nil {
		return err
	}
	e.knows.Store(l.last())
	e.watch()
	return nil
}

// close implements engine.
func (e *postgresEngine) close() error {
	if e.stopWatch != nil {
		e.stopWatch()
		e.watching.Wait()
	}
	err := errors.Join(e.disown(), e.readers.Close())
	e.pool.Close()
	e.updates.Close()
	return err
}

// backup implements engine.
func (e *postgresEngine) backup(context.Context, string) error { return errNoBackup }

// write implements engine. It gives up after the time that a write may take.
func (e *postgresEngine) write(ctx context.Context, _ int, change func(context.Context, *sql.Tx) error) error {
	e.writing.RLock()
	defer e.writing.RUnlock()
	if err := e.mayWrite(); err != nil {
		return err
	}
	return e.within(ctx, func(ctx context.Context) error {
		tx, err := e.readers.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := change(ctx, tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// mayWrite fails where this process only reads. The caller holds writing.
func (e *postgresEngine) mayWrite() error {
	switch {
	case e.only:
		return ErrReadOnly
	case !e.owned:
		return errReader
	}
	return nil
}

// tend implements engine by a lease: whoever has it renews it with each thing that
// it does, and the row that says so is locked until tx ends.
func (e *postgresEngine) tend(ctx context.Context, tx *sql.Tx) error {
	result, err := tx.ExecContext(ctx, leaseSQL, "snapshots", e.holder, tendTime.Milliseconds())
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = errNotKeeper
	}
	return err
}

// tendTime is how long a process that tends may be silent before another one does.
const tendTime = 30 * time.Second

// passes implements engine.
func (e *postgresEngine) passes(err error) bool {
	for _, fact := range []error{ErrDamaged, ErrSchema, ErrUnfinished, registry.ErrBehind, registry.ErrTrimmed, ErrNothing, ErrReadOnly, errClosed, errReader, errNotKeeper} {
		if errors.Is(err, fact) {
			return false
		}
	}
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return true // it was not the database that said so
	}
	switch refusal.Code[:2] {
	case "08", // connection
		"25", // such as: this one only reads, since it is no primary any more
		"40", // rolled back
		"53", // not enough of something
		"55", // not now
		"57", // an operator intervened, as a shutdown does
		"58": // around the database
		return true
	}
	return false
}

// isPostgres tells whether the database answered with an error of the code, see
// PostgreSQL's appendix A.
func isPostgres(err error, code string) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == code
}

// append implements engine.
func (e *postgresEngine) append(ctx context.Context, after registry.Revision, rows []row) error {
	e.writing.RLock()
	defer e.writing.RUnlock()
	if err := e.mayWrite(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, errSilent)
	defer cancel()
	err := e.keepTrying(ctx, after, rows)
	if late := errors.Is(err, registry.ErrBehind) && !errors.Is(err, errTorn); e.turns.count(late) {
		e.awaitTurn(ctx)
	}
	return err
}

// keepTrying appends. While the database cannot be reached it tries again; if one of
// these attempts was kept after all, the identifier of the commit says so.
func (e *postgresEngine) keepTrying(ctx context.Context, after registry.Revision, rows []row) error {
	var why error // the last attempt failed that had the time to
	for pause := retryFirst; ; pause = min(2*pause, retryLast) {
		err := e.tryAppend(ctx, after, rows)
		if errors.Is(err, registry.ErrBehind) && pause > retryFirst {
			if kept, fault := e.holds(ctx, rows); kept || fault != nil {
				err = fault // as long as nobody can tell whose commit was first, it may be ours
			}
		}
		if ctx.Err() == nil {
			why = err
		}
		if err == nil || !e.passes(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return cmp.Or(why, context.Cause(ctx))
		}
	}
}

func (e *postgresEngine) tryAppend(ctx context.Context, after registry.Revision, rows []row) error {
	if mine := e.turns.take(); mine != nil {
		defer mine.end()
		return e.appendBy(ctx, mine.conn, mine.commit, after, rows)
	}
	conn, err := e.updates.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	commit := func(ctx context.Context, change func(sender) error) error {
		if len(rows) <= 1 {
			return change(conn) // which is a transaction
		}
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return change(tx) })
	}
	return e.appendBy(ctx, conn, commit, after, rows)
}

// transact runs a change and commits it.
type transact func(ctx context.Context, change func(sender) error) error

// appendBy appends by a connection, on which commit commits.
func (e *postgresEngine) appendBy(ctx context.Context, conn *pgxpool.Conn, commit transact, after registry.Revision, rows []row) error {
	from, _ := e.thread.place()
	epoch, err := e.keepThread(from, from.revision, func(query string, args ...any) pgx.Row { return conn.QueryRow(ctx, query, args...) })
	if errors.Is(err, errTorn) {
		return fmt.Errorf("%w: %w", registry.ErrBehind, err)
	}
	if err != nil {
		return err
	}
	e.appender.Store(conn.Conn().PgConn().PID())
	return uncancelled(conn, func() error {
		return commit(ctx, func(to sender) error { return e.compareAndAppend(ctx, to, conn, epoch, after, rows) })
	})
}

// sender is a connection or a transaction.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// compareAndAppend makes one round trip to the server, which must be in an epoch.
func (e *postgresEngine) compareAndAppend(ctx context.Context, to sender, conn *pgxpool.Conn, epoch int64, after registry.Revision, rows []row) error {
	var batch pgx.Batch
	for i, r := range rows {
		batch.Queue(postgresAppendSQL, int64(r.revision), r.id, r.at, r.body, int64(r.checksum), int64(after)+int64(i), epoch)
	}
	if len(rows) == 0 {
		batch.Queue(postgresProbeSQL, int64(after), epoch)
	}
	batch.Queue(headSQL)
	if len(rows) > 0 {
		batch.Queue(notifySQL)
	}
	results := to.SendBatch(ctx, &batch)
	err := e.readAppend(results, max(len(rows), 1), after, epoch)
	if fault := results.Close(); fault != nil && (err == nil || !errors.Is(err, registry.ErrBehind)) {
		err = errors.Join(err, fault)
	}
	if errors.Is(err, errDeposed) {
		_ = conn.Conn().Close(ctx) // the next one goes to who took over
	}
	return err
}

// readAppend reads the answers to a batch. Each of n statements must have changed
// a row.
func (e *postgresEngine) readAppend(results pgx.BatchResults, n int, after registry.Revision, epoch int64) error {
	done := true
	for range n {
		tag, err := results.Exec()
		if err != nil {
			return err
		}
		done = done && tag.RowsAffected() == 1
	}
	var end, theirs int64
	if err := results.QueryRow().Scan(&end, &theirs); err != nil {
		return err
	}
	if done {
		return nil
	}
	if err := e.know(theirs); err != nil {
		return err
	}
	if theirs != epoch {
		return errNewEpoch
	}
	e.grown(registry.Revision(end))
	return fmt.Errorf("%w: the journal ends at %d, not %d", registry.ErrBehind, end, after)
}

// errNewEpoch says that an attempt was made with what is not known any more: the
// next one will do.
var errNewEpoch = errors.New("a new epoch has begun")

// holds tells whether the journal holds rows, by the identifier of the last one.
func (e *postgresEngine) holds(ctx context.Context, rows []row) (bool, error) {
	if len(rows) == 0 {
		return false, nil
	}
	last := rows[len(rows)-1]
	var id string
	err := e.updates.QueryRow(ctx, journalIDSQL, int64(last.revision)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return id == last.id, err
}
