package update

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// SeenStore keeps when hosts were last seen, by ID.
type SeenStore interface {
	// LoadSeen returns what was saved of hosts that were seen since a time, or
	// all when that is zero.
	LoadSeen(ctx context.Context, since time.Time) (map[uint32]time.Time, error)
	// SaveSeen keeps the times; of two for one host the later counts.
	SaveSeen(context.Context, map[uint32]time.Time) error
}

// Seen remembers when each host last reported, to the second, whether or not
// that changed anything. It lives in memory, 4 octets a host, and is written to
// the store once a minute, so that a report costs no write; a crash loses at most
// that minute. It is safe for concurrent use.
type Seen struct {
	store SeenStore
	log   *slog.Logger
	mu    sync.Mutex // held while pages are added
	pages atomic.Pointer[[]*page]

	shared    atomic.Bool // whether other processes save to the store too
	refreshed time.Time   // up to which the store was read; Refresh's alone
	refresh   sync.Mutex  // held by Refresh
}

const (
	// saveLag is how much later than a report it may stand in the store, with
	// clocks of several machines that differ.
	saveLag = 15 * time.Minute

	pageSize  = 1024 // hosts
	saveEvery = time.Minute
	lastSave  = 10 * time.Second // how long the save at the end may take
)

// page is the times of hosts with neighbouring IDs, which are given in order.
type page struct {
	at      [pageSize]atomic.Uint32      // seconds since 1970; 0 for never
	unsaved [pageSize / 64]atomic.Uint64 // a bit for each of them
	shared  [pageSize / 64]atomic.Uint64 // a bit for each that last reported an address shared by its carrier
}

// OpenSeen returns what the store remembers. A nil logger is slog.Default.
func OpenSeen(ctx context.Context, store SeenStore, log *slog.Logger) (*Seen, error) {
	s := &Seen{store: store, log: cmp.Or(log, slog.Default())}
	s.pages.Store(new([]*page))
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Share makes Run read from the store, too, because other processes save there what
// they hear. It must be called before Run.
func (s *Seen) Share() { s.shared.Store(true) }

// Refresh takes up what the store remembers, for another process may have saved
// there. What is known to be later stays. After the first time it reads only what is
// of late.
func (s *Seen) Refresh(ctx context.Context) error {
	s.refresh.Lock()
	defer s.refresh.Unlock()
	since, now := time.Time{}, time.Now()
	if !s.refreshed.IsZero() {
		since = s.refreshed.Add(-saveLag)
	}
	saved, err := s.store.LoadSeen(ctx, since)
	if err != nil {
		return fmt.Errorf("loading when hosts were last seen: %w", err)
	}
	s.refreshed = now
	for id, at := range saved {
		s.page(id).raise(id, at)
	}
	return nil
}

// Mark notes that the host reported at a time. An earlier time than the one
// known changes nothing.
func (s *Seen) Mark(id uint32, at time.Time) {
	if p := s.page(id); p.raise(id, at) {
		p.unsaved[id%pageSize/64].Or(1 << (id % 64))
	}
}

// Last returns when the host last reported; the zero time when it never did.
func (s *Seen) Last(id uint32) time.Time {
	if p := s.known(id); p != nil {
		return p.last(id)
	}
	return time.Time{}
}

// known returns the page of a host; nil if there is none yet.
func (s *Seen) known(id uint32) *page {
	if pages, i := *s.pages.Load(), int(id/pageSize); i < len(pages) {
		return pages[i]
	}
	return nil
}

// markShared notes whether the host, which has been marked, last reported an
// address that its carrier shares.
func (s *Seen) markShared(id uint32, shared bool) {
	bits, bit := &s.page(id).shared[id%pageSize/64], uint64(1)<<(id%64)
	switch is := bits.Load()&bit != 0; {
	case is == shared:
	case shared:
		bits.Or(bit)
	default:
		bits.And(^bit)
	}
}

func (s *Seen) isShared(id uint32) bool {
	p := s.known(id)
	return p != nil && p.shared[id%pageSize/64].Load()&(1<<(id%64)) != 0
}

// Run saves once a minute and a last time when ctx ends, then returns. It fails
// when that last save does.
func (s *Seen) Run(ctx context.Context) error {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := s.save(ctx); err != nil {
				s.log.WarnContext(ctx, "could not save when hosts were last seen, trying again later", "error", err)
			}
			if !s.shared.Load() {
				continue
			}
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "could not read when hosts were last seen by others, trying again later", "error", err)
			}
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
			defer cancel()
			return s.save(ctx)
		}
	}
}

// save writes what has changed since the last save that succeeded.
func (s *Seen) save(ctx context.Context) error {
	changed := map[uint32]time.Time{}
	for i, p := range *s.pages.Load() {
		if p != nil {
			p.takeUnsaved(uint32(i)*pageSize, changed)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := s.store.SaveSeen(ctx, changed); err != nil {
		for id := range changed {
			s.page(id).unsaved[id%pageSize/64].Or(1 << (id % 64))
		}
		return fmt.Errorf("saving when hosts were last seen: %w", err)
	}
	return nil
}

// page returns the page of a host, which it adds if need be.
func (s *Seen) page(id uint32) *page {
	if p := s.known(id); p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.known(id); p != nil {
		return p
	}
	pages, i := *s.pages.Load(), int(id/pageSize)
	grown := make([]*page, max(i+1, len(pages)))
	copy(grown, pages)
	grown[i] = new(page)
	s.pages.Store(&grown)
	return grown[i]
}

// raise tells whether at is later than what was known of the host.
func (p *page) raise(id uint32, at time.Time) bool {
	seconds := uint32(max(at.Unix(), 0)) // enough until the year 2106
	for {
		known := p.at[id%pageSize].Load()
		if seconds <= known {
			return false
		}
		if p.at[id%pageSize].CompareAndSwap(known, seconds) {
			return true
		}
	}
}

func (p *page) last(id uint32) time.Time {
	seconds := p.at[id%pageSize].Load()
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// takeUnsaved moves what is not saved yet to dst. first is the page's first ID.
func (p *page) takeUnsaved(first uint32, dst map[uint32]time.Time) {
	for i := range p.unsaved {
		for set := p.unsaved[i].Swap(0); set != 0; set &= set - 1 {
			id := first + uint32(i*64+bits.TrailingZeros64(set))
			dst[id] = p.last(id)
		}
	}
}
