package account

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"
	"time"

	"stayput.dev/internal/tree"
	"stayput.dev/internal/zone"
)

// Directory is one version of all accounts, hosts and update keys. It never
// changes and is safe for concurrent use. The zero Directory is empty.
type Directory struct {
	maps [maps]tree.Map
	next ids
}

// The maps of a directory. Each indexes the ones before it; what stands first
// is the truth. The numbers are part of the stored form.
const (
	accounts       = iota // lower-case name → Account
	accountNames          // ID → lower-case name
	hosts                 // key of the name → Host
	hostsByAccount        // account ID, key of the name → nothing
	keys                  // user name → Key
	keysByAccount         // account ID, user name → nothing
	tokens                // fingerprint of the secret → user name
	resting               // key of a released name → Rest
	maps
)

// ids are the numbers to be given next.
type ids struct{ account, host, key uint32 }

// Rest keeps a released name from strangers for a while.
type Rest struct {
	Name    zone.Name
	Account uint32 // who held it, and may have it again
	Until   time.Time
}

// NextAccountID returns the number for the next new account.
func (d Directory) NextAccountID() uint32 { return d.next.account + 1 }

// NextHostID returns the number for the next new host. More than one host made
// in one edit take the numbers that follow.
func (d Directory) NextHostID() uint32 { return d.next.host + 1 }

// NextKeyID returns the number for the next new update key.
func (d Directory) NextKeyID() uint32 { return d.next.key + 1 }

// Account returns the account with the name, whose case does not matter.
func (d Directory) Account(name string) (Account, bool) {
	raw, ok := d.maps[accounts].Get([]byte(strings.ToLower(name)))
	if !ok {
		return Account{}, false
	}
	return decodeAccount(raw), true
}

// AccountByID returns the account with the number.
func (d Directory) AccountByID(id uint32) (Account, bool) {
	name, ok := d.maps[accountNames].Get(idKey(id, nil))
	if !ok {
		return Account{}, false
	}
	return d.Account(string(name))
}

// Accounts yields all accounts in order of their lower-case names, from the one
// not less than start.
func (d Directory) Accounts(start string) iter.Seq[Account] {
	return func(yield func(Account) bool) {
		for _, raw := range d.maps[accounts].From([]byte(strings.ToLower(start))) {
			if !yield(decodeAccount(raw)) {
				return
			}
		}
	}
}

// CountAccounts returns the number of accounts.
func (d Directory) CountAccounts() int { return d.maps[accounts].Len() }

// Host returns the host with the name.
func (d Directory) Host(name zone.Name) (Host, bool) {
	var buf [2 * zone.MaxName]byte
	raw, ok := d.maps[hosts].Get(name.AppendKey(buf[:0]))
	if !ok {
		return Host{}, false
	}
	return decodeHost(name, raw), true
}

// SameHost tells whether the host with the name is the same in both versions, or
// missing in both. It costs less than to read the host.
func (d Directory) SameHost(other Directory, name zone.Name) bool {
	if d.maps[hosts] == other.maps[hosts] {
		return true
	}
	var buf [2 * zone.MaxName]byte
	key := name.AppendKey(buf[:0])
	raw, ok := d.maps[hosts].Get(key)
	otherRaw, otherOK := other.maps[hosts].Get(key)
	return ok == otherOK && bytes.Equal(raw, otherRaw)
}

// SameCredentials tells whether surely no account and no update key differs
// between the two versions. It costs nothing.
func (d Directory) SameCredentials(other Directory) bool {
	return d.maps[accounts] == other.maps[accounts] && d.maps[keys] == other.maps[keys]
}

// Hosts yields all hosts in canonical order of their names, from the one not
// less than start, which may be empty.
func (d Directory) Hosts(start zone.Name) iter.Seq[Host] {
	return func(yield func(Host) bool) {
		for key, raw := range d.maps[hosts].From(start.AppendKey(nil)) {
			name, _ := zone.NameFromKey(key)
			if !yield(decodeHost(name, raw)) {
				return
			}
		}
	}
}

// CountHosts returns the number of hosts.
func (d Directory) CountHosts() int { return d.maps[hosts].Len() }

// HostsBelow yields the hosts at top and below, in canonical order.
func (d Directory) HostsBelow(top zone.Name) iter.Seq[Host] {
	return func(yield func(Host) bool) {
		for key, raw := range d.maps[hosts].Prefix(top.AppendKey(nil)) {
			name, _ := zone.NameFromKey(key)
			if !yield(decodeHost(name, raw)) {
				return
			}
		}
	}
}

// HostsOf yields the hosts of an account in canonical order of their names.
func (d Directory) HostsOf(account uint32) iter.Seq[Host] {
	return func(yield func(Host) bool) {
		for key := range d.maps[hostsByAccount].Prefix(idKey(account, nil)) {
			name, _ := zone.NameFromKey(key[4:])
			if h, ok := d.Host(name); ok && !yield(h) {
				return
			}
		}
	}
}

// Owner returns the host at name or nearest above it, whose owner alone may put
// names there.
func (d Directory) Owner(name zone.Name) (Host, bool) {
	for ; name != zone.Root; name = name.Parent() {
		if h, ok := d.Host(name); ok {
			return h, true
		}
	}
	return Host{}, false
}

// Resting returns the rest of a released name, if it has one, also when its
// time is over.
func (d Directory) Resting(name zone.Name) (Rest, bool) {
	raw, ok := d.maps[resting].Get(name.AppendKey(nil))
	if !ok {
		return Rest{}, false
	}
	return decodeRest(name, raw), true
}

// Key returns the update key with the user name.
func (d Directory) Key(username string) (Key, bool) {
	raw, ok := d.maps[keys].Get([]byte(username))
	if !ok {
		return Key{}, false
	}
	return decodeKey(raw), true
}

// KeyByToken returns the update key whose secret is the token.
func (d Directory) KeyByToken(token string) (Key, bool) {
	username, ok := d.maps[tokens].Get(fingerprint(token))
	if !ok {
		return Key{}, false
	}
	return d.Key(string(username))
}

// Keys yields all update keys in order of their user names.
func (d Directory) Keys() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for _, raw := range d.maps[keys].All() {
			if !yield(decodeKey(raw)) {
				return
			}
		}
	}
}

// KeysOf yields the update keys of an account in order of their user names.
func (d Directory) KeysOf(account uint32) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for k := range d.maps[keysByAccount].Prefix(idKey(account, nil)) {
			if key, ok := d.Key(string(k[4:])); ok && !yield(key) {
				return
			}
		}
	}
}

// idKey returns the octets of a number, so that they sort as numbers, and rest.
func idKey(id uint32, rest []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(rest)), id), rest...)
}
