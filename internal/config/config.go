// Package config reads the daemon's settings: one TOML file, and the
// environment over it. It promises that what Load returns is whole and right,
// and that whoever wrote something wrong hears of all of it at once, each fault
// with its line or its variable.
//
// One table (settings.go) says of every setting its key, its default, its
// bounds and what it is for; reading, the environment and the commented example
// all come from it. The package never looks up names and never opens a socket;
// of the file system it reads the file, and the certificates and secrets that it names.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
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
	Data    string   // directory of everything that is kept; need not exist yet
	Role    NodeRole // if not RoleAll, Store.URL is not empty
	DNS     DNS
	HTTP    HTTP
	Updates Updates
	GnuDIP  GnuDIP
	Web     Web

	Webhooks Webhooks

	Signin Signin
	OIDC   OIDC
	Mail   Mail
	Log    Log
	Store  Store
}

// NodeRole is what a node does.
type NodeRole string

// What Config.Role can be.
const (
	RoleAll NodeRole = "all"
	RoleDNS NodeRole = "dns" // only answers questions, and never writes to the database
)

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

	Secondaries []Secondary      // hear of changes, and may have all zones
	Transfers   []netip.Prefix   // may have all zones, too
	Push        []Push           // where zones are pushed to
	Resolvers   []netip.AddrPort // asked for names of others when a zone is checked; none: those of the machine

	RateLimit       int            // replies over UDP of one kind to one source each second; 0: no limit
	RateLimitSlip   int            // of so many over the limit one is sent, truncated; 0: none
	RateLimitExempt []netip.Prefix // sources without a limit
}

// Secondary is a DNS server that has our zones from us.
type Secondary struct {
	Addr netip.AddrPort // where it hears of changes; it asks from the same address
	Key  string         // the TSIG key that it and we sign with, a name in lower case without a dot at its end; empty: nothing is signed
}

// Push is a zone at another primary that is kept like ours.
type Push struct {
	Zone string // in lower case, without a dot at the end
	Addr netip.AddrPort
	Key  string // the name of the TSIG key, likewise
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
	API                  bool           // is served to who has an API token
	AllowMetrics         []netip.Prefix // who may read the metrics
	PublicURL            *url.URL       // where people find the pages; nil: nobody says
	CheckipHosts         []HostPattern
	Shadow               bool          // whether mirrored requests are judged
	UpdateHosts          []HostPattern // whose every path is for updates, by deSEC's rules where it is nobody else's
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
	DeviceOptions  DeviceOptions
	PushWait       time.Duration  // for servers that zones are pushed to
	PushStrict     bool           // whether an update fails that these do not have then
	ExpireAfter    time.Duration  // of silence a host goes offline; 0: never
	CGNAT          CGNAT          // what becomes of addresses in CGNATPools
	CGNATPools     []netip.Prefix // that carriers share among their customers

	ChangesPerSource             int
	ChangesPerSourceBurst        int
	ChangesPerKey                int
	ChangesPerKeyBurst           int
	ChangesPerHost               int
	ChangesPerHostBurst          int
	WrongPasswordsPerSource      int
	WrongPasswordsPerSourceBurst int
	WrongPasswordsPerKey         int
	WrongPasswordsPerKeyBurst    int

	History int64 // octets of memory for what devices asked and were told
}

// Nonglobal says what becomes of addresses that cannot be reached from outside.
type Nonglobal string

// What Updates.Nonglobal can be.
const (
	NonglobalIgnore Nonglobal = "ignore" // the request succeeds, the address is left out
	NonglobalAccept Nonglobal = "accept"
)

// DeviceOptions says what becomes of options that devices ask for.
type DeviceOptions string

// What Updates.DeviceOptions can be.
const (
	DeviceOptionsAccept DeviceOptions = "accept"
	DeviceOptionsIgnore DeviceOptions = "ignore" // the request succeeds, they are left out
)

// CGNAT says what becomes of addresses that carriers share.
type CGNAT string

// What Updates.CGNAT can be.
const (
	CGNATAsNonglobal CGNAT = "nonglobal" // what Updates.Nonglobal says
	CGNATIgnore      CGNAT = "ignore"
	CGNATAccept      CGNAT = "accept" // as any other
	CGNATFlag        CGNAT = "flag"   // taken, and shown to be such
)

// UnchangedReply is what dyndns2 clients hear when nothing changed.
type UnchangedReply string

// What Updates.UnchangedReply can be.
const (
	UnchangedNochg UnchangedReply = "nochg"
	UnchangedGood  UnchangedReply = "good"
)

// Webhooks says where other systems may be told of what happens.
type Webhooks struct {
	Allow []netip.Prefix // networks beside the public ones
}

// Web says whether there are pages for people.
type Web struct {
	Enabled bool
}

// GnuDIP says where GnuDIP is spoken over TCP. Over HTTP it always is.
type GnuDIP struct {
	Listen []netip.AddrPort // may be empty; see DNS
}

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

// Store says where the data is kept, and how much history of it.
type Store struct {
	URL     Secret        // of a PostgreSQL database; empty: a file in Data
	URLFile string        // that URL was read from if nothing else gave it; empty: none
	Timeout time.Duration // until a write to PostgreSQL fails
	Node    string        // what this one is called among others; empty: as the machine is

	SnapshotAfter int64 // octets of journal after which a new snapshot is due
	JournalKeep   int64 // octets of journal that stay for followers

	KeepAddresses time.Duration // of hosts, from the day on which they no longer had them; 0: for ever
	KeepDeeds     time.Duration // of people; 0: for ever
}

// Secret is text that shows itself to nobody who formats or logs it.
type Secret string

// String returns a word in its place; nothing for nothing.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString returns what String does.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns what String does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

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
