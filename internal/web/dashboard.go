package web

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/history"
	"stayput.dev/internal/phrase"
)

// dashboardPage tells at a glance whether all is well.
type dashboardPage struct {
	staffTabs
	Sum                    *summary
	Lines                  []statusLine
	Charts                 []*chart
	Day                    bool
	Zones, Hosts, Accounts int
	Failing                []failureView
	MayRevoke              bool
}

// staffTabs are what leads from one part of the overview to the others.
type staffTabs struct {
	Tab    string
	Shared bool // several nodes may use the database
}

func (v *visit) staffTabs(tab string) staffTabs {
	nodes := v.p.House.Nodes
	return staffTabs{tab, nodes != nil && nodes.Shared()}
}

// A statusLine says how one part of the service is.
type statusLine struct {
	Kind string // the look of its state
	Part template.HTML
	Text template.HTML
	Why  template.HTML // may be empty
	URL  string        // where there is more; may be empty
}

// maxFailing is how many failing keys a dashboard shows.
const maxFailing = 8

func (p *Pages) dashboard(v *visit) error {
	st := p.Admin.State()
	page := &dashboardPage{
		staffTabs: v.staffTabs("overview"), Day: v.r.URL.Query().Get("span") == "day", MayRevoke: v.who.Role == adminRole,
		Zones: st.Zones.Len(), Hosts: st.Accounts.CountHosts(), Accounts: st.Accounts.CountAccounts(),
	}
	failing := v.failing()
	page.Failing = failing[:min(len(failing), maxFailing)]
	page.Lines = append(page.Lines, v.storeLine(), v.keysLine(len(failing)))
	page.Lines = append(page.Lines, v.applicationLines()...)
	page.Lines = append(page.Lines, v.serverLines()...)
	page.Lines = append(page.Lines, v.certificateLines()...)
	page.Sum = v.sumUpHouse(page.Lines)
	if p.House.Trend != nil {
		page.Charts = v.drawCharts(page.Day)
	}
	return v.show("dashboard", page)
}

// sumUpHouse says how all of it is: as the worst of its parts.
func (v *visit) sumUpHouse(lines []statusLine) *summary {
	for _, kind := range []string{"bad", "warn"} {
		n := 0
		for _, l := range lines {
			if l.Kind == kind {
				n++
			}
		}
		if n > 0 {
			return &summary{Kind: kind, Text: v.text("dashboard."+kind, "Count", n)}
		}
	}
	return &summary{Kind: "good", Text: v.text("dashboard.good")}
}

func (v *visit) storeLine() statusLine {
	l := statusLine{Kind: "good", Part: v.text("dashboard.store"), Text: v.text("dashboard.store_good")}
	err := v.p.Registry.Err()
	if nodes := v.p.House.Nodes; nodes != nil && nodes.Shared() {
		l.URL = "/staff/cluster"
		err = cmp.Or(nodes.Away(), err)
	}
	if err != nil {
		l.Kind, l.Text, l.Why = "bad", v.text("dashboard.store_bad"), v.say(phrase.Of(err))
	}
	return l
}

func (v *visit) keysLine(failing int) statusLine {
	l := statusLine{Kind: "good", Part: v.text("nav.keys"), Text: v.text("dashboard.keys_good"), URL: "/staff/abuse"}
	if failing > 0 { // the fault of whoever has the device
		l.Kind, l.Text = "wait", v.text("dashboard.keys_failing", "Count", failing)
	}
	return l
}

// applicationLines say whether somebody waits for an account, where anybody can.
func (v *visit) applicationLines() []statusLine {
	text, some := v.waiting()
	if text == "" {
		return nil
	}
	l := statusLine{Kind: "good", Part: v.text("applications.title"), Text: text, URL: applicationsURL}
	if some {
		l.Kind = "wait"
	}
	return []statusLine{l}
}

