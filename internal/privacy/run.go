package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// Run finishes erasures and lets go of names that no longer rest, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		if err := s.finishDue(ctx); err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "what was erased is not forgotten yet, will try again", "error", err)
		}
		if round%restsEvery == 0 {
			if err := s.dropRests(ctx); err != nil && ctx.Err() == nil {
				s.Logger.WarnContext(ctx, "names that no longer rest stay for now", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) dropRests(ctx context.Context) error {
	for {
		if n, err := s.Rests.DropRests(ctx); n == 0 || err != nil {
			return err
		}
	}
}

// finishDue forgets what is left of all accounts whose time has come.
func (s *Service) finishDue(ctx context.Context) error {
	items, err := s.Shelf.Due(ctx, kind, s.Now(), batch)
	if err != nil || len(items) == 0 {
		return err
	}
	state := s.Registry.State()
	gone, err := s.deleted(ctx, state, items)
	if err != nil || len(gone) == 0 {
		return err
	}
	if err := s.forget(ctx, state, gone); err != nil {
		return errors.Join(err, s.postpone(ctx, gone))
	}
	for _, j := range gone {
		if err := s.drop(ctx, j.item); err != nil {
			return err
		}
	}
	s.Logger.InfoContext(ctx, "what was erased is forgotten", "accounts", len(gone), "revision", state.Revision)
	return nil
}

// job is an erasure with the item that says it.
type job struct {
	erasure
	item shelf.Item
}

// deleted returns the erasures of accounts that are gone from the state, and drops
// those whose accounts were not deleted after all.
func (s *Service) deleted(ctx context.Context, state *registry.State, items []shelf.Item) (gone []job, err error) {
	for _, item := range items {
		j := job{item: item}
		if err := json.Unmarshal(item.Body, &j.erasure); err != nil {
			return nil, fmt.Errorf("reading what is erased: %w", err)
		}
		if _, there := state.Accounts.AccountByID(j.Account); !there {
			gone = append(gone, j)
		} else if err := s.drop(ctx, item); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

func (s *Service) drop(ctx context.Context, item shelf.Item) error {
	_, err := s.Shelf.Take(ctx, kind, item.ID)
	if errors.Is(err, shelf.ErrNotFound) {
		return nil
	}
	return err
}

// forget leaves nothing of accounts that are gone from the state.
func (s *Service) forget(ctx context.Context, state *registry.State, gone []job) error {
	patient := !slices.ContainsFunc(gone, func(j job) bool { return s.Now().Sub(j.Began) > patience })
	if err := s.awaitArchive(ctx, state.Revision); err != nil && patient {
		return err
	}
	for _, j := range gone {
		s.History.Forget(j.Hosts, j.Keys)
		if err := s.Shelf.DropAccount(ctx, j.Account); err != nil {
			return err
		}
		if err := s.Store.Forget(ctx, j.Account); err != nil {
			return err
		}
	}
	return s.Store.Purge(ctx, state, patient)
}

// awaitArchive returns when what happened up to the revision is written down: what
// came later would not be forgotten.
func (s *Service) awaitArchive(ctx context.Context, revision registry.Revision) error {
	for range awaited {
		at, err := s.Past.Written(ctx)
		if err != nil || at >= revision {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return errors.New("the archive is behind")
}

// postpone has erasures wait before they are tried again.
func (s *Service) postpone(ctx context.Context, jobs []job) error {
	for _, j := range jobs {
		j.item.Due = s.Now().Add(again)
		if _, err := s.Shelf.Put(ctx, j.item); err != nil && !errors.Is(err, shelf.ErrChanged) {
			return err
		}
	}
	return nil
}
