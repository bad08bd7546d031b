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
	Hosts       *int         `json:"hosts,omitempty" doc:"How many hosts are in the zone; not counted in lists."`
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
}

// ZoneChange is what to change of a zone; what is absent stays.
type ZoneChange struct {
	MName *string `json:"mname,omitempty"`
	RName *string `json:"rname,omitempty"`
	TTL   *uint32 `json:"ttl,omitempty" doc:"Seconds, of the SOA record and of negative answers."`
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
}

// NewAccount is an account to be made.
type NewAccount struct {
	Name     string `json:"name"`
	Email    string `json:"email,omitempty"`
	Role     string `json:"role,omitempty" doc:"customer, support or admin; without it customer."`
	Password string `json:"password,omitempty" doc:"For signing in; never for updates."`
}

// AccountChange is what to change of an account; what is absent stays.
type AccountChange struct {
	Email     *string `json:"email,omitempty" doc:"Empty for none."`
	Role      *string `json:"role,omitempty" doc:"customer, support or admin."`
	Password  *string `json:"password,omitempty" doc:"Empty for none."`
	Suspended *bool   `json:"suspended,omitempty" doc:"Its hosts keep their names without addresses, and its keys do nothing."`
}

// AccountPage is a page of accounts.
type AccountPage struct {
	Accounts []Account `json:"accounts" nullable:"false"`
	Next     string    `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// Host is a host as the API shows it.
type Host struct {
	Name        string       `json:"name" example:"home.dyn.example.org"`
	Account     string       `json:"account"`
	Zone        string       `json:"zone,omitempty" doc:"Absent when its zone has gone."`
	Addresses   []netip.Addr `json:"addresses" nullable:"false" doc:"IPv4 first."`
	TTL         uint32       `json:"ttl"`
	InterfaceID string       `json:"interface_id,omitempty" doc:"IPv6 address whose low bits the host keeps when its prefix changes."`
	Follows     string       `json:"follows,omitempty" doc:"Host whose prefix that is."`
	NonGlobal   string       `json:"nonglobal,omitempty" enum:"ignore,accept" doc:"What becomes of addresses that cannot be reached from outside; absent where the daemon's setting decides."`
	Suspended   bool         `json:"suspended,omitempty" doc:"Its account is, so that its addresses do not stand."`
	Created     time.Time    `json:"created"`
	LastSeen    time.Time    `json:"last_seen,omitzero" doc:"When it last reported; absent when it never did."`
	Sources     []Source     `json:"sources,omitempty" nullable:"false" doc:"Where each address came from; not in lists."`
}

// Source tells where an address of a host came from.
type Source struct {
	Address  netip.Addr `json:"address"`
	Username string     `json:"username,omitempty" doc:"Of the update key, if one was used and is still there."`
	Via      string     `json:"via" doc:"The dialect or network event."`
	Session  string     `json:"session,omitempty"`
	At       time.Time  `json:"at"`
}

// NewHost is a host to be made.
type NewHost struct {
	Name      string   `json:"name" example:"home.dyn.example.org"`
	Account   string   `json:"account"`
	Addresses []string `json:"addresses,omitempty" nullable:"false" doc:"Without any, the host takes over those that stand at its name."`
	TTL       uint32   `json:"ttl,omitempty"`
	NonGlobal string   `json:"nonglobal,omitempty" doc:"What becomes of addresses that cannot be reached from outside: ignore, accept, or default for what the daemon's setting says."`
	Force     bool     `json:"force,omitempty" doc:"Set aside that the name is reserved, rests, or lies within another account's host."`
}

// HostChange is what to change of a host; what is absent stays.
type HostChange struct {
	Addresses   *[]string `json:"addresses,omitempty" nullable:"false" doc:"All of them; empty for none."`
	TTL         *uint32   `json:"ttl,omitempty"`
	Account     *string   `json:"account,omitempty" doc:"The new owner."`
	NonGlobal   *string   `json:"nonglobal,omitempty" doc:"What becomes of addresses that cannot be reached from outside: ignore, accept, or default for what the daemon's setting says."`
	InterfaceID *string   `json:"interface_id,omitempty" doc:"Such as ::1:2; empty for none."`
	Follows     *string   `json:"follows,omitempty" doc:"A host of the same account; empty for none."`
	Force       bool      `json:"force,omitempty" doc:"Set aside that it lies within another account's host."`
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
	Hosts    []string  `json:"hosts" nullable:"false" doc:"What it may update; empty for all hosts of the account."`
	Token    bool      `json:"token,omitempty" doc:"The secret alone suffices."`
	MD5      bool      `json:"md5,omitempty" doc:"Digests of the secret work as well."`
	Created  time.Time `json:"created"`

	Unchanged string `json:"unchanged,omitempty" enum:"nochg,good" doc:"What its devices hear when nothing changed; absent where the daemon's setting decides."`
}

// NewKey is an update key to be made.
type NewKey struct {
	Account  string   `json:"account"`
	Hosts    []string `json:"hosts,omitempty" nullable:"false" doc:"What it may update; without any, all hosts of the account."`
	Username string   `json:"username,omitempty" doc:"Without it, one is made."`
	Secret   *string  `json:"secret,omitempty" minLength:"1" doc:"Without it, one is made."`
	Token    bool     `json:"token,omitempty" doc:"The secret alone is to suffice, without the user name."`
	MD5      bool     `json:"md5,omitempty" doc:"For devices that send digests of the secret."`

	Unchanged string `json:"unchanged,omitempty" doc:"What its devices hear when nothing changed: nochg, good, or default for what the daemon's setting says."`
}

// KeyChange is what to change of an update key; what is absent stays.
type KeyChange struct {
	Unchanged *string `json:"unchanged,omitempty" doc:"What its devices hear when nothing changed: nochg, good, or default for what the daemon's setting says."`
}

// AddedKey is an update key that was just made, with its secret, which nobody
// can read again.
type AddedKey struct {
	Username string    `json:"username"`
	Secret   string    `json:"secret"`
	Account  string    `json:"account"`
	Hosts    []string  `json:"hosts" nullable:"false" doc:"What it may update; empty for all hosts of the account."`
	Token    bool      `json:"token,omitempty" doc:"The secret alone suffices."`
	MD5      bool      `json:"md5,omitempty" doc:"Digests of the secret work as well."`
	Created  time.Time `json:"created"`

	Unchanged string `json:"unchanged,omitempty" enum:"nochg,good" doc:"What its devices hear when nothing changed; absent where the daemon's setting decides."`
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
