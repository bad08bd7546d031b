package admin

import (
	"cmp"
	"context"
	"net/mail"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// Account is what there is to see of an account.
type Account struct {
	Name        string
	Email       string // may be empty
	Role        account.Role
	HasPassword bool
	Suspended   bool
	Created     time.Time
	Hosts, Keys int // that it has
}

// NewAccount is an account to be made.
type NewAccount struct {
	Name     string
	Email    string       // may be empty
	Role     account.Role // empty: account.Customer
	Password string       // for signing in; empty: none
}

// AddAccount makes an account. With a password it takes some 20 ms.
func (s *Service) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	n.Role = cmp.Or(n.Role, account.Customer)
	if err := account.CheckName(n.Name); err != nil {
		return Account{}, invalid("%v", err)
	}
	if err := checkAccount(&n.Email, &n.Role); err != nil {
		return Account{}, err
	}
	hash, err := hashPassword(n.Password)
	if err != nil {
		return Account{}, err
	}
	err = s.edit(ctx, func(d *draft) error {
		if _, taken := d.state.Accounts.Account(n.Name); taken {
			return exists("account %s exists already", n.Name)
		}
		d.changes.Accounts.Accounts = []account.Account{{
			ID: d.state.Accounts.NextAccountID(), Name: n.Name, Email: n.Email, Role: n.Role,
			Password: hash, Created: d.now,
		}}
		return nil
	})
	if err != nil {
		return Account{}, err
	}
	return s.Account(n.Name)
}

// checkAccount checks what is given.
func checkAccount(email *string, role *account.Role) error {
	if role != nil {
		if _, err := account.ParseRole(string(*role)); err != nil {
			return invalid("%v", err)
		}
	}
	if email != nil && *email != "" {
		if a, err := mail.ParseAddress(*email); err != nil || a.Address != *email {
			return invalid("%q is not a mail address", *email)
		}
	}
	return nil
}

func hashPassword(password string) (string, error) {
	if password == "" {
		return "", nil
	}
	hash, err := account.HashPassword(password)
	if err != nil {
		return "", invalid("%v", err)
	}
	return hash, nil
}

// Account returns the account with the name, whose case does not matter.
func (s *Service) Account(name string) (Account, error) {
	st := s.State()
	a, err := findAccount(st, name)
	if err != nil {
		return Account{}, err
	}
	return viewAccount(st, a), nil
}

// Accounts returns a page of accounts in order of their names, and where the next
// page begins: empty after the last one. It begins at start, which may be empty;
// a limit of 0 is DefaultPage.
func (s *Service) Accounts(start string, limit int) ([]Account, string) {
	st := s.State()
	var page []Account
	for a := range st.Accounts.Accounts(start) {
		if len(page) == pageSize(limit) {
			return page, a.Name
		}
		page = append(page, viewAccount(st, a))
	}
	return page, ""
}

func viewAccount(st *registry.State, a account.Account) Account {
	view := Account{
		Name: a.Name, Email: a.Email, Role: a.Role, HasPassword: a.Password != "",
		Suspended: a.Suspended, Created: a.Created,
	}
	for range st.Accounts.HostsOf(a.ID) {
		view.Hosts++
	}
	for range st.Accounts.KeysOf(a.ID) {
		view.Keys++
	}
	return view
}

// AccountChange is what to change of an account; nil fields stay.
type AccountChange struct {
	Email    *string // empty: none
	Role     *account.Role
	Password *string // for signing in; empty: none

	// Suspended takes the addresses of all its hosts away, in the same commit,
	// and its update keys do nothing. The hosts keep their names; when it is
	// undone, they get back the addresses that they had.
	Suspended *bool
}

// SetAccount changes an account. With a password it takes some 20 ms.
func (s *Service) SetAccount(ctx context.Context, name string, c AccountChange) (Account, error) {
	err := checkAccount(c.Email, c.Role)
	if err != nil {
		return Account{}, err
	}
	var hash string
	if c.Password != nil {
		if hash, err = hashPassword(*c.Password); err != nil {
			return Account{}, err
		}
	}
	err = s.edit(ctx, func(d *draft) error {
		a, err := d.account(name)
		if err != nil {
			return err
		}
		if c.Password != nil {
			a.Password = hash
		}
		d.setAccount(a, c)
		return nil
	})
	if err != nil {
		return Account{}, err
	}
	return s.Account(name)
}

func (d *draft) setAccount(a account.Account, c AccountChange) {
	if c.Email != nil {
		a.Email = *c.Email
	}
	if c.Role != nil {
		a.Role = *c.Role
	}
	if c.Suspended != nil && a.Suspended != *c.Suspended {
		for h := range d.state.Accounts.HostsOf(a.ID) {
			d.place(d.state, h, d.wanted(h), *c.Suspended)
		}
		a.Suspended = *c.Suspended
	}
	d.changes.Accounts.Accounts = []account.Account{a}
}

// DeleteAccount deletes an account and its update keys. While it owns hosts, it
// fails with ErrConflict unless force is set; then the hosts are released in the
// same commit.
func (s *Service) DeleteAccount(ctx context.Context, name string, force bool) error {
	return s.edit(ctx, func(d *draft) error {
		a, err := d.account(name)
		if err != nil {
			return err
		}
		var hosts []account.Host
		for h := range d.state.Accounts.HostsOf(a.ID) {
			hosts = append(hosts, h)
		}
		if len(hosts) > 0 && !force {
			return conflict("account %s owns hosts: %s", a.Name, someNames(hosts)).
				but("delete them first, or force to delete them along with it")
		}
		for _, h := range hosts {
			d.erase(h)
		}
		d.release(hosts)
		for k := range d.state.Accounts.KeysOf(a.ID) {
			d.changes.Accounts.DeletedKeys = append(d.changes.Accounts.DeletedKeys, k.Username)
		}
		d.changes.Accounts.DeletedAccounts = []string{a.Name}
		return nil
	})
}
