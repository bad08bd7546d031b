package dnsserver

import "golang.org/x/sys/unix"

// newPages returns memory for a table, filled with zeros, which the garbage
// collector neither sees nor counts. It asks for large pages: in small ones the
// processor would have to look up where each of them lies.
func newPages(octets int) []byte {
	memory, err := unix.Mmap(-1, 0, octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		panic(err) // as when Go finds no memory
	}
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE) // is a wish
	return memory
}

// freePages gives back what newPages returned.
func freePages(memory []byte) { _ = unix.Munmap(memory) }
