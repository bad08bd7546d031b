//go:build linux

package peer

import (
	"encoding/base64"
	"fmt"
	"path/filepath"

	"stayput.dev/bench/internal/sample"
)

// configureKnot keeps updates in the journal only: by default Knot would
// write the whole zone file after each.
func configureKnot(o Options, port uint16) ([]string, error) {
	file := filepath.Join(o.Dir, "zone")
	if err := copyFile(file, o.ZoneFile); err != nil {
		return nil, err
	}
	config, err := write(o.Dir, "knot.conf", fmt.Sprintf(`
server:
    listen: 127.0.0.1@%[1]d
    rundir: %[2]q
%[3]slog:
  - target: stderr
    any: warning
database:
    storage: %[2]q
key:
  - id: %[4]s
    algorithm: hmac-sha256
    secret: %[5]s
acl:
  - id: update
    key: %[4]s
    action: [update, transfer]
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: %[6]s
    storage: %[2]q
    file: %[7]q
    zonefile-sync: -1
    acl: [update, transfer]
`, port, o.Dir, threads("    udp-workers: %[1]d\n    tcp-workers: %[1]d\n    background-workers: %[1]d\n", o.Threads),
		KeyName, base64.StdEncoding.EncodeToString(Secret()), sample.ZoneName, file))
	return []string{"-c", config}, err
}
