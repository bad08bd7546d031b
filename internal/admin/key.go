package admin

import (
	"context"
	"reflect"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Key is what there is to see of an update key: never its secret.
type Key struct {
	Username string
	Account  string      // name of the owner
	Hosts    []zone.Name // what it may update; empty: all hosts of the account
	Token    bool        // the secret alone suffices
	MD5      bool        // digests of the secret work as well
	Created  time.Time

	Unchanged account.Unchanged // what its devices hear when nothing changed
	TLSOnly   bool              // it is refused over plain HTTP
	BareGood  bool              // see account.Key

	Patterns []zone.Name // see account.Key
	NewHosts uint32      // see account.Key
}

// Covers tells whether the key may update the host with the name, if that is one of its
// account.
func (k Key) Covers(name zone.Name) bool {
	return account.Key{Hosts: k.Hosts, Patterns: k.Patterns}.Covers(account.Host{Name: name})
}

// NewKey is an update key to be made.
type NewKey struct {
	Account  string      // its name
	Hosts    []zone.Name // what it may update; empty: all hosts of the account
	Username string      // empty: one is made
	Secret   string      // empty: one is made
	Token    bool        // the secret alone suffices, without the user name
	MD5      bool        // also take the MD5 and SHA-256 digests of the secret, and the SHA-1 of user name and secret

	Unchanged account.Unchanged // what its devices hear when nothing changed
	TLSOnly   bool              // it is refused over plain HTTP
	BareGood  bool              // see account.Key

	Patterns []zone.Name // see account.Key
	NewHosts uint32      // see account.Key
}

// maxSecret bounds what a device may send, in octets.
const maxSecret = 255

// AddKey makes an update key and returns its secret, which nobody can read
// again. A short secret of one's own takes some 20 ms.
func (s *Service) AddKey(ctx context.Context, n NewKey) (k Key, secret string, err error) {
	if n.Username == "" {
		n.Username = account.NewUsername()
	}
	if n.Secret == "" {
		n.Secret = account.NewSecret()
	}
	if err := account.CheckUsername(n.Username); err != nil {
		return Key{}, "", invalid("%v", err)
	}
	if len(n.Secret) > maxSecret {
		return Key{}, "", invalid("the secret is longer than %d characters", maxSecret)
	}
	if err := checkPatterns(n.Patterns, n.NewHosts); err != nil {
		return Key{}, "", err
	}
	kept, err := s.keepSecret(ctx, n)
	if err != nil {
		return Key{}, "", err
	}
	if n.MD5 {
		kept.KeepLogin(n.Username, n.Secret)
	}
	err = s.edit(ctx, func(d *draft) error { return d.addKey(n, kept) })
	if err != nil {
		return Key{}, "", err
	}
	k, err = s.Key(n.Username)
	return k, n.Secret, err
}

// keepSecret returns how to keep the secret of a key to be made. A short one is hashed as a
// password.
func (s *Service) keepSecret(ctx context.Context, n NewKey) (kept account.Secret, err error) {
	keep := func() error {
		var fault error
		if kept, fault = account.KeepSecret(n.Secret, n.Token, n.MD5); fault != nil {
			return invalid("%v", fault)
		}
		return nil
	}
	if len(n.Secret) < account.Strong {
		err = s.hash(ctx, keep)
	} else {
		err = keep()
	}
	return kept, err
}

func (d *draft) addKey(n NewKey, secret account.Secret) error {
	owner, err := d.owner(n.Account)
	if err != nil {
		return err
	}
	if err := d.checkKeys(owner); err != nil {
		return err
	}
	if _, taken := d.state.Accounts.Key(n.Username); taken {
		return exists("update key %s exists already", n.Username).but("choose another user name")
	}
	if _, taken := d.state.Accounts.KeyByToken(n.Secret); taken && n.Token {
		return exists("this token exists already").but("choose another secret")
	}
	for _, name := range n.Hosts {
		h, err := findHost(d.state, name)
		if err != nil {
			return err
		}
		if h.Account != owner.ID {
			return conflict("host %s does not belong to account %s", name, owner.Name)
		}
	}
	d.changes.Accounts.Keys = []account.Key{{
		ID: d.state.Accounts.NextKeyID(), Account: owner.ID, Username: n.Username,
		Hosts: slices.Clone(n.Hosts), Secret: secret, Token: n.Token, Created: d.now, Unchanged: n.Unchanged, TLSOnly: n.TLSOnly, BareGood: n.BareGood, Patterns: slices.Clone(n.Patterns), NewHosts: n.NewHosts,
	}}
	return nil
}

// KeyChange is what to change of an update key; nil fields stay.
type KeyChange struct {
	Unchanged *account.Unchanged // what its devices hear when nothing changed
	TLSOnly   *bool              // it is refused over plain HTTP
	BareGood  *bool              // see account.Key
	Patterns  *[]zone.Name       // see account.Key
	NewHosts  *uint32            // see account.Key
}

// SetKey changes an update key. Its user name and secret stay.
func (s *Service) SetKey(ctx context.Context, username string, c KeyChange) (Key, error) {
	err := s.edit(ctx, func(d *draft) error {
		k, err := findKey(d.state, username)
		if err != nil {
			return err
		}
		was := k
		if c.Unchanged != nil {
			k.Unchanged = *c.Unchanged
		}
		if c.TLSOnly != nil {
			k.TLSOnly = *c.TLSOnly
		}
		if c.BareGood != nil {
			k.BareGood = *c.BareGood
		}
		if c.Patterns != nil {
			k.Patterns = *c.Patterns
		}
		if c.NewHosts != nil {
			k.NewHosts = *c.NewHosts
		}
		if err := checkPatterns(k.Patterns, k.NewHosts); err != nil {
			return err
		}
		if len(was.Hosts)+len(k.Patterns) == 0 && len(was.Patterns) > 0 {
			return conflict("without patterns key %s would cover all hosts of its account", username).but("revoke it instead")
		}
		if !reflect.DeepEqual(k, was) {
			d.changes.Accounts.Keys = []account.Key{k}
		}
		return nil
	})
	if err != nil {
		return Key{}, err
	}
	return s.Key(username)
}

// RevokeKey deletes an update key.
func (s *Service) RevokeKey(ctx context.Context, username string) error {
	return s.edit(ctx, func(d *draft) error {
		if _, err := findKey(d.state, username); err != nil {
			return err
		}
		d.changes.Accounts.DeletedKeys = []string{username}
		return nil
	})
}

// Key returns the update key with the user name.
func (s *Service) Key(username string) (Key, error) {
	st := s.State()
	k, err := findKey(st, username)
	if err != nil {
		return Key{}, err
	}
	return viewKey(st, k), nil
}

// Keys returns a page of update keys in order of their user names, those of one
// account unless its name is empty, and where the next page begins: empty after
// the last one. It begins at start, which may be empty; a limit of 0 is
// DefaultPage.
func (s *Service) Keys(owner, start string, limit int) ([]Key, string, error) {
	st := s.State()
	all := st.Accounts.Keys(start)
	if owner != "" {
		a, err := findAccount(st, owner)
		if err != nil {
			return nil, "", err
		}
		all = st.Accounts.KeysOfFrom(a.ID, start)
	}
	var page []Key
	for k := range all {
		if len(page) == pageSize(limit) {
			return page, k.Username, nil
		}
		page = append(page, viewKey(st, k))
	}
	return page, "", nil
}

func viewKey(st *registry.State, k account.Key) Key {
	owner, _ := st.Accounts.AccountByID(k.Account)
	return Key{
		Username: k.Username, Account: owner.Name, Hosts: k.Hosts,
		Token: k.Token, MD5: k.Secret.MD5 != "", Created: k.Created, Unchanged: k.Unchanged, TLSOnly: k.TLSOnly, BareGood: k.BareGood,
		Patterns: k.Patterns, NewHosts: k.NewHosts,
	}
}
