package dnsserver_test

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"stayput.dev/internal/dnsserver"
)

// TestSipHash checks the vectors in testdata/siphash.hex.
func TestSipHash(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/siphash.hex")
	if err != nil {
		t.Fatal(err)
	}
	var key [16]byte
	for i := range key {
		key[i] = byte(i)
	}
	var data []byte
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		got := hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, dnsserver.SipHash(&key, data)))
		if want := strings.TrimSpace(line); got != want {
			t.Errorf("of %d octets: got = %v, want %v", len(data), got, want)
		}
		data = append(data, byte(len(data)))
	}
	if len(data) != 64 {
		t.Errorf("%d vectors, want 64", len(data))
	}
}
