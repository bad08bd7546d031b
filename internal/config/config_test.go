package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stayput.dev/internal/config"
)

// defaults is what a daemon without file and environment is told.
func defaults() *config.Config {
	return &config.Config{
		Data: "stayput-data",
		Role: config.RoleAll,
		DNS: config.DNS{
			Listen:                  []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5300")},
			UDPSize:                 1232,
			TCPIdle:                 10 * time.Second,
			TCPConnections:          1000,
			TCPConnectionsPerSource: 100,
			Cookies:                 config.CookiesOn,
			RateLimit:               200,
			RateLimitSlip:           2,
			RateLimitExempt:         []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
		HTTP: config.HTTP{
			Listen:               []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")},
			Connections:          16384,
			ConnectionsPerSource: 512,
			API:                  true,
			AllowMetrics: []netip.Prefix{
				netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
			},
			CheckipHosts: []config.HostPattern{"checkip.*"},
		},
		Updates: config.Updates{
			Nonglobal:      config.NonglobalIgnore,
			TTL:            60,
			UnchangedReply: config.UnchangedNochg,
			DeviceOptions:  config.DeviceOptionsAccept,
			PushWait:       2 * time.Second,
			CGNAT:          config.CGNATAsNonglobal,
			CGNATPools:     []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")},

			ChangesPerSource: 200, ChangesPerSourceBurst: 2000,
			ChangesPerKey: 100, ChangesPerKeyBurst: 1000,
			ChangesPerHost: 2, ChangesPerHostBurst: 60,
			WrongPasswordsPerSource: 2, WrongPasswordsPerSourceBurst: 30,
			WrongPasswordsPerKey: 1, WrongPasswordsPerKeyBurst: 60,
			History: 64 << 20,
		},
		Web:    config.Web{Enabled: true},
		Signin: config.Signin{Idle: 24 * time.Hour, MaxAge: 30 * 24 * time.Hour, SignUp: config.SignUpOff},
		OIDC:   config.OIDC{Name: "Single sign-on", GroupsClaim: "groups"},
		Mail:   config.Mail{Security: config.MailStartTLS},
		Log:    config.Log{Level: slog.LevelInfo, Format: config.LogText},
		Store:  config.Store{Timeout: 5 * time.Second, SnapshotAfter: 16 << 20, JournalKeep: 64 << 20, KeepAddresses: 365 * 24 * time.Hour, KeepDeeds: 730 * 24 * time.Hour},
	}
}

// full sets everything to something that is not the default.
const full = `
data = "/srv/stayput"
role = "dns"

[dns]
listen = [":5353", "192.0.2.1:53"]
udp_size = 1_400
tcp_idle = "1m"
tcp_connections = 2000
tcp_connections_per_source = 50
version = "Stayput"
tls_listen = [":853"]
identity = "ns1"
whoami = true
cookies = "require"
cookie_secret_file = "secrets/cookies"
query_log_sample = 1000
rate_limit = 500
rate_limit_slip = 1
rate_limit_exempt = ["192.0.2.0/24"]
secondaries = ["192.0.2.53", "[2001:db8::53]:5353 key NS2.Example.org."]
transfers = ["192.0.2.7"]
resolvers = ["192.0.2.1", "[2001:db8::1]:5353"]
push = ["dyn.example.org 192.0.2.54 key stayput-push", "Example.net. [2001:db8::54]:5353 key other.key"]

[http]
listen = ["[2001:db8::1]:80"]
tls_listen = ["[::]:443"]
legacy_tls_listen = ["[::1]:8245"]
trusted_proxies = ["192.0.2.0/24", "2001:db8::2"]
connections = 100
connections_per_source = 10
api = false
allow_metrics = []
public_url = "https://dyn.example.org/dns"
checkip_hosts = ["CheckIP.example.org.", "ip.*"]
update_hosts = ["update.*"]
shadow = true

[[http.certificate]]
cert = "tls/cert.pem"
key = "tls/key.pem"

[updates]
nonglobal = "accept"
ttl = 300
unchanged_reply = "good"
device_options = "ignore"
push_wait = "0s"
push_strict = true
expire_after = "30d"
cgnat = "flag"
cgnat_pools = ["100.64.0.0/10", "198.51.100.0/24"]
changes_per_source = 50
changes_per_source_burst = 60
changes_per_key = 0
changes_per_key_burst = 1
changes_per_host = 3
changes_per_host_burst = 4
wrong_passwords_per_source = 7
wrong_passwords_per_source_burst = 8
wrong_passwords_per_key = 9
wrong_passwords_per_key_burst = 10
history = "1GiB"

[web]
enabled = false

[gnudip]
listen = [":3495"]

[webhooks]
allow = ["10.1.2.0/24"]

[signin]
idle = "1h"
max_age = "168h"
require_second_factor = ["admin", "support"]
sign_up = "approval"
reserved_names = ["example"]

[oidc]
issuer = "https://sso.example.org/realms/isp"
client_id = "stayput"
client_secret_file = "secrets/oidc"
name = "Example SSO"
groups_claim = "roles"
admin_groups = ["dns admins"]
support_groups = ["desk", "night desk"]
customer_groups = ["customers"]
link_by_email = true
create_accounts = true

[mail]
server = "smtp.example.org:465"
security = "tls"
username = "stayput"
password_file = "secrets/mail"
ca_file = "tls/cert.pem"
from = "Example DNS <dns@example.org>"

[log]
level = "debug"
format = "json"

[store]
url = "postgres://stayput@db.example.org/stayput"
url_file = "secrets/database"
node = "site-1"
timeout = "2s"
snapshot_after = "1GiB"
journal_keep = "1TiB"
keep_addresses = "30d"
keep_deeds = "never"
`

// fullEnvironment is full as the environment says it.
func fullEnvironment(dir string) []string {
	return []string{
		"HOME=/",
		"STAYPUT_DATA=/srv/stayput",
		"STAYPUT_ROLE=dns",
		"STAYPUT_DNS_LISTEN=:5353, 192.0.2.1:53",
		"STAYPUT_DNS_UDP_SIZE=1400",
		"STAYPUT_DNS_TCP_IDLE=1m",
		"STAYPUT_DNS_TCP_CONNECTIONS=2000",
		"STAYPUT_DNS_TCP_CONNECTIONS_PER_SOURCE=50",
		"STAYPUT_DNS_VERSION=Stayput",
		"STAYPUT_DNS_TLS_LISTEN=:853",
		"STAYPUT_DNS_IDENTITY=ns1",
		"STAYPUT_DNS_WHOAMI=true",
		"STAYPUT_DNS_COOKIES=require",
		"STAYPUT_DNS_COOKIE_SECRET_FILE=" + filepath.Join(dir, "secrets/cookies"),
		"STAYPUT_DNS_QUERY_LOG_SAMPLE=1000",
		"STAYPUT_DNS_RATE_LIMIT=500",
		"STAYPUT_DNS_RATE_LIMIT_SLIP=1",
		"STAYPUT_DNS_RATE_LIMIT_EXEMPT=192.0.2.0/24",
		"STAYPUT_DNS_SECONDARIES=192.0.2.53,[2001:db8::53]:5353 key NS2.Example.org.", "STAYPUT_DNS_TRANSFERS=192.0.2.7", "STAYPUT_DNS_RESOLVERS=192.0.2.1,[2001:db8::1]:5353",
		"STAYPUT_DNS_PUSH=dyn.example.org 192.0.2.54 key stayput-push,Example.net. [2001:db8::54]:5353 key other.key",
		"STAYPUT_HTTP_LISTEN=[2001:db8::1]:80",
		"STAYPUT_HTTP_TLS_LISTEN=[::]:443",
		"STAYPUT_HTTP_LEGACY_TLS_LISTEN=[::1]:8245",
		"STAYPUT_HTTP_TRUSTED_PROXIES=192.0.2.0/24,2001:db8::2",
		"STAYPUT_HTTP_CONNECTIONS=100",
		"STAYPUT_HTTP_CONNECTIONS_PER_SOURCE=10",
		"STAYPUT_HTTP_API=false",
		"STAYPUT_HTTP_ALLOW_METRICS=",
		"STAYPUT_HTTP_PUBLIC_URL=https://dyn.example.org/dns",
		"STAYPUT_HTTP_CHECKIP_HOSTS=CheckIP.example.org.,ip.*",
		"STAYPUT_HTTP_UPDATE_HOSTS=update.*",
		"STAYPUT_HTTP_SHADOW=true",
		"STAYPUT_HTTP_CERTIFICATE_CERT=" + filepath.Join(dir, "tls/cert.pem"),
		"STAYPUT_HTTP_CERTIFICATE_KEY=" + filepath.Join(dir, "tls/key.pem"),
		"STAYPUT_UPDATES_NONGLOBAL=accept",
		"STAYPUT_UPDATES_TTL=300",
		"STAYPUT_UPDATES_UNCHANGED_REPLY=good",
		"STAYPUT_UPDATES_DEVICE_OPTIONS=ignore", "STAYPUT_UPDATES_PUSH_WAIT=0s", "STAYPUT_UPDATES_PUSH_STRICT=true",
		"STAYPUT_UPDATES_EXPIRE_AFTER=720h",
		"STAYPUT_UPDATES_CGNAT=flag",
		"STAYPUT_UPDATES_CGNAT_POOLS=100.64.0.0/10,198.51.100.0/24",
		"STAYPUT_UPDATES_CHANGES_PER_SOURCE=50",
		"STAYPUT_UPDATES_CHANGES_PER_SOURCE_BURST=60",
		"STAYPUT_UPDATES_CHANGES_PER_KEY=0",
		"STAYPUT_UPDATES_CHANGES_PER_KEY_BURST=1",
		"STAYPUT_UPDATES_CHANGES_PER_HOST=3",
		"STAYPUT_UPDATES_CHANGES_PER_HOST_BURST=4",
		"STAYPUT_UPDATES_WRONG_PASSWORDS_PER_SOURCE=7",
		"STAYPUT_UPDATES_WRONG_PASSWORDS_PER_SOURCE_BURST=8",
		"STAYPUT_UPDATES_WRONG_PASSWORDS_PER_KEY=9",
		"STAYPUT_UPDATES_WRONG_PASSWORDS_PER_KEY_BURST=10",
		"STAYPUT_UPDATES_HISTORY=1GiB",
		"STAYPUT_WEB_ENABLED=false",
		"STAYPUT_GNUDIP_LISTEN=:3495",
		"STAYPUT_WEBHOOKS_ALLOW=10.1.2.0/24",
		"STAYPUT_SIGNIN_IDLE=1h", "STAYPUT_SIGNIN_MAX_AGE=168h", "STAYPUT_SIGNIN_REQUIRE_SECOND_FACTOR=admin,support",
		"STAYPUT_SIGNIN_SIGN_UP=approval", "STAYPUT_SIGNIN_RESERVED_NAMES=example",
		"STAYPUT_OIDC_ISSUER=https://sso.example.org/realms/isp", "STAYPUT_OIDC_CLIENT_ID=stayput",
		"STAYPUT_OIDC_CLIENT_SECRET_FILE=" + filepath.Join(dir, "secrets/oidc"), "STAYPUT_OIDC_NAME=Example SSO",
		"STAYPUT_OIDC_GROUPS_CLAIM=roles", "STAYPUT_OIDC_ADMIN_GROUPS=dns admins", "STAYPUT_OIDC_SUPPORT_GROUPS=desk, night desk",
		"STAYPUT_OIDC_CUSTOMER_GROUPS=customers", "STAYPUT_OIDC_LINK_BY_EMAIL=true", "STAYPUT_OIDC_CREATE_ACCOUNTS=true",
		"STAYPUT_MAIL_SERVER=smtp.example.org:465", "STAYPUT_MAIL_SECURITY=tls", "STAYPUT_MAIL_USERNAME=stayput",
		"STAYPUT_MAIL_PASSWORD_FILE=" + filepath.Join(dir, "secrets/mail"), "STAYPUT_MAIL_CA_FILE=" + filepath.Join(dir, "tls/cert.pem"),
		"STAYPUT_MAIL_FROM=Example DNS <dns@example.org>",
		"STAYPUT_LOG_LEVEL=debug",
		"STAYPUT_LOG_FORMAT=json",
		"STAYPUT_STORE_URL=postgres://stayput@db.example.org/stayput",
		"STAYPUT_STORE_URL_FILE=" + filepath.Join(dir, "secrets/database"),
		"STAYPUT_STORE_NODE=site-1",
		"STAYPUT_STORE_TIMEOUT=2s",
		"STAYPUT_STORE_SNAPSHOT_AFTER=1GiB",
		"STAYPUT_STORE_JOURNAL_KEEP=1TiB", "STAYPUT_STORE_KEEP_ADDRESSES=30d", "STAYPUT_STORE_KEEP_DEEDS=never",
	}
}

// fullConfig is what full means in dir.
func fullConfig(dir string) *config.Config {
	return &config.Config{
		Data: "/srv/stayput",
		Role: config.RoleDNS,
		DNS: config.DNS{
			Listen: []netip.AddrPort{
				netip.MustParseAddrPort("0.0.0.0:5353"), netip.MustParseAddrPort("[::]:5353"),
				netip.MustParseAddrPort("192.0.2.1:53"),
			},
			UDPSize:                 1400,
			TCPIdle:                 time.Minute,
			TCPConnections:          2000,
			TCPConnectionsPerSource: 50,
			Version:                 "Stayput",
			TLSListen:               []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:853"), netip.MustParseAddrPort("[::]:853")},
			Identity:                "ns1",
			Whoami:                  true,
			Cookies:                 config.CookiesRequire,
			CookieSecretFile:        filepath.Join(dir, "secrets/cookies"),
			QueryLogSample:          1000,
			RateLimit:               500,
			RateLimitSlip:           1,
			RateLimitExempt:         []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Secondaries:             []config.Secondary{{Addr: netip.MustParseAddrPort("192.0.2.53:53")}, {Addr: netip.MustParseAddrPort("[2001:db8::53]:5353"), Key: "ns2.example.org"}},
			Transfers:               []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")},
			Resolvers:               []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("[2001:db8::1]:5353")},
			Push: []config.Push{
				{Zone: "dyn.example.org", Addr: netip.MustParseAddrPort("192.0.2.54:53"), Key: "stayput-push"},
				{Zone: "example.net", Addr: netip.MustParseAddrPort("[2001:db8::54]:5353"), Key: "other.key"},
			},
		},
		HTTP: config.HTTP{
			Listen:          []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::1]:80")},
			TLSListen:       []netip.AddrPort{netip.MustParseAddrPort("[::]:443")},
			LegacyTLSListen: []netip.AddrPort{netip.MustParseAddrPort("[::1]:8245")},
			Certificates: []config.Certificate{
				{Cert: filepath.Join(dir, "tls/cert.pem"), Key: filepath.Join(dir, "tls/key.pem")},
			},
			TrustedProxies: []netip.Prefix{
				netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::2/128"),
			},
			Connections:          100,
			ConnectionsPerSource: 10,
			PublicURL:            &url.URL{Scheme: "https", Host: "dyn.example.org", Path: "/dns"},
			CheckipHosts:         []config.HostPattern{"checkip.example.org", "ip.*"},
			UpdateHosts:          []config.HostPattern{"update.*"},
			Shadow:               true,
		},
		Updates: config.Updates{
			Nonglobal:      config.NonglobalAccept,
			TTL:            300,
			UnchangedReply: config.UnchangedGood,
			DeviceOptions:  config.DeviceOptionsIgnore,
			PushStrict:     true,
			ExpireAfter:    30 * 24 * time.Hour,
			CGNAT:          config.CGNATFlag,
			CGNATPools:     []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.51.100.0/24")},

			ChangesPerSource: 50, ChangesPerSourceBurst: 60,
			ChangesPerKey: 0, ChangesPerKeyBurst: 1,
			ChangesPerHost: 3, ChangesPerHostBurst: 4,
			WrongPasswordsPerSource: 7, WrongPasswordsPerSourceBurst: 8,
			WrongPasswordsPerKey: 9, WrongPasswordsPerKeyBurst: 10,
			History: 1 << 30,
		},
		Webhooks: config.Webhooks{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}},
		GnuDIP:   config.GnuDIP{Listen: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:3495"), netip.MustParseAddrPort("[::]:3495")}},
		Signin: config.Signin{
			Idle: time.Hour, MaxAge: 7 * 24 * time.Hour, RequireSecondFactor: []config.Role{config.RoleAdmin, config.RoleSupport},
			SignUp: config.SignUpApproval, ReservedNames: []string{"example"},
		},
		OIDC: config.OIDC{
			Issuer:   &url.URL{Scheme: "https", Host: "sso.example.org", Path: "/realms/isp"},
			ClientID: "stayput", ClientSecretFile: filepath.Join(dir, "secrets/oidc"), Name: "Example SSO", GroupsClaim: "roles",
			AdminGroups: []string{"dns admins"}, SupportGroups: []string{"desk", "night desk"}, CustomerGroups: []string{"customers"},
			LinkByEmail: true, CreateAccounts: true,
		},
		Mail: config.Mail{
			Server: "smtp.example.org:465", Security: config.MailTLS, Username: "stayput",
			PasswordFile: filepath.Join(dir, "secrets/mail"), CAFile: filepath.Join(dir, "tls/cert.pem"), From: "Example DNS <dns@example.org>",
		},
		Log: config.Log{Level: slog.LevelDebug, Format: config.LogJSON},
		Store: config.Store{
			Node: "site-1",
			URL:  "postgres://stayput@db.example.org/stayput", URLFile: filepath.Join(dir, "secrets/database"), Timeout: 2 * time.Second,
			SnapshotAfter: 1 << 30, JournalKeep: 1 << 40, KeepAddresses: 30 * 24 * time.Hour,
		},
	}
}

