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
	accounts           = iota // lower-case name → Account
	accountNames              // ID → lower-case name
	hosts                     // key of the name → Host
	hostsByAccount            // account ID, key of the name → nothing
	keys                      // user name → Key
	keysByAccount             // account ID, user name → nothing
	tokens                    // fingerprint of the secret → user name
	resting                   // key of a released name → Rest
	followers                 // name that is followed, key of the name that follows → nothing
	plans                     // lower-case name → Plan
	externalIDs               // external ID → lower-case name of the account
	apiTokens                 // ID → Token
	apiTokensByAccount        // account ID, token ID → nothing
	apiTokenSecrets           // fingerprint of the secret → token ID
	hooks                     // ID → Hook
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

// AccountByExternalID returns the account that has the ID in another system.
func (d Directory) AccountByExternalID(id string) (Account, bool) {
	name, ok := d.maps[externalIDs].Get([]byte(id))
	if !ok {
		return Account{}, false
	}
	return d.Account(string(name))
}

// Plan returns the plan with the name, whose case does not matter.
func (d Directory) Plan(name string) (Plan, bool) {
	raw, ok := d.maps[plans].Get([]byte(strings.ToLower(name)))
	if !ok {
		return Plan{}, false
	}
	return decodePlan(raw), true
}

// PlanOf returns the plan of an account: the zero Plan, which limits nothing,
// when it has none.
func (d Directory) PlanOf(a *Account) Plan {
	if a.Plan == "" {
		return Plan{}
	}
	p, _ := d.Plan(a.Plan)
	return p
}

