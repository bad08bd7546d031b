//go:build linux

package peer

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strconv"

	"stayput.dev/bench/internal/sample"
)

// configureBIND lets updates be logged nowhere, as writing two lines for each
// would cost the server more than the comparison should charge it, lets as many
// wait as there are clients, and asks for minimal responses, as the others give
// them.
func configureBIND(o Options, port uint16) ([]string, error) {
	file := filepath.Join(o.Dir, "zone")
	if err := copyFile(file, o.ZoneFile); err != nil {
		return nil, err
	}
	config, err := write(o.Dir, "named.conf", fmt.Sprintf(`
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
	allow-transfer { 127.0.0.1; };
	minimal-responses yes;
	update-quota 1000;
};
controls { };
logging {
	category update { null; };
	category update-security { null; };
};
key %[3]s { algorithm hmac-sha256; secret %[4]q; };
zone %[5]q {
	type primary;
	file %[6]q;
	allow-update { key %[3]s; };
};
`, o.Dir, port, KeyName, base64.StdEncoding.EncodeToString(Secret()), sample.ZoneName, file))
	args := []string{"-g", "-c", config}
	if o.Threads > 0 {
		args = append(args, "-n", strconv.Itoa(o.Threads))
	}
	return args, err
}
