package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// accountPath is a request about one account.
type accountPath struct {
	Account string `path:"account"`
}

// accountQuery is a request for a list of accounts.
type accountQuery struct {
	Email string `query:"email" doc:"Only those with this mail address; all on one page."`
	Start string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many at most; 1000 without it."`
}

func (s *server) addAccounts(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/accounts", "list-accounts", "List accounts"), s.listAccounts)
	answer(s, api, operation(http.MethodPost, "/accounts", "add-account", "Make an account"), s.addAccount)
	answer(s, api, operation(http.MethodGet, "/accounts/{account}", "show-account", "Show an account"), s.showAccount)
	answer(s, api, operation(http.MethodPatch, "/accounts/{account}", "set-account", "Change an account"), s.setAccount)
	act(s, api, operation(http.MethodDelete, "/accounts/{account}", "delete-account", "Delete an account"), s.deleteAccount)
}

func (s *server) listAccounts(ctx context.Context, in *accountQuery) (AccountPage, error) {
	if in.Email != "" {
		return s.accountsByEmail(ctx, in.Email)
	}
	accounts, next := s.as(ctx).Accounts(in.Start, in.Limit)
	out := AccountPage{Accounts: []Account{}, Next: next}
	for _, a := range accounts {
		out.Accounts = append(out.Accounts, viewAccount(a))
	}
	return out, nil
}

func (s *server) accountsByEmail(ctx context.Context, address string) (AccountPage, error) {
	out := AccountPage{Accounts: []Account{}}
	as := s.as(ctx)
	for a := range as.State().Accounts.AccountsByEmail(address) {
		view, err := as.Account(a.Name)
		if err != nil {
			return out, err
		}
		out.Accounts = append(out.Accounts, viewAccount(view))
	}
	return out, nil
}

func (s *server) addAccount(ctx context.Context, in *body[NewAccount]) (Account, error) {
	a, err := s.as(ctx).AddAccount(ctx, admin.NewAccount{
		Name: in.Body.Name, Email: in.Body.Email, Role: account.Role(in.Body.Role), Password: in.Body.Password,
		ExternalID: in.Body.ExternalID, Plan: in.Body.Plan, FullName: in.Body.FullName, Language: in.Body.Language,
	})
	return viewAccount(a), err
}

func (s *server) showAccount(ctx context.Context, in *accountPath) (Account, error) {
	a, err := s.as(ctx).Account(in.Account)
	return viewAccount(a), err
}

// accountChange is a request to change one account.
type accountChange struct {
	Account string `path:"account"`
	Body    AccountChange
}

func (s *server) setAccount(ctx context.Context, in *accountChange) (Account, error) {
	change := admin.AccountChange{
		Email: in.Body.Email, Password: in.Body.Password, Suspended: in.Body.Suspended,
		ExternalID: in.Body.ExternalID, Plan: in.Body.Plan, FullName: in.Body.FullName, Language: in.Body.Language,
	}
	var err error
	if change.Phase, err = optional(in.Body.State, choice(account.ParsePhase)); err != nil {
		return Account{}, err
	}
	if in.Body.Role != nil {
		role := account.Role(*in.Body.Role)
		change.Role = &role
	}
	a, err := s.as(ctx).SetAccount(ctx, in.Account, change)
	return viewAccount(a), err
}

// accountDeletion is a request to delete one account.
type accountDeletion struct {
	Account string `path:"account"`
	Force   bool   `query:"force" doc:"Release its hosts as well."`
}

func (s *server) deleteAccount(ctx context.Context, in *accountDeletion) error {
	return s.as(ctx).DeleteAccount(ctx, in.Account, in.Force)
}

func viewAccount(a admin.Account) Account {
	return Account{
		Name: a.Name, Email: a.Email, Role: string(a.Role), HasPassword: a.HasPassword,
		Suspended: a.Suspended, Created: a.Created, Hosts: a.Hosts, Keys: a.Keys,
		State: string(a.Phase), Terminated: a.Terminated,
		ExternalID: a.ExternalID, Plan: a.Plan, FullName: a.FullName, Language: a.Language,
	}
}
