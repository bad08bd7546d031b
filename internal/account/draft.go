package account

import (
	"fmt"
	"slices"
	"strings"

	"stayput.dev/internal/tree"
	"stayput.dev/internal/zone"
)

// Changes is what changes in a directory: things that come or take the place of
// what has their name, and things that go. What goes, goes first.
type Changes struct {
	Accounts []Account
	Hosts    []Host
	Keys     []Key
	Rests    []Rest
	Plans    []Plan
	Tokens   []Token
	Hooks    []Hook

	DeletedAccounts []string // names; whose hosts and keys must be deleted as well
	DeletedHosts    []zone.Name
	DeletedKeys     []string // user names
	DeletedRests    []zone.Name
	DeletedPlans    []string // names, which no account may have
	DeletedTokens   []string // IDs
	DeletedHooks    []string // IDs
}

// IsEmpty tells whether nothing changes.
func (c *Changes) IsEmpty() bool {
	return len(c.Accounts)+len(c.Hosts)+len(c.Keys)+len(c.Rests)+len(c.Plans)+len(c.Tokens)+len(c.Hooks)+
		len(c.DeletedAccounts)+len(c.DeletedHosts)+len(c.DeletedKeys)+len(c.DeletedRests)+
		len(c.DeletedPlans)+len(c.DeletedTokens)+len(c.DeletedHooks) == 0
}

// Check tells whether what stands for a domain name is one; its error is
// zone.ErrBadName. Changes that come from elsewhere must be checked before they are
// applied.
func (c *Changes) Check() error {
	for i := range c.Hosts {
		h := &c.Hosts[i]
		other := h.names()
		if !h.Name.IsValid() || slices.ContainsFunc(other[:], func(n zone.Name) bool { return n != "" && !n.IsValid() }) {
			return fmt.Errorf("host %q: %w", string(h.Name), zone.ErrBadName)
		}
	}
	for i := range c.Keys {
		if slices.ContainsFunc(c.Keys[i].Hosts, isInvalid) || slices.ContainsFunc(c.Keys[i].Patterns, isInvalid) {
			return fmt.Errorf("update key %q: %w", c.Keys[i].Username, zone.ErrBadName)
		}
	}
	for i := range c.Tokens {
		if slices.ContainsFunc(c.Tokens[i].Hosts, isInvalid) || slices.ContainsFunc(c.Tokens[i].Zones, isInvalid) {
			return fmt.Errorf("API token %q: %w", c.Tokens[i].ID, zone.ErrBadName)
		}
	}
	for i := range c.Rests {
		if !c.Rests[i].Name.IsValid() {
			return fmt.Errorf("resting name %q: %w", string(c.Rests[i].Name), zone.ErrBadName)
		}
	}
	if slices.ContainsFunc(c.DeletedHosts, isInvalid) || slices.ContainsFunc(c.DeletedRests, isInvalid) {
		return fmt.Errorf("deleted name: %w", zone.ErrBadName)
	}
	return nil
}

func isInvalid(n zone.Name) bool { return !n.IsValid() }

// Draft is a directory in the making. It is not safe for concurrent use.
type Draft struct {
	base   Directory         // what the draft started from
	drafts [maps]*tree.Draft // of those maps that were changed
	next   ids
}

// Edit starts a draft from d, which stays as it is.
func (d Directory) Edit() *Draft { return &Draft{base: d, next: d.next} }

// edit returns the draft of a map, to change it.
func (d *Draft) edit(i int) *tree.Draft {
	if d.drafts[i] == nil {
		d.drafts[i] = d.base.maps[i].Edit()
	}
	return d.drafts[i]
}

// View returns the draft as it is now, good for reading until it changes.
func (d *Draft) View() Directory {
	v := d.base
	v.next = d.next
	for i, m := range d.drafts {
		if m != nil {
			v.maps[i] = m.View()
		}
	}
	return v
}

// Freeze returns the new version. The draft must not be used afterwards.
func (d *Draft) Freeze() Directory {
	v := d.base
	v.next = d.next
	for i, m := range d.drafts {
		if m != nil {
			v.maps[i] = m.Freeze()
		}
	}
	return v
}