// write puts text into a new file of dir, and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeSecrets puts the files that full names into dir.
func writeSecrets(t testing.TB, dir string) {
	t.Helper()
	writeCertificate(t, dir, "tls/cert.pem", "tls/key.pem")
	write(t, dir, "secrets/cookies", "e5e973e5a6b2a43f48e7dc849e37bfcf\n")
	write(t, dir, "secrets/oidc", "s3cret\n")
	write(t, dir, "secrets/mail", "s3cret\n")
}

// writeCertificate puts a new certificate and its key into two files of dir.
func writeCertificate(t testing.TB, dir, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"dyn.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	if der, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		t.Fatal(err)
	}
	write(t, dir, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// mustLoad loads what ought to be right.
func mustLoad(t *testing.T, path string, env ...string) *config.Config {
	t.Helper()
	c, err := config.Load(path, env)
	if err != nil {
		t.Fatalf("Load(%q) = %v, want no error", path, err)
	}
	return c
}

// diff compares two configurations; an empty list is as good as none.
func diff(got, want *config.Config) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Prefix{}), cmpopts.EquateEmpty())
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	if d := diff(mustLoad(t, ""), defaults()); d != "" {
		t.Errorf("Load without a file (-want +got):\n%s", d)
	}
	dir := t.TempDir()
	want := defaults()
	want.Data = filepath.Join(dir, "stayput-data")
	if d := diff(mustLoad(t, write(t, dir, "empty.toml", "")), want); d != "" {
		t.Errorf("Load of an empty file (-want +got):\n%s", d)
	}
}

