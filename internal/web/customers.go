package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/zone"
)

// customersPage is the list of accounts.
type customersPage struct {
	Customers []admin.Account
	From      string
	MayAdd    bool
	Waiting   template.HTML // how many wait for an account; empty where nobody could
	pager
}

func (p *Pages) customers(v *visit) error {
	from := v.r.URL.Query().Get("from")
	page := &customersPage{From: from, MayAdd: v.who.Role == account.Admin}
	var next string
	page.Customers, next = p.Admin.Accounts(from, keysOnPage)
	page.Waiting, _ = v.waiting()
	page.pager = newPager("/staff/customers", url.Values{}, "from", from == "", next)
	return v.show("customers", page)
}

// customerPage is all that support needs to know of one customer.
type customerPage struct {
	admin.Account
	Born      template.HTML
	List      []*hostView
	More      bool // there are more hosts
	Failing   []keyView
	Deeds     []deedView
	MayChange bool
	Link      string // of an invitation that was just made
	CanMail   bool   // an invitation can go by mail
	Invited   bool   // one just went
	Active    bool
	Erasable  bool
	Done      bool // it is terminated
	Factors   bool // it has second factors
}

func (c *customerPage) title() template.HTML {
	return template.HTML(template.HTMLEscapeString(c.Name)) //nolint:gosec // escaped
}

// A deedView is something that somebody did.
type deedView struct {
	When template.HTML
	Who  string // empty for the operator
	Verb template.HTML
	What template.HTML
	How  template.HTML // may be empty
}

const maxDeeds = 20

func (p *Pages) customer(v *visit) error { return v.showCustomer(v.r.PathValue("account"), "") }

func (v *visit) showCustomer(name, link string) error {
	a, err := v.p.Admin.Account(name)
	if err != nil {
		return err
	}
	page := &customerPage{
		Account: a, Born: v.at(a.Created, v.date(a.Created)), MayChange: v.who.Role == account.Admin, Link: link,
		Active: a.Phase == account.Active, Done: !a.Terminated.IsZero(),
		CanMail: v.canMail(a), Invited: v.r.URL.Query().Has("invited"),
		Erasable: v.who.Role == account.Admin && a.Role == account.Customer,
	}
	if page.Factors, err = v.hasFactors(); err != nil {
		return err
	}
	hosts, next, err := v.p.Admin.Hosts(admin.HostQuery{Account: a.Name, Limit: hostsOnPage})
	if err != nil {
		return err
	}
	page.More = next != zone.Name("")
	for _, h := range hosts {
		page.List = append(page.List, v.viewHost(h))
	}
	keys, _, err := v.p.Admin.Keys(a.Name, "", keysOnPage)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if view := v.viewKey(k); view.Trouble != nil {
			page.Failing = append(page.Failing, view)
		}
	}
	if page.Deeds, err = v.deeds(a.Name); err != nil {
		return err
	}
	return v.show("customer", page)
}

// deeds returns what was done lately about an account.
func (v *visit) deeds(name string) ([]deedView, error) {
	all := v.p.Admin.State().Accounts
	a, _ := all.Account(name)
	deeds, err := v.p.Archive.Deeds(v.r.Context(), archive.Filter{Account: a.ID, Limit: maxDeeds})
	if err != nil {
		return nil, fmt.Errorf("reading what was done about %s: %w", name, err)
	}
	views := make([]deedView, len(deeds))
	for i, d := range deeds {
		views[i] = deedView{When: v.ago(d.At), Verb: v.deed(d.Verb), What: v.subject(d.Subject), How: v.detail(d.Detail)}
		if by, found := all.AccountByID(d.Actor); found {
			views[i].Who = by.Name
		}
	}
	return views, nil
}

func customerURL(name string) string { return "/staff/customers/" + url.PathEscape(name) }

