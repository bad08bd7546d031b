package api

import (
	"net/netip"
	"time"
)

// Zone is a zone as the API shows it. Times are in seconds.
type Zone struct {
	Name        string       `json:"name" example:"dyn.example.org"`
	Serial      uint32       `json:"serial"`
	MName       string       `json:"mname" doc:"Primary name server."`
	RName       string       `json:"rname" doc:"Mailbox of who answers for the zone, as a domain name."`
	Refresh     uint32       `json:"refresh"`
	Retry       uint32       `json:"retry"`
	Expire      uint32       `json:"expire"`
	Minimum     uint32       `json:"minimum" doc:"TTL of negative answers."`
	TTL         uint32       `json:"ttl" doc:"TTL of the SOA record."`
	HostTTL     uint32       `json:"host_ttl" doc:"TTL of new hosts that are given none."`
	NameServers []NameServer `json:"name_servers" nullable:"false"`
	Names       int          `json:"names" doc:"How many names have records."`
	Hosts       int          `json:"hosts" doc:"How many hosts are in the zone, without those of zones below it."`
	Catalog     bool         `json:"catalog,omitempty" doc:"Lists the other zones for secondaries (RFC 9432)."`
	Secondaries []Secondary  `json:"secondaries,omitempty" nullable:"false" doc:"Of this zone, beside those of all zones, which the configuration names."`
	NotifyGap   string       `json:"notify_gap,omitempty" example:"5s" doc:"The least time between two notices to one secondary; absent where none is settled for this zone."`
}

// Secondary is a DNS server that has a zone from this one.
type Secondary struct {
	Address string `json:"address" example:"192.0.2.53:53" doc:"Where it is told of changes, and transfers the zone from."`
	Key     string `json:"key,omitempty" example:"ns2.example.org" doc:"Name of the TSIG key that it and we sign with; absent where nothing is signed."`
}

// NameServer is a name server of a zone.
type NameServer struct {
	Name      string       `json:"name" example:"ns1.dyn.example.org"`
	Addresses []netip.Addr `json:"addresses,omitempty" nullable:"false" doc:"Where the name is within the zone."`
}

// NewNameServer is a name server of a zone to be made.
type NewNameServer struct {
	Name      string   `json:"name" example:"ns1.dyn.example.org"`
	Addresses []string `json:"addresses,omitempty" nullable:"false" doc:"Needed where the name is within the zone."`
}

// NewZone is a zone to be made.
type NewZone struct {
	Name        string          `json:"name" example:"dyn.example.org"`
	NameServers []NewNameServer `json:"name_servers,omitempty" nullable:"false" doc:"At least one."`
	MName       string          `json:"mname,omitempty" doc:"Primary name server; without it the first of name_servers."`
	RName       string          `json:"rname,omitempty" doc:"Who answers for the zone, as mail address or domain name; without it hostmaster below the zone."`
	TTL         uint32          `json:"ttl,omitempty" doc:"Seconds, of the SOA record and of negative answers."`
	Force       bool            `json:"force,omitempty" doc:"Take along hosts of the zone above that the new zone would hide."`
	Catalog     bool            `json:"catalog,omitempty" doc:"Make a catalog zone, which lists the others for secondaries (RFC 9432); without name_servers."`
}

// SecondaryStatus is how a secondary follows a zone.
type SecondaryStatus struct {
	Zone      string     `json:"zone" example:"dyn.example.org"`
	Secondary string     `json:"secondary" example:"192.0.2.53:53"`
	Key       string     `json:"key,omitempty" doc:"Name of the TSIG key that notices to it are signed with."`
	Serial    uint32     `json:"serial" doc:"Of the zone here."`
	Has       *uint32    `json:"has,omitempty" doc:"Serial of the version that the secondary has; absent when it does not tell."`
	Behind    *uint32    `json:"behind,omitempty" doc:"By how many serials the secondary is behind; each is a commit that changed the zone."`
	Told      *time.Time `json:"told,omitempty" doc:"When it was last told of a change."`
	Taken     bool       `json:"taken" doc:"Whether it said that it heard that."`
	Error     string     `json:"error,omitempty" doc:"What is wrong."`
}

