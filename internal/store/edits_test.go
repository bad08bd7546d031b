package store_test

import (
	"fmt"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// anyEdit draws an edit that changes one to three things among a few names, so
// that edits meet each other often.
func anyEdit(rt *rapid.T) registry.Edit {
	parts := rapid.SliceOfN(rapid.Custom(anyPart), 1, 3).Draw(rt, "parts")
	return func(s *registry.State) (registry.Changes, error) {
		var c registry.Changes
		for _, p := range parts {
			p(s, &c)
		}
		return c, nil
	}
}

// part adds to changes what it finds to do.
type part func(*registry.State, *registry.Changes)

func anyPart(rt *rapid.T) part {
	i := rapid.IntRange(0, 2).Draw(rt, "zone")
	at := zoneName(i)
	n := rapid.IntRange(0, 4).Draw(rt, "name")
	name, _ := at.Child(fmt.Sprintf("h%d", n))
	of := uint32(rapid.IntRange(1, 3).Draw(rt, "account"))
	value := rapid.IntRange(0, 65535).Draw(rt, "value")
	switch rapid.SampledFrom([]string{
		"zone", "drop", "records", "records", "records", "host", "host", "release", "account", "close", "key", "token", "revoke", "rest", "wake", "plan", "drop plan", "API token", "drop API token", "hook", "drop hook",
	}).Draw(rt, "what") {
	case "zone":
		return func(_ *registry.State, c *registry.Changes) {
			c.Replaced = append(c.Replaced, smallZone(at, uint32(value)))
		}
	case "drop":
		return func(_ *registry.State, c *registry.Changes) { c.Removed = append(c.Removed, at) }
	case "records":
		return records(at, name, rapid.IntRange(0, 3).Draw(rt, "data"), value)
	case "host":
		return func(s *registry.State, c *registry.Changes) {
			h, known := s.Accounts.Host(name)
			if !known {
				h = account.Host{ID: s.Accounts.NextHostID() + uint32(len(c.Accounts.Hosts)), Name: name, Created: moment(value)}
			}
			h.Account, h.TTL = of, uint32(value)
			c.Accounts.Hosts = append(c.Accounts.Hosts, h)
		}
	case "release":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedHosts = append(c.Accounts.DeletedHosts, name)
		}
	case "account":
		return func(_ *registry.State, c *registry.Changes) {
			a := account.Account{ID: of, Name: fmt.Sprintf("Account-%d", of), Role: account.Customer, Created: moment(value)}
			c.Accounts.Accounts = append(c.Accounts.Accounts, a)
		}
	case "close":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedAccounts = append(c.Accounts.DeletedAccounts, fmt.Sprintf("account-%d", of))
		}
	case "key":
		return key(n, of, nil)
	case "token":
		return key(n, of, []byte(fmt.Sprintf("print-%d-%d", n, value)))
	case "revoke":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedKeys = append(c.Accounts.DeletedKeys, fmt.Sprintf("user%d", n))
		}
	case "rest":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.Rests = append(c.Accounts.Rests, account.Rest{Name: name, Account: of, Until: moment(value)})
		}
	case "plan":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.Plans = append(c.Accounts.Plans, account.Plan{Name: fmt.Sprintf("Plan-%d", n), Hosts: uint32(value)})
		}
	case "API token":
		return func(_ *registry.State, c *registry.Changes) {
			secret := account.Secret{Fingerprint: []byte(fmt.Sprintf("print-%d-%d", n, value))}
			c.Accounts.Tokens = append(c.Accounts.Tokens, account.Token{ID: fmt.Sprintf("t%d", n), Account: of, Secret: secret, Hosts: []zone.Name{name}})
		}
	case "drop API token":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedTokens = append(c.Accounts.DeletedTokens, fmt.Sprintf("t%d", n))
		}
	case "hook":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.Hooks = append(c.Accounts.Hooks, account.Hook{ID: fmt.Sprintf("w%d", n), URL: fmt.Sprint(value), Account: of})
		}
	case "drop hook":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedHooks = append(c.Accounts.DeletedHooks, fmt.Sprintf("w%d", n))
		}
	case "drop plan":
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedPlans = append(c.Accounts.DeletedPlans, fmt.Sprintf("plan-%d", n))
		}
	default: // wake
		return func(_ *registry.State, c *registry.Changes) {
			c.Accounts.DeletedRests = append(c.Accounts.DeletedRests, name)
		}
	}
}

func zoneName(i int) zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.org", i)) }

// smallZone returns a zone of two names.
func smallZone(at zone.Name, serial uint32) *zone.Zone {
	d := zone.New(at)
	must(d.Put(zone.DefaultSOA(at, at, serial).RRset(at)))
	must(d.Put(zone.RRset{Name: at, Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData(fmt.Sprint(serial))}}))
	z, _, err := d.Finish()
	must(err)
	return z
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// records puts a set of addresses, or removes it when there are none.
func records(at, name zone.Name, data, value int) part {
	var addrs []netip.Addr
	for i := range data {
		addrs = append(addrs, address(value+i))
	}
	set, _ := zone.AddressSets(name, 60, addrs)
	return func(_ *registry.State, c *registry.Changes) {
		c.Records = append(c.Records, registry.ZoneRecords{Zone: at, Sets: []zone.RRset{set}})
	}
}

func key(n int, of uint32, fingerprint []byte) part {
	return func(s *registry.State, c *registry.Changes) {
		id := s.Accounts.NextKeyID() + uint32(len(c.Accounts.Keys))
		c.Accounts.Keys = append(c.Accounts.Keys, account.Key{
			ID: id, Account: of, Username: fmt.Sprintf("user%d", n), Token: fingerprint != nil,
			Secret: account.Secret{Sum: []byte("sum"), Salt: []byte("salt"), Fingerprint: fingerprint},
		})
	}
}

func moment(n int) time.Time { return time.UnixMilli(1_790_000_000_000 + int64(n)).UTC() }