// Plans yields all plans in order of their lower-case names.
func (d Directory) Plans() iter.Seq[Plan] {
	return func(yield func(Plan) bool) {
		for _, raw := range d.maps[plans].All() {
			if !yield(decodePlan(raw)) {
				return
			}
		}
	}
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

// ChangedAccounts yields each account that differs between the two versions, as it was
// before and as it is, in order of their lower-case names; the zero Account where a
// version has none. Its time is proportional to what changed, when one version was made
// from the other.
func (d Directory) ChangedAccounts(before Directory) iter.Seq2[Account, Account] {
	read := func(raw []byte) (a Account) {
		if raw != nil {
			a = decodeAccount(raw)
		}
		return a
	}
	return func(yield func(was, is Account) bool) {
		for c := range tree.Diff(before.maps[accounts], d.maps[accounts]) {
			if !yield(read(c.Old), read(c.New)) {
				return
			}
		}
	}
}

// AccountsByEmail yields the accounts with a mail address, however it is written. It
// looks at all accounts, but reads no more of them than it must.
func (d Directory) AccountsByEmail(address string) iter.Seq[Account] {
	return func(yield func(Account) bool) {
		wanted := []byte(address)
		for _, raw := range d.maps[accounts].All() {
			if bytes.EqualFold(emailOf(raw), wanted) && !yield(decodeAccount(raw)) {
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

// SameHosts tells whether surely no host differs between the two versions. It
// costs nothing.
func (d Directory) SameHosts(other Directory) bool { return d.maps[hosts] == other.maps[hosts] }

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

// CountHostsOf returns the number of hosts of an account. Like all counts it costs
// no more where there are many.
func (d Directory) CountHostsOf(account uint32) int {
	return d.maps[hostsByAccount].CountPrefix(idKey(account, nil))
}

// CountKeysOf returns the number of update keys of an account.
func (d Directory) CountKeysOf(account uint32) int {
	return d.maps[keysByAccount].CountPrefix(idKey(account, nil))
}

// CountHosts returns the number of hosts.
func (d Directory) CountHosts() int { return d.maps[hosts].Len() }

// CountHostsBelow returns the number of hosts at top and below.
func (d Directory) CountHostsBelow(top zone.Name) int {
	return d.maps[hosts].CountPrefix(top.AppendKey(nil))
}

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
func (d Directory) HostsOf(account uint32) iter.Seq[Host] { return d.HostsOfFrom(account, "") }

// HostsOfFrom is HostsOf from the host whose name is not less than start.
func (d Directory) HostsOfFrom(account uint32, start zone.Name) iter.Seq[Host] {
	return func(yield func(Host) bool) {
		owner := idKey(account, nil)
		for key := range d.maps[hostsByAccount].From(start.AppendKey(owner)) {
			if !bytes.HasPrefix(key, owner[:4]) {
				return
			}
			name, _ := zone.NameFromKey(key[4:])
			if h, ok := d.Host(name); ok && !yield(h) {
				return
			}
		}
	}
}

// Followers yields the hosts that follow the one with the name, in canonical order
// of theirs.
func (d Directory) Followers(of zone.Name) iter.Seq[Host] {
	return func(yield func(Host) bool) {
		for key := range d.maps[followers].Prefix([]byte(of)) {
			name, _ := zone.NameFromKey(key[len(of):])
			if h, ok := d.Host(name); ok && !yield(h) {
				return
			}
		}
	}
}

// IsFollowed tells whether any host follows the one with the name. It costs next
// to nothing.
func (d Directory) IsFollowed(name zone.Name) bool {
	if d.maps[followers].Len() == 0 {
		return false
	}
	_, _, below := d.maps[followers].Probe([]byte(name))
	return below
}

// SameFollowers tells whether surely the same hosts follow the same in both
// versions. It costs nothing.
func (d Directory) SameFollowers(other Directory) bool {
	return d.maps[followers] == other.maps[followers]
}

// Owner returns the host at name or nearest above it, whose owner alone may put
// names there. It looks from above, and no further than there are hosts: strangers
// choose names of a hundred labels.
func (d Directory) Owner(name zone.Name) (owner Host, ok bool) {
	var above [zone.MaxName / 2]zone.Name
	n := 0
	for ; name != zone.Root; name = name.Parent() {
		above[n] = name
		n++
	}
	for below := true; below && n > 0; {
		n--
		var buf [2 * zone.MaxName]byte
		var raw []byte
		var found bool
		if raw, found, below = d.maps[hosts].Probe(above[n].AppendKey(buf[:0])); found {
			owner, ok = decodeHost(above[n], raw), true
		}
	}
	return owner, ok
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

// Rests yields all rests in canonical order of their names, also those whose time
// is over.
func (d Directory) Rests() iter.Seq[Rest] {
	return func(yield func(Rest) bool) {
		for key, raw := range d.maps[resting].All() {
			name, _ := zone.NameFromKey(key) // it was a name when it was put there
			if !yield(decodeRest(name, raw)) {
				return
			}
		}
	}
}

// Key returns the update key with the user name.
func (d Directory) Key(username string) (Key, bool) {
	raw, ok := d.maps[keys].Get([]byte(username))
	if !ok {
		return Key{}, false
	}
	return decodeKey(raw), true
}

// KeyOf returns the update key that a device means by the user name that it sends.
func (d Directory) KeyOf(sent string) (Key, bool) {
	k, ok := d.Key(sent)
	if ok {
		return k, true
	}
	lower := strings.ToLower(sent)
	if lower == sent {
		return Key{}, false
	}
	if k, ok = d.Key(lower); !ok || !k.AnyCase {
		return Key{}, false
	}
	return k, true
}

// KeyByToken returns the update key whose secret is the token.
func (d Directory) KeyByToken(token string) (Key, bool) {
	username, ok := d.maps[tokens].Get(fingerprint(token))
	if !ok {
		return Key{}, false
	}
	return d.Key(string(username))
}

// Keys yields all update keys in order of their user names, from the one not less than
// start, which may be empty.
func (d Directory) Keys(start string) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for _, raw := range d.maps[keys].From([]byte(start)) {
			if !yield(decodeKey(raw)) {
				return
			}
		}
	}
}

// KeysOf yields the update keys of an account in order of their user names.
func (d Directory) KeysOf(account uint32) iter.Seq[Key] { return d.KeysOfFrom(account, "") }

// KeysOfFrom is KeysOf from the key whose user name is not less than start.
func (d Directory) KeysOfFrom(account uint32, start string) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		owner := idKey(account, nil)
		for k := range d.maps[keysByAccount].From(idKey(account, []byte(start))) {
			if !bytes.HasPrefix(k, owner) {
				return
			}
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