// ZoneChange is what to change of a zone; what is absent stays.
type ZoneChange struct {
	MName *string `json:"mname,omitempty"`
	RName *string `json:"rname,omitempty"`
	TTL   *uint32 `json:"ttl,omitempty" doc:"Seconds, of the SOA record and of negative answers."`

	AddSecondaries  []Secondary `json:"add_secondaries,omitempty" nullable:"false" doc:"Come, in the place of those with their addresses. Without a port, 53 is meant."`
	DropSecondaries []string    `json:"drop_secondaries,omitempty" nullable:"false" doc:"Addresses of those that go, before others come."`
	NotifyGap       *string     `json:"notify_gap,omitempty" example:"5s" doc:"The least time between two notices to one secondary, from 100ms to 1h; default for that of all zones."`
}

// Imported is what became of an imported master file.
type Imported struct {
	Zone     string   `json:"zone"`
	Names    int      `json:"names" doc:"How many names have records."`
	Warnings []string `json:"warnings,omitempty" nullable:"false" doc:"What is odd but valid, with file and line."`
}

// Account is an account as the API shows it.
type Account struct {
	Name        string    `json:"name"`
	Email       string    `json:"email,omitempty"`
	Role        string    `json:"role" enum:"customer,support,admin"`
	HasPassword bool      `json:"has_password" doc:"Whether it can sign in with a password."`
	Suspended   bool      `json:"suspended"`
	Created     time.Time `json:"created"`
	Hosts       int       `json:"hosts" doc:"How many it has."`
	Keys        int       `json:"keys" doc:"How many update keys it has."`

	State      string    `json:"state" enum:"active,suspended,terminated" doc:"suspended: its names stop, and nothing is lost; terminated: its names are released, and rest."`
	Terminated time.Time `json:"terminated,omitzero" doc:"When its names were released; absent unless they were."`
	ExternalID string    `json:"external_id,omitempty" doc:"In the system that sends the bills."`
	Plan       string    `json:"plan,omitempty" doc:"Name of its plan; absent where it has none, and so no limits."`
	FullName   string    `json:"full_name,omitempty" doc:"For people."`
	Language   string    `json:"language,omitempty" example:"pt-BR" doc:"Language tag (BCP 47)."`
}

// NewAccount is an account to be made.
type NewAccount struct {
	Name     string `json:"name"`
	Email    string `json:"email,omitempty"`
	Role     string `json:"role,omitempty" doc:"customer, support or admin; without it customer."`
	Password string `json:"password,omitempty" doc:"For signing in; never for updates."`

	ExternalID string `json:"external_id,omitempty" doc:"In the system that sends the bills; unique."`
	Plan       string `json:"plan,omitempty" doc:"Name of a plan; without it there are no limits."`
	FullName   string `json:"full_name,omitempty" doc:"For people."`
	Language   string `json:"language,omitempty" example:"pt-BR" doc:"Language tag (BCP 47)."`
}

// AccountChange is what to change of an account; what is absent stays.
type AccountChange struct {
	Email     *string `json:"email,omitempty" doc:"Empty for none."`
	Role      *string `json:"role,omitempty" doc:"customer, support or admin."`
	Password  *string `json:"password,omitempty" doc:"Empty for none."`
	Suspended *bool   `json:"suspended,omitempty" doc:"Its hosts keep their names without addresses, and its keys do nothing."`

	State      *string `json:"state,omitempty" enum:"active,suspended,terminated" doc:"More than suspended says: terminated releases all its hosts, whose names rest, and deletes its keys."`
	ExternalID *string `json:"external_id,omitempty" doc:"In the system that sends the bills; unique; empty for none."`
	Plan       *string `json:"plan,omitempty" doc:"Name of a plan; empty for none."`
	FullName   *string `json:"full_name,omitempty"`
	Language   *string `json:"language,omitempty" doc:"Language tag (BCP 47); empty for none."`
}

