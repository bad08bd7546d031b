package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/config"
)

// FuzzLoad says that whatever stands in the file and the environment, Load
// returns either a configuration within bounds or faults that can be printed.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(full), "STAYPUT_DATA=x")
	f.Add(config.Example(), "STAYPUT_DNS_LISTEN=:53,\nSTAYPUT_HTTP_CERTIFICATE_CERT=a,b")
	f.Add(commented.ReplaceAll(config.Example(), []byte("$1")), "")
	f.Add([]byte("http = { certificate = [{}, { cert = 5 }], listen = [[[]], {}] }\n[[http.certificate.x]]"), "STAYPUT_=")
	f.Add([]byte("\"\\u0000\".'\\n' = '''\n\n'''\n[[dns]]\n[a.\"\"]\nx.y = 0x10"), "STAYPUT_DATA=\x00\nSTAYPUT_DAT\x1b=\nSTAYPUT_HTTP_CERTIFICATE_CERT=\x1b\nSTAYPUT_HTTP_CERTIFICATE_KEY=k")
	f.Add([]byte("data = \"a\ndns.udp_size = 99999999999999999999"), "=")
	path := filepath.Join(f.TempDir(), "stayput.toml")
	f.Fuzz(func(t *testing.T, document []byte, env string) {
		if err := os.WriteFile(path, document, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, strings.Split(env, "\n"))
		if err == nil {
			checkBounds(t, c)
			return
		}
		var faults config.Faults
		if !errors.As(err, &faults) || len(faults) == 0 || c != nil {
			t.Fatalf("Load = %v, %v, want nil and Faults", c, err)
		}
		for _, fault := range faults {
			checkFault(t, fault, bytes.Count(document, []byte("\n"))+1)
		}
	})
}

func checkBounds(t *testing.T, c *config.Config) {
	t.Helper()
	if c.Data == "" || c.DNS.UDPSize < 512 || c.DNS.UDPSize > 4096 || c.DNS.TCPIdle < time.Second ||
		c.Updates.TTL < 1 || c.Updates.TTL > 86400 || c.Store.JournalKeep < 1<<20 {
		t.Errorf("Load = %+v, out of bounds", c)
	}
	for _, a := range c.DNS.Listen {
		if !a.IsValid() {
			t.Errorf("DNS.Listen = %v, want valid addresses", c.DNS.Listen)
		}
	}
}

func checkFault(t *testing.T, f config.Fault, lines int) {
	t.Helper()
	if f.Message == "" || strings.ContainsAny(f.String(), "\n\r\x1b") {
		t.Errorf("fault %q, want one line with a message", f)
	}
	if f.File == "" && !strings.HasPrefix(f.Key, "STAYPUT_") {
		t.Errorf("fault %q, want a file or a variable", f)
	}
	if f.File != "" && (f.Line < 1 || f.Line > lines) {
		t.Errorf("fault %q, want a line from 1 to %d", f, lines)
	}
}
