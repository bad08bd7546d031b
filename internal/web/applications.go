package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"stayput.dev/internal/signin"
)

const applicationsURL = "/staff/customers/applications"

// applicationsOnPage is how many applications a page has.
const applicationsOnPage = 50

// applicationsPage is who waits for an account.
type applicationsPage struct {
	Applications []applicationView
	MayDecide    bool
	pager
}

// An applicationView is somebody who waits for an account.
type applicationView struct {
	signin.Application
	When   template.HTML
	Tongue string // may be empty
}

// Source is where it came from; empty where that is not known.
func (a *applicationView) Source() string {
	if !a.From.IsValid() {
		return ""
	}
	return a.From.String()
}

func (p *Pages) applications(v *visit) error {
	after := v.r.URL.Query().Get("after")
	all, err := p.SignIn.Applications(v.r.Context(), after, applicationsOnPage+1)
	if err != nil {
		return err
	}
	page, next := &applicationsPage{MayDecide: v.who.Role == adminRole}, ""
	if len(all) > applicationsOnPage {
		all = all[:applicationsOnPage]
		next = all[len(all)-1].ID
	}
	for _, a := range all {
		page.Applications = append(page.Applications, applicationView{a, v.ago(a.At), languageName(a.Language)})
	}
	page.pager = newPager(applicationsURL, url.Values{}, "after", after == "", next)
	return v.show("applications", page)
}

// maxWaiting is up to how many applications are counted.
const maxWaiting = 100

// waiting says how many people wait for an account, and whether anybody does; empty where
// nobody waits or could, or where that cannot be read, as the pages that say it are needed
// then, too.
func (v *visit) waiting() (text template.HTML, some bool) {
	all, err := v.p.SignIn.Applications(v.r.Context(), "", maxWaiting+1)
	switch n := len(all); {
	case err != nil:
		v.p.Logger.Warn("nobody knows who waits for an account", "error", err)
		return "", false
	case n > maxWaiting:
		return v.text("applications.over", "Count", maxWaiting), true
	case n > 0:
		return v.text("applications.waiting", "Count", n), true
	case v.p.opts.Load().Approval:
		return v.text("applications.none"), false
	}
	return "", false
}

func (p *Pages) approve(v *visit) error {
	id := v.r.PathValue("application")
	err := p.SignIn.Approve(v.r.Context(), v.actor(), id)
	if errors.Is(err, signin.ErrTaken) {
		return v.showAs(http.StatusConflict, "failure", &failure{
			Status: http.StatusConflict, Title: v.text("applications.taken"), Text: v.text("applications.taken_text", "Name", id),
		})
	}
	return v.decided(err)
}

func (p *Pages) askDecline(v *visit) error {
	a, err := p.SignIn.Application(v.r.Context(), v.r.PathValue("application"))
	if err != nil {
		return v.decided(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("applications.decline_title", "Name", a.Name), Text: v.text("customer.sure"), Button: v.text("applications.decline"),
		Back: applicationsURL, Points: []template.HTML{v.text("applications.decline_text")},
	})
}

func (p *Pages) decline(v *visit) error {
	return v.decided(p.SignIn.Decline(v.r.Context(), v.actor(), v.r.PathValue("application")))
}

// decided goes back to the list, or tells that somebody else was quicker.
func (v *visit) decided(err error) error {
	switch {
	case err == nil:
		return v.redirect(applicationsURL)
	case errors.Is(err, signin.ErrLink):
		return v.showAs(http.StatusNotFound, "failure", &failure{
			Status: http.StatusNotFound, Title: v.text("applications.decided"), Text: v.text("applications.decided_text"),
		})
	}
	return err
}
