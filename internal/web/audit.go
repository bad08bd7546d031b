package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"stayput.dev/internal/archive"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/signin"
)

// auditPage is what people did, or how they signed in.
type auditPage struct {
	staffTabs
	SignIn  bool // the latter
	Account string
	Subject string
	Unknown bool // there is no such account
	Lines   []auditLine
	pager
}

// An auditLine is one thing that somebody did.
type auditLine struct {
	When    template.HTML
	Who     string // empty for the operator, or for nobody who was signed in
	From    string // its address; may be empty
	Via     string // may be empty
	What    template.HTML
	About   template.HTML // may be empty
	URL     string        // of what it is about; may be empty
	Account string        // that it concerns, where that is not what it is about; may be empty
	How     template.HTML // may be empty
}

// linesOnPage is how much of the audit log a page has.
const linesOnPage = 50

func (p *Pages) audit(v *visit) error {
	q := v.r.URL.Query()
	page := &auditPage{staffTabs: v.staffTabs("audit"), SignIn: q.Get("of") == "signin", Account: strings.TrimSpace(q.Get("account")), Subject: strings.TrimSpace(q.Get("subject"))}
	id := uint32(0)
	if page.Account != "" {
		a, found := p.Admin.State().Accounts.Account(page.Account)
		if id = a.ID; !found {
			page.Unknown = true
			return v.showAs(http.StatusNotFound, "audit", page)
		}
	}
	var next string
	var err error
	if page.SignIn {
		page.Lines, next, err = v.signInLines(id, q.Get("before"))
	} else {
		page.Lines, next, err = v.deedLines(archive.Filter{Account: id, Subject: page.Subject, Before: q.Get("before"), Limit: linesOnPage + 1})
	}
	if err != nil {
		return fmt.Errorf("reading the audit log: %w", err)
	}
	page.pager = newPager("/staff/audit", q, "before", q.Get("before") == "", next)
	return v.show("audit", page)
}

// deedLines returns what was done, one less than asked for, and what the next page is
// before.
func (v *visit) deedLines(f archive.Filter) (lines []auditLine, next string, err error) {
	deeds, err := v.p.Archive.Deeds(v.r.Context(), f)
	if err != nil {
		return nil, "", err
	}
	if len(deeds) == f.Limit {
		deeds = deeds[:f.Limit-1]
		next = deeds[len(deeds)-1].ID
	}
	all := v.p.Admin.State().Accounts
	for _, d := range deeds {
		l := auditLine{When: v.moment(d.At), Via: d.Via, From: d.From, About: v.subject(d.Subject), URL: v.subjectURL(d.Subject), How: v.detail(d.Detail)}
		l.What = v.deed(d.Verb)
		if by, found := all.AccountByID(d.Actor); found {
			l.Who = by.Name
		}
		if of, found := all.AccountByID(d.Account); found && d.Subject != "account "+of.Name {
			l.Account = of.Name
		}
		lines = append(lines, l)
	}
	return lines, next, nil
}

// deed says what was done.
func (v *visit) deed(verb string) template.HTML {
	if key := "deed." + verb; v.has(key) {
		return v.text(key)
	}
	return v.inEnglish(v.markup(verb))
}

// subject says what a deed is about.
func (v *visit) subject(kept string) template.HTML {
	kind, name, _ := strings.Cut(kept, " ")
	if key := "subject." + kind; v.has(key) {
		return v.text(key, "Name", name)
	}
	return v.markup(kept)
}

// subjectURL is the page of what a deed is about; empty where there is none.
func (v *visit) subjectURL(subject string) string {
	kind, name, named := strings.Cut(subject, " ")
	if !named && kind != "brand" { // many of them
		return ""
	}
	switch kind {
	case "account":
		return customerURL(name)
	case "host":
		return "/hosts/" + url.PathEscape(name)
	case "zone":
		return zoneURL(name, "")
	case "plan":
		return "/staff/plans"
	case "brand":
		if v.who.Role == adminRole {
			return "/staff/brand"
		}
	case "mail-text":
		if of, language, _ := strings.Cut(name, "/"); v.who.Role == adminRole {
			return mailURL(mail.Kind(of), language)
		}
	case "key":
		if v.who.Role == adminRole {
			return keyURL(name, "")
		}
	}
	return ""
}

// signInLines returns how people signed in, and where the next page begins. Of one
// account there is one page.
func (v *visit) signInLines(account uint32, before string) (lines []auditLine, next string, err error) {
	var events []signin.Event
	if account != 0 {
		events, err = v.p.SignIn.EventsOf(v.r.Context(), account)
	} else {
		events, next, err = v.p.SignIn.Events(v.r.Context(), before, linesOnPage)
	}
	if errors.Is(err, signin.ErrOff) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	for _, e := range events {
		l := auditLine{When: v.moment(e.At), Who: e.Actor, How: v.how(&e)}
		l.What = v.text("event." + strings.ReplaceAll(string(e.What), " ", "_"))
		if e.From.IsValid() {
			l.From = e.From.String()
		}
		if e.Subject != "" {
			l.About = v.markup(e.Subject)
			if _, found := v.p.Admin.State().Accounts.Account(e.Subject); found { // else whoever applied has none
				l.URL = customerURL(e.Subject)
			}
		}
		lines = append(lines, l)
	}
	return lines, next, nil
}
