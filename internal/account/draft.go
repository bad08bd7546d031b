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

	DeletedAccounts []string // names; whose hosts and keys must be deleted as well
	DeletedHosts    []zone.Name
	DeletedKeys     []string // user names
	DeletedRests    []zone.Name
}

// IsEmpty tells whether nothing changes.
func (c *Changes) IsEmpty() bool {
	return len(c.Accounts)+len(c.Hosts)+len(c.Keys)+len(c.Rests)+
		len(c.DeletedAccounts)+len(c.DeletedHosts)+len(c.DeletedKeys)+len(c.DeletedRests) == 0
}

// Check tells whether what stands for a domain name is one; its error is
// zone.ErrBadName. Changes that come from elsewhere must be checked before they are
// applied.
func (c *Changes) Check() error {
	for i := range c.Hosts {
		h := &c.Hosts[i]
		if !h.Name.IsValid() || h.Follows != "" && !h.Follows.IsValid() {
			return fmt.Errorf("host %q: %w", string(h.Name), zone.ErrBadName)
		}
	}
	for i := range c.Keys {
		if slices.ContainsFunc(c.Keys[i].Hosts, isInvalid) {
			return fmt.Errorf("update key %q: %w", c.Keys[i].Username, zone.ErrBadName)
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
	maps [maps]*tree.Draft
	next ids
}

// Edit starts a draft from d, which stays as it is.
func (d Directory) Edit() *Draft {
	draft := &Draft{next: d.next}
	for i, m := range d.maps {
		draft.maps[i] = m.Edit()
	}
	return draft
}

// View returns the draft as it is now, good for reading until it changes.
func (d *Draft) View() Directory {
	v := Directory{next: d.next}
	for i, m := range d.maps {
		v.maps[i] = m.View()
	}
	return v
}

// Freeze returns the new version. The draft must not be used afterwards.
func (d *Draft) Freeze() Directory {
	v := Directory{next: d.next}
	for i, m := range d.maps {
		v.maps[i] = m.Freeze()
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
		d.maps[resting].Delete(name.AppendKey(nil))
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
		d.maps[resting].Put(r.Name.AppendKey(nil), encodeRest(r))
	}
}

func (d *Draft) putAccount(a Account) {
	name := []byte(strings.ToLower(a.Name))
	d.maps[accounts].Put(name, encodeAccount(a))
	d.maps[accountNames].Put(idKey(a.ID, nil), name)
	d.next.account = max(d.next.account, a.ID)
}

func (d *Draft) deleteAccount(name string) {
	if a, ok := d.View().Account(name); ok {
		d.maps[accounts].Delete([]byte(strings.ToLower(name)))
		d.maps[accountNames].Delete(idKey(a.ID, nil))
	}
}

func (d *Draft) putHost(h Host) {
	var buf [2 * zone.MaxName]byte
	key := h.Name.AppendKey(buf[:0])
	raw, known := d.maps[hosts].View().Get(key)
	owner := ownerOf(raw)
	d.maps[hosts].Put(key, encodeHost(h))
	if !known || owner != h.Account {
		if known {
			d.maps[hostsByAccount].Delete(idKey(owner, key))
		}
		d.maps[hostsByAccount].Put(idKey(h.Account, key), nil)
	}
	d.next.host = max(d.next.host, h.ID)
}

func (d *Draft) deleteHost(name zone.Name) {
	if h, ok := d.View().Host(name); ok {
		key := name.AppendKey(nil)
		d.maps[hosts].Delete(key)
		d.maps[hostsByAccount].Delete(idKey(h.Account, key))
	}
}

func (d *Draft) putKey(k Key) {
	d.deleteKey(k.Username)
	d.maps[keys].Put([]byte(k.Username), encodeKey(k))
	d.maps[keysByAccount].Put(idKey(k.Account, []byte(k.Username)), nil)
	if k.Token {
		d.maps[tokens].Put(k.Secret.Fingerprint, []byte(k.Username))
	}
	d.next.key = max(d.next.key, k.ID)
}

func (d *Draft) deleteKey(username string) {
	k, ok := d.View().Key(username)
	if !ok {
		return
	}
	d.maps[keys].Delete([]byte(username))
	d.maps[keysByAccount].Delete(idKey(k.Account, []byte(username)))
	if k.Token {
		d.maps[tokens].Delete(k.Secret.Fingerprint)
	}
}
