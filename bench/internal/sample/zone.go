// Package sample makes the data that every server under test serves: one
// zone of numbered hosts, and the addresses that updates move them to.
package sample

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
)

// ZoneName is the zone of all figures, without a trailing dot.
const ZoneName = "dyn.example.test"

// TTL is the time to live of every host, in seconds.
const TTL = 60

// Zone is a zone of Hosts numbered names, an A each and an AAAA for every
// second one. The zero Zone has only its apex.
type Zone struct {
	Hosts int
}

// Label returns the first label of host i.
func (Zone) Label(i int) string {
	const digits = 7
	s := strconv.Itoa(i)
	b := append(make([]byte, 0, 1+digits), 'h')
	for range digits - len(s) {
		b = append(b, '0')
	}
	return string(append(b, s...))
}

// Host returns the name of host i, without a trailing dot.
func (z Zone) Host(i int) string { return z.Label(i) + "." + ZoneName }

// IPv4 returns the A record of host i in a freshly written zone. Updates
// never use its prefix, so the first update of a host is always a change.
func (Zone) IPv4(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
}

// IPv6 returns the AAAA record of host i, and whether it has one.
func (Zone) IPv6(i int) (netip.Addr, bool) {
	if i%2 != 0 {
		return netip.Addr{}, false
	}
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
	return netip.AddrFrom16(a), true
}

// Records returns how many records a freshly written zone has.
func (z Zone) Records() int { return 3 + z.Hosts + (z.Hosts+1)/2 }

// WriteTo writes the zone as a master file (RFC 1035 §5).
func (z Zone) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w}
	b := bufio.NewWriterSize(c, 1<<20)
	fmt.Fprintf(b, "$ORIGIN %s.\n$TTL %d\n", ZoneName, TTL)
	fmt.Fprintf(b, "@ 86400 IN SOA ns1 hostmaster 1 300 60 1209600 60\n")
	fmt.Fprintf(b, "@ 86400 IN NS ns1\nns1 86400 IN A 192.0.2.53\n")
	for i := range z.Hosts {
		label := z.Label(i)
		fmt.Fprintf(b, "%s A %s\n", label, z.IPv4(i))
		if a, ok := z.IPv6(i); ok {
			fmt.Fprintf(b, "%s AAAA %s\n", label, a)
		}
	}
	err := b.Flush()
	return c.n, err
}

// WriteFile writes the zone to a new master file at path.
func (z Zone) WriteFile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing zone: %w", err)
	}
	_, err = z.WriteTo(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing zone: %w", err)
	}
	return nil
}

// A counter counts what passes to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
