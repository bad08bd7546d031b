//go:build linux

package peer

import (
	"fmt"

	"stayput.dev/bench/internal/sample"
)

// configurePowerDNS serves the zone with the bind backend.
func configurePowerDNS(o Options, port uint16) ([]string, error) {
	backend, err := write(o.Dir, "zones.conf", fmt.Sprintf("zone %q { type master; file %q; };\n", sample.ZoneName, o.ZoneFile))
	if err != nil {
		return nil, err
	}
	_, err = write(o.Dir, "pdns.conf", fmt.Sprintf(`
launch=bind
bind-config=%[1]s
local-address=127.0.0.1
local-port=%[2]d
socket-dir=%[3]s
setuid=
setgid=
guardian=no
daemon=no
disable-syslog=yes
loglevel=3
%[4]s`, backend, port, o.Dir, threads("receiver-threads=%[1]d\ndistributor-threads=%[1]d\n", o.Threads)))
	return []string{"--config-dir=" + o.Dir}, err
}
