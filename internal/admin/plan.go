package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"stayput.dev/internal/account"
)

// AddPlan makes a plan.
func (s *Service) AddPlan(ctx context.Context, p account.Plan) (account.Plan, error) {
	if err := p.Check(); err != nil {
		return account.Plan{}, invalid("%v", err)
	}
	err := s.edit(ctx, func(d *draft) error {
		if _, taken := d.state.Accounts.Plan(p.Name); taken {
			return exists("plan %s exists already", p.Name)
		}
		d.changes.Accounts.Plans = []account.Plan{p}
		return nil
	})
	return p, err
}

// PlanChange is what to change of a plan; nil fields stay.
type PlanChange struct {
	Text             *string
	Hosts, Keys      *uint32
	Interval, Rest   *time.Duration
	NoWildcard, NoMX *bool
}

// SetPlan changes a plan. What its accounts have already stays theirs, also where
// it is more than the plan allows from now on.
func (s *Service) SetPlan(ctx context.Context, name string, c PlanChange) (account.Plan, error) {
	err := s.edit(ctx, func(d *draft) error {
		p, err := d.plan(name)
		if err != nil {
			return err
		}
		was := p
		set(&p.Text, c.Text)
		set(&p.Hosts, c.Hosts)
		set(&p.Keys, c.Keys)
		set(&p.Interval, c.Interval)
		set(&p.Rest, c.Rest)
		set(&p.NoWildcard, c.NoWildcard)
		set(&p.NoMX, c.NoMX)
		if err := p.Check(); err != nil {
			return invalid("%v", err)
		}
		if p != was {
			d.changes.Accounts.Plans = []account.Plan{p}
		}
		return nil
	})
	if err != nil {
		return account.Plan{}, err
	}
	return s.Plan(name)
}

// DeletePlan deletes a plan. It fails with ErrConflict while an account has it. All
// accounts are looked at before the writer's turn, and then only those that changed since.
func (s *Service) DeletePlan(ctx context.Context, name string) error {
	seen := s.State().Accounts
	holder, held := holderOf(seen, name)
	return s.edit(ctx, func(d *draft) error {
		p, err := d.plan(name)
		if err != nil {
			return err
		}
		now, has := holder, held
		if a, _ := d.state.Accounts.Account(holder); has && a.Plan != p.Name {
			now, has = holderOf(d.state.Accounts, name) // which others may be
		}
		for _, a := range d.state.Accounts.ChangedAccounts(seen) {
			if a.Plan == p.Name {
				now, has = a.Name, true
			}
		}
		if has {
			return conflict("account %s has plan %s", now, p.Name).but("give its accounts another plan first")
		}
		d.changes.Accounts.DeletedPlans = []string{p.Name}
		return nil
	})
}

// holderOf returns the first account that has a plan.
func holderOf(in account.Directory, plan string) (name string, held bool) {
	p, ok := in.Plan(plan)
	if !ok {
		return "", false
	}
	for a := range in.Accounts("") {
		if a.Plan == p.Name {
			return a.Name, true
		}
	}
	return "", false
}

// Plan returns the plan with the name, whose case does not matter.
func (s *Service) Plan(name string) (account.Plan, error) { return s.draft(s.State()).plan(name) }

// Plans returns all plans in order of their names.
func (s *Service) Plans() []account.Plan { return slices.Collect(s.State().Accounts.Plans()) }

// plan returns the plan with the name, or says that there is none.
func (d *draft) plan(name string) (account.Plan, error) {
	p, ok := d.state.Accounts.Plan(name)
	if !ok {
		return p, notFound("no plan %s", name)
	}
	return p, nil
}

// owner returns the account with the name, if it may have new things.
func (d *draft) owner(name string) (account.Account, error) {
	a, err := d.account(name)
	if err == nil && a.Phase() == account.Terminated {
		return a, conflict("account %s is terminated", a.Name).but("make it active again first")
	}
	return a, err
}

// checkHosts tells why the account may not have so many more hosts.
func (d *draft) checkHosts(owner account.Account, more int) error {
	plan := d.state.Accounts.PlanOf(&owner)
	most := int(plan.Hosts)
	if most == 0 || d.state.Accounts.CountHostsOf(owner.ID)+more <= most {
		return nil
	}
	return conflict("account %s may have no more than %d hosts, says plan %s", owner.Name, most, plan.Name).
		but("delete a host, or choose another plan")
}

// checkKeys tells why the account may not have another update key.
func (d *draft) checkKeys(owner account.Account) error {
	plan := d.state.Accounts.PlanOf(&owner)
	most := int(plan.Keys)
	if most == 0 || d.state.Accounts.CountKeysOf(owner.ID) < most {
		return nil
	}
	return conflict("account %s may have no more than %d update keys, says plan %s", owner.Name, most, plan.Name).
		but("revoke a key, or choose another plan")
}

// checkOptions tells why hosts of the account may not have what is chosen.
func (d *draft) checkOptions(owner uint32, o *HostOptions) error {
	a, _ := d.state.Accounts.AccountByID(owner)
	plan := d.state.Accounts.PlanOf(&a)
	var fault *fault
	switch {
	case plan.NoWildcard && o.Wildcard != nil && *o.Wildcard:
		fault = conflict("plan %s of account %s has no wildcards", plan.Name, a.Name)
	case plan.NoMX && o.MX != nil && *o.MX != "":
		fault = conflict("plan %s of account %s has no mail exchangers", plan.Name, a.Name)
	default:
		return nil
	}
	return fault.but("choose another plan")
}

// rest returns how long a name that the account releases is kept from strangers.
func (d *draft) rest(owner uint32) time.Duration {
	a, _ := d.state.Accounts.AccountByID(owner)
	if plan := d.state.Accounts.PlanOf(&a); plan.Rest > 0 {
		return plan.Rest
	}
	return d.opts.Rest
}

// checkFacts checks what is said of an account; nil is not said.
func checkFacts(externalID, fullName, language *string) error {
	var faults []error
	if externalID != nil && *externalID != "" {
		faults = append(faults, account.CheckExternalID(*externalID))
	}
	if fullName != nil {
		faults = append(faults, account.CheckLine(*fullName))
	}
	if language != nil {
		faults = append(faults, account.CheckLanguage(*language))
	}
	if err := errors.Join(faults...); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// takeExternalID gives the account an ID in another system, if nobody has it.
func (d *draft) takeExternalID(a *account.Account, id string) error {
	if other, taken := d.state.Accounts.AccountByExternalID(id); taken && other.ID != a.ID {
		return exists("account %s has the external ID %s", other.Name, id)
	}
	a.ExternalID = id
	return nil
}

// takePlan gives the account a plan, or none where the name is empty.
func (d *draft) takePlan(a *account.Account, name string) error {
	if name == "" {
		a.Plan = ""
		return nil
	}
	p, ok := d.state.Accounts.Plan(name)
	if !ok {
		return invalid("no plan %s", name).but("`stayput plan list` shows which there are")
	}
	a.Plan = p.Name
	return nil
}
