package web

import (
	"html/template"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// person returns the account that the path names, whose ways in a page changes.
func (v *visit) person() (account.Account, error) {
	a, found := v.p.Admin.State().Accounts.Account(v.r.PathValue("account"))
	if !found {
		return a, admin.ErrNotFound
	}
	return a, nil
}

// locked returns the account of somebody who has lost all second factors, after a proof of
// who asks: without them the password alone opens it.
func (v *visit) locked() (account.Account, error) {
	a, err := v.person()
	if err == nil {
		err = v.mustBeFresh()
	}
	return a, err
}

// askResetFactors asks before all second factors of a customer are removed.
func (p *Pages) askResetFactors(v *visit) error {
	a, err := v.locked()
	if err != nil {
		return v.again(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("customer.factors_title", "Name", a.Name), Text: v.text("customer.factors_text"), Button: v.text("customer.factors"), Back: customerURL(a.Name),
		Points: []template.HTML{v.text("customer.factors_hint"), v.text("customer.sessions_hint")},
	})
}

func (p *Pages) resetFactors(v *visit) error {
	a, err := v.locked()
	if err != nil {
		return v.again(err)
	}
	if err := p.SignIn.ResetFactors(v.r.Context(), v.actor(), a.ID); err != nil {
		return err
	}
	return v.redirect(customerURL(a.Name))
}

// askEndSessions asks before a customer is signed out everywhere.
func (p *Pages) askEndSessions(v *visit) error {
	a, err := v.person()
	if err != nil {
		return err
	}
	return v.show("confirm", &confirmation{
		Title: v.text("customer.sessions_title", "Name", a.Name), Text: v.text("customer.sure"), Button: v.text("customer.sessions"), Back: customerURL(a.Name),
		Points: []template.HTML{v.text("customer.sessions_hint")},
	})
}

func (p *Pages) endSessionsOf(v *visit) error {
	a, err := v.person()
	if err != nil {
		return err
	}
	if err := p.SignIn.EndAllBy(v.r.Context(), v.actor(), a.ID); err != nil {
		return err
	}
	return v.redirect(customerURL(a.Name))
}

// hasFactors tells whether the account that the path names has second factors.
func (v *visit) hasFactors() (bool, error) {
	a, err := v.person()
	if err != nil {
		return false, err
	}
	f, err := v.p.SignIn.Factors(v.r.Context(), a.ID)
	return f.Any(), err
}
