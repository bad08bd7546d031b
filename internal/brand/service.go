package brand

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// Shelf keeps the brand; see store.Shelf, which says what each does.
type Shelf interface {
	// Get returns an item, or shelf.ErrNotFound.
	Get(ctx context.Context, kind, id string) (shelf.Item, error)
	// Put keeps an item in the place of the one with its version.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
}

// Log remembers what people did, as registry.Registry does.
type Log interface {
	// Note keeps what by did; it is durable on return.
	Note(ctx context.Context, by registry.Actor, n registry.Note) error
}

// Config is what a Service needs. What is above the blank line must be given.
type Config struct {
	Shelf Shelf
	Texts Texts
	Log   Log

	Changed func(*Brand) // hears of the brand, at the beginning and when it changes; nil: nobody does
	Logger  *slog.Logger // nil: slog.Default
}

// Service keeps the brand and the company's own texts of mails. It is safe for concurrent
// use.
type Service struct {
	Config
	now atomic.Pointer[Brand]

	mu      sync.Mutex // held while the shelf and what is shown are brought in step; guards version
	version uint64     // of the item that is shown; 0 for none
}

// New returns a service that shows the brand that is kept. It fails when that cannot be
// read.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	s := &Service{Config: c}
	s.show(&Brand{})
	return s, s.Look(ctx)
}

// Now returns the brand as it is shown, which must not be changed: another one has another
// pointer.
func (s *Service) Now() *Brand { return s.now.Load() }

// show shows a brand from now on.
func (s *Service) show(b *Brand) {
	s.now.Store(b)
	if s.Changed != nil {
		s.Changed(b)
	}
}

// The item that holds the brand.
const (
	kind = "brand"
	id   = "now"
)

// Look shows what is kept, which another node may have changed.
func (s *Service) Look(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.look(ctx)
	return err
}

// look is Look, and returns the item, a new one where there is none.
func (s *Service) look(ctx context.Context) (shelf.Item, error) {
	item, err := s.Shelf.Get(ctx, kind, id)
	switch {
	case errors.Is(err, shelf.ErrNotFound):
		return shelf.Item{Kind: kind, ID: id}, nil
	case err == nil && item.Version == s.version:
		return item, nil
	}
	b := &Brand{}
	if err == nil {
		err = json.Unmarshal(item.Body, b)
	}
	if err != nil {
		return item, fmt.Errorf("reading the brand: %w", err)
	}
	s.show(b)
	s.version = item.Version
	return item, nil
}

// lookEvery is how often it is looked whether another node has set the brand.
const lookEvery = 10 * time.Second

// Run shows what other nodes set, a few seconds later, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.Look(ctx); err != nil && ctx.Err() == nil {
			s.Logger.DebugContext(ctx, "the brand stays as it is", "error", err)
		}
	}
}

// Change puts what change makes of the brand in its place, in the name of by, and returns
// it. It fails with Faults, and with what was wanted as far as it could be used; with the
// error of change; and with shelf.ErrChanged when another node sets it in the same moment.
//
// It is noted before it is done, so that nothing is done that nobody knows of.
func (s *Service) Change(ctx context.Context, by registry.Actor, change func(Brand) (Brand, error)) (*Brand, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	wanted, err := change(*now)
	if err != nil {
		return nil, err
	}
	wanted, faults := wanted.tidied(now)
	if len(faults) > 0 {
		return &wanted, faults
	}
	body, err := json.Marshal(wanted)
	if err != nil {
		return nil, fmt.Errorf("writing the brand: %w", err)
	}
	if bytes.Equal(body, item.Body) {
		return now, nil
	}
	if err := s.Log.Note(ctx, by, registry.Note{Verb: "set", Subject: "brand", Detail: differences(now, &wanted)}); err != nil {
		return nil, fmt.Errorf("noting the change of the brand: %w", err)
	}
	item.Body = body
	version, err := s.Shelf.Put(ctx, item)
	if err != nil {
		return nil, fmt.Errorf("keeping the brand: %w", err)
	}
	s.show(&wanted)
	s.version = version
	return &wanted, nil
}
