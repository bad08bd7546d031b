package web

import (
	"errors"
	"html/template"
	"net/netip"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/zone"
)

// searchPage is what support finds by a name, an address or a customer.
type searchPage struct {
	Query, At string
	Asked     bool
	Hosts     []*hostView
	Stays     []stayView
	Customers []admin.Account
	Key       *admin.Key // nil for none
	BadTime   bool
}

// A stayView is the time during which a host had an address.
type stayView struct {
	Host        zone.Name
	Address     string
	Account     string // empty when it is gone
	From, Until template.HTML
	Now         bool // it still has
}

// maxFound is how much of a kind a search shows.
const maxFound = 20

func (p *Pages) search(v *visit) error {
	q := v.r.URL.Query()
	page := &searchPage{Query: strings.TrimSpace(q.Get("q")), At: q.Get("at")}
	page.Asked = page.Query != ""
	if !page.Asked {
		return v.show("search", page)
	}
	prefix, err := archive.ParsePrefix(page.Query)
	if err == nil {
		err = v.findStays(page, prefix)
	} else {
		err = v.findNames(page)
	}
	if err != nil {
		return err
	}
	return v.show("search", page)
}

// findStays looks who had an address, at a time of the visitor's zone if one is given.
func (v *visit) findStays(page *searchPage, prefix netip.Prefix) error {
	at, isTime := v.readTime(page.At)
	if page.BadTime = !isTime; page.BadTime {
		return nil
	}
	stays, err := v.p.Archive.Stays(v.r.Context(), prefix, at, maxFound)
	if err != nil {
		return err
	}
	for _, s := range stays {
		view := stayView{Host: s.Host, Address: s.Addr.String(), From: v.moment(s.From), Now: s.Until.IsZero()}
		if a, found := v.p.Admin.State().Accounts.AccountByID(s.Account); found {
			view.Account = a.Name
		}
		if !view.Now {
			view.Until = v.moment(s.Until)
		}
		page.Stays = append(page.Stays, view)
	}
	return nil
}

// readTime reads what <input type="datetime-local"> sends, as a time of the visitor's
// zone; nothing is the zero time.
func (v *visit) readTime(text string) (t time.Time, ok bool) {
	if text == "" {
		return t, true
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", text, v.zone)
	return t, err == nil
}

// moment writes a day and a time.
func (v *visit) moment(t time.Time) template.HTML {
	return v.at(t, v.date(t)+template.HTML(t.In(v.zone).Format(", 15:04"))) //nolint:gosec // digits
}

// findNames looks for hosts, customers and update keys.
func (v *visit) findNames(page *searchPage) error {
	query := strings.ToLower(page.Query)
	if name, err := admin.ParseName(query); err == nil {
		if h, err := v.p.Admin.Host(name); err == nil {
			page.Hosts = append(page.Hosts, v.viewHost(h))
		}
	}
	if err := v.findHosts(page, query); err != nil {
		return err
	}
	page.Customers = v.findCustomers(page.Query)
	switch k, err := v.p.Admin.Key(page.Query); {
	case err == nil:
		page.Key = &k
	case !errors.Is(err, admin.ErrNotFound):
		return err
	}
	return nil
}

// findHosts looks for hosts whose name begins with the query: in each zone they lie side
// by side, so that it takes no longer where there are many.
func (v *visit) findHosts(page *searchPage, query string) error {
	label, rest, isLong := strings.Cut(query, ".")
	if len(label) > 63 { // no name begins like that (RFC 1035 §2.3.4)
		return nil
	}
	for _, z := range v.p.Admin.Zones() {
		if !strings.HasPrefix(z.Name.String(), rest) || len(page.Hosts) >= maxFound {
			continue
		}
		start, err := z.Name.Child(label)
		if err != nil { // with the zone it would be too long
			continue
		}
		hosts, _, err := v.p.Admin.Hosts(admin.HostQuery{Zone: z.Name, Start: start, Limit: maxFound})
		if err != nil {
			return err
		}
		for _, h := range hosts {
			first := h.Name.First()
			if !strings.HasPrefix(first, label) || isLong && first != label || len(page.Hosts) >= maxFound {
				break
			}
			if len(page.Hosts) == 0 || h.Name != page.Hosts[0].Name {
				page.Hosts = append(page.Hosts, v.viewHost(h))
			}
		}
	}
	return nil
}

// findCustomers looks for accounts whose name begins with the query, or whose mail
// address or number in another system it is.
func (v *visit) findCustomers(query string) []admin.Account {
	found, _ := v.p.Admin.Accounts(query, maxFound)
	n := 0
	for n < len(found) && strings.HasPrefix(strings.ToLower(found[n].Name), strings.ToLower(query)) {
		n++
	}
	found = found[:n]
	all := v.p.Admin.State().Accounts
	add := func(a account.Account) {
		if view, err := v.p.Admin.Account(a.Name); err == nil {
			found = append(found, view)
		}
	}
	if a, known := all.AccountByExternalID(query); known {
		add(a)
	}
	if !strings.Contains(query, "@") {
		return found
	}
	for a := range all.AccountsByEmail(query) {
		if len(found) < maxFound && !strings.EqualFold(a.Name, query) {
			add(a)
		}
	}
	return found
}
