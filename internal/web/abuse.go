package web

import (
	"net/netip"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// adminRole is the role that may change what is others'.
const adminRole = account.Admin

// abusePage shows who stands out, and what can be done about it.
type abusePage struct {
	staffTabs
	Keys      []failureView
	Failing   []sourceView
	Changing  []changingView
	Limited   []sourceView
	Loud      []loudView // update keys that came to a limit
	Watched   bool       // all but Keys is known
	MayChange bool
}

// A sourceView is an address or a network, and how often it stood out.
type sourceView struct {
	Name, Query string // as people and the search write it
	Times       int
}

// A changingView is a host that changes often.
type changingView struct {
	Label   string    // as devices name it
	Host    zone.Name // empty where that is not its name
	Account string    // of its owner
	Times   int
}

// A loudView is an update key that asks for too much.
type loudView struct {
	Username, Account string
	Times             int
}

// maxStanding is how many of a kind the page shows.
const maxStanding = 20

func (p *Pages) abuse(v *visit) error {
	page := &abusePage{staffTabs: v.staffTabs("abuse"), Keys: v.failing(), MayChange: v.who.Role == adminRole, Watched: p.House.Tally != nil}
	page.Keys = page.Keys[:min(len(page.Keys), maxStanding)]
	if !page.Watched {
		return v.show("abuse", page)
	}
	for _, c := range p.House.Tally.Failing(maxStanding) {
		page.Failing = append(page.Failing, viewSource(c.Of, c.Times))
	}
	for _, c := range p.House.Tally.Limited(maxStanding) {
		page.Limited = append(page.Limited, viewSource(c.Of, c.Times))
	}
	accounts := p.Admin.State().Accounts
	owner := func(id uint32) string {
		a, _ := accounts.AccountByID(id)
		return a.Name
	}
	for _, c := range p.House.Tally.Changing(maxStanding) {
		view := changingView{Label: c.Of, Times: c.Times}
		if name, err := zone.ParseName(c.Of); err == nil {
			if h, found := accounts.Host(name); found {
				view.Host, view.Account = name, owner(h.Account)
			}
		}
		page.Changing = append(page.Changing, view)
	}
	for _, c := range p.House.Tally.LimitedKeys(maxStanding) {
		if k, found := accounts.Key(c.Of); found {
			page.Loud = append(page.Loud, loudView{k.Username, owner(k.Account), c.Times})
		}
	}
	return v.show("abuse", page)
}

func viewSource(p netip.Prefix, times int) sourceView {
	name := p.String()
	if p.IsSingleIP() {
		name = strings.TrimSuffix(name, "/32")
	}
	return sourceView{name, p.String(), times}
}
