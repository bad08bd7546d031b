package primary

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// BIND is BIND 9.
var BIND = Kind{
	Name: "BIND", program: "named",
	configure: func(s *Server) {
		s.Write(Zone+".zone", Master)
		s.Write("rndc.key", fmt.Sprintf("key rndc { algorithm hmac-sha256; secret %q; };\n", SecretText()))
		s.Named(NamedKey(KeyName) + fmt.Sprintf(`
zone %[1]q {
	type primary; file "%[1]s.zone";
	update-policy { grant %[2]s zonesub ANY; };
	allow-transfer { key %[2]s; };
};
`, Zone, KeyName))
	},
	args:   func(dir string) []string { return []string{"-g", "-n", "1", "-c", filepath.Join(dir, "config")} },
	freeze: func(s *Server) { s.rndc("freeze", Zone) },
	thaw:   func(s *Server) { s.rndc("thaw", Zone) },
}

// Named makes a text all that a BIND is told of keys and zones, before it is started. The
// zone that all servers know is in the file dyn.example.org.zone; others are up to Write.
func (s *Server) Named(text string) {
	s.tb.Helper()
	s.Write("config", NamedOptions(s.dir, s.Addr.Port())+fmt.Sprintf(`
include %q;
controls { inet 127.0.0.1 port %d allow { 127.0.0.1; } keys { rndc; }; };
`, s.file("rndc.key"), s.control)+text)
}

// NamedKey returns the lines of named.conf for a key with the secret that all have.
func NamedKey(name string) string {
	return fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };\n", name, SecretText())
}

// Edit replaces a part of the server's configuration, before it is started.
func (s *Server) Edit(old, text string) {
	s.tb.Helper()
	before, err := os.ReadFile(s.file("config"))
	if err != nil || !strings.Contains(string(before), old) {
		s.tb.Fatalf("%q is not in the configuration: %v", old, err)
	}
	s.Write("config", strings.Replace(string(before), old, text, 1))
}

// NamedOptions returns the lines of named.conf for a BIND on 127.0.0.1 that keeps all in a
// directory.
func NamedOptions(dir string, port uint16) string {
	return fmt.Sprintf(`
options {
	directory %[1]q;
	listen-on port %[2]d { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile none;
	managed-keys-directory %[1]q;
	recursion no;
	dnssec-validation no;
	notify no;
};
`, dir, port)
}

func (s *Server) rndc(words ...string) {
	s.tb.Helper()
	s.run("", "rndc", append([]string{"-s", "127.0.0.1", "-p", fmt.Sprint(s.control), "-k", s.file("rndc.key")}, words...)...)
}