func TestSmallestUseful(t *testing.T) {
	t.Parallel()
	const text = `# stayput.toml: the smallest useful one
data = "/var/lib/stayput"

[dns]
listen = ["0.0.0.0:53", "[::]:53"]

[http]
listen = ["0.0.0.0:80", "[::]:80"]
trusted_proxies = []            # only these may say who the client is
`
	want := defaults()
	want.Data = "/var/lib/stayput"
	want.DNS.Listen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53"), netip.MustParseAddrPort("[::]:53")}
	want.HTTP.Listen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:80"), netip.MustParseAddrPort("[::]:80")}
	if d := diff(mustLoad(t, write(t, t.TempDir(), "stayput.toml", text)), want); d != "" {
		t.Errorf("Load (-want +got):\n%s", d)
	}
}

func TestEverySettingFromFileAndEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeSecrets(t, dir)
	want := fullConfig(dir)
	for field, value := range leaves(reflect.ValueOf(*want), "") {
		if reflect.DeepEqual(value, leaves(reflect.ValueOf(*defaults()), "")[field]) {
			t.Errorf("this test sets %s to its default", field)
		}
	}
	path := write(t, dir, "full.toml", full)
	if d := diff(mustLoad(t, path), want); d != "" {
		t.Errorf("from the file (-want +got):\n%s", d)
	}
	if d := diff(mustLoad(t, "", fullEnvironment(dir)...), want); d != "" {
		t.Errorf("from the environment (-want +got):\n%s", d)
	}
}

