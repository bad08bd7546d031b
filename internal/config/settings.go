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
		{name: "web", doc: `The pages for customers and staff, which the HTTP listeners show.`},
		{name: "gnudip", doc: `GnuDIP over TCP, which LANCOM, H3C and some older routers speak.`},
		{name: "webhooks", doc: `Telling other systems what happens.`},
		{name: "signin", doc: `How people sign in to the pages.`},
		{name: "oidc", doc: `Signing in with an identity provider of your own.`},
		{name: "mail", doc: `Mail to people: invitations, new passwords, warnings.`},
		{name: "log", doc: `The log, on standard error.`},
		{name: "store", doc: `
Where the data is kept, and how much of it. Sizes are written with B, KiB,
MiB, GiB or TiB.`},
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
		{key: "role", value: "all", restart: true, field: choice(&c.Role, RoleAll, RoleDNS), doc: `
What this node does. "dns" only answers questions, and gives zones to
secondaries: it takes no updates, shows no pages, does no job for others, and
over HTTP answers only /healthz, /readyz and /metrics. A hot standby of the
PostgreSQL database, named by store.url, is enough for it. "all" does it all.`},
	}
	all = append(all, c.DNS.settings(base)...)
	all = append(all, c.HTTP.settings()...)
	all = append(all, certificate.settings(base)...)
	all = append(all, c.Updates.settings()...)
	all = append(all, c.Web.settings()...)
	all = append(all, c.GnuDIP.settings()...)
	all = append(all, c.Webhooks.settings()...)
	all = append(all, c.Signin.settings()...)
	all = append(all, c.OIDC.settings(base)...)
	all = append(all, c.Mail.settings(base)...)
	all = append(all, c.Log.settings()...)
	return append(all, c.Store.settings(base)...)
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
		{key: "dns.secondaries", value: "", field: secondaries(&d.Secondaries), doc: `
DNS servers that have our zones from us, such as "192.0.2.53" or
"192.0.2.53:5353". They are told when a zone changes (NOTIFY), at most once a
second, and may transfer it (AXFR, IXFR). "192.0.2.53 key NAME" has notices
signed with the key NAME of "stayput tsig list", and whoever asks from there
must sign with it, too.`},
		{key: "dns.transfers", value: "", field: prefixes(&d.Transfers), doc: `
Further addresses and networks that may transfer zones.`},
		{key: "dns.push", value: "", field: pushes(&d.Push), doc: `
Zones that are kept alike at a primary of another make, BIND, Knot DNS or
PowerDNS, by signed UPDATE (RFC 2136): the zone, the server, and the name of
the TSIG key, as "dyn.example.org 192.0.2.53 key stayput-push". The key is
made with "stayput tsig add"; "stayput zone bind" prints what BIND needs.`},
		{key: "dns.resolvers", value: "", field: servers(&d.Resolvers), doc: `
Whom "stayput zone check" asks for names of others, such as "192.0.2.1" or
"192.0.2.1:5353". Empty for the resolvers of this machine (/etc/resolv.conf).`},
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
		{key: "http.api", value: "true", field: flag(&h.API), doc: `
Whether the API below /api/v1 is answered to who shows an API token ("stayput
token add"). The admin socket answers it in any case.`},
		{key: "http.allow_metrics", value: "127.0.0.0/8,::1", field: prefixes(&h.AllowMetrics), doc: `
Who may read the Prometheus metrics.`},
		{key: "http.public_url", value: "", field: webAddress(&h.PublicURL), doc: `
Where people find the pages, such as "https://dyn.example.org". The links in
mails lead there, and passkeys belong to its name: choose one that stays, and
that is in none of the zones whose names customers may have.`},
		{key: "http.checkip_hosts", value: "checkip.*", field: hostPatterns(&h.CheckipHosts), doc: `
The names at which "/" tells callers their own address. "checkip.*" stands for
every name that starts with "checkip.".`},
		{key: "http.update_hosts", value: "", field: hostPatterns(&h.UpdateHosts), doc: `
Names that are set aside for updates: what is asked there is an update by
deSEC's rules, whatever the path, unless another service has that path. For
devices whose menu knows deSEC, where its name leads here.`},
		{key: "http.shadow", value: "false", field: flag(&h.Shadow), doc: `
Whether requests below /shadow/ that a trusted proxy mirrors are judged as
others are, without changing anything; "stayput shadow report" tells where the
old service answered otherwise.`},
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
		{key: "updates.cgnat_pools", value: "100.64.0.0/10", field: prefixes(&u.CGNATPools), doc: `
Networks whose addresses carriers share among their customers: that of RFC
6598, and public ones that your own CGNAT has. Nobody can be reached there, so
"stayput host show" says of a host whose address, or whose last report, is
from one of them that it is behind CGNAT.`},
		{key: "updates.cgnat", value: "nonglobal", field: choice(&u.CGNAT, CGNATAsNonglobal, CGNATIgnore, CGNATAccept, CGNATFlag), doc: `
What becomes of these addresses: "nonglobal" does as the setting above says,
"ignore" answers "good" and leaves them out, "flag" takes them, and "accept"
takes them and says nothing of it. A host can say otherwise.`},
		{key: "updates.device_options", value: "accept", field: choice(&u.DeviceOptions, DeviceOptionsAccept, DeviceOptionsIgnore), doc: `
Whether devices may turn the wildcard of a host on and off and name its mail
exchanger, as the parameters wildcard, mx and backmx do; "ignore" leaves that
to staff. A host can say otherwise.`},
		{key: "updates.expire_after", value: "never", field: span(&u.ExpireAfter, time.Minute, 3650*24*time.Hour), doc: `
After how long without a report a host goes offline, such as "30d"; the log
warns of it a week before, or when a quarter of the time is left. Many routers
report every 28 days at least, some only when their address changes. A host
can say otherwise.`},
		{key: "updates.ttl", value: "60", field: number(&u.TTL, 1, 86400), doc: `
The TTL of new hosts in seconds.`},
		{key: "updates.unchanged_reply", value: "nochg", field: choice(&u.UnchangedReply, UnchangedNochg, UnchangedGood), doc: `
What a router hears when its address was known already. "nochg" is the
protocol's word; "good" is for devices that take it for a failure. Update keys
can say otherwise, and DDNS-Updater always hears "good".`},
		{key: "updates.push_wait", value: "2s", field: duration(&u.PushWait, 0, time.Minute), doc: `
How long an update waits for the servers of dns.push to take it. Then it is
answered "good": it is durable, and they get it as soon as they can. Nobody is
told "nochg" of what they may not have yet.`},
		{key: "updates.push_strict", value: "false", field: flag(&u.PushStrict), doc: `
Whether an update is told to try again later ("911") until those servers have
it, although it is durable here.`},
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
		{key: "updates.changes_per_host", value: "2", field: number(&u.ChangesPerHost, 0, 1_000_000), doc: `
The same for one host, whoever changes it.`},
		{key: "updates.changes_per_host_burst", value: "60", field: number(&u.ChangesPerHostBurst, 1, 1_000_000), doc: `
How many of them may come at once, after a quiet time.`},
		{key: "updates.wrong_passwords_per_source", value: "2", field: number(&u.WrongPasswordsPerSource, 0, 1_000_000), doc: `
How many wrong passwords one source may try in a second; 0 is no limit. More
wait for their turn, and when many do, are told to try again later. Only
passwords that people chose count, since checking one takes long, and each
wrong one counts once.`},
		{key: "updates.wrong_passwords_per_source_burst", value: "30", field: number(&u.WrongPasswordsPerSourceBurst, 1, 1_000_000), doc: `
How many of them may come at once, after a quiet time.`},
		{key: "updates.wrong_passwords_per_key", value: "1", field: number(&u.WrongPasswordsPerKey, 0, 1_000_000), doc: `
The same for one update key, from however many sources. A source's first guess
in an hour is always checked, so that nobody can keep the owner out.`},
		{key: "updates.wrong_passwords_per_key_burst", value: "60", field: number(&u.WrongPasswordsPerKeyBurst, 1, 1_000_000), doc: `
How many of them may come at once, after a quiet time.`},
		{key: "updates.history", value: "64MiB", field: size(&u.History, 0, 1<<40), doc: `
How much memory may hold what routers asked and were told, for "stayput host
history". A host takes some 400 octets, one whose address changes often up to
4 KiB; where that is too much, what was not heard of for longest is forgotten.
"0B" keeps nothing.`},
	}
}

