package store

import (
	"context"
	"io/fs"
	"time"
)

// Later returns opts of a version to come, whose schema has more steps.
func Later(opts Options, steps fs.FS) Options {
	opts.later = steps
	return opts
}

// OutlastTurn puts another turn in the place of ours when its time is over and
// before its timer knows, and tells whether the other one stays.
func OutlastTurn(s *Store) bool {
	all := &s.engine.(*postgresEngine).turns
	all.mu.Lock()
	first := all.mine
	if first == nil { // it was over before
		all.mu.Unlock()
		return true
	}
	time.Sleep(2 * turnTime) // the timer waits as well now
	all.mine = &turn{conn: first.conn, tx: first.tx}
	all.mu.Unlock()
	time.Sleep(turnTime)
	next := all.take()
	if next != nil {
		next.end()
	}
	return next != nil
}

// Hurry lets a server take no longer than d for all questions of one read.
func Hurry(s *Store, d time.Duration) { s.patience = d }

// Setting returns what the server goes by on connections that append.
func Setting(ctx context.Context, s *Store, name string) (value string, err error) {
	err = s.engine.(*postgresEngine).updates.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}
