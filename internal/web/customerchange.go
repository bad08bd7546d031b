package web

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// customerChangePage is the form for who a customer is, and their plan.
type customerChangePage struct {
	admin.Account
	Form  *form
	Plans []choice
}

func (c *customerChangePage) title() template.HTML {
	return template.HTML(template.HTMLEscapeString(c.Name)) //nolint:gosec // escaped
}

// changeable returns the account that the path names, for a page that changes it. What
// staff are reached by is a way in for staff, so that wants a proof.
func (v *visit) changeable() (admin.Account, error) {
	a, err := v.p.Admin.Account(v.r.PathValue("account"))
	if err == nil && a.Role != account.Customer {
		err = v.mustBeFresh()
	}
	return a, err
}

func (p *Pages) changeCustomer(v *visit) error {
	a, err := v.changeable()
	if err != nil {
		return v.again(err)
	}
	values := url.Values{"plan": {a.Plan}, "full": {a.FullName}, "email": {a.Email}, "external": {a.ExternalID}}
	return v.showCustomerChange(a, newForm(values))
}

func (v *visit) showCustomerChange(a admin.Account, f *form) error {
	page := &customerChangePage{Account: a, Form: f, Plans: v.planChoices(f.Value("plan"))}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "customerchange", page)
	}
	return v.show("customerchange", page)
}

func (p *Pages) setCustomer(v *visit) error {
	a, err := v.changeable()
	if err != nil {
		return v.again(err)
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	_, err = v.admin().SetAccount(v.r.Context(), a.Name, customerChange(&a, f))
	if err == nil {
		return v.redirect(customerURL(a.Name))
	}
	if !v.refuses(f, err) {
		return err
	}
	return v.showCustomerChange(a, f)
}

// customerChange returns what is different in a form.
func customerChange(a *admin.Account, f *form) admin.AccountChange {
	var c admin.AccountChange
	differs := func(to **string, name, was string) {
		if is := line(f.Value(name)); is != was {
			*to = &is
		}
	}
	differs(&c.Plan, "plan", a.Plan)
	differs(&c.FullName, "full", a.FullName)
	differs(&c.Email, "email", a.Email)
	differs(&c.ExternalID, "external", a.ExternalID)
	return c
}

// phases are the states that a page puts a customer into, by what the path calls it.
var phases = map[string]account.Phase{"suspend": account.Suspended, "resume": account.Active, "terminate": account.Terminated}

// askPhase asks before a customer is suspended, resumed or terminated.
func (p *Pages) askPhase(do string) func(*visit) error {
	return func(v *visit) error {
		a, err := p.Admin.Account(v.r.PathValue("account"))
		if err != nil {
			return err
		}
		return v.confirmPhase(a, do, newForm(url.Values{}))
	}
}

func (v *visit) confirmPhase(a admin.Account, do string, f *form) error {
	page := &confirmation{
		Title: v.text("customer."+do+"_title", "Name", a.Name), Text: v.text("customer.sure"), Button: v.text("customer." + do), Back: customerURL(a.Name),
		Points: []template.HTML{v.text("phase." + string(phases[do]) + "_hint")}, Form: f, Typed: phases[do] == account.Terminated,
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "confirm", page)
	}
	return v.show("confirm", page)
}

// setPhase suspends, resumes or terminates a customer. Who is to be terminated must be
// named: that cannot be undone.
func (p *Pages) setPhase(do string) func(*visit) error {
	return func(v *visit) error {
		a, err := p.Admin.Account(v.r.PathValue("account"))
		if err != nil {
			return err
		}
		f, err := v.readForm()
		if err != nil {
			return err
		}
		phase := phases[do]
		switch {
		case phase != account.Active && v.isOwn(a.Name):
			f.refuse("", v.text("fault.self"))
		case phase == account.Terminated && strings.TrimSpace(f.Value("confirm")) != a.Name:
			f.refuse("confirm", v.text("fault.confirm", "Name", a.Name))
		default:
			_, err := v.admin().SetAccount(v.r.Context(), a.Name, admin.AccountChange{Phase: &phase})
			if err == nil {
				return v.redirect(customerURL(a.Name))
			}
			if !v.refuses(f, err) {
				return err
			}
		}
		return v.confirmPhase(a, do, f)
	}
}
