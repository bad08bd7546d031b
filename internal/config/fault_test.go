package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/internal/config"
)

// faults loads text from a file of dir and returns what is wrong with it and
// env, with the directory left out.
func faults(t *testing.T, dir, text string, env []string) string {
	t.Helper()
	c, err := config.Load(write(t, dir, "stayput.toml", text), env)
	if f := config.Faults(nil); !errors.As(err, &f) || c != nil {
		t.Fatalf("Load = %v, %v, want nil and Faults", c, err)
	}
	return strings.ReplaceAll(err.Error(), dir+"/", "")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		text string
		env  []string
		want string
	}{
		{
			name: "secondaries",
			text: `dns.secondaries = [
"ns2.example.org",
"192.0.2.53:0",
"::ffff:192.0.2.53",
"192.0.2.53 key",
"192.0.2.53 tsig ns2.example.org",
"192.0.2.53 key ns2 .example.org",
"192.0.2.53 key ns2..example.org",
"",
]`,
			want: `stayput.toml:2: dns.secondaries: wants an address, maybe with a port and a key, got "ns2.example.org" (write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353; names are not looked up)
stayput.toml:3: dns.secondaries: wants an address, maybe with a port and a key, got "192.0.2.53:0"
stayput.toml:4: dns.secondaries: wants an address, maybe with a port and a key, got "::ffff:192.0.2.53" (write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353; names are not looked up)
stayput.toml:5: dns.secondaries: wants an address, maybe with a port and a key, got "192.0.2.53 key" (write 192.0.2.53, or 192.0.2.53 key NAME)
stayput.toml:6: dns.secondaries: wants an address, maybe with a port and a key, got "192.0.2.53 tsig ns2.example.org" (write 192.0.2.53, or 192.0.2.53 key NAME)
stayput.toml:7: dns.secondaries: wants an address, maybe with a port and a key, got "192.0.2.53 key ns2 .example.org" (write 192.0.2.53, or 192.0.2.53 key NAME)
stayput.toml:8: dns.secondaries: wants an address, maybe with a port and a key, got "192.0.2.53 key ns2..example.org" (the key is named as in "stayput tsig list")
stayput.toml:9: dns.secondaries: wants an address, maybe with a port and a key, got "" (write 192.0.2.53, or 192.0.2.53 key NAME)`,
		},
		{
			name: "people",
			text: `http.public_url = "dyn.example.org"
signin.require_second_factor = ["admins"]
signin.sign_up = "approve"
oidc.issuer = "ldap://sso.example.org"
mail.server = "smtp.example.org"
mail.from = "dns at example.org"
`,
			want: `stayput.toml:1: http.public_url: wants an address that begins with https:// or http://, or nothing, got "dyn.example.org" (write https://dyn.example.org)
stayput.toml:2: signin.require_second_factor: wants "customer", "support" or "admin", got "admins" (did you mean admin?)
stayput.toml:3: signin.sign_up: wants "off", "on" or "approval", got "approve" (did you mean approval?)
stayput.toml:4: oidc.issuer: wants an address that begins with https:// or http://, or nothing, got "ldap://sso.example.org" (write https://dyn.example.org)
stayput.toml:5: mail.server: wants a host and a port, or nothing, got "smtp.example.org" (add the port, as in smtp.example.org:587)
stayput.toml:6: mail.from: wants a mail address or nothing, got "dns at example.org" (write dns@example.org, or Example DNS <dns@example.org>)`,
		},
		{
			name: "people who lack something",
			text: `signin.sign_up = "on"
oidc.issuer = "https://sso.example.org"
oidc.client_secret_file = "missing"
`,
			want: `stayput.toml:1: signin.sign_up: wants mail.server (people sign up with a mail address)
stayput.toml:1: signin.sign_up: wants http.public_url (the links in mails lead there)
stayput.toml:2: oidc.issuer: wants oidc.client_id
stayput.toml:2: oidc.issuer: wants http.public_url (the provider sends people back there)
stayput.toml:3: oidc.client_secret_file: stat missing: no such file or directory`,
		},
		{
			name: "secrets of cookies that are not there",
			text: `dns.cookie_secret_file = "missing"
signin.idle = "1m"
`,
			want: `stayput.toml:1: dns.cookie_secret_file: stat missing: no such file or directory
stayput.toml:2: signin.idle: wants a duration from 5m to 2160h, got "1m"`,
		},
		{
			name: "mail in the clear",
			text: `mail.server = "smtp.example.org:25"
mail.security = "none"
mail.username = "stayput"
`,
			want: `stayput.toml:1: mail.server: wants mail.from
stayput.toml:2: mail.security: would send the password to smtp.example.org in the clear (write "starttls" or "tls")
stayput.toml:3: mail.username: wants mail.password_file`,
		},
		{
			name: "unknown key",
			text: "[dns]\nlistn = []\nlitsen = []\n",
			want: `stayput.toml:2: dns.listn: unknown key (did you mean dns.listen?)
stayput.toml:3: dns.litsen: unknown key (did you mean dns.listen?)`,
		},
		{
			name: "unknown key of another case",
			text: "Data = 'x'\n",
			want: `stayput.toml:1: Data: unknown key (did you mean data?)`,
		},
		{
			name: "unknown key of another section",
			text: "udp_size = 1232\n[updates]\nlisten = []\n",
			want: `stayput.toml:1: udp_size: unknown key (did you mean dns.udp_size?)
stayput.toml:3: updates.listen: unknown key (did you mean dns.listen?)`,
		},
		{
			name: "unknown key like nothing else",
			text: "[log]\ncolour_of_money = 'green'\n",
			want: `stayput.toml:2: log.colour_of_money: unknown key`,
		},
		{
			name: "unknown key with odd characters",
			text: "\"dns.listen\" = []\n\"\\u001b[2J\" = 1\n\"\" = 1\n",
			want: `stayput.toml:1: "dns.listen": unknown key (did you mean dns.listen?)
stayput.toml:2: "\x1b[2J": unknown key
stayput.toml:3: "": unknown key`,
		},
		{
			name: "unknown section is one fault",
			text: "[htpp]\nlisten = []\nconnections = 0\n[htpp.deeper]\nx = 1\n[smtp]\n",
			want: `stayput.toml:1: htpp: unknown section (did you mean [http]?)
stayput.toml:6: smtp: unknown section`,
		},
		{
			name: "certificate outside its section",
			text: "[[certificate]]\ncert = 'x'\n",
			want: `stayput.toml:1: certificate: unknown section (did you mean [[http.certificate]]?)`,
		},
		{
			name: "section as key, as list and not as list",
			text: "dns = 5\n[[http]]\nlisten = 5\n[[log]]\n",
			want: `stayput.toml:1: dns: is a section (write [dns])
stayput.toml:2: http: is a section (write [http])
stayput.toml:4: log: is a section (write [log])`,
		},
		{
			name: "certificate as table",
			text: "[http.certificate]\ncert = 'x'\nkey = 5\n",
			want: `stayput.toml:1: http.certificate: is a section (write [[http.certificate]])`,
		},
		{
			name: "certificate by dotted keys",
			text: "[http]\ntls_listen = [':443']\ncertificate.cert = 'x'\ncertificate.key = 5\n",
			want: `stayput.toml:3: http.certificate: is a section (write [[http.certificate]])`,
		},
		{
			name: "setting as table",
			text: "[dns.listen]\nx = 1\n[http]\nlisten = {}\n[[data]]\n",
			want: `stayput.toml:1: dns.listen: wants an address and a port, got a table
stayput.toml:4: http.listen: wants an address and a port, got a table
stayput.toml:5: data: wants a path, got a table`,
		},
		{
			name: "wrong types",
			text: `data = 5
[dns]
listen = ":53"
udp_size = "1232"
tcp_idle = 10
tcp_connections = 1.5
version = ["x"]
whoami = "true"
cookies = true
query_log_sample = true
cookie_secret_file = 5
[http]
listen = [80, [],
	":80", {},
	true,
]
[log]
level = 1979-05-27
`,
			want: `stayput.toml:1: data: wants a path, got 5 (write it in quotes)
stayput.toml:3: dns.listen: wants a list, got ":53" (write [":53"])
stayput.toml:4: dns.udp_size: wants a number from 512 to 4096, got "1232" (write it without quotes)
stayput.toml:5: dns.tcp_idle: wants a duration from 1s to 10m, got 10 (write a number and a unit, such as "30s" or "5m")
stayput.toml:6: dns.tcp_connections: wants a number from 1 to 1000000, got 1.5
stayput.toml:7: dns.version: wants printable text of at most 255 octets, got a list
stayput.toml:8: dns.whoami: wants true or false, got "true" (write it without quotes)
stayput.toml:9: dns.cookies: wants "on", "require" or "off", got true
stayput.toml:10: dns.query_log_sample: wants a number from 0 to 1000000000, got true
stayput.toml:11: dns.cookie_secret_file: wants a path or nothing, got 5 (write it in quotes)
stayput.toml:13: http.listen: wants an address and a port, got 80 (write :80 to listen on every address)
stayput.toml:13: http.listen: wants an address and a port, got a list
stayput.toml:14: http.listen: wants an address and a port, got a table
stayput.toml:15: http.listen: wants an address and a port, got true
stayput.toml:18: log.level: wants "debug", "info", "warn" or "error", got 1979-05-27`,
		},
		{
			name: "a role without a database to follow",
			text: "role = \"dns\"\n",
			want: `stayput.toml:1: role: is "dns", but the data is in a file, which one node has for itself (name a PostgreSQL database in store.url)`,
		},
		{
			name: "out of range",
			text: `data = ""
[dns]
udp_size = 511
tcp_idle = "11m"
tcp_connections = 0
version = "\n"
[updates]
ttl = 86401
[store]
snapshot_after = "1KiB"
journal_keep = "9999999TiB"
`,
			want: `stayput.toml:1: data: wants a path, got ""
stayput.toml:3: dns.udp_size: wants a number from 512 to 4096, got 511
stayput.toml:4: dns.tcp_idle: wants a duration from 1s to 10m, got "11m"
stayput.toml:5: dns.tcp_connections: wants a number from 1 to 1000000, got 0
stayput.toml:6: dns.version: wants printable text of at most 255 octets, got "\n"
stayput.toml:8: updates.ttl: wants a number from 1 to 86400, got 86401
stayput.toml:10: store.snapshot_after: wants a size from 1MiB to 4GiB, got "1KiB"
stayput.toml:11: store.journal_keep: wants a size from 1MiB to 1TiB, got "9999999TiB" (write a whole number and B, KiB, MiB, GiB or TiB, such as "64MiB")`,
		},
		{
			name: "units and words",
			text: `dns.tcp_idle = "10"
store.snapshot_after = "64MB"
store.journal_keep = "1.5GiB"
updates.nonglobal = "acept"
updates.unchanged_reply = "no"
log.level = "INFO"
log.format = "journal"
updates.expire_after = "30"
updates.cgnat = "flagged"
`,
			want: `stayput.toml:1: dns.tcp_idle: wants a duration from 1s to 10m, got "10" (write a number and a unit, such as "30s" or "5m")
stayput.toml:2: store.snapshot_after: wants a size from 1MiB to 4GiB, got "64MB" (write a whole number and B, KiB, MiB, GiB or TiB, such as "64MiB")
stayput.toml:3: store.journal_keep: wants a size from 1MiB to 1TiB, got "1.5GiB" (write a whole number and B, KiB, MiB, GiB or TiB, such as "64MiB")
stayput.toml:4: updates.nonglobal: wants "ignore" or "accept", got "acept" (did you mean accept?)
stayput.toml:5: updates.unchanged_reply: wants "nochg" or "good", got "no"
stayput.toml:6: log.level: wants "debug", "info", "warn" or "error", got "INFO" (did you mean info?)
stayput.toml:7: log.format: wants "text" or "json", got "journal"
stayput.toml:8: updates.expire_after: wants a duration from 1m to 3650d, or "never", got "30" (write a number and a unit, such as "30d" or "36h")
stayput.toml:9: updates.cgnat: wants "nonglobal", "ignore", "accept" or "flag", got "flagged"`,
		},
		{
			name: "addresses to listen on",
			text: `dns.listen = [
	"localhost:5300",
	"ns1.example.org:53",
	"*:53",
	"53",
	"192.0.2.1",
	"::1",
	"[::1]",
	"192.0.2.1:domain",
	"192.0.2.1:65536",
	":65536",
	"[::ffff:192.0.2.1]:53",
	"http://192.0.2.1/",
	"",
]
`,
			want: `stayput.toml:2: dns.listen: wants an address and a port, got "localhost:5300" (names are not looked up; write 127.0.0.1:5300 or [::1]:5300)
stayput.toml:3: dns.listen: wants an address and a port, got "ns1.example.org:53" (names are not looked up; write the address)
stayput.toml:4: dns.listen: wants an address and a port, got "*:53" (write :53 to listen on every address)
stayput.toml:5: dns.listen: wants an address and a port, got "53" (write :53 to listen on every address)
stayput.toml:6: dns.listen: wants an address and a port, got "192.0.2.1" (add the port, as in 192.0.2.1:53)
stayput.toml:7: dns.listen: wants an address and a port, got "::1" (add the port, as in [::1]:53)
stayput.toml:8: dns.listen: wants an address and a port, got "[::1]" (add the port, as in [::1]:53)
stayput.toml:9: dns.listen: wants an address and a port, got "192.0.2.1:domain" (the port is a number from 0 to 65535)
stayput.toml:10: dns.listen: wants an address and a port, got "192.0.2.1:65536" (the port is a number from 0 to 65535)
stayput.toml:11: dns.listen: wants an address and a port, got ":65536" (the port is a number from 0 to 65535)
stayput.toml:12: dns.listen: wants an address and a port, got "[::ffff:192.0.2.1]:53" (write 192.0.2.1:53)
stayput.toml:13: dns.listen: wants an address and a port, got "http://192.0.2.1/" (write 192.0.2.1:53, [2001:db8::1]:53 or :53)
stayput.toml:14: dns.listen: wants an address and a port, got "" (write 192.0.2.1:53, [2001:db8::1]:53 or :53)`,
		},
		{
			name: "networks",
			text: `http.trusted_proxies = ["192.0.2.1/24", "proxy.example.org", "::ffff:192.0.2.1", "::ffff:192.0.2.0/120", "fe80::1%eth0"]
http.allow_metrics = ["2001:db8::1/129"]
`,
			want: `stayput.toml:1: http.trusted_proxies: wants an address or a network, got "192.0.2.1/24" (write 192.0.2.0/24 or 192.0.2.1)
stayput.toml:1: http.trusted_proxies: wants an address or a network, got "proxy.example.org" (write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32)
stayput.toml:1: http.trusted_proxies: wants an address or a network, got "::ffff:192.0.2.1" (write 192.0.2.1)
stayput.toml:1: http.trusted_proxies: wants an address or a network, got "::ffff:192.0.2.0/120" (write the IPv4 form)
stayput.toml:1: http.trusted_proxies: wants an address or a network, got "fe80::1%eth0"
stayput.toml:2: http.allow_metrics: wants an address or a network, got "2001:db8::1/129" (write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32)`,
		},
		{
			name: "host names",
			text: `http.checkip_hosts = ["*", "http://checkip.example.org", "checkip.example.org:80", "-x.example.org", "a..example.org"]`,
			want: `stayput.toml:1: http.checkip_hosts: wants a host name, got "*" (write checkip.example.org, or checkip.* for every name that starts so)
stayput.toml:1: http.checkip_hosts: wants a host name, got "http://checkip.example.org" (write checkip.example.org, or checkip.* for every name that starts so)
stayput.toml:1: http.checkip_hosts: wants a host name, got "checkip.example.org:80" (write checkip.example.org, or checkip.* for every name that starts so)
stayput.toml:1: http.checkip_hosts: wants a host name, got "-x.example.org" (write checkip.example.org, or checkip.* for every name that starts so)
stayput.toml:1: http.checkip_hosts: wants a host name, got "a..example.org" (write checkip.example.org, or checkip.* for every name that starts so)`,
		},
		{
			name: "contradictions",
			text: `[dns]
listen = [":53", "127.0.0.1:53", "127.0.0.1:8080"]
tcp_connections = 10
tcp_connections_per_source = 11
tls_listen = [":853", "[::1]:53"]
[http]
tls_listen = ["[::1]:53", "[::1]:443"]
connections = 10  # below the default of connections_per_source, which does no harm
`,
			want: `stayput.toml:2: dns.listen: 127.0.0.1:53 is taken by 0.0.0.0:53 in dns.listen
stayput.toml:2: http.listen: 127.0.0.1:8080 is taken by 127.0.0.1:8080 in dns.listen
stayput.toml:4: dns.tcp_connections_per_source: is 11, more than the 10 of dns.tcp_connections
stayput.toml:5: dns.tls_listen: [::1]:53 is taken by [::]:53 in dns.listen
stayput.toml:5: dns.tls_listen: has no certificate (add a section [[http.certificate]] with cert and key)
stayput.toml:7: http.tls_listen: [::1]:53 is taken by [::]:53 in dns.listen
stayput.toml:7: http.tls_listen: has no certificate (add a section [[http.certificate]] with cert and key)`,
		},
		{
			name: "certificates",
			text: `[[http.certificate]]
cert = "cert.pem"
key = "other-key.pem"
[[http.certificate]]
cert = "none.pem"
key = "."
[[http.certificate]]
key = "key.pem"
[[http.certificate]]
certs = "cert.pem"
key = 5
[[http.certificate]]
`,
			want: `stayput.toml:2: http.certificate.cert: cannot be used with other-key.pem: tls: private key does not match public key
stayput.toml:5: http.certificate.cert: stat none.pem: no such file or directory
stayput.toml:6: http.certificate.key: DIR is not a regular file
stayput.toml:7: http.certificate.cert: is missing
stayput.toml:9: http.certificate.cert: is missing
stayput.toml:10: http.certificate.certs: unknown key (did you mean http.certificate.cert?)
stayput.toml:11: http.certificate.key: wants a path, got 5 (write it in quotes)
stayput.toml:12: http.certificate.cert: is missing
stayput.toml:12: http.certificate.key: is missing`,
		},
		{
			name: "no TOML",
			text: "[dns]\nudp_size = 1\nlisten = [\":53\"\n\n[http]\nlisten = 5\n",
			want: `stayput.toml:2: dns.udp_size: wants a number from 512 to 4096, got 1
stayput.toml:5: expected ',' or ']' after array value`,
		},
		{
			name: "said twice, oddly",
			text: "\"a\\u001bb\" = 1\n\"a\\u001bb\" = 2\n",
			want: `stayput.toml:1: "a\x1bb": unknown key
stayput.toml:2: key a�b is already defined`,
		},
		{
			name: "said twice",
			text: "[dns]\nudp_size = 512\n[http]\nconnections = 0\n[dns]\nudp_size = 513\n",
			want: `stayput.toml:4: http.connections: wants a number from 1 to 1000000, got 0
stayput.toml:5: table dns already exists`,
		},
		{
			name: "environment",
			text: "dns.udp_size = 1\n",
			env: []string{
				"STAYPUT_HTTP_TRUSTED_PROXY=192.0.2.1",
				"STAYPUT_DTA=/srv",
				"STAYPUT_DATA=",
				"STAYPUT_DNS_LISTEN=192.0.2.1:53,localhost:53,[::1]:53",
				"STAYPUT_DNS_UDP_SIZE=big",
				"STAYPUT_HTTP_TLS_LISTEN=[::1]:53",
				"STAYPUT_HTTP_CONNECTIONS_PER_SOURCE=20000",
				"STAYPUT_STORE_JOURNAL_KEEP=1GB",
			},
			want: `stayput.toml:1: dns.udp_size: wants a number from 512 to 4096, got 1
STAYPUT_DATA: wants a path, got ""
STAYPUT_DNS_LISTEN: wants an address and a port, got "localhost:53" (names are not looked up; write 127.0.0.1:53 or [::1]:53)
STAYPUT_DNS_UDP_SIZE: wants a number from 512 to 4096, got "big"
STAYPUT_STORE_JOURNAL_KEEP: wants a size from 1MiB to 1TiB, got "1GB" (write a whole number and B, KiB, MiB, GiB or TiB, such as "64MiB")
STAYPUT_DTA: unknown variable (did you mean STAYPUT_DATA?)
STAYPUT_HTTP_TRUSTED_PROXY: unknown variable (did you mean STAYPUT_HTTP_TRUSTED_PROXIES?)
STAYPUT_HTTP_TLS_LISTEN: [::1]:53 is taken by [::1]:53 in dns.listen
STAYPUT_HTTP_CONNECTIONS_PER_SOURCE: is 20000, more than the 16384 of http.connections
STAYPUT_HTTP_TLS_LISTEN: has no certificate (add a section [[http.certificate]] with cert and key)`,
		},
		{
			name: "certificates of the environment",
			env:  []string{"STAYPUT_HTTP_CERTIFICATE_CERT=a.pem,b.pem", "STAYPUT_HTTP_CERTIFICATE_KEY=a.pem", "STAYPUT_HTTP_TLS_LISTEN=:443"},
			want: `STAYPUT_HTTP_CERTIFICATE_CERT: names 2 files, but STAYPUT_HTTP_CERTIFICATE_KEY names 1`,
		},
		{
			name: "certificate of the environment that is not there",
			text: "[[http.certificate]]\ncert = 'ignored.pem'\nkey = 'ignored.pem'\n",
			env:  []string{"STAYPUT_HTTP_CERTIFICATE_CERT=/none/cert.pem", "STAYPUT_HTTP_CERTIFICATE_KEY=/none/key.pem"},
			want: `STAYPUT_HTTP_CERTIFICATE_CERT: stat /none/cert.pem: no such file or directory
STAYPUT_HTTP_CERTIFICATE_KEY: stat /none/key.pem: no such file or directory`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeCertificate(t, dir, "cert.pem", "key.pem")
			writeCertificate(t, dir, "other-cert.pem", "other-key.pem")
			got := strings.ReplaceAll(faults(t, dir, test.text, test.env), dir, "DIR")
			if d := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(got, "\n")); d != "" {
				t.Errorf("faults (-want +got):\n%s", d)
			}
		})
	}
}