func (w *Web) settings() []setting {
	return []setting{
		{key: "web.enabled", value: "true", restart: true, field: flag(&w.Enabled), doc: `
Whether there are pages. Without them the HTTP listeners answer devices alone.`},
	}
}

func (g *GnuDIP) settings() []setting {
	return []setting{
		{key: "gnudip.listen", value: "", restart: true, field: listen(&g.Listen), doc: `
Where GnuDIP is answered, usually ":3495". It needs update keys that keep the
MD5 sum of their secret ("stayput key add --md5"), which is weak.`},
	}
}

func (w *Webhooks) settings() []setting {
	return []setting{
		{key: "webhooks.allow", value: "", field: prefixes(&w.Allow), doc: `
Networks to which webhooks are sent although they are not public, such as that
of a billing system: "10.1.2.0/24".`},
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

func (s *Store) settings(base string) []setting {
	return []setting{
		{key: "store.url", value: "", restart: true, field: database(&s.URL), doc: `
The PostgreSQL database that keeps the data, as in
"postgres://stayput@db1,db2/stayput?target_session_attrs=read-write". Empty
keeps it in a file of the data directory. It may hold a password, which is
never logged; PGPASSFILE and the other variables of libpq count, too.`},
		{key: "store.url_file", value: "", restart: true, field: optionalPath(&s.URLFile, base), doc: `
A file that holds the URL, where store.url is empty.`},
		{key: "store.node", value: "", restart: true, field: text(&s.Node, 64), doc: `
What this node is called among those that use one PostgreSQL database
("stayput cluster status"). Empty: the name of the machine.`},
		{key: "store.timeout", value: "5s", restart: true, field: duration(&s.Timeout, 100*time.Millisecond, time.Minute), doc: `
How long an update waits for a PostgreSQL that does not answer before it is
refused with 911. A failover that takes less goes unnoticed.`},
		{key: "store.snapshot_after", value: "16MiB", field: size(&s.SnapshotAfter, 1<<20, 4<<30), doc: `
How far the journal grows before a new snapshot is written, or half the size
of the last snapshot if that is more. Less starts faster, more writes less.`},
		{key: "store.journal_keep", value: "64MiB", field: size(&s.JournalKeep, 1<<20, 1<<40), doc: `
How much journal stays for those who follow: secondaries by IXFR, publishers,
other nodes. Who is further behind begins anew with everything. What came
after the last snapshot always stays.`},
		{key: "store.keep_addresses", value: "365d", field: span(&s.KeepAddresses, time.Hour, 3650*24*time.Hour), doc: `
For how long is remembered which host had an address, from the day on which it
no longer had it ("stayput who"). A law may demand less, or more; "never"
forgets nothing.`},
		{key: "store.keep_deeds", value: "730d", field: span(&s.KeepDeeds, time.Hour, 3650*24*time.Hour), doc: `
For how long is remembered what people changed ("stayput audit"); "never"
forgets nothing.`},
	}
}
