package history

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"stayput.dev/internal/codec"
)

// fileMagic begins a file. The lineage of the data follows, then trails, then the
// checksum of all that.
const fileMagic = "stayput history 3\n"

// ErrForeign says that a file is damaged, or of another lineage of the data, in
// which hosts may have other numbers.
var ErrForeign = errors.New("the history on disk is not of this data")

// Save writes the history to a file, which only we may read. After a crash there
// is the old file or the new one.
func (h *History) Save(path string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("saving the history: %w", err)
	}
	err = errors.Join(h.write(draft), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("saving the history: %w", errors.Join(err, os.Remove(draft.Name())))
	}
	return nil
}

func (h *History) write(to io.Writer) error {
	sum, buffered := crc32.NewIEEE(), bufio.NewWriter(to)
	w := io.MultiWriter(sum, buffered) // the buffer remembers what failed
	_, _ = w.Write(codec.AppendString([]byte(fileMagic), h.registry.State().Lineage))
	var b []byte
	for i, s := range h.shelves() {
		s.each(func(t *trail) {
			b = codec.AppendUint(b[:0], uint64(i))
			b = codec.AppendUint(b, t.subject)
			b = codec.AppendString(b, t.username)
			b = codec.AppendUint(b, uint64(t.refusals))
			b = codec.AppendUint(b, uint64(t.since))
			b = codec.AppendString(b, t.records)
			_, _ = w.Write(b)
		})
	}
	_, _ = buffered.Write(binary.BigEndian.AppendUint32(nil, sum.Sum32()))
	return buffered.Flush()
}

// shelves are in the order of their numbers in files.
func (h *History) shelves() [2]*shelf { return [2]*shelf{h.proven, h.refused} }

// Load takes up what was saved in a file, as what happened before all that the
// history holds, and removes the file, lest it be taken for news another time. It
// does nothing when there is no such file, and fails with ErrForeign when the file
// is damaged or not of this data.
func (h *History) Load(path string) error {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("loading the history: %w", err)
	}
	if err := h.read(b); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing the history that was loaded: %w", err)
	}
	return nil
}

// read takes up what write made.
func (h *History) read(b []byte) error {
	end := len(b) - crc32.Size
	if end < len(fileMagic) || string(b[:len(fileMagic)]) != fileMagic || crc32.ChecksumIEEE(b[:end]) != binary.BigEndian.Uint32(b[end:]) {
		return ErrForeign
	}
	in := codec.NewReader(b[len(fileMagic):end])
	if in.String() != h.registry.State().Lineage || in.Err() != nil {
		return ErrForeign
	}
	for in.Len() > 0 {
		i := in.Uint()
		t := trail{subject: in.Uint(), username: in.String(), refusals: uint32(in.Uint()), since: uint32(in.Uint()), records: in.Bytes()}
		if i >= uint64(len(h.shelves())) || in.Err() != nil || !h.renew(t.records) {
			return ErrForeign
		}
		h.shelves()[i].insert(&t)
	}
	return in.Err()
}

// renew gives saved records the hashes of this process, and tells whether they are
// whole.
func (h *History) renew(saved []byte) bool {
	rest := len(saved)
	for r := range records(saved) {
		if _, err := r.read(nil); err != nil {
			return false
		}
		r.setHash(maphash.Bytes(h.seed, r[headSize:]))
		rest -= r.size()
	}
	return rest == 0
}

// insert takes up a trail that was saved. What is known of its subject by now is
// later.
func (s *shelf) insert(saved *trail) {
	sh := s.shard(saved.subject)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.trails[saved.subject]
	if t == nil {
		t = sh.touch(saved.subject)
		sh.size -= t.cost()
		t.username, t.refusals, t.since = saved.username, saved.refusals, saved.since
	} else {
		sh.size -= t.cost()
		if t.refusals > 0 && saved.refusals > 0 {
			t.refusals, t.since = t.refusals+saved.refusals, saved.since
		}
	}
	t.records = join(saved.records, t.records, s.most)
	sh.size += t.cost()
	sh.makeRoom()
}
