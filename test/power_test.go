package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"stayput.dev/test/rig"
)

// disk is an XFS file system in an image that lies on another one, so that the
// image can be cloned in an instant while it is in use: what the clone holds is
// what a power cut at that moment would leave on a disk.
type disk struct {
	t     *testing.T
	outer string // mount point of the file system that holds the images
	mount string // mount point of the disk
}

func newDisk(t *testing.T) *disk {
	needRoot(t)
	need(t, "mkfs.xfs", "losetup", "mount", "cp")
	dir := t.TempDir()
	d := &disk{t: t, outer: filepath.Join(dir, "outer"), mount: filepath.Join(dir, "disk")}
	d.format(filepath.Join(dir, "outer.img"), 4<<30)
	d.attach(filepath.Join(dir, "outer.img"), d.outer)
	d.format(filepath.Join(d.outer, "disk.img"), 512<<20)
	d.attach(filepath.Join(d.outer, "disk.img"), d.mount)
	return d
}

func (d *disk) format(file string, size int64) {
	d.t.Helper()
	f, err := os.Create(file)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		d.t.Fatal(err)
	}
	_ = f.Close()
	d.sh("mkfs.xfs", "-q", "-m", "reflink=1", file)
}

// attach mounts an image until the test ends.
func (d *disk) attach(image, at string) {
	d.t.Helper()
	if err := os.MkdirAll(at, 0o700); err != nil {
		d.t.Fatal(err)
	}
	d.sh("mount", "-o", "loop,nouuid", image, at)
	d.t.Cleanup(func() { d.detach(at) })
}

func (d *disk) detach(at string) {
	if exec.Command("mountpoint", "-q", at).Run() == nil {
		d.sh("umount", at)
	}
}

func (d *disk) sh(args ...string) {
	d.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// crash clones the disk as it is at this moment, and mounts the clone.
func (d *disk) crash(n int) string {
	d.t.Helper()
	image := filepath.Join(d.outer, fmt.Sprintf("crash%d.img", n))
	d.sh("cp", "--reflink=always", filepath.Join(d.outer, "disk.img"), image)
	return image
}

// lostPower counts the faults that images of the disk show, taken while 64 clients
// update the world on it.
func lostPower(t *testing.T, images int, prefix ...string) (faults []string, acked uint64) {
	d := newDisk(t)
	w := newWorld(t, filepath.Join(d.mount, "data"))
	w.prefix = prefix
	w.start()
	l := newLedger(w, 64)
	d.sh("sync", "-f", d.mount) // what is looked at is the updates
	l.run(w)
	for n := range images {
		time.Sleep(1500 * time.Millisecond)
		b := l.book()
		image := d.crash(n)
		at := filepath.Join(t.TempDir(), "after")
		d.attach(image, at)
		after := newWorld(t, filepath.Join(at, "data"))
		after.start()
		faults = append(faults, l.audit(after, b)...)
		after.kill()
		d.detach(at)
		_ = os.Remove(image)
		acked = b.total()
	}
	l.halt()
	w.kill()
	return faults, acked
}

// The power is cut while 64 clients update: what they were told is on the disk.
func TestPowerLossLosesNothing(t *testing.T) {
	rig.SQLiteOnly(t)
	faults, acked := lostPower(t, rounds(3, 20))
	if len(faults) > 0 {
		t.Fatalf("%d faults, the first: %s", len(faults), faults[0])
	}
	if acked == 0 {
		t.Fatal("nothing was ever acknowledged")
	}
	t.Logf("%d acknowledged, none lost", acked)
}

// The test above would notice: when the kernel only pretends to sync, images of the
// disk lack what was acknowledged.
func TestPowerLossIsNoticed(t *testing.T) {
	rig.SQLiteOnly(t)
	need(t, "strace")
	faults, _ := lostPower(t, 1, "strace", "-f", "--seccomp-bpf", "-o", os.DevNull,
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:retval=0")
	if len(faults) == 0 {
		t.Fatal("no loss found without a single sync: the method is blind")
	}
	t.Logf("%d losses found, as there must be", len(faults))
}