// leaves returns the value of every field that is not a struct, by its path in
// lower case without dots: "dnsudpsize".
func leaves(v reflect.Value, above string) map[string]any {
	all := make(map[string]any)
	for i := range v.NumField() {
		name := above + strings.ToLower(v.Type().Field(i).Name)
		if v.Field(i).Kind() != reflect.Struct {
			all[name] = v.Field(i).Interface()
			continue
		}
		for below, value := range leaves(v.Field(i), name) {
			all[below] = value
		}
	}
	return all
}

func TestEnvironmentWins(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "stayput.toml", `
[dns]
listen = ["192.0.2.1:53", "192.0.2.2:53"]
version = "Stayput"
[http]
trusted_proxies = ["192.0.2.0/24"]
`)
	got := mustLoad(t, path,
		"STAYPUT_DATA=elsewhere", "STAYPUT_DNS_LISTEN=127.0.0.1:0", "STAYPUT_DNS_VERSION=", "STAYPUT_HTTP_TRUSTED_PROXIES=")
	want := defaults()
	want.Data = "elsewhere"
	want.DNS.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	if d := diff(got, want); d != "" {
		t.Errorf("Load (-want +got):\n%s", d)
	}
}

// Container platforms make up variables with the name of a service in front;
// they are none of our business.
func TestStrangersInEnvironment(t *testing.T) {
	t.Parallel()
	mustLoad(t, "",
		"STAYPUT=1", "STAYPUT_CONFIG=/etc/stayput/stayput.toml", "STAYPUT_SOCKET=admin.sock", "STAYPUT_DNS_LISTEN",
		"STAYPUT_PORT=tcp://192.0.2.1:53", "STAYPUT_SERVICE_HOST=192.0.2.1", "STAYPUT_SERVICE_PORT_HTTP=80",
		"STAYPUT_PORT_53_UDP_ADDR=192.0.2.1", "STAYPUT_DNS_SERVICE_HOST=192.0.2.1", "STAYPUT_DNS_PORT=udp://192.0.2.1:53",
		"STAYPUT_HTTP_PORT_80_TCP_PROTO=tcp", "STAYPUT_HTTP_SERVICE_PORT=80")
}

