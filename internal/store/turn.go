package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"stayput.dev/internal/registry"
)

// Processes that append race: the journal takes who comes first, and the others run their
// edits again. That is quick, and not fair: who takes longer over a commit than the others
// do finds each time that they were first. So one that was late some times in a row gets
// its turn: the row that orders all appends stays locked until its next one.

const (
	maxLate  = 4                      // appends in a row that were late
	turnTime = 500 * time.Millisecond // for the next one, to catch up and to run the edits
)

// turns is what a process knows of its turn. The zero turns is ready for use.
type turns struct {
	mu   sync.Mutex // guards what follows
	late int        // how many appends in a row were
	mine *turn      // nil while it is not our turn
}

// turn is the right to append next.
type turn struct {
	conn *pgxpool.Conn
	tx   pgx.Tx
	over *time.Timer
}

// take returns our turn, which then is the caller's to end; nil while it is not our turn.
func (t *turns) take() *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := t.mine
	t.mine = nil
	return mine
}

// drop tells whether a turn is ours still, which then is the caller's to end.
func (t *turns) drop(one *turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mine != one {
		return false
	}
	t.mine = nil
	return true
}

// count notes whether an append was late, and tells whether it is time for a turn.
func (t *turns) count(late bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !late {
		t.late = 0
		return false
	}
	t.late++
	return t.late >= maxLate && t.mine == nil
}

// awaitTurn waits until nobody else can append, and keeps it so for the next append of
// this process, for turnTime at most. Where that fails there is just no turn.
func (e *postgresEngine) awaitTurn(ctx context.Context) {
	conn, err := e.updates.Acquire(ctx)
	if err != nil {
		return
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginTurnSQL})
	if err != nil {
		conn.Release()
		return
	}
	t := &turn{conn: conn, tx: tx}
	var end, epoch int64
	if err := tx.QueryRow(ctx, turnSQL).Scan(&end, &epoch); err != nil || epoch != e.epoch.Load() {
		t.end()
		return
	}
	e.grown(registry.Revision(end))
	e.turns.mu.Lock()
	defer e.turns.mu.Unlock()
	e.turns.mine = t
	t.over = time.AfterFunc(turnTime, func() {
		if e.turns.drop(t) { // or it is taken, and another one may be ours
			t.end()
		}
	})
}

// endTurn ends our turn if it is that.
func (e *postgresEngine) endTurn() {
	if t := e.turns.take(); t != nil {
		t.end()
	}
}

// commit commits what a change does. The turn is still to be ended.
func (t *turn) commit(ctx context.Context, change func(sender) error) error {
	if err := change(t.tx); err != nil {
		return err
	}
	return t.tx.Commit(ctx)
}

// end lets others append again. What was appended must be committed before.
func (t *turn) end() {
	if t.over != nil {
		t.over.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), turnTime)
	defer cancel()
	_ = t.tx.Rollback(ctx) // which closes the connection where it fails
	t.conn.Release()
}
