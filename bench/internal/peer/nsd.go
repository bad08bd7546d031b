//go:build linux

package peer

import (
	"fmt"

	"stayput.dev/bench/internal/sample"
)

// configureNSD asks for minimal responses, as the others give them, and no
// response rate limit, which Debian's build has on by default and the others
// have not.
func configureNSD(o Options, port uint16) ([]string, error) {
	config, err := write(o.Dir, "nsd.conf", fmt.Sprintf(`
server:
	ip-address: 127.0.0.1@%[1]d
	zonesdir: %[2]q
	username: ""
	chroot: ""
	pidfile: ""
	database: ""
	xfrdfile: "%[2]s/xfrd.state"
	xfrdir: %[2]q
	zonelistfile: "%[2]s/zone.list"
	minimal-responses: yes
	rrl-ratelimit: 0
	verbosity: 0
%[3]sremote-control:
	control-enable: no
zone:
	name: %[4]s
	zonefile: %[5]q
	provide-xfr: 127.0.0.1 NOKEY
`, port, o.Dir, threads("\tserver-count: %d\n", o.Threads), sample.ZoneName, o.ZoneFile))
	return []string{"-d", "-c", config}, err
}
