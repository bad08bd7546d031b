package admin

import (
	"context"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Provision is what a system that sends bills wants an account to be; nil fields
// stay as they are, or as a new account has them.
type Provision struct {
	// Name is for an account that is to be made; empty: made of the external
	// ID. An account that is there keeps its own.
	Name string

	Email    *string // empty: none
	FullName *string
	Language *string
	Plan     *string // empty: none
	Phase    *account.Phase

	// Hosts are names that the account shall have; those that it has beside
	// them stay.
	Hosts []zone.Name
}

// Provision makes sure, in one commit, that the account with the external ID is
// there and as it is wanted, and tells whether it made it. To ask again changes
// nothing.
func (s *Service) Provision(ctx context.Context, externalID string, p Provision) (a Account, made bool, err error) {
	if err := account.CheckExternalID(externalID); err != nil {
		return Account{}, false, invalid("%v", err)
	}
	if err := checkAccount(p.Email, nil); err != nil {
		return Account{}, false, err
	}
	if err := checkFacts(nil, p.FullName, p.Language); err != nil {
		return Account{}, false, err
	}
	name := ""
	err = s.edit(ctx, func(d *draft) error {
		defer func(before *registry.State) { d.state = before }(d.state) // with which notes compare
		a, known := d.state.Accounts.AccountByExternalID(externalID)
		made = !known
		if made {
			if a, err = d.newCustomer(externalID, p.Name); err != nil {
				return err
			}
		}
		name = a.Name
		change := AccountChange{Email: p.Email, FullName: p.FullName, Language: p.Language, Plan: p.Plan, Phase: p.Phase}
		if err := d.setAccount(a, change); err != nil {
			return err
		}
		return d.provisionHosts(name, p.Hosts)
	})
	if err != nil {
		return Account{}, false, err
	}
	a, err = s.Account(name)
	return a, made, err
}

// newCustomer returns the account to be made for an external ID, and lets the draft
// go on as if it were there.
func (d *draft) newCustomer(externalID, name string) (account.Account, error) {
	if name == "" {
		name = nameFor(externalID)
	}
	if err := account.CheckName(name); err != nil {
		return account.Account{}, invalid("%v", err).but("give the account another name")
	}
	a, err := d.newAccount(NewAccount{Name: name, Role: account.Customer, ExternalID: externalID}, "")
	if err != nil {
		return a, err
	}
	d.changes.Accounts.Accounts = []account.Account{a}
	d.advance()
	return a, nil
}

// nameFor returns the name of an account that is given none.
func nameFor(externalID string) string {
	return strings.Map(func(c rune) rune {
		if account.CheckName("x"+string(c)) != nil {
			return '-'
		}
		return c
	}, "c-"+externalID)
}

// advance lets the draft see what it has changed of accounts so far.
func (d *draft) advance() {
	next := *d.state
	accounts := d.state.Accounts.Edit()
	accounts.Apply(&d.changes.Accounts)
	next.Accounts = accounts.Freeze()
	d.state = &next
}

// provisionHosts makes those of the hosts that the account does not have.
func (d *draft) provisionHosts(owner string, names []zone.Name) error {
	if len(names) == 0 {
		return nil
	}
	d.advance()
	a, err := d.owner(owner)
	if err != nil {
		return err
	}
	var missing []NewHost
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if h, known := d.state.Accounts.Host(name); !known || h.Account != a.ID {
			missing = append(missing, NewHost{Name: name, Account: owner})
		}
	}
	return d.addHosts(missing)
}

// AccountByExternalID returns the account that has the ID in another system.
func (s *Service) AccountByExternalID(id string) (Account, error) {
	st := s.State()
	a, err := findByExternalID(st, id)
	if err != nil {
		return Account{}, err
	}
	return viewAccount(st, a), nil
}

// SetPhaseByExternalID takes the account that has the ID in another system to another phase
// of its life.
func (s *Service) SetPhaseByExternalID(ctx context.Context, id string, to account.Phase) (Account, error) {
	name := ""
	err := s.edit(ctx, func(d *draft) error {
		a, err := findByExternalID(d.state, id)
		if err != nil {
			return err
		}
		name = a.Name
		return d.setAccount(a, AccountChange{Phase: &to})
	})
	if err != nil {
		return Account{}, err
	}
	return s.Account(name)
}

func findByExternalID(st *registry.State, id string) (account.Account, error) {
	a, ok := st.Accounts.AccountByExternalID(id)
	if !ok {
		return a, notFound("no account has the external ID %s", id)
	}
	return a, nil
}