// inviteCustomer mails the customer a link to choose a password by, or shows it, for
// whoever has another way to send it. Whoever invites staff shows first who they are.
func (p *Pages) inviteCustomer(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	a, err := p.Admin.Account(v.r.PathValue("account"))
	if err != nil {
		return err
	}
	if a.Role != account.Customer {
		if err := v.mustBeFresh(); err != nil {
			return v.againAt(customerURL(a.Name), err)
		}
	}
	if f.Value("by") == "mail" && v.canMail(a) {
		if err := p.SignIn.InviteByMail(v.r.Context(), v.actor(), a.Name, a.Language); err != nil {
			return err
		}
		return v.redirect(customerURL(a.Name) + "?invited")
	}
	link, err := p.SignIn.Invite(v.r.Context(), v.actor(), a.Name, a.Language)
	if errors.Is(err, signin.ErrOff) {
		return v.tellDone("no_url")
	}
	if err != nil {
		return err
	}
	return v.showCustomer(a.Name, link)
}

// canMail tells whether an invitation can go to the account by mail.
func (v *visit) canMail(a admin.Account) bool {
	return v.p.opts.Load().SendsMail && a.Email != ""
}

// newCustomerPage is the form for a new account.
type newCustomerPage struct {
	Form    *form
	Plans   []choice
	Roles   []choice
	Tongues []choice
}

func (p *Pages) newCustomer(v *visit) error { return v.showNewCustomer(newForm(url.Values{})) }

func (v *visit) showNewCustomer(f *form) error {
	page := &newCustomerPage{Form: f, Plans: v.planChoices(f.Value("plan"))}
	for _, role := range []account.Role{account.Customer, account.Support, account.Admin} {
		page.Roles = append(page.Roles, choice{
			Value: string(role), Text: v.text("role." + string(role)), Hint: v.text("role." + string(role) + "_hint"),
			Chosen: f.Value("role") == string(role) || f.Value("role") == "" && role == account.Customer,
		})
	}
	page.Tongues = append(page.Tongues, choice{Text: v.text("newcustomer.any_language"), Chosen: f.Value("language") == ""})
	page.Tongues = append(page.Tongues, tongueChoices(f.Value("language"))...)
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "newcustomer", page)
	}
	return v.show("newcustomer", page)
}

// planChoices are the plans that a customer may have, and none; nil where there are no plans.
func (v *visit) planChoices(chosen string) (all []choice) {
	for _, plan := range v.p.Admin.Plans() {
		all = append(all, choice{Value: plan.Name, Text: v.markup(plan.Name), Chosen: plan.Name == chosen})
	}
	if all != nil {
		all = slices.Insert(all, 0, choice{Text: v.text("customers.no_plan"), Chosen: chosen == ""})
	}
	return all
}

func (p *Pages) makeCustomer(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if role := account.Role(f.Value("role")); role == account.Support || role == account.Admin {
		if err := v.mustBeFresh(); err != nil {
			return v.again(err)
		}
	}
	if language := f.Value("language"); language != "" && p.tongue(language) == nil {
		f.refuse("language", v.text("fault.choice"))
		return v.showNewCustomer(f)
	}
	made, err := v.admin().AddAccount(v.r.Context(), admin.NewAccount{
		Name: strings.TrimSpace(f.Value("name")), Email: strings.TrimSpace(f.Value("email")), FullName: line(f.Value("full")),
		Plan: f.Value("plan"), Role: account.Role(f.Value("role")), Language: f.Value("language"),
	})
	switch {
	case err == nil:
		return v.redirect(customerURL(made.Name))
	case errors.Is(err, admin.ErrExists):
		f.refuse("name", v.text("fault.taken"))
	case !v.refuses(f, err):
		return err
	}
	return v.showNewCustomer(f)
}

// zonesPage is the list of zones.
type zonesPage struct {
	Zones     []admin.Zone
	MayChange bool
}

func (p *Pages) zones(v *visit) error {
	return v.show("zones", &zonesPage{p.Admin.Zones(), v.who.Role == adminRole})
}
