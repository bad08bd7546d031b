package registry

import (
	"fmt"
	"iter"

	"stayput.dev/internal/account"
	"stayput.dev/internal/codec"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// Pieces yields the whole state in pieces of some kilobytes for storage, each a
// fresh slice. RestoreState makes the same state of them. It may take as long as
// it likes: the state does not change.
func (s *State) Pieces() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		head := append([]byte{formatVersion}, 'h')
		head = codec.AppendUint(head, uint64(s.Revision))
		head = codec.AppendString(head, s.Lineage)
		for _, n := range s.Accounts.Counters() {
			head = codec.AppendUint(head, uint64(n))
		}
		if !yield(head) {
			return
		}
		for i := range account.Maps {
			for leaf := range s.Accounts.Leaves(i) {
				if !yield(append([]byte{formatVersion, 'd', byte(i)}, leaf...)) {
					return
				}
			}
		}
		for leaf := range s.TSIG.Leaves() {
			if !yield(append([]byte{formatVersion, 't'}, leaf...)) {
				return
			}
		}
		for leaf := range s.Policy.Leaves() {
			if !yield(append([]byte{formatVersion, 'p'}, leaf...)) {
				return
			}
		}
		for z := range s.Zones.All() {
			for leaf := range z.Leaves() {
				p := codec.AppendString([]byte{formatVersion, 'z'}, z.Origin())
				if !yield(append(p, leaf...)) {
					return
				}
			}
		}
	}
}

// RestoreState makes a state of its pieces, in the order of Pieces. It fails on
// pieces that are damaged or out of order, and with the error that a source of
// pieces yields. A source without any piece makes the empty state.
func RestoreState(pieces iter.Seq2[[]byte, error]) (*State, error) {
	next, stop := iter.Pull2(pieces)
	defer stop()
	s := &State{}
	head, err, ok := next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return s, nil
	}
	if len(head) < 2 || head[0] != formatVersion || head[1] != 'h' {
		return nil, fmt.Errorf("snapshot head: %w", codec.ErrMalformed)
	}
	r := codec.NewReader(head[2:])
	s.Revision, s.Lineage = Revision(r.Uint()), r.String()
	counters := [3]uint32{uint32(r.Uint()), uint32(r.Uint()), uint32(r.Uint())}
	if r.Err() != nil {
		return nil, fmt.Errorf("snapshot head: %w", r.Err())
	}
	if err := s.restoreBody(next, counters); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *State) restoreBody(next func() ([]byte, error, bool), counters [3]uint32) error {
	var loader account.Loader
	piece, err, ok := next()
	for ; ok && err == nil && len(piece) > 2 && piece[1] == 'd'; piece, err, ok = next() {
		if err := loader.Add(int(piece[2]), piece[3:]); err != nil {
			return fmt.Errorf("snapshot directory: %w", err)
		}
	}
	s.Accounts = loader.Directory(counters)
	var keys tsig.Loader
	for ; ok && err == nil && len(piece) > 2 && piece[1] == 't'; piece, err, ok = next() {
		if err := keys.Add(piece[2:]); err != nil {
			return fmt.Errorf("snapshot TSIG keys: %w", err)
		}
	}
	var book policy.Loader
	for ; ok && err == nil && len(piece) > 2 && piece[1] == 'p'; piece, err, ok = next() {
		if err := book.Add(piece[2:]); err != nil {
			return fmt.Errorf("snapshot policies: %w", err)
		}
	}
	if err != nil {
		return err
	}
	if s.TSIG, err = keys.Keyring(); err != nil {
		return fmt.Errorf("snapshot TSIG keys: %w", err)
	}
	if s.Policy, err = book.Book(); err != nil {
		return fmt.Errorf("snapshot policies: %w", err)
	}
	for ok && err == nil {
		origin, leaf := zonePiece(piece)
		if leaf == nil || s.Zones.Get(origin) != nil {
			return fmt.Errorf("snapshot zone: %w", codec.ErrMalformed)
		}
		z, zerr := zone.FromLeaves(origin, func(yield func([]byte, error) bool) {
			for more := origin; ok && err == nil && more == origin; {
				if !yield(leaf, nil) {
					return
				}
				if piece, err, ok = next(); ok && err == nil {
					more, leaf = zonePiece(piece)
				}
			}
			if err != nil {
				yield(nil, err)
			}
		})
		if zerr != nil {
			return zerr
		}
		s.Zones = s.Zones.With(z)
	}
	return err
}

func zonePiece(piece []byte) (zone.Name, []byte) {
	if len(piece) < 2 || piece[0] != formatVersion || piece[1] != 'z' {
		return "", nil
	}
	r := decoder{Reader: codec.NewReader(piece[2:])}
	origin := r.name()
	if r.Err() != nil || r.Len() == 0 {
		return "", nil
	}
	return origin, piece[len(piece)-r.Len():]
}