// Apply makes the changes.
func (d *Draft) Apply(c *Changes) {
	for _, name := range c.DeletedKeys {
		d.deleteKey(name)
	}
	for _, name := range c.DeletedHosts {
		d.deleteHost(name)
	}
	for _, name := range c.DeletedAccounts {
		d.deleteAccount(name)
	}
	for _, name := range c.DeletedRests {
		d.edit(resting).Delete(name.AppendKey(nil))
	}
	for _, name := range c.DeletedPlans {
		d.deletePlan(name)
	}
	for _, id := range c.DeletedTokens {
		d.deleteToken(id)
	}
	for _, id := range c.DeletedHooks {
		d.edit(hooks).Delete([]byte(id))
	}
	for _, p := range c.Plans {
		d.putPlan(p)
	}
	for _, a := range c.Accounts {
		d.putAccount(a)
	}
	for _, h := range c.Hosts {
		d.putHost(h)
	}
	for _, k := range c.Keys {
		d.putKey(k)
	}
	for _, r := range c.Rests {
		d.edit(resting).Put(r.Name.AppendKey(nil), encodeRest(r))
	}
	for _, t := range c.Tokens {
		d.putToken(t)
	}
	for _, h := range c.Hooks {
		d.edit(hooks).Put([]byte(h.ID), encodeHook(h))
	}
}

func (d *Draft) putAccount(a Account) {
	name := []byte(strings.ToLower(a.Name))
	if was, ok := d.View().Account(a.Name); ok {
		d.dropExternalID(was, a.ExternalID)
	}
	if a.ExternalID != "" {
		d.edit(externalIDs).Put([]byte(a.ExternalID), name)
	}
	d.edit(accounts).Put(name, encodeAccount(a))
	d.edit(accountNames).Put(idKey(a.ID, nil), name)
	d.next.account = max(d.next.account, a.ID)
}

// dropExternalID forgets the external ID of an account, unless it keeps it.
func (d *Draft) dropExternalID(a Account, keep string) {
	if a.ExternalID == "" || a.ExternalID == keep {
		return
	}
	if at, ok := d.View().AccountByExternalID(a.ExternalID); ok && at.ID == a.ID {
		d.edit(externalIDs).Delete([]byte(a.ExternalID))
	}
}

func (d *Draft) deleteAccount(name string) {
	if a, ok := d.View().Account(name); ok {
		d.dropExternalID(a, "")
		d.edit(accounts).Delete([]byte(strings.ToLower(name)))
		d.edit(accountNames).Delete(idKey(a.ID, nil))
	}
}

func (d *Draft) putHost(h Host) {
	var buf [2 * zone.MaxName]byte
	key := h.Name.AppendKey(buf[:0])
	stored := d.edit(hosts)
	raw, known := stored.View().Get(key)
	owner, follows := tiesOf(raw)
	if !known || owner != h.Account {
		if known {
			d.edit(hostsByAccount).Delete(idKey(owner, key))
		}
		d.edit(hostsByAccount).Put(idKey(h.Account, key), nil)
	}
	if string(follows) != string(h.Follows) {
		d.follow(key, follows, []byte(h.Follows))
	}
	stored.Put(key, encodeHost(h))
	d.next.host = max(d.next.host, h.ID)
}

// follow notes that the host with the key of its name follows another than
// before, both perhaps empty.
func (d *Draft) follow(key, before, now []byte) {
	if len(before) > 0 {
		d.edit(followers).Delete(append(slices.Clone(before), key...))
	}
	if len(now) > 0 {
		d.edit(followers).Put(append(slices.Clone(now), key...), nil)
	}
}

func (d *Draft) deleteHost(name zone.Name) {
	if h, ok := d.View().Host(name); ok {
		key := name.AppendKey(nil)
		d.edit(hosts).Delete(key)
		d.edit(hostsByAccount).Delete(idKey(h.Account, key))
		d.follow(key, []byte(h.Follows), nil)
	}
}

func (d *Draft) putKey(k Key) {
	d.deleteKey(k.Username)
	d.edit(keys).Put([]byte(k.Username), encodeKey(k))
	d.edit(keysByAccount).Put(idKey(k.Account, []byte(k.Username)), nil)
	for _, fingerprint := range k.fingerprints() {
		d.edit(tokens).Put(fingerprint, []byte(k.Username))
	}
	d.next.key = max(d.next.key, k.ID)
}

func (d *Draft) deleteKey(username string) {
	k, ok := d.View().Key(username)
	if !ok {
		return
	}
	d.edit(keys).Delete([]byte(username))
	d.edit(keysByAccount).Delete(idKey(k.Account, []byte(username)))
	for _, fingerprint := range k.fingerprints() {
		d.edit(tokens).Delete(fingerprint)
	}
}

// fingerprints returns those of all that the key is found by without its name.
func (k Key) fingerprints() [][]byte {
	var all [][]byte
	if k.Token {
		all = append(all, k.Secret.Fingerprint)
	}
	if len(k.Secret.Login) > 0 {
		all = append(all, k.Secret.Login)
	}
	return all
}
