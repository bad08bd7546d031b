// Package feed says what a commit means to people and programs outside: which hosts
// and accounts it changed, and how they are by now.
//
// It serves the rooms that tell others, api and webhook. An event carries the state
// that is, not the one that was: who hears of a host twice may forget the first.
package feed

import (
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// The kinds of events.
const (
	HostChanged    = "host.changed" // also when it is new
	HostDeleted    = "host.deleted"
	AccountChanged = "account.changed" // also when it is new
	AccountDeleted = "account.deleted"
)

// Kinds returns all kinds of events.
func Kinds() []string { return []string{HostChanged, HostDeleted, AccountChanged, AccountDeleted} }

// Event is something that happened.
type Event struct {
	Kind     string
	Revision registry.Revision // of the commit
	At       time.Time         // of the commit
	Account  uint32            // ID of whom it is about; 0 where that is no longer known
	Host     zone.Name         // empty in events of accounts
	Data     any               // a Host or an Account
}

// Host is what an event says of a host.
type Host struct {
	Host      string       `json:"host"`
	Account   string       `json:"account,omitempty"` // absent where it is gone
	Addresses []netip.Addr `json:"addresses"`         // that stand in the DNS, IPv4 first
	Alias     string       `json:"alias,omitempty"`   // in their place
	Offline   bool         `json:"offline,omitempty"`
	Suspended bool         `json:"suspended,omitempty"`
}

// Account is what an event says of an account.
type Account struct {
	Account    string        `json:"account"`
	ExternalID string        `json:"external_id,omitempty"`
	State      account.Phase `json:"state,omitempty"` // absent where it is gone
	Plan       string        `json:"plan,omitempty"`
}

// MarshalJSON returns the form of Standard Webhooks: type, timestamp and data.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Revision  uint64    `json:"revision"`
		Data      any       `json:"data"`
	}{e.Kind, e.At.UTC(), uint64(e.Revision), e.Data})
}

// Of returns what a commit changed, as it is in st, which is the state after that
// commit or a later one: accounts first, then hosts in canonical order. Hosts of a
// zone that was replaced as a whole are among them only where the directory
// changed.
func Of(c *registry.Commit, st *registry.State) []Event {
	event := func(kind string) Event { return Event{Kind: kind, Revision: c.Revision, At: c.At} }
	var out []Event
	for _, name := range c.Accounts.DeletedAccounts {
		if _, again := st.Accounts.Account(name); again {
			continue
		}
		e := event(AccountDeleted)
		e.Data = Account{Account: name}
		out = append(out, e)
	}
	for i := range c.Accounts.Accounts {
		if a, ok := st.Accounts.AccountByID(c.Accounts.Accounts[i].ID); ok {
			e := event(AccountChanged)
			e.Account, e.Data = a.ID, Account{a.Name, a.ExternalID, a.Phase(), a.Plan}
			out = append(out, e)
		}
	}
	gone := goneOf(c)
	for _, name := range hostsOf(c) {
		e := event(HostChanged)
		e.Host = name
		if h, ok := st.Accounts.Host(name); ok {
			e.Account, e.Data = h.Account, hostAt(st, &h)
		} else if owner, deleted := gone[name]; deleted {
			e.Kind, e.Account = HostDeleted, owner
			owner, _ := st.Accounts.AccountByID(e.Account)
			e.Data = Host{Host: name.String(), Account: owner.Name, Addresses: []netip.Addr{}}
		} else {
			continue // no host, or deleted by a later commit, which tells
		}
		out = append(out, e)
	}
	return out
}

// hostsOf returns the names that may be hosts of which a commit changed something.
func hostsOf(c *registry.Commit) []zone.Name {
	names := slices.Clone(c.Accounts.DeletedHosts)
	for i := range c.Accounts.Hosts {
		names = append(names, c.Accounts.Hosts[i].Name)
	}
	for i := range c.Deltas {
		for j := range c.Deltas[i].Changes {
			names = append(names, c.Deltas[i].Changes[j].New.Name)
		}
	}
	slices.SortFunc(names, zone.Name.Compare)
	return slices.Compact(names)
}

// goneOf returns the hosts that a commit deleted, and who had each; 0 where it does not say.
func goneOf(c *registry.Commit) map[zone.Name]uint32 {
	gone := make(map[zone.Name]uint32, len(c.Accounts.DeletedHosts))
	for _, name := range c.Accounts.DeletedHosts {
		gone[name] = 0
	}
	for _, r := range c.Accounts.Rests {
		if _, deleted := gone[r.Name]; deleted {
			gone[r.Name] = r.Account
		}
	}
	return gone
}

func hostAt(st *registry.State, h *account.Host) Host {
	owner, _ := st.Accounts.AccountByID(h.Account)
	out := Host{Host: h.Name.String(), Account: owner.Name, Addresses: []netip.Addr{}, Offline: h.IsOffline(), Suspended: owner.Suspended}
	z := st.Zones.Find(h.Name)
	if z == nil {
		return out
	}
	node := z.Node(h.Name)
	for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
		for data := range node.Lookup(t).All() {
			if a, ok := netip.AddrFromSlice(data); ok {
				out.Addresses = append(out.Addresses, a)
			}
		}
	}
	for data := range node.Lookup(zone.TypeCNAME).All() {
		if target, _, err := zone.NameFromWire(data); err == nil {
			out.Alias = target.String()
		}
	}
	return out
}
