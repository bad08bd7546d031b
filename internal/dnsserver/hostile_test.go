package dnsserver_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"stayput.dev/internal/dnsserver"
)

// TestHostilePackets sends what stands in testdata/hostile.packets.
func TestHostilePackets(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	r := dnsserver.NewResponder(dnsserver.Options{})
	cases := hostilePackets(t)
	if len(cases) < 40 {
		t.Fatalf("%d packets, want 40 at least", len(cases))
	}
	buf := make([]byte, dnsserver.BufferSize)
	for _, c := range cases {
		if got := r.Answer(zones, c.packet, buf, dnsserver.UDP); !bytes.Equal(got, c.reply) {
			t.Errorf("%spacket %x\n   got %x\n  want %x", c.why, c.packet, got, c.reply)
		}
	}
}

type hostilePacket struct {
	why           string
	packet, reply []byte // nil for no reply
}

func hostilePackets(t testing.TB) []hostilePacket {
	t.Helper()
	text, err := os.ReadFile("testdata/hostile.packets")
	if err != nil {
		t.Fatal(err)
	}
	var cases []hostilePacket
	why, comment := "", false
	for line := range strings.Lines(string(text)) {
		switch kind, rest := line[0], line[1:]; kind {
		case '#':
			if comment { // goes on
				why += rest
			} else {
				why = rest
			}
		case '>':
			cases = append(cases, hostilePacket{why: why, packet: octets(t, rest)})
		case '<':
			if strings.TrimSpace(rest) != "nothing" {
				cases[len(cases)-1].reply = octets(t, rest)
			}
		}
		comment = line[0] == '#'
	}
	return cases
}

// octets reads the notation of the file.
func octets(t testing.TB, text string) (out []byte) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		if label, ok := strings.CutPrefix(word, `"`); ok {
			label = strings.TrimSuffix(label, `"`)
			out = append(append(out, byte(len(label))), label...)
			continue
		}
		digits, times, repeated := strings.Cut(word, "*")
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		n := 1
		if repeated {
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatalf("%s: %v", word, err)
			}
		}
		out = append(out, bytes.Repeat(b, n)...)
	}
	return out
}
