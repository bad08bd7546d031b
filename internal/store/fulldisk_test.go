//go:build linux

package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"stayput.dev/internal/registry"
	"stayput.dev/test/rig"
)

// smallDisk returns a directory on a file system of 8 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, "root, to mount a small file system,")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		lacking(t, fmt.Sprintf("the right to mount (%v)", err))
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on the disk of dir until the file that it returns goes.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return path
}

// TestFullDisk: what does not fit is refused and shows nowhere, what was there
// stays, and with room comes life.
func TestFullDisk(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := smallDisk(t)
	s := open(t, filepath.Join(dir, "data"), due)
	r := run(t, s)
	apply(t, r, makeZone(1000))
	apply(t, r, move(1, address(1)))
	for round := range 2 {
		ballast := fill(t, dir)
		failed := 0
		for i := range 50 {
			before := r.State()
			if _, err := r.Apply(t.Context(), registry.Actor{}, makeZone(1000+i)); err == nil {
				continue // there was still some room in the log
			} else if !errors.Is(err, registry.ErrUnavailable) {
				t.Fatalf("on a full disk: %v, want %v", err, registry.ErrUnavailable)
			}
			failed++
			if r.State() != before || r.Err() == nil {
				t.Fatal("what could not be written shows")
			}
		}
		if failed == 0 {
			t.Fatal("the disk is full and nobody noticed")
		}
		if err := s.SetCursor(t.Context(), "notify", 1); err == nil {
			t.Error("a cursor was kept on a full disk")
		}
		_ = s.Compact(t.Context(), r.State()) // may do a part
		same(t, load(t, s), r.State())

		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		apply(t, r, move(2, address(1000+round)))
		if r.Err() != nil {
			t.Errorf("fault %v stays after a good write", r.Err())
		}
		compact(t, s, r)
		same(t, load(t, s), r.State())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, open(t, filepath.Join(dir, "data"), due)), r.State())
}
