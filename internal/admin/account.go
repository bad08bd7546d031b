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
	Suspended   bool // also when it is terminated
	Phase       account.Phase
	Created     time.Time
	Terminated  time.Time // the zero time unless it is
	Hosts, Keys int       // that it has

	ExternalID string // in another system; empty for none
	Plan       string // empty for none
	FullName   string // may be empty
	Language   string // language tag; empty where nobody said one
}

// NewAccount is an account to be made.
type NewAccount struct {
	Name     string
	Email    string       // may be empty
	Role     account.Role // empty: account.Customer
	Password string       // for signing in; empty: none

	PasswordHash string // of account.HashPassword, in the place of Password; empty: none

	ExternalID string // in another system, unique; empty for none
	Plan       string // name of a plan; empty for none
	FullName   string // may be empty
	Language   string // language tag (RFC 5646); may be empty
}

// AddAccountBy is AddAccount in the name of by, if the state is as Expecting has it; nil
// expects nothing.
func (s *Service) AddAccountBy(ctx context.Context, by registry.Actor, n NewAccount, expect func(*registry.State) error) (Account, error) {
	return s.As(by).Expecting(expect).AddAccount(ctx, n)
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
	if err := checkFacts(&n.ExternalID, &n.FullName, &n.Language); err != nil {
		return Account{}, err
	}
	hash, err := s.hashPassword(ctx, n.Password)
	if err != nil {
		return Account{}, err
	}
	hash = cmp.Or(hash, n.PasswordHash)
	err = s.edit(ctx, func(d *draft) error {
		a, err := d.newAccount(n, hash)
		d.changes.Accounts.Accounts = []account.Account{a}
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return s.Account(n.Name)
}

// newAccount returns the account to be made, if it may be.
func (d *draft) newAccount(n NewAccount, hash string) (account.Account, error) {
	if _, taken := d.state.Accounts.Account(n.Name); taken {
		return account.Account{}, exists("account %s exists already", n.Name)
	}
	a := account.Account{
		ID: d.state.Accounts.NextAccountID(), Name: n.Name, Email: n.Email, Role: n.Role,
		Password: hash, Created: d.now, FullName: n.FullName, Language: n.Language,
	}
	if err := d.takePlan(&a, n.Plan); err != nil {
		return a, err
	}
	if n.ExternalID == "" {
		return a, nil
	}
	return a, d.takeExternalID(&a, n.ExternalID)
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

func (s *Service) hashPassword(ctx context.Context, password string) (hash string, err error) {
	if password == "" {
		return "", nil
	}
	err = s.hash(ctx, func() error {
		var fault error
		if hash, fault = account.HashPassword(password); fault != nil {
			return invalid("%v", fault)
		}
		return nil
	})
	return hash, err
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
		Suspended: a.Suspended, Phase: a.Phase(), Created: a.Created, Terminated: a.Terminated,
		ExternalID: a.ExternalID, Plan: a.Plan, FullName: a.FullName, Language: a.Language,
		Hosts: st.Accounts.CountHostsOf(a.ID), Keys: st.Accounts.CountKeysOf(a.ID),
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
	// undone, they get back what they had: addresses, aliases, and what their
	// options put there.
	Suspended *bool

	// Phase says more than Suspended, which then does not count. Who is
	// terminated loses all hosts, whose names rest, and all keys, in the same
	// commit; made active again, the account may have those names again.
	Phase *account.Phase

	ExternalID *string // in another system, unique; empty for none
	Plan       *string // name of a plan; empty for none
	FullName   *string
	Language   *string // language tag (RFC 5646); may be empty
}

// SetAccount changes an account. With a password it takes some 20 ms.
func (s *Service) SetAccount(ctx context.Context, name string, c AccountChange) (Account, error) {
	err := checkAccount(c.Email, c.Role)
	if err != nil {
		return Account{}, err
	}
	if err := checkFacts(c.ExternalID, c.FullName, c.Language); err != nil {
		return Account{}, err
	}
	var hash string
	if c.Password != nil {
		if hash, err = s.hashPassword(ctx, *c.Password); err != nil {
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
		return d.setAccount(a, c)
	})
	if err != nil {
		return Account{}, err
	}
	return s.Account(name)
}

func (d *draft) setAccount(a account.Account, c AccountChange) error {
	set(&a.Email, c.Email)
	set(&a.Role, c.Role)
	set(&a.FullName, c.FullName)
	set(&a.Language, c.Language)
	if c.ExternalID != nil && *c.ExternalID == "" {
		a.ExternalID = ""
	} else if c.ExternalID != nil {
		if err := d.takeExternalID(&a, *c.ExternalID); err != nil {
			return err
		}
	}
	if c.Plan != nil {
		if err := d.takePlan(&a, *c.Plan); err != nil {
			return err
		}
	}
	switch {
	case c.Phase != nil:
		d.setPhase(&a, *c.Phase)
	case c.Suspended != nil && !*c.Suspended:
		d.setPhase(&a, account.Active)
	case c.Suspended != nil && a.Phase() == account.Active:
		d.setPhase(&a, account.Suspended)
	}
	if was, _ := d.state.Accounts.AccountByID(a.ID); was != a {
		d.changes.Accounts.Accounts = []account.Account{a}
	}
	return nil
}

// DeleteAccount deletes an account, its update keys, its TSIG keys, its API tokens and the
// webhooks for its events alone. While it owns hosts, it fails with ErrConflict unless force
// is set; then the hosts are released in the same commit.
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
		d.deleteAccount(a)
		return nil
	})
}

// deleteAccount deletes an account with all that it has, and the webhooks that tell of
// nothing else.
func (d *draft) deleteAccount(a account.Account) {
	d.strip(a)
	for h := range d.state.Accounts.Hooks() {
		if h.Account == a.ID {
			d.changes.Accounts.DeletedHooks = append(d.changes.Accounts.DeletedHooks, h.ID)
		}
	}
	d.changes.Accounts.DeletedAccounts = []string{a.Name}
}
