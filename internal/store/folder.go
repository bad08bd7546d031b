package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The files of a data directory. SQLite adds its own beside the database, with
// -wal and -shm at the end.
const (
	fileName  = "stayput.db"
	lockName  = "lock"
	localName = "local.snapshot" // beside a database that is a server

	workshopName = "restoring"                 // where a restore makes its database
	restoredName = "stayput.db.restored"       // a restore that only has to be put in place
	asideName    = "stayput.db.before-restore" // what was there before; never removed by us
)

// lockFolder makes dir if there is none and takes its lock, which goes with
// unlock or when the process ends. It fails with ErrInUse when it is taken.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lockName)
	if err := makeFile(path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%w: %s is locked by process %s", ErrInUse, dir, holder(lock))
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	// Only for people: what counts is the lock itself.
	_ = lock.Truncate(0)
	_, _ = fmt.Fprintf(lock, "%d\n", os.Getpid())
	return lock, nil
}

// unlock gives the lock up. To close the file is not enough: a child that is
// being made has a copy of it until it runs its own program.
func unlock(lock *os.File) error {
	return errors.Join(unix.Flock(int(lock.Fd()), unix.LOCK_UN), lock.Close())
}

// holder returns what the process that holds the lock has written into it.
func holder(lock *os.File) string {
	var b [20]byte
	n, _ := lock.ReadAt(b[:], 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return pid
	}
	return "unknown"
}

// makeFile makes a file of a data directory, for nobody else's eyes, if there is
// none. SQLite gives those that it makes beside the database the same mode and owner.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	giveToOwner(f, filepath.Dir(path))
	if err := f.Close(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// giveToOwner gives a file that we have just made to whom dir belongs to, if we may,
// so that a daemon can open what a command of root's has made.
func giveToOwner(f *os.File, dir string) {
	var owner unix.Stat_t
	if os.Geteuid() == 0 && unix.Stat(dir, &owner) == nil {
		_ = f.Chown(int(owner.Uid), int(owner.Gid))
	}
}

// syncFolder makes durable which files a directory holds.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// syncFile makes durable what a file holds.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