// serverLines say how secondaries and push targets are.
func (v *visit) serverLines() []statusLine {
	if v.p.House.Servers == nil {
		return nil
	}
	var lines []statusLine
	if told := v.p.House.Servers.Told(); len(told) > 0 {
		l := statusLine{Kind: "good", Part: v.text("servers.secondaries"), Text: v.text("dashboard.secondaries_good", "Count", len(told)), URL: "/staff/zones"}
		bad := 0
		for _, s := range told {
			if !s.Err.IsEmpty() {
				bad++
				l.Kind, l.Why, l.URL = "bad", v.say(phrase.New("%s: %v", s.Addr, s.Err)), zoneURL(s.Zone, "/servers")
			}
		}
		if bad > 0 {
			l.Text = v.text("dashboard.secondaries_bad", "Count", bad)
		}
		lines = append(lines, l)
	}
	pushes := v.p.House.Servers.Pushes()
	if len(pushes) == 0 {
		return lines
	}
	l := statusLine{Kind: "good", Part: v.text("servers.pushes"), Text: v.text("dashboard.pushes_good", "Count", len(pushes)), URL: "/staff/zones"}
	waiting := 0
	for _, s := range pushes {
		waiting += s.Pending + s.Held
		if kind := v.pushState(s).Kind; kind == "bad" || kind == "warn" && l.Kind == "good" {
			l.Kind, l.Why, l.URL = kind, v.say(phrase.New("%s", s.Target)), zoneURL(s.Zone, "/servers")
			if !s.Err.IsEmpty() {
				l.Why = v.say(phrase.New("%s: %v", s.Target, s.Err))
			}
		}
	}
	if waiting > 0 || l.Kind != "good" {
		l.Text = v.text("dashboard.pushes_waiting", "Count", waiting)
		if l.Kind == "good" {
			l.Kind = "wait"
		}
	}
	return append(lines, l)
}

// Certificates are warned of so long before they expire.
const certificateNotice = 21 * 24 * time.Hour

func (v *visit) certificateLines() []statusLine {
	if v.p.House.Certificates == nil {
		return nil
	}
	var lines []statusLine
	for _, c := range v.p.House.Certificates() {
		l := statusLine{Kind: "good", Part: v.text("dashboard.certificate"), Text: v.text("dashboard.expires", "When", v.at(c.Until, v.date(c.Until))), Why: v.markup(strings.Join(c.Names, ", "))}
		switch left := c.Until.Sub(v.now); {
		case left <= 0:
			l.Kind, l.Text = "bad", v.text("dashboard.expired", "When", v.at(c.Until, v.date(c.Until)))
		case left < certificateNotice:
			l.Kind = "warn"
		}
		lines = append(lines, l)
	}
	return lines
}

// failingList is the update keys that fail, as templates show them.
type failingList struct {
	Keys []failureView
	May  bool // revoke them
}

func listFailing(keys []failureView, may bool) failingList { return failingList{keys, may} }

// A failureView is an update key that is used with a wrong secret again and again.
type failureView struct {
	history.Failure
	Account   string // of its owner
	From      string // the last source; may be empty
	SinceWhen template.HTML
	When      template.HTML
}

// failing returns the update keys that fail, those that fail most first.
func (v *visit) failing() []failureView {
	all := v.p.History.Failing()
	slices.SortFunc(all, func(a, b history.Failure) int {
		return cmp.Or(cmp.Compare(b.Refusals, a.Refusals), cmp.Compare(a.Username, b.Username))
	})
	views := make([]failureView, len(all))
	accounts := v.p.Admin.State().Accounts
	for i, f := range all {
		views[i] = failureView{Failure: f, SinceWhen: v.since(f.Since), When: v.ago(f.Last)}
		if f.Source.IsValid() {
			views[i].From = f.Source.String()
		}
		if k, found := accounts.Key(f.Username); found {
			owner, _ := accounts.AccountByID(k.Account)
			views[i].Account = owner.Name
		}
	}
	return views
}
