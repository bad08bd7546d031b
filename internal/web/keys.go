package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// A keyView is an update key as lists show it.
type keyView struct {
	admin.Key
	Born    template.HTML
	Trouble *sentence // the latest refusal, unless all is well
}

// keysPage is the list of a customer's update keys.
type keysPage struct {
	Keys []keyView
	pager
}

const keysOnPage = 50

func (p *Pages) keys(v *visit) error {
	from := v.r.URL.Query().Get("from")
	all, next, err := p.Admin.Keys(v.who.Account, from, keysOnPage)
	if err != nil {
		return err
	}
	page := &keysPage{pager: newPager("/keys", url.Values{}, "from", from == "", next)}
	for _, k := range all {
		page.Keys = append(page.Keys, v.viewKey(k))
	}
	return v.show("keys", page)
}

func (v *visit) viewKey(k admin.Key) keyView {
	view := keyView{Key: k, Born: v.at(k.Created, v.date(k.Created))}
	if entries := v.p.History.Key(k.Username); len(entries) > 0 {
		if said := v.tell(&entries[0]); said.Kind == "bad" {
			view.Trouble = said
		}
	}
	return view
}

// newKeyPage is the form for a new update key.
type newKeyPage struct{ scope }

// A scope is the part of a form that asks for which hosts of the visitor something is to
// be good.
type scope struct {
	Form    *form
	All     template.HTML // what stands for all of them
	AllHint template.HTML // may be empty
	Hosts   []choice
}

// maxScopeChoices is how many hosts a form lists; an update key for others is made from
// the page of the host.
const maxScopeChoices = 100

// askScope returns the part of a form that asks for hosts.
func (v *visit) askScope(f *form, all, allHint template.HTML) (scope, error) {
	s := scope{Form: f, All: all, AllHint: allHint}
	hosts, _, err := v.p.Admin.Hosts(admin.HostQuery{Account: v.who.Account, Limit: maxScopeChoices})
	for _, h := range hosts {
		name := h.Name.String()
		s.Hosts = append(s.Hosts, choice{Value: name, Chosen: slices.Contains(f.values["host"], name)})
	}
	return s, err
}

func (p *Pages) newKey(v *visit) error { return v.showNewKey(newForm(url.Values{})) }

func (v *visit) showNewKey(f *form) error {
	hosts, err := v.askScope(f, v.text("keys.all"), v.text("newkey.all_hint"))
	if err != nil {
		return err
	}
	page := &newKeyPage{hosts}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "newkey", page)
	}
	return v.show("newkey", page)
}

func (p *Pages) makeKey(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	key := admin.NewKey{Account: v.who.Account, TLSOnly: f.Value("tls") != ""}
	if f.Value("for") == "some" {
		if key.Hosts, err = v.chosenHosts(f); err != nil {
			return err
		}
	}
	if !f.isRight() {
		return v.showNewKey(f)
	}
	made, err := v.addKey(key)
	if err != nil {
		return err
	}
	return v.redirect(keyURL(made.Username, ""))
}

// addKey makes an update key, and keeps its secret for a while for who makes it. Its
// error is errPlan when the plan of the account allows no more.
func (v *visit) addKey(n admin.NewKey) (admin.Key, error) {
	made, secret, err := v.admin().AddKey(v.r.Context(), n)
	if errors.Is(err, admin.ErrConflict) {
		return made, errPlan // the hosts are the account's, and the user name is new
	}
	if err == nil {
		v.p.slips.keep(v.who.ID, made.Username, secret)
	}
	return made, err
}

// isFull tells whether the plan of an account allows no more hosts.
func (v *visit) isFull(name string) bool {
	a, err := v.p.Admin.Account(name)
	if err != nil || a.Plan == "" {
		return false
	}
	plan, err := v.p.Admin.Plan(a.Plan)
	return err == nil && plan.Hosts > 0 && a.Hosts >= int(plan.Hosts)
}

// chosenHosts returns the hosts that a form names, all of which must be the
// visitor's.
func (v *visit) chosenHosts(f *form) ([]zone.Name, error) {
	var names []zone.Name
	for _, text := range f.values["host"] {
		h, err := v.findHost(text)
		if err != nil {
			return nil, err
		}
		if !v.isOwn(h.Account) {
			return nil, admin.ErrNotFound
		}
		names = append(names, h.Name)
	}
	if len(names) == 0 {
		f.refuse("host", v.text("fault.nohost"))
	}
	return names, nil
}

// keyURL is the page of an update key.
func keyURL(username, more string) string { return "/keys/" + url.PathEscape(username) + more }

// keyPage is all there is to see of an update key.
type keyPage struct {
	keyView
	Secret    string // empty when it can no longer be shown
	Story     []*sentence
	Server    string
	URL       string // of updates
	Foreign   bool   // it is another account's, at whom staff look
	MayChange bool
}

func (k *keyPage) title() template.HTML {
	return template.HTML(template.HTMLEscapeString(k.Username)) //nolint:gosec // escaped
}

func (p *Pages) key(v *visit) error {
	k, err := v.findKey()
	if err != nil {
		return err
	}
	base := p.baseURL(v.r)
	page := &keyPage{keyView: v.viewKey(k), Server: base.Host, URL: base.String() + "/nic/update", Foreign: v.foreign, MayChange: v.mayChange(k.Account)}
	if slip, known := p.slips.find(v.who.ID, k.Username); known {
		page.Secret = slip.secret
	}
	entries := p.History.Key(k.Username)
	for i := range entries {
		page.Story = append(page.Story, v.tell(&entries[i]))
	}
	return v.show("key", page)
}

// findKey returns the update key that the path names, if the visitor may see it; for
// others it is as if it did not exist.
func (v *visit) findKey() (admin.Key, error) {
	k, err := v.p.Admin.Key(v.r.PathValue("username"))
	if err != nil {
		return k, err
	}
	if !v.maySee(k.Account) {
		return admin.Key{}, admin.ErrNotFound
	}
	v.foreign = !v.isOwn(k.Account)
	return k, nil
}

// ownKey is findKey for who wants to change the key.
func (v *visit) ownKey() (admin.Key, error) {
	k, err := v.findKey()
	if err == nil && !v.mayChange(k.Account) {
		return k, errForbidden
	}
	return k, err
}

func (p *Pages) askRevokeKey(v *visit) error {
	k, err := v.ownKey()
	if err != nil {
		return err
	}
	return v.show("confirm", &confirmation{
		Title: v.text("revoke.title", "Username", k.Username), Text: v.text("revoke.text"), Button: v.text("revoke.button"),
		Back: keyURL(k.Username, ""), Points: []template.HTML{v.text("revoke.stops"), v.text("revoke.hosts")},
	})
}

func (p *Pages) revokeKey(v *visit) error {
	k, err := v.ownKey()
	if err != nil {
		return err
	}
	if err := v.admin().RevokeKey(v.r.Context(), k.Username); err != nil {
		return err
	}
	p.slips.forget(k.Username)
	return v.redirect("/keys")
}
