package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/registry"
)

// Where the database is a server, a process keeps a snapshot in its data directory as
// well, so that a restart asks the server only for what has been appended since. It
// is a copy and never the truth: one that does not fit is passed over.
//
// The file is a row of chunks, each with its length and checksum before it. The first
// names the commit that it is of, the last says how many there were.

const (
	localFormat = "stayput local snapshot 1"
	maxChunk    = 64 << 20 // octets; what claims to be longer is damage
)

// localHead says what a local snapshot is of.
type localHead struct {
	lineage, commit string
	revision        registry.Revision
}

// loadLocal returns the state after the last commit, made of the local snapshot and
// the journal after it, the weight of the newest snapshot in the database, and that of
// the local one. The state is nil where there is no local snapshot that fits.
func (s *Store) loadLocal(ctx context.Context, tx *sql.Tx) (state *registry.State, w, near weight, err error) {
	if !s.isServer() {
		return nil, w, near, nil
	}
	f, err := os.Open(s.localFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, w, near, nil
	}
	if err != nil {
		return nil, w, near, fmt.Errorf("opening the local snapshot: %w", err)
	}
	defer f.Close()
	r := localReader{in: bufio.NewReaderSize(f, chunkSize)}
	head, fault := r.head()
	if fault == nil {
		fits, err := head.fits(ctx, tx)
		if err != nil {
			return nil, w, near, fmt.Errorf("comparing the local snapshot: %w", err)
		}
		if !fits {
			s.log.Info("the local snapshot is too old, or of other data: loading everything", "revision", head.revision)
			return nil, w, near, nil
		}
		state, fault = r.state(head)
	}
	if fault != nil {
		s.log.Warn("the local snapshot cannot be used: loading everything", "error", fault)
		return nil, w, near, nil
	}
	near = weight{last: snapshot{revision: head.revision, size: r.size}, to: head.revision}
	if state, err = replayJournal(ctx, tx, state, &near); err != nil {
		return nil, w, near, err
	}
	if w.last, err = newestSnapshot(ctx, tx); err != nil {
		return nil, w, near, fmt.Errorf("looking for a snapshot: %w", err)
	}
	w.to = w.last.revision
	err = w.count(ctx, tx)
	return state, w, near, err
}

