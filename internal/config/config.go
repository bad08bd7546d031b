// Package config reads the daemon's settings: one TOML file, and the
// environment over it. It promises that what Load returns is whole and right,
// and that whoever wrote something wrong hears of all of it at once, each fault
// with its line or its variable.
//
// One table (settings.go) says of every setting its key, its default, its
// bounds and what it is for; reading, the environment and the commented example
// all come from it. The package never looks up names and never opens a socket;
// of the file system it reads the file and the certificates that it names.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"
)

// Config is what the daemon is told. Every value lies within its bounds. It is
// not changed after Load, and so safe for concurrent use.
//
// Limits on connections are counts, sizes are octets.
type Config struct {
	Data    string // directory of everything that is kept; need not exist yet
	DNS     DNS
	HTTP    HTTP
	Updates Updates
	Log     Log
	Store   Store
}

// DNS says how questions are answered.
//
// Addresses to listen on, here and in HTTP, name one family each: 0.0.0.0 is
// every IPv4 address, [::] every IPv6 address and no IPv4; ":53" in the file
// becomes both. Port 0 lets the kernel choose. A list may be empty.
type DNS struct {
	Listen                  []netip.AddrPort // UDP and TCP
	TLSListen               []netip.AddrPort // DNS over TLS; there is a certificate if not empty
	UDPSize                 int              // octets of the largest answer over UDP
	TCPIdle                 time.Duration    // until a silent connection is closed
	TCPConnections          int
	TCPConnectionsPerSource int
	Version                 string // answers CHAOS TXT version.bind; empty refuses it
	Identity                string // answers NSID and CHAOS TXT id.server; empty refuses
	Whoami                  bool   // whether whoami.ZONE is the client's address
	Cookies                 Cookies
	CookieSecretFile        string // empty: one in Data that is kept by the daemon
	QueryLogSample          int    // one of so many queries is logged; 0: none

	RateLimit       int            // replies over UDP of one kind to one source each second; 0: no limit
	RateLimitSlip   int            // of so many over the limit one is sent, truncated; 0: none
	RateLimitExempt []netip.Prefix // sources without a limit
}

// Cookies says how DNS cookies are used.
type Cookies string

// What DNS.Cookies can be.
const (
	CookiesOn      Cookies = "on" // for whoever brings one
	CookiesRequire Cookies = "require"
	CookiesOff     Cookies = "off"
)

// HTTP says where the update service, the API and the pages are reached.
type HTTP struct {
	Listen               []netip.AddrPort // plain HTTP
	TLSListen            []netip.AddrPort // TLS 1.2 and later; there is a certificate if not empty
	LegacyTLSListen      []netip.AddrPort // TLS 1.0 for old devices; there is a certificate if not empty
	Certificates         []Certificate    // the first serves clients that send no name
	TrustedProxies       []netip.Prefix   // whose word about the client's address counts
	Connections          int
	ConnectionsPerSource int
	AllowMetrics         []netip.Prefix // who may read the metrics
	CheckipHosts         []HostPattern
}

// Certificate names the two PEM files of a TLS certificate. At the time of Load
// they could be read and fitted each other.
type Certificate struct {
	Cert string // the certificate, then its chain
	Key  string // its private key
}

// Updates says how "my address is now this" is taken.
//
// Its limits are how often something may happen: in a second on end, 0 for as
// often as anybody likes, and in a burst at once.
type Updates struct {
	Nonglobal      Nonglobal
	TTL            uint32 // seconds, for new hosts
	UnchangedReply UnchangedReply

	ChangesPerSource             int
	ChangesPerSourceBurst        int
	ChangesPerKey                int
	ChangesPerKeyBurst           int
	WrongPasswordsPerSource      int
	WrongPasswordsPerSourceBurst int
}

// Nonglobal says what becomes of addresses that cannot be reached from outside.
type Nonglobal string

// What Updates.Nonglobal can be.
const (
	NonglobalIgnore Nonglobal = "ignore" // the request succeeds, the address is left out
	NonglobalAccept Nonglobal = "accept"
)

// UnchangedReply is what dyndns2 clients hear when nothing changed.
type UnchangedReply string

// What Updates.UnchangedReply can be.
const (
	UnchangedNochg UnchangedReply = "nochg"
	UnchangedGood  UnchangedReply = "good"
)

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level
	Format LogFormat
}

// LogFormat is the form of a line of the log.
type LogFormat string

// What Log.Format can be.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Store says how much history is kept on disk.
type Store struct {
	SnapshotAfter int64 // octets of journal after which a new snapshot is due
	JournalKeep   int64 // octets of journal that stay for followers
}

// Load reads the file at path and then env, which has the form of os.Environ
// and may be nil; it wins over the file. With an empty path only the defaults
// and env count. A relative path in the file, or left at its default there,
// starts at the file's directory; elsewhere it starts at the working directory.
//
// The error is Faults if the settings are wrong, and otherwise says why the file
// could not be read. The Config is nil if there is an error.
func Load(path string, env []string) (*Config, error) {
	l := loader{places: map[string]place{}, reported: map[string]bool{}}
	var document []byte
	if path != "" {
		var err error
		if document, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("reading configuration: %w", err)
		}
		l.file, l.base = path, filepath.Dir(path)
	}
	l.setDefaults()
	l.readDocument(document)
	l.readEnvironment(env)
	if !l.broken {
		l.check()
	}
	if len(l.faults) > 0 {
		l.faults.sort()
		return nil, l.faults
	}
	return &l.config, nil
}

// Changes returns the keys of the settings that differ between c and next and
// that a running daemon cannot take up, such as "dns.listen"; all others may
// change while it runs. Certificates are named once, as "http.certificate", and
// count as changed when other files are named. Neither c nor next may be nil.
func (c *Config) Changes(next *Config) []string {
	var keys []string
	theirs := next.settings("")
	for i, s := range c.settings("") {
		if s.restart && !s.repeated() && !reflect.DeepEqual(s.get(), theirs[i].get()) {
			keys = append(keys, s.key)
		}
	}
	if !slices.Equal(c.HTTP.Certificates, next.HTTP.Certificates) {
		keys = append(keys, certificateSection)
	}
	return keys
}
