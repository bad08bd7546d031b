package config

import (
	"strings"
	"time"
)

// A section is a table of the file.
type section struct {
	name     string
	repeated bool // written [[name]], any number of times
	doc      string
}

// certificateSection is the one repeated section.
const certificateSection = "http.certificate"

// sections returns the sections in the order of the example.
func sections() []section {
	return []section{
		{name: "dns", doc: `The DNS server.`},
		{name: "http", doc: `The update service, the API and the pages.`},
		{name: certificateSection, repeated: true, doc: `
A certificate for the TLS listeners; write one such section for each. The
first serves clients that do not say whom they want. What is new in the files
is read on a reload.`},
		{name: "updates", doc: `What happens when a router says "my address is now this".`},
		{name: "log", doc: `The log, on standard error.`},
		{name: "store", doc: `What is kept on disk. Sizes are written with B, KiB, MiB, GiB or TiB.`},
	}
}

// header returns the line that begins s.
func (s section) header() string {
	if s.repeated {
		return "[[" + s.name + "]]"
	}
	return "[" + s.name + "]"
}

// findSection returns the section of that name.
func findSection(name string) (section, bool) {
	for _, s := range sections() {
		if s.name == name {
			return s, true
		}
	}
	return section{}, false
}

// A setting is one line of the file: its place there, what it is for, and the
// field that it fills.
type setting struct {
	key     string
	value   string // the default, written as in the environment; in a repeated section an example
	restart bool   // a running daemon cannot take up a change
	field
	doc string
}

// section returns the name of the section that s stands in; empty for the top.
func (s setting) section() string {
	section, _ := cutKey(s.key)
	return section
}

// repeated reports whether s stands in a repeated section.
func (s setting) repeated() bool { return s.section() == certificateSection }

