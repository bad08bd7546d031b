package dnsserver_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
)

// Of the queries every second one is logged, for each transport.
func TestQueryLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	s := serveTLS(t, dnsserver.Options{QueryLogSample: 2, Logger: logger}, nil)
	for _, name := range []string{"www.example.org", `Ho\"me.example.org`, "www.example.org", "nowhere.example.org"} {
		exchange(t, "udp", s.udp, question(name, dns.TypeA))
	}
	version := question("version.bind", dns.TypeTXT)
	version.Question[0].Qclass = dns.ClassCHAOS
	exchange(t, "tcp", s.tcp, question("home.example.org", dns.TypeA))
	exchange(t, "tcp", s.tcp, version)
	exchange(t, "tcp", s.tcp, question("home.example.org", dns.TypeA))
	exchange(t, "tcp", s.tcp, new(dns.Msg)) // without a question
	s.Shutdown(t.Context())

	want := []map[string]any{
		{"name": `ho\"me.example.org`, "type": "A", "class": "IN", "rcode": "NXDOMAIN", "transport": "udp", "size": 86.0},
		{"name": "nowhere.example.org", "type": "A", "class": "IN", "rcode": "NXDOMAIN", "transport": "udp", "size": 88.0},
		{"name": "version.bind", "type": "TXT", "class": "CH", "rcode": "REFUSED", "transport": "tcp", "size": 30.0},
		{"name": "", "type": "", "class": "", "rcode": "FORMERR", "transport": "tcp", "size": 12.0},
	}
	got := logLines(t, &log)
	if len(got) != len(want) {
		t.Fatalf("got = %v lines, want %v", got, len(want))
	}
	for i, line := range got {
		if line["msg"] != "DNS query" || line["client"] != "127.0.0.1" || line["took"] == nil {
			t.Errorf("line %d: %v", i, line)
		}
		for _, key := range []string{"time", "level", "msg", "client", "took"} {
			delete(line, key)
		}
		if diff := cmp.Diff(want[i], line); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", i, diff)
		}
	}
}

func logLines(t *testing.T, log io.Reader) (lines []map[string]any) {
	t.Helper()
	for in := json.NewDecoder(log); in.More(); {
		var line map[string]any
		if err := in.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}
