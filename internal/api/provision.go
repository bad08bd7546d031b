package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// Customer is what a system that sends bills wants an account to be; what is absent
// stays as it is, or as a new account has it.
type Customer struct {
	Name     string   `json:"name,omitempty" doc:"Of an account that is to be made; without it, one is made of the external ID. An account that is there keeps its own."`
	Email    *string  `json:"email,omitempty" doc:"Empty for none."`
	FullName *string  `json:"full_name,omitempty"`
	Language *string  `json:"language,omitempty" doc:"Language tag (BCP 47)."`
	Plan     *string  `json:"plan,omitempty" doc:"Name of a plan; empty for none."`
	State    *string  `json:"state,omitempty" enum:"active,suspended,terminated"`
	Hosts    []string `json:"hosts,omitempty" nullable:"false" maxItems:"1000" doc:"Names that it shall have; those that it has beside them stay."`
}

// customerPath is a request about the account with an external ID.
type customerPath struct {
	ID string `path:"id" doc:"External ID of the account."`
}

// customerWish is what an account shall be.
type customerWish struct {
	ID   string `path:"id" doc:"External ID of the account."`
	Body Customer
}

const customerRoute = "/accounts/by-external-id/{id}"

func (s *server) addCustomers(api huma.API) {
	answer(s, api, operation(http.MethodGet, customerRoute, "show-customer", "Show the account that a system knows by an ID"), s.showCustomer)
	put := operation(http.MethodPut, customerRoute, "provision-customer", "Make sure that an account is there and as it is wanted")
	put.Description = "All in one commit. To send it again changes nothing."
	answer(s, api, put, s.provision)
	for phase, id := range map[account.Phase]string{account.Suspended: "suspend", account.Active: "resume", account.Terminated: "terminate"} {
		summary := map[account.Phase]string{
			account.Suspended:  "Stop the names of an account; nothing is lost",
			account.Active:     "Let an account go on",
			account.Terminated: "Release the names of an account, and delete its keys",
		}[phase]
		answer(s, api, operation(http.MethodPost, customerRoute+"/"+id, id+"-customer", summary), s.setPhase(phase))
	}
}

func (s *server) showCustomer(ctx context.Context, in *customerPath) (Account, error) {
	a, err := s.as(ctx).AccountByExternalID(in.ID)
	return viewAccount(a), err
}

func (s *server) provision(ctx context.Context, in *customerWish) (Account, error) {
	b := &in.Body
	p := admin.Provision{Name: b.Name, Email: b.Email, FullName: b.FullName, Language: b.Language, Plan: b.Plan}
	var err error
	if p.Phase, err = optional(b.State, choice(account.ParsePhase)); err != nil {
		return Account{}, err
	}
	if p.Hosts, err = readNames(b.Hosts); err != nil {
		return Account{}, err
	}
	a, _, err := s.as(ctx).Provision(ctx, in.ID, p)
	return viewAccount(a), err
}

// setPhase returns what takes an account to a phase of its life.
func (s *server) setPhase(to account.Phase) func(context.Context, *customerPath) (Account, error) {
	return func(ctx context.Context, in *customerPath) (Account, error) {
		a, err := s.as(ctx).SetPhaseByExternalID(ctx, in.ID, to)
		return viewAccount(a), err
	}
}
