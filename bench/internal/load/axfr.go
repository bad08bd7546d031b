//go:build linux

package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Transfer is a zone that came.
type Transfer struct {
	Records, Octets int
	Elapsed         time.Duration // from the query to the last message
}

// AXFR has a server send the zone with the given number of records, the SOA record
// counted twice, over a connection of its own, and only counts what comes. It reads
// no records, so that nearly all time is the server's and the kernel's.
func AXFR(ctx context.Context, server netip.AddrPort, zone string, records int) (t Transfer, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", server.String())
	if err != nil {
		return t, fmt.Errorf("transferring %s: %w", zone, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	began := time.Now()
	if _, err := conn.Write(axfrQuery(zone)); err != nil {
		return t, fmt.Errorf("transferring %s: %w", zone, err)
	}
	message, in := make([]byte, 1<<16), bufio.NewReaderSize(conn, 1<<18)
	for t.Records < records {
		if _, err := io.ReadFull(in, message[:2]); err != nil {
			return t, fmt.Errorf("transferring %s after %d records: %w", zone, t.Records, err)
		}
		n := int(binary.BigEndian.Uint16(message))
		if _, err := io.ReadFull(in, message[:n]); err != nil {
			return t, fmt.Errorf("transferring %s after %d records: %w", zone, t.Records, err)
		}
		if n < 12 || message[3]&15 != 0 {
			return t, errors.New("the transfer was refused")
		}
		t.Records += int(binary.BigEndian.Uint16(message[6:]))
		t.Octets += n
	}
	t.Elapsed = time.Since(began)
	if t.Records != records {
		return t, fmt.Errorf("%d records came, want %d", t.Records, records)
	}
	return t, nil
}

// axfrQuery returns a query for a zone with its length before it (RFC 5936 §2.1).
func axfrQuery(zone string) []byte {
	const typeAXFR, classIN = 252, 1
	query := []byte{2: 0x12, 3: 0x34, 7: 1, 13: 0} // one question
	for label := range strings.SplitSeq(zone, ".") {
		query = append(append(query, byte(len(label))), label...)
	}
	query = append(query, 0, 0, typeAXFR, 0, classIN)
	binary.BigEndian.PutUint16(query, uint16(len(query)-2))
	return query
}
