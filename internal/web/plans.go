package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// plansPage is the list of plans.
type plansPage struct {
	Plans     []planView
	MayChange bool
}

// A planView is what a plan allows, in words; empty for no bound.
type planView struct {
	account.Plan
	HostsMost, KeysMost, Every, Rests template.HTML
}

func (p *Pages) plans(v *visit) error {
	page := &plansPage{MayChange: v.who.Role == adminRole}
	for _, plan := range p.Admin.Plans() {
		view := planView{Plan: plan}
		if plan.Hosts > 0 {
			view.HostsMost = v.markup(int(plan.Hosts))
		}
		if plan.Keys > 0 {
			view.KeysMost = v.markup(int(plan.Keys))
		}
		if plan.Interval > 0 {
			view.Every = v.duration(uint32(plan.Interval / time.Second))
		}
		if plan.Rest > 0 {
			view.Rests = v.text("length.days", "Count", int(plan.Rest/day))
		}
		page.Plans = append(page.Plans, view)
	}
	return v.show("plans", page)
}

const day = 24 * time.Hour

// planPage is the form of a plan.
type planPage struct {
	Form  *form
	Name  string // empty for a new one
	Title template.HTML
}

func (p *planPage) title() template.HTML { return p.Title }

func (p *Pages) newPlan(v *visit) error { return v.showPlan("", newForm(url.Values{})) }

func (p *Pages) plan(v *visit) error {
	plan, err := p.Admin.Plan(v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	values := url.Values{"text": {plan.Text}}
	number := func(name string, n uint32) {
		if n > 0 {
			values.Set(name, strconv.Itoa(int(n)))
		}
	}
	number("hosts", plan.Hosts)
	number("keys", plan.Keys)
	number("interval", uint32(plan.Interval/time.Second))
	number("rest", uint32(plan.Rest/day))
	for name, is := range map[string]bool{"nowildcard": plan.NoWildcard, "nomx": plan.NoMX} {
		if is {
			values.Set(name, "yes")
		}
	}
	return v.showPlan(plan.Name, newForm(values))
}

func (v *visit) showPlan(name string, f *form) error {
	page := &planPage{Form: f, Name: name, Title: v.text("plan.new")}
	if name != "" {
		page.Title = v.text("plan.change", "Name", name)
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "plan", page)
	}
	return v.show("plan", page)
}

// readPlan returns the plan that a form asks for.
func (v *visit) readPlan(f *form) account.Plan {
	return account.Plan{
		Name: strings.TrimSpace(f.Value("name")), Text: line(f.Value("text")),
		Hosts: v.readNumber(f, "hosts"), Keys: v.readNumber(f, "keys"),
		Interval: time.Duration(v.readNumber(f, "interval")) * time.Second, Rest: time.Duration(v.readNumber(f, "rest")) * day,
		NoWildcard: f.Value("nowildcard") != "", NoMX: f.Value("nomx") != "",
	}
}

// maxNumber is more than any number in a form need be, and few enough for days.
const maxNumber = 100_000

// readNumber reads a number from 1; an empty field is 0.
func (v *visit) readNumber(f *form, name string) uint32 {
	text := strings.TrimSpace(f.Value(name))
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 || n > maxNumber {
		f.refuse(name, v.text("fault.number", "Most", maxNumber))
	}
	return uint32(n)
}

func (p *Pages) makePlan(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	plan := v.readPlan(f)
	if f.isRight() {
		_, err := v.admin().AddPlan(v.r.Context(), plan)
		switch {
		case err == nil:
			return v.redirect("/staff/plans")
		case errors.Is(err, admin.ErrExists):
			f.refuse("name", v.text("fault.taken"))
		case !v.refuses(f, err):
			return err
		}
	}
	return v.showPlan("", f)
}

func (p *Pages) setPlan(v *visit) error {
	plan, err := p.Admin.Plan(v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	to := v.readPlan(f)
	if f.isRight() {
		change := admin.PlanChange{Text: &to.Text, Hosts: &to.Hosts, Keys: &to.Keys, NoWildcard: &to.NoWildcard, NoMX: &to.NoMX}
		if to.Interval != plan.Interval.Truncate(time.Second) { // the form may show less than there is
			change.Interval = &to.Interval
		}
		if to.Rest != plan.Rest.Truncate(day) {
			change.Rest = &to.Rest
		}
		_, err := v.admin().SetPlan(v.r.Context(), plan.Name, change)
		if err == nil {
			return v.redirect("/staff/plans")
		}
		if !v.refuses(f, err) {
			return err
		}
	}
	return v.showPlan(plan.Name, f)
}

// refuses tells of an error of package admin in a form, and whether it was one to tell.
func (v *visit) refuses(f *form, err error) bool {
	if !errors.Is(err, admin.ErrInvalid) && !errors.Is(err, admin.ErrConflict) && !errors.Is(err, admin.ErrExists) {
		return false
	}
	f.refuse("", v.text("options.refused", "Why", v.reason(err)))
	return true
}

// reason says why package admin refused something, and to staff what may be done.
func (v *visit) reason(err error) template.HTML {
	toStaff := forStaff.allows(v.who.Role)
	why := v.say(admin.Reason(err, toStaff))
	if todo := admin.Advice(err); toStaff && !todo.IsEmpty() {
		why += " – " + v.say(todo)
	}
	return why
}

func (p *Pages) askDeletePlan(v *visit) error {
	plan, err := p.Admin.Plan(v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	return v.show("confirm", &confirmation{
		Title: v.text("plan.delete", "Name", plan.Name), Text: v.text("delete.text"), Button: v.text("delete.button"), Back: "/staff/plans",
		Points: []template.HTML{v.text("plan.delete_text")},
	})
}

func (p *Pages) deletePlan(v *visit) error {
	plan, err := p.Admin.Plan(v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	err = v.admin().DeletePlan(v.r.Context(), plan.Name)
	if errors.Is(err, admin.ErrConflict) {
		return v.tellRefused("plan.in_use", err)
	}
	if err != nil {
		return err
	}
	return v.redirect("/staff/plans")
}

// tellRefused shows a page that says why something was not done.
func (v *visit) tellRefused(key string, err error) error {
	return v.showAs(http.StatusConflict, "failure", &failure{Status: http.StatusConflict, Title: v.text(key), Text: v.text("options.refused", "Why", v.reason(err))})
}