// AccountPage is a page of accounts.
type AccountPage struct {
	Accounts []Account `json:"accounts" nullable:"false"`
	Next     string    `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// Host is a host as the API shows it.
type Host struct {
	Name          string       `json:"name" example:"home.dyn.example.org"`
	Account       string       `json:"account"`
	Zone          string       `json:"zone,omitempty" doc:"Absent when its zone has gone."`
	Addresses     []netip.Addr `json:"addresses" nullable:"false" doc:"IPv4 first."`
	TTL           uint32       `json:"ttl"`
	InterfaceID   string       `json:"interface_id,omitempty" doc:"IPv6 address whose low bits the host keeps when its prefix changes."`
	Follows       string       `json:"follows,omitempty" doc:"Host whose prefix that is."`
	NonGlobal     string       `json:"nonglobal,omitempty" enum:"ignore,accept" doc:"What becomes of addresses that cannot be reached from outside; absent where the daemon's setting decides."`
	Alias         string       `json:"alias,omitempty" doc:"What it is an alias of (CNAME) while it has no addresses."`
	Wildcard      bool         `json:"wildcard,omitempty" doc:"All names below it that do not exist have its addresses."`
	MX            string       `json:"mx,omitempty" doc:"Mail exchanger."`
	BackupMX      bool         `json:"backup_mx,omitempty" doc:"The mail exchanger stands behind the host itself."`
	Offline       string       `json:"offline,omitempty" doc:"What stands while it is offline: nxdomain for nothing, addresses with commas between, or what it is an alias of then; absent where its name stays without an address."`
	ExpireAfter   string       `json:"expire_after,omitempty" doc:"After how long without a report it goes offline, such as 30d, or never; absent where the daemon's setting decides."`
	DeviceOptions string       `json:"device_options,omitempty" enum:"ignore,accept" doc:"What becomes of the options that its devices ask for; absent where the daemon's setting decides."`
	Expires       time.Time    `json:"expires,omitzero" doc:"When it goes offline unless it reports; absent when it never does."`
	Expiring      bool         `json:"expiring,omitempty" doc:"That is near."`
	CGNAT         bool         `json:"cgnat,omitempty" doc:"It is behind CGNAT: its address, or what it last reported or reported from, is one that its carrier shares among customers, so that it cannot be reached from outside."`
	WentOffline   *Offline     `json:"went_offline,omitempty" doc:"Absent while it is online."`
	Suspended     bool         `json:"suspended,omitempty" doc:"Its account is, so that its addresses do not stand."`
	Created       time.Time    `json:"created"`
	LastSeen      time.Time    `json:"last_seen,omitzero" doc:"When it last reported; absent when it never did."`
	Sources       []Source     `json:"sources,omitempty" nullable:"false" doc:"Where each address came from; not in lists."`

	Pending []PendingPush `json:"pending,omitempty" nullable:"false" doc:"Servers that the zone is pushed to and that may not have the host as it is here; not in lists."`
}

// Source tells where an address of a host came from.
type Source struct {
	Address  netip.Addr `json:"address"`
	Username string     `json:"username,omitempty" doc:"Of the update key, if one was used and is still there."`
	Via      string     `json:"via" doc:"The dialect or network event."`
	Session  string     `json:"session,omitempty"`
	At       time.Time  `json:"at"`
}

// Offline tells what took a host offline.
type Offline struct {
	At       time.Time `json:"at"`
	Via      string    `json:"via" doc:"The dialect or network event; expiry when it was silent for too long."`
	Username string    `json:"username,omitempty" doc:"Of the update key, if one was used and is still there; not in lists."`
}

// HostOptions are what to choose for a host; what is absent stays.
type HostOptions struct {
	Wildcard      *bool   `json:"wildcard,omitempty" doc:"Whether all names below it that do not exist have its addresses."`
	MX            *string `json:"mx,omitempty" doc:"Mail exchanger, a full host name; empty for none."`
	BackupMX      *bool   `json:"backup_mx,omitempty" doc:"Whether the mail exchanger stands behind the host itself."`
	Offline       *string `json:"offline,omitempty" doc:"What stands while it is offline: nodata for its name without an address, nxdomain for nothing, addresses with commas between, or the full name of what it is an alias of then."`
	ExpireAfter   *string `json:"expire_after,omitempty" doc:"After how long without a report it goes offline, such as 30d; never, or default for what the daemon's setting says."`
	DeviceOptions *string `json:"device_options,omitempty" doc:"What becomes of the options that its devices ask for, such as wildcard=ON: ignore, accept, or default for what the daemon's setting says."`
}

// NewHost is a host to be made.
type NewHost struct {
	Name      string   `json:"name" example:"home.dyn.example.org"`
	Account   string   `json:"account"`
	Addresses []string `json:"addresses,omitempty" nullable:"false" doc:"Without any, the host takes over those that stand at its name."`
	TTL       uint32   `json:"ttl,omitempty"`
	NonGlobal string   `json:"nonglobal,omitempty" doc:"What becomes of addresses that cannot be reached from outside: ignore, accept, or default for what the daemon's setting says."`
	Alias     string   `json:"alias,omitempty" doc:"What it is an alias of (CNAME) until it has an address."`
	HostOptions
	Force bool `json:"force,omitempty" doc:"Set aside that the name is reserved, rests, or lies within another account's host."`
}

// HostChange is what to change of a host; what is absent stays.
type HostChange struct {
	Addresses   *[]string `json:"addresses,omitempty" nullable:"false" doc:"All of them; empty for none."`
	TTL         *uint32   `json:"ttl,omitempty"`
	Account     *string   `json:"account,omitempty" doc:"The new owner."`
	NonGlobal   *string   `json:"nonglobal,omitempty" doc:"What becomes of addresses that cannot be reached from outside: ignore, accept, or default for what the daemon's setting says."`
	InterfaceID *string   `json:"interface_id,omitempty" doc:"Such as ::1:2; empty for none."`
	Follows     *string   `json:"follows,omitempty" doc:"A host of the same account; empty for none."`
	Alias       *string   `json:"alias,omitempty" doc:"What it is an alias of (CNAME), in the place of its addresses, until it has an address again; empty for none."`
	TakeOffline bool      `json:"take_offline,omitempty" doc:"It is offline from now on, until an update, an address or an alias is given."`
	HostOptions
	Force bool `json:"force,omitempty" doc:"Set aside that it lies within another account's host."`
}

// HostPage is a page of hosts.
type HostPage struct {
	Hosts []Host `json:"hosts" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// Key is an update key as the API shows it.
type Key struct {
	Username string    `json:"username"`
	Account  string    `json:"account"`
	Hosts    []string  `json:"hosts" nullable:"false" doc:"What it may update; empty for all hosts of the account, unless there are patterns."`
	Token    bool      `json:"token,omitempty" doc:"The secret alone suffices."`
	MD5      bool      `json:"md5,omitempty" doc:"Digests of the secret work as well."`
	Created  time.Time `json:"created"`

	Unchanged string   `json:"unchanged,omitempty" enum:"nochg,good" doc:"What its devices hear when nothing changed; absent where the daemon's setting decides."`
	TLSOnly   bool     `json:"tls_only,omitempty" doc:"It is refused over plain HTTP, where its secret crosses in the clear."`
	BareGood  bool     `json:"bare_good,omitempty" doc:"Its devices hear one word and nothing else, such as good: no address, no line end, not a line for each host, of which all change or none."`
	Patterns  []string `json:"patterns,omitempty" nullable:"false" doc:"Of further names that it may update, such as *.u1.dyn.example.org, where * stands for one label."`
	NewHosts  uint32   `json:"new_hosts,omitempty" doc:"Names that fit a pattern become hosts by their first update, while fewer hosts of the account than this fit."`
	Failing   *Failing `json:"failing,omitempty" doc:"Absent unless its secret was wrong again and again, and not right since; not in lists of all."`
}

// Failing tells of an update key whose secret was wrong again and again.
type Failing struct {
	Refusals int        `json:"refusals" doc:"How often."`
	Since    time.Time  `json:"since"`
	Last     time.Time  `json:"last"`
	Source   netip.Addr `json:"source" doc:"From where the last time; empty where that is not known."`
}

// Exchange is what a device asked and was told, once or several times in the same
// way. Secrets are hidden.
type Exchange struct {
	First    time.Time  `json:"first"`
	Last     time.Time  `json:"last"`
	Count    int        `json:"count"`
	Source   netip.Addr `json:"source" doc:"The client's address; empty where it is not known."`
	Username string     `json:"username,omitempty" doc:"Of the update key, if one was named and is still there."`
	Via      string     `json:"via" doc:"The dialect."`
	Request  string     `json:"request" doc:"Method, path and parameters."`
	Agent    string     `json:"agent,omitempty" doc:"The client's User-Agent."`
	Status   int        `json:"status" doc:"Of the reply; 0 where the protocol knows none."`
	Reply    string     `json:"reply" doc:"Its body."`
	Why      string     `json:"why,omitempty" doc:"What the reply leaves open, such as: wrong secret."`
	Pending  string     `json:"pending,omitempty" doc:"Servers that the zone is pushed to and that did not have yet what was acknowledged."`
}

// RecipeBook is what to type into devices that keep a host up to date.
type RecipeBook struct {
	Account  string   `json:"account" doc:"Who owns the host."`
	Username string   `json:"username,omitempty" doc:"Of the update key in the texts; empty where none covers the host."`
	Recipes  []Recipe `json:"recipes" nullable:"false"`
}

// Recipe is what one kind of device or program needs to be told.
type Recipe struct {
	Device string `json:"device" doc:"What is meant, such as routeros7."`
	Title  string `json:"title" doc:"What it is called, and where to type it."`
	Text   string `json:"text" doc:"To be pasted, with the secret in the place of SECRET."`
}

// NewKey is an update key to be made.
type NewKey struct {
	Account  string   `json:"account"`
	Hosts    []string `json:"hosts,omitempty" nullable:"false" doc:"What it may update; without any, and without patterns, all hosts of the account."`
	Username string   `json:"username,omitempty" doc:"Without it, one is made."`
	Secret   *string  `json:"secret,omitempty" minLength:"1" doc:"Without it, one is made."`
	Token    bool     `json:"token,omitempty" doc:"The secret alone is to suffice, without the user name."`
	MD5      bool     `json:"md5,omitempty" doc:"For devices that send digests of the secret."`

	Unchanged string   `json:"unchanged,omitempty" doc:"What its devices hear when nothing changed: nochg, good, or default for what the daemon's setting says."`
	TLSOnly   bool     `json:"tls_only,omitempty" doc:"It is refused over plain HTTP, where its secret crosses in the clear."`
	BareGood  bool     `json:"bare_good,omitempty" doc:"Its devices hear one word and nothing else, such as good: no address, no line end, not a line for each host, of which all change or none."`
	Patterns  []string `json:"patterns,omitempty" nullable:"false" doc:"Of further names that it may update, such as *.u1.dyn.example.org, where * stands for one label."`
	NewHosts  uint32   `json:"new_hosts,omitempty" doc:"Names that fit a pattern become hosts by their first update, while fewer hosts of the account than this fit."`
}

// KeyChange is what to change of an update key; what is absent stays.
type KeyChange struct {
	Unchanged *string   `json:"unchanged,omitempty" doc:"What its devices hear when nothing changed: nochg, good, or default for what the daemon's setting says."`
	TLSOnly   *bool     `json:"tls_only,omitempty" doc:"It is refused over plain HTTP, where its secret crosses in the clear."`
	BareGood  *bool     `json:"bare_good,omitempty" doc:"Its devices hear one word and nothing else, such as good: no address, no line end, not a line for each host, of which all change or none."`
	Patterns  *[]string `json:"patterns,omitempty" nullable:"false" doc:"Of further names that it may update, such as *.u1.dyn.example.org, where * stands for one label."`
	NewHosts  *uint32   `json:"new_hosts,omitempty" doc:"Names that fit a pattern become hosts by their first update, while fewer hosts of the account than this fit."`
}

// AddedKey is an update key that was just made, with its secret, which nobody
// can read again.
type AddedKey struct {
	Secret string `json:"secret"`
	Key
}

// KeyPage is a page of update keys.
type KeyPage struct {
	Keys []Key  `json:"keys" nullable:"false"`
	Next string `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// Status is how the daemon fares.
type Status struct {
	Version      string    `json:"version"`
	PID          int       `json:"pid" doc:"Of the process."`
	Started      time.Time `json:"started"`
	Uptime       int64     `json:"uptime" doc:"Seconds."`
	Revision     uint64    `json:"revision" doc:"Number of the last commit."`
	Zones        int       `json:"zones"`
	Accounts     int       `json:"accounts"`
	Hosts        int       `json:"hosts"`
	StoreError   string    `json:"store_error,omitempty" doc:"Why the last write failed; absent while the store works."`
	UpgradeError string    `json:"upgrade_error,omitempty" doc:"Why the last upgrade failed; absent when it did not."`
}

// Upgrade is a handover to a new process that has begun.
type Upgrade struct {
	PID int `json:"pid" doc:"Of the process that ends when the new one has taken over."`
}

// SeedPlan is how much to make up for a demonstration or a measurement.
type SeedPlan struct {
	Zone     string `json:"zone"`
	Hosts    int    `json:"hosts"`
	Accounts int    `json:"accounts"`
}