// variable returns the name of the environment variable that overrides s.
func (s setting) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// cutKey splits a key into the name of its section and its own name.
func cutKey(key string) (section, name string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

// settings returns every setting, bound to the fields of c, in the order of the
// example. Relative paths start at base. Those of the certificate section
// are bound to the last certificate.
func (c *Config) settings(base string) []setting {
	certificate := new(Certificate)
	if n := len(c.HTTP.Certificates); n > 0 {
		certificate = &c.HTTP.Certificates[n-1]
	}
	all := []setting{
		{key: "data", value: "stayput-data", restart: true, field: path(&c.Data, base), doc: `
The directory of everything that is kept: state, journal, admin socket. It is
made if it is not there.`},
	}
	all = append(all, c.DNS.settings(base)...)
	all = append(all, c.HTTP.settings()...)
	all = append(all, certificate.settings(base)...)
	all = append(all, c.Updates.settings()...)
	all = append(all, c.Log.settings()...)
	return append(all, c.Store.settings()...)
}

func (d *DNS) settings(base string) []setting {
	return []setting{
		{key: "dns.listen", value: "127.0.0.1:5300", restart: true, field: listen(&d.Listen), doc: `
Where questions are answered, over UDP and TCP. 0.0.0.0 is every IPv4 address,
[::] every IPv6 address, and ":53" both. On Linux an address may come later:
it is served from when the machine has it.`},
		{key: "dns.tls_listen", value: "", restart: true, field: listen(&d.TLSListen), doc: `
Where questions are answered over TLS (RFC 7858), such as ":853"; wants a
certificate, one of those of HTTPS below.`},
		{key: "dns.udp_size", value: "1232", field: number(&d.UDPSize, 512, 4096), doc: `
The largest answer over UDP in octets, whatever the question allows. More than
1232 risks fragments, which many networks drop.`},
		{key: "dns.tcp_idle", value: "10s", field: duration(&d.TCPIdle, time.Second, 10*time.Minute), doc: `
How long a TCP connection may be silent before it is closed.`},
		{key: "dns.tcp_connections", value: "1000", field: number(&d.TCPConnections, 1, 1_000_000), doc: `
How many TCP connections may be open at once, those with TLS among them.`},
		{key: "dns.tcp_connections_per_source", value: "100", field: number(&d.TCPConnectionsPerSource, 1, 1_000_000), doc: `
How many of them one source may hold.`},
		{key: "dns.version", value: "", field: text(&d.Version, 255), doc: `
The answer to "dig version.bind txt chaos"; empty refuses the question.`},
		{key: "dns.identity", value: "", field: text(&d.Identity, 128), doc: `
The name of this one server among several, for "dig +nsid" and "dig id.server
txt chaos"; empty refuses to tell.`},
		{key: "dns.whoami", value: "false", field: flag(&d.Whoami), doc: `
Whether whoami.ZONE is answered, in every zone that has nothing at that name,
with the address of who asks: as A, AAAA and TXT.`},
		{key: "dns.cookies", value: "on", field: choice(&d.Cookies, CookiesOn, CookiesRequire, CookiesOff), doc: `
Cookies (RFC 7873) show that a question over UDP comes from where it says.
"on" gives one to whoever knows them; "require" answers nobody over UDP who
brings none, and sends those who know no cookies to TCP.`},
		{key: "dns.cookie_secret_file", value: "", field: optionalPath(&d.CookieSecretFile, base), doc: `
The file of the secrets that cookies are made with, for servers that share an
address: 32 hexadecimal digits on each line, as "openssl rand -hex 16" makes
them. The first makes cookies, the others are accepted. To change secrets, add
the new one at the end on all servers, then move it to the front, and an hour
later take away the old one, with a reload each time. Empty keeps them in the
data directory, and changes them every 30 days.`},
		{key: "dns.query_log_sample", value: "0", field: number(&d.QueryLogSample, 0, 1_000_000_000), doc: `
One of so many questions goes into the log, with the client's address; 1 logs
all, 0 none.`},
		{key: "dns.rate_limit", value: "200", field: number(&d.RateLimit, 0, 1_000_000), doc: `
How many replies of one kind one source gets over UDP each second: answers
for the same name, names of the same zone that do not exist, and so on. A
source is an IPv4 /24 or an IPv6 /56, and clients with a cookie have no limit,
so that nobody can make us flood an address that they forge. 0: no limit.`},
		{key: "dns.rate_limit_slip", value: "2", field: number(&d.RateLimitSlip, 0, 100), doc: `
Of so many replies over the limit one is sent truncated, so that a client
that is really there asks again over TCP; 0 sends none, 1 all.`},
		{key: "dns.rate_limit_exempt", value: "127.0.0.0/8,::1", field: prefixes(&d.RateLimitExempt), doc: `
Sources without that limit.`},
	}
}

func (h *HTTP) settings() []setting {
	return []setting{
		{key: "http.listen", value: "127.0.0.1:8080", restart: true, field: listen(&h.Listen), doc: `
Where plain HTTP is answered. Most routers can do no more than this.`},
		{key: "http.tls_listen", value: "", restart: true, field: listen(&h.TLSListen), doc: `
Where HTTPS is answered, such as ":443"; wants a certificate below.`},
		{key: "http.legacy_tls_listen", value: "", restart: true, field: listen(&h.LegacyTLSListen), doc: `
Where HTTPS is answered for old devices that know nothing later than TLS 1.0,
which is weak. Most of them want an RSA certificate.`},
		{key: "http.trusted_proxies", value: "", field: prefixes(&h.TrustedProxies), doc: `
The proxies in front of us; only these may say who the client is. Anybody else
in this list could set everybody's address.`},
		{key: "http.connections", value: "16384", field: number(&h.Connections, 1, 1_000_000), doc: `
How many connections may be open at once.`},
		{key: "http.connections_per_source", value: "512", field: number(&h.ConnectionsPerSource, 1, 1_000_000), doc: `
How many of them one source may hold. Whole villages stand behind one address.`},
		{key: "http.allow_metrics", value: "127.0.0.0/8,::1", field: prefixes(&h.AllowMetrics), doc: `
Who may read the Prometheus metrics.`},
		{key: "http.checkip_hosts", value: "checkip.*", field: hostPatterns(&h.CheckipHosts), doc: `
The names at which "/" tells callers their own address. "checkip.*" stands for
every name that starts with "checkip.".`},
	}
}

func (c *Certificate) settings(base string) []setting {
	return []setting{
		{key: "http.certificate.cert", value: "cert.pem", restart: true, field: path(&c.Cert, base), doc: `
The PEM file of the certificate, followed by its chain.`},
		{key: "http.certificate.key", value: "key.pem", restart: true, field: path(&c.Key, base), doc: `
The PEM file of its private key.`},
	}
}

func (u *Updates) settings() []setting {
	return []setting{
		{key: "updates.nonglobal", value: "ignore", field: choice(&u.Nonglobal, NonglobalIgnore, NonglobalAccept), doc: `
Addresses that cannot be reached from outside (private, link-local, loopback,
multicast): "ignore" answers "good" and leaves them out, since routers probe
with them; "accept" takes them, as a homelab may want. A host can say
otherwise.`},
		{key: "updates.ttl", value: "60", field: number(&u.TTL, 1, 86400), doc: `
The TTL of new hosts in seconds.`},
		{key: "updates.unchanged_reply", value: "nochg", field: choice(&u.UnchangedReply, UnchangedNochg, UnchangedGood), doc: `
What a router hears when its address was known already. "nochg" is the
protocol's word; "good" is for devices that take it for a failure. Update keys
can say otherwise, and DDNS-Updater always hears "good".`},
		{key: "updates.changes_per_source", value: "200", field: number(&u.ChangesPerSource, 0, 1_000_000), doc: `
How many updates that change something one source, an IPv4 address or an IPv6
/64, may send in a second; 0 is no limit. More are told to try again later
("911"). What changes nothing is never limited, and neither is this machine.`},
		{key: "updates.changes_per_source_burst", value: "2000", field: number(&u.ChangesPerSourceBurst, 1, 1_000_000), doc: `
How many of them may come at once, after a quiet time.`},
		{key: "updates.changes_per_key", value: "100", field: number(&u.ChangesPerKey, 0, 1_000_000), doc: `
The same for one update key, wherever they come from.`},
		{key: "updates.changes_per_key_burst", value: "1000", field: number(&u.ChangesPerKeyBurst, 1, 1_000_000), doc: `
How many of them may come at once, after a quiet time.`},
		{key: "updates.wrong_passwords_per_source", value: "2", field: number(&u.WrongPasswordsPerSource, 0, 1_000_000), doc: `
How many wrong passwords one source may try in a second; 0 is no limit. More
wait for their turn, and when many do, are told to try again later. Only
passwords that people chose count, since checking one takes long, and each
wrong one counts once.`},
		{key: "updates.wrong_passwords_per_source_burst", value: "30", field: number(&u.WrongPasswordsPerSourceBurst, 1, 1_000_000), doc: `
How many of them may come at once, after a quiet time.`},
	}
}

func (l *Log) settings() []setting {
	return []setting{
		{key: "log.level", value: "info", field: level(&l.Level), doc: `
The least that is worth a line.`},
		{key: "log.format", value: "text", field: choice(&l.Format, LogText, LogJSON), doc: `
One line of text or one JSON object for each event.`},
	}
}

func (s *Store) settings() []setting {
	return []setting{
		{key: "store.snapshot_after", value: "16MiB", field: size(&s.SnapshotAfter, 1<<20, 4<<30), doc: `
How far the journal grows before a new snapshot is written, or half the size
of the last snapshot if that is more. Less starts faster, more writes less.`},
		{key: "store.journal_keep", value: "64MiB", field: size(&s.JournalKeep, 1<<20, 1<<40), doc: `
How much journal stays for those who follow: secondaries by IXFR, publishers,
other nodes. Who is further behind begins anew with everything. What came
after the last snapshot always stays.`},
	}
}
