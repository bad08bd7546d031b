package store

import (
	"context"
	"database/sql"
	"fmt"

	"stayput.dev/internal/registry"
)

// bigReplacement is how many octets of zones replaced whole make a snapshot due
// at once, because every start would read them again.
const bigReplacement = 1 << 20

// Append makes commits durable: all or none. It fails with registry.ErrBehind,
// changing nothing, when the journal does not end at after, and with another
// error when the outcome may be unknown; the next Append then looks at what the
// database holds. Without commits it only checks that the journal ends at after and
// that a write succeeds.
func (s *Store) Append(ctx context.Context, after registry.Revision, commits []registry.Commit) error {
	rows := make([]row, len(commits))
	for i := range commits {
		if rows[i] = newRow(&commits[i]); rows[i].revision != after+registry.Revision(i)+1 {
			return fmt.Errorf("appending commit %d after revision %d: not in sequence", rows[i].revision, after)
		}
	}
	if err := s.append(ctx, after, rows); err != nil {
		return fmt.Errorf("appending after revision %d: %w", after, err)
	}
	s.weighing.Lock()
	for i := range commits {
		s.weight.add(&commits[i], len(rows[i].body))
		s.local.add(&commits[i], len(rows[i].body))
	}
	s.weighing.Unlock()
	for i := range commits {
		s.thread.reach(&commits[i])
	}
	s.recent.add(commits, rows)
	s.grew(after + registry.Revision(len(rows)))
	return nil
}

// grew notes that the journal goes to a revision at least, and wakes those who wait
// for more of it.
func (s *Store) grew(end registry.Revision) {
	for {
		known := s.end.Load()
		if uint64(end) <= known {
			return
		}
		if s.end.CompareAndSwap(known, uint64(end)) {
			s.appended.Ring()
			return
		}
	}
}

// unravel forgets what was known of a journal that is another one now, and wakes
// those who go by it.
func (s *Store) unravel() {
	s.recent.forget()
	s.end.Store(0)
	s.appended.Ring()
}

func (s *Store) append(ctx context.Context, after registry.Revision, rows []row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return errClosed
	}
	return s.engine.append(context.WithoutCancel(ctx), after, rows)
}

// weight is what a start would have to read: it tells when a snapshot is due.
type weight struct {
	last    snapshot
	journal int64             // octets of commits after it
	to      registry.Revision // the last commit that is part of that
	bulky   registry.Revision // the last commit that replaced a zone of some size
}

// add counts a commit, unless there are others before it that were not counted:
// then weigh will count them all.
func (w *weight) add(c *registry.Commit, size int) {
	if c.Revision == w.to+1 {
		w.journal += int64(size)
		w.to = c.Revision
	}
	if len(c.Replaced) > 0 && size > bigReplacement {
		w.bulky = c.Revision
	}
}

func (w *weight) due(after int64) bool {
	return w.bulky > w.last.revision || w.journal > max(after, w.last.size/2)
}

// weigh counts what other processes have appended since, and heeds the snapshots that they
// wrote. That a single commit of theirs is bulky, only Load sees.
func (s *Store) weigh(ctx context.Context) error {
	s.weighing.Lock()
	w := s.weight
	s.weighing.Unlock()
	err := s.read(ctx, func(tx *sql.Tx) error {
		last, err := newestSnapshot(ctx, tx)
		if err != nil {
			return err
		}
		if last.revision != w.last.revision {
			w.last, w.journal, w.to = last, 0, last.revision
		}
		return w.count(ctx, tx)
	})
	if err != nil {
		return err
	}
	s.weighing.Lock()
	defer s.weighing.Unlock()
	w.bulky, s.weight = s.weight.bulky, w
	return nil
}

// count counts the commits after those that were counted.
func (w *weight) count(ctx context.Context, tx *sql.Tx) error {
	var size int64
	var to registry.Revision
	if err := tx.QueryRowContext(ctx, journalSizeSQL, int64(w.to)).Scan(&size, &to); err != nil {
		return err
	}
	w.journal += size
	w.to = max(w.to, to)
	return nil
}