// fits tells whether the database's journal goes on from the commit: it has that very
// one, which a failover may have lost.
func (h *localHead) fits(ctx context.Context, tx *sql.Tx) (bool, error) {
	if err := expectWhole(ctx, tx); err != nil {
		return false, err
	}
	lineage, err := readLineage(ctx, tx)
	if err != nil {
		return false, err
	}
	var id string
	err = tx.QueryRowContext(ctx, journalIDSQL, int64(h.revision)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return lineage == h.lineage && id == h.commit, err
}

// keepLocal writes a local snapshot of state when there is none, or when reading the
// journal after it would take about as long as to read it; and removes one from before
// what the journal still has, since it may hold what was to be forgotten. The caller
// holds compacting.
func (s *Store) keepLocal(ctx context.Context, state *registry.State) error {
	if !s.isServer() || !s.owns() {
		return nil
	}
	s.weighing.Lock()
	near := s.local
	s.weighing.Unlock()
	var start registry.Revision // of the journal; 0 when it is empty
	within := func(r registry.Revision) bool { return start > 0 && start <= r }
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		if start, err = queryRevision(ctx, tx, journalStartSQL); err == nil && within(near.last.revision) {
			err = near.count(ctx, tx)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !within(near.last.revision) {
		near = weight{}
		if err := removeIfThere(s.localFile()); err != nil {
			return err
		}
	}
	due := near.last.revision == 0 || near.due(s.snapshotAfter.Load())
	if due && state.Commit != "" && within(state.Revision) {
		size, err := s.writeLocal(ctx, state)
		if err != nil {
			return err
		}
		near = weight{last: snapshot{revision: state.Revision, size: size}, to: state.Revision}
	}
	s.weighing.Lock()
	defer s.weighing.Unlock()
	s.local = near
	return nil
}

func removeIfThere(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// owns tells whether this process has the data directory.
func (s *Store) owns() bool {
	s.owning.Lock()
	defer s.owning.Unlock()
	return s.lock != nil
}

func (s *Store) localFile() string { return filepath.Join(s.dir, localName) }

// writeLocal puts a local snapshot of state in the place of the one before, and
// returns its size. A crash leaves the one or the other.
func (s *Store) writeLocal(ctx context.Context, state *registry.State) (size int64, err error) {
	made := s.localFile() + ".new"
	f, err := os.OpenFile(made, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	w := localWriter{out: bufio.NewWriter(f)}
	err = w.state(ctx, state)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(err, os.Remove(made))
	}
	if err := os.Rename(made, s.localFile()); err != nil {
		return 0, err
	}
	return w.size, syncFolder(s.dir)
}

// localWriter writes a local snapshot.
type localWriter struct {
	out    *bufio.Writer
	size   int64
	chunks uint64
}

func (w *localWriter) state(ctx context.Context, state *registry.State) error {
	head := codec.AppendString(nil, localFormat)
	head = codec.AppendString(head, state.Lineage)
	head = codec.AppendString(head, state.Commit)
	if err := w.chunk(codec.AppendUint(head, uint64(state.Revision))); err != nil {
		return err
	}
	var chunk []byte
	for piece := range state.Pieces() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if chunk = codec.AppendString(chunk, piece); len(chunk) < chunkSize {
			continue
		}
		if err := w.chunk(chunk); err != nil {
			return err
		}
		chunk = chunk[:0]
	}
	if err := w.chunk(chunk); err != nil {
		return err
	}
	if err := w.chunk(codec.AppendUint(codec.AppendString(nil, localFormat), w.chunks)); err != nil {
		return err
	}
	return w.out.Flush()
}

func (w *localWriter) chunk(body []byte) error {
	before := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	before = binary.BigEndian.AppendUint32(before, checksum(body))
	w.chunks++
	w.size += int64(len(before) + len(body))
	if _, err := w.out.Write(before); err != nil {
		return err
	}
	_, err := w.out.Write(body)
	return err
}

// localReader reads a local snapshot.
type localReader struct {
	in     *bufio.Reader
	size   int64
	chunks uint64
}

func (r *localReader) chunk() ([]byte, error) {
	var before [8]byte
	if _, err := io.ReadFull(r.in, before[:]); err != nil {
		return nil, fmt.Errorf("%w: chunk %d: %w", ErrDamaged, r.chunks, err)
	}
	size, sum := binary.BigEndian.Uint32(before[:]), binary.BigEndian.Uint32(before[4:])
	if size > maxChunk {
		return nil, fmt.Errorf("%w: chunk %d has %d octets", ErrDamaged, r.chunks, size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r.in, body); err != nil {
		return nil, fmt.Errorf("%w: chunk %d: %w", ErrDamaged, r.chunks, err)
	}
	if checksum(body) != sum {
		return nil, fmt.Errorf("%w: chunk %d has a wrong checksum", ErrDamaged, r.chunks)
	}
	r.chunks++
	r.size += int64(len(before)) + int64(size)
	return body, nil
}

func (r *localReader) head() (h localHead, err error) {
	body, err := r.chunk()
	if err != nil {
		return h, err
	}
	c := codec.NewReader(body)
	format := c.String()
	h.lineage, h.commit, h.revision = c.String(), c.String(), registry.Revision(c.Uint())
	if c.Err() != nil || format != localFormat {
		err = fmt.Errorf("%w: it is no local snapshot of this version", ErrDamaged)
	}
	return h, err
}

// state returns the state that the file holds, all of which must be there.
func (r *localReader) state(h localHead) (*registry.State, error) {
	state, err := registry.RestoreState(r.pieces())
	if err != nil {
		return nil, fmt.Errorf("reading local snapshot %d: %w", h.revision, err)
	}
	if state.Revision != h.revision || state.Lineage != h.lineage {
		return nil, fmt.Errorf("%w: local snapshot %d holds revision %d", ErrDamaged, h.revision, state.Revision)
	}
	state.Commit = h.commit
	return state, nil
}

// pieces yields the pieces of the state, up to the chunk that ends the file.
func (r *localReader) pieces() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			body, err := r.chunk()
			c := codec.NewReader(body)
			for err == nil && c.Len() > 0 {
				piece := c.Bytes()
				if string(piece) == localFormat {
					if count := c.Uint(); c.Err() != nil || count != r.chunks-1 {
						yield(nil, fmt.Errorf("%w: %d chunks of %d", ErrDamaged, r.chunks-1, count))
					}
					return
				}
				if err = c.Err(); err == nil && !yield(piece, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}
