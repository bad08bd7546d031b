package primary

import (
	"fmt"
	"path/filepath"
)

// Knot is Knot DNS.
var Knot = Kind{
	Name: "Knot", program: "knotd",
	configure: func(s *Server) {
		s.Write("zone", "$ORIGIN "+Zone+".\n"+Master)
		s.Write("config", fmt.Sprintf(`
server:
    rundir: %[1]q
    listen: 127.0.0.1@%[2]d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %[1]q
key:
  - id: %[3]s
    algorithm: hmac-sha256
    secret: %[4]q
acl:
  - id: push
    key: %[3]s
    action: [update, transfer]
zone:
  - domain: %[5]s
    storage: %[1]q
    file: zone
    acl: push
`, s.dir, s.Addr.Port(), KeyName, SecretText(), Zone))
	},
	args:   func(dir string) []string { return []string{"-c", filepath.Join(dir, "config")} },
	freeze: func(s *Server) { s.knotc("zone-freeze") },
	thaw:   func(s *Server) { s.knotc("zone-thaw") },
}

func (s *Server) knotc(word string) {
	s.tb.Helper()
	s.run("", "knotc", "-c", s.file("config"), "--blocking", word, Zone)
}