func TestHostNameTooLong(t *testing.T) {
	t.Parallel()
	env := "STAYPUT_HTTP_CHECKIP_HOSTS=" + strings.Repeat("a.", 127)
	if _, err := config.Load("", []string{env + "a"}); err == nil {
		t.Error("Load took a host name of 255 octets, want a fault")
	}
	if _, err := config.Load("", []string{env}); err != nil {
		t.Errorf("Load of a host name of 253 octets and a dot = %v, want no error", err)
	}
}

func TestFaultWithoutLine(t *testing.T) {
	t.Parallel()
	f := config.Fault{File: "stayput.toml", Message: "is odd", Hint: "make it even"}
	if got, want := f.String(), "stayput.toml: is odd (make it even)"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}

func TestFaultFields(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "stayput.toml", "\n[dns]\nlistn = []\n")
	_, err := config.Load(path, []string{"STAYPUT_LOG_LEVEL=loud"})
	want := config.Faults{
		{File: path, Line: 3, Key: "dns.listn", Message: "unknown key", Hint: "did you mean dns.listen?"},
		{Key: "STAYPUT_LOG_LEVEL", Message: `wants "debug", "info", "warn" or "error", got "loud"`},
	}
	if d := cmp.Diff(error(want), err); d != "" {
		t.Errorf("Load (-want +got):\n%s", d)
	}
}
