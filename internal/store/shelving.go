package store

import (
	"context"
	"database/sql"
	"sync"
)

// shelfBatch is how many changes of the shelf go into one transaction.
const shelfBatch = 256

// shelfChange is one change of the shelf. What it finds that stands against it is
// its result, and others in the same transaction go on; a failure of the database
// is the second error, and fails them all.
type shelfChange func(context.Context, *sql.Tx) (result, failure error)

// shelving gathers changes of the shelf that come together, so that they cost one
// sync of the disk, and so that a commit waits for one of them at most however many
// there are. The zero shelving is ready for use.
type shelving struct {
	turn sync.Mutex // held by the one who writes

	mu    sync.Mutex // guards queue
	queue []*shelfTicket
}

// shelfTicket is a change that waits, and what became of it.
type shelfTicket struct {
	size   int
	change shelfChange
	done   bool
	err    error
}

// shelve makes the change, which writes about size octets, durably. Once begun it
// is not cut short by ctx.
func (s *Store) shelve(ctx context.Context, size int, change shelfChange) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	ticket := &shelfTicket{size: size, change: change}
	s.shelving.mu.Lock()
	s.shelving.queue = append(s.shelving.queue, ticket)
	s.shelving.mu.Unlock()
	// Whoever has the turn writes for those who wait, from the front: at our turn
	// we are done, or among the first.
	s.shelving.turn.Lock()
	defer s.shelving.turn.Unlock()
	for !ticket.done {
		s.shelveSome(ctx)
	}
	return ticket.err
}

// shelveSome makes the changes that have waited longest. The caller has the turn.
func (s *Store) shelveSome(ctx context.Context) {
	s.shelving.mu.Lock()
	n := min(len(s.shelving.queue), shelfBatch)
	tickets := s.shelving.queue[:n:n]
	s.shelving.queue = s.shelving.queue[n:]
	s.shelving.mu.Unlock()
	size := 0
	for _, t := range tickets {
		size += t.size
	}
	err := s.write(ctx, size, func(ctx context.Context, tx *sql.Tx) error {
		for _, t := range tickets {
			var failure error
			if t.err, failure = t.change(ctx, tx); failure != nil {
				return failure
			}
		}
		return nil
	})
	for _, t := range tickets {
		t.done = true
		if err != nil {
			t.err = err
		}
	}
}
