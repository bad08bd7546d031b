package web

import (
	"html/template"
	"net/url"
	"strings"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// homePage is the list of a customer's hosts.
type homePage struct {
	Hosts   []*hostView
	Events  string // where changes are heard of
	Summary *summary
	Search  string
	pager
	Heading template.HTML
	Many    bool // there are so many that a search helps
}

// A summary says in one line how all is.
type summary struct {
	Kind       string
	Text, More template.HTML
}

const hostsOnPage = 25

func (p *Pages) home(v *visit) error {
	owner, err := p.Admin.Account(v.who.Account)
	if err != nil {
		return err
	}
	if owner.Hosts == 0 && forStaff.allows(v.who.Role) {
		return v.redirect("/staff/search")
	}
	q := v.r.URL.Query()
	page := &homePage{Search: strings.ToLower(strings.TrimSpace(q.Get("q"))), Many: owner.Hosts > hostsOnPage}
	query := admin.HostQuery{Account: owner.Name, Prefix: page.Search, Limit: hostsOnPage}
	if query.Start, err = zone.ParseName(q.Get("from")); err != nil {
		query.Start = ""
	}
	hosts, next, err := p.Admin.Hosts(query)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		page.Hosts = append(page.Hosts, v.viewHost(h))
	}
	page.pager = newPager("/", url.Values{"q": {page.Search}}, "from", query.Start == "", nameIn(next))
	page.Events = eventsURL(page.Hosts...)
	page.Summary = v.sumUp(page.Hosts, owner.Hosts)
	return v.show("home", page)
}

// sumUp says how the hosts on a page are, of so many.
func (v *visit) sumUp(hosts []*hostView, all int) *summary {
	counts := map[string]int{}
	for _, h := range hosts {
		counts[h.Kind]++
	}
	more := v.text("home.count", "Count", all)
	switch {
	case counts["bad"] > 0:
		return &summary{"bad", v.text("home.bad", "Count", counts["bad"]), more}
	case counts["warn"] > 0:
		return &summary{"warn", v.text("home.warn", "Count", counts["warn"]), more}
	case counts["wait"] > 0:
		return &summary{"wait", v.text("home.wait", "Count", counts["wait"]), more}
	case counts["good"] > 0:
		return &summary{"good", v.text("home.good"), more}
	}
	return &summary{"idle", v.text("home.idle"), more}
}