func TestSpellings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir, "cert.pem", "key.pem")
	want := defaults()
	want.Data = filepath.Join(dir, "stayput-data")
	want.DNS.UDPSize = 4096
	want.HTTP.Certificates = []config.Certificate{
		{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")},
		{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")},
	}
	tests := map[string]string{
		"dotted keys": `
dns.udp_size = 4096
[[http.certificate]]
cert = "cert.pem"
key = "key.pem"
[[http.certificate]]
cert = "./cert.pem"
key = "./key.pem"`,
		"tables in a line": `
dns = { udp_size = 4096 }
http = { certificate = [{ cert = "cert.pem", key = "key.pem" }, { cert = 'cert.pem', "key" = "key.pem" }] }`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, dir, strings.ReplaceAll(name, " ", "-")+".toml", text)
			if d := diff(mustLoad(t, path), want); d != "" {
				t.Errorf("Load (-want +got):\n%s", d)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load(filepath.Join(t.TempDir(), "none.toml"), nil)
	if !errors.Is(err, fs.ErrNotExist) || c != nil {
		t.Errorf("Load = %v, %v, want nil and fs.ErrNotExist", c, err)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeSecrets(t, dir)
	before, after := mustLoad(t, ""), mustLoad(t, "", fullEnvironment(dir)...)
	want := []string{"data", "role", "dns.listen", "dns.tls_listen", "http.listen", "http.tls_listen", "http.legacy_tls_listen", "web.enabled", "gnudip.listen", "store.url", "store.url_file", "store.node", "store.timeout", "http.certificate"}
	if got := before.Changes(after); !reflect.DeepEqual(got, want) {
		t.Errorf("Changes = %q, want %q", got, want)
	}
	if got := before.Changes(mustLoad(t, "", "STAYPUT_HTTP_TLS_LISTEN=", "STAYPUT_LOG_LEVEL=debug")); got != nil {
		t.Errorf("Changes = %q, want none", got)
	}
}

func TestHostPattern(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern config.HostPattern
		host    string
		want    bool
	}{
		{"checkip.*", "checkip.example.org", true},
		{"checkip.*", "CheckIP.Example.org.", true},
		{"checkip.*", "checkip.", false},
		{"checkip.*", "checkip", false},
		{"checkip.*", "checkip6.example.org", false},
		{"checkip.*", "my.checkip.example.org", false},
		{"ip.example.org", "IP.example.org.", true},
		{"ip.example.org", "ip.example.org.example.org", false},
		{"ip.example.org", "", false},
	}
	for _, test := range tests {
		if got := test.pattern.Matches(test.host); got != test.want {
			t.Errorf("%q.Matches(%q) = %v, want %v", test.pattern, test.host, got, test.want)
		}
	}
}

func TestTheURLOfTheDatabaseIsASecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "database", "postgres://stayput:geheim@db.example.org/stayput\n")
	write(t, dir, "nothing", "\n")
	c := mustLoad(t, write(t, dir, "file.toml", "[store]\nurl_file = \"database\"\n"))
	if got, want := string(c.Store.URL), "postgres://stayput:geheim@db.example.org/stayput"; got != want {
		t.Errorf("from a file: %q, want %q", got, want)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("test", "config", c, "url", c.Store.URL)
	slog.New(slog.NewTextHandler(&log, nil)).Info("test", "config", c, "url", c.Store.URL)
	fmt.Fprintf(&log, "%v %+v %#v %s %q", c.Store, c.Store, c.Store, c.Store.URL, c.Store.URL)
	if strings.Contains(log.String(), "geheim") || !strings.Contains(log.String(), "(secret)") {
		t.Errorf("it shows: %s", &log)
	}
	for _, wrong := range []string{
		"url = \"mysql://stayput:geheim@db.example.org/\"", "url = [\"postgres://stayput:geheim@db.example.org/\"]",
		"url_file = \"nothing\"", "url_file = \"missing\"",
	} {
		_, err := config.Load(write(t, dir, "wrong.toml", "[store]\n"+wrong+"\n"), nil)
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error = %v", wrong, err)
		}
	}
}
