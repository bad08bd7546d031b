package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// zoneHead is what all pages of a zone have.
type zoneHead struct {
	admin.Zone
	Tab       string
	MayChange bool // an admin looks, and it is no catalog
}

func (z *zoneHead) title() template.HTML {
	return template.HTML(template.HTMLEscapeString(z.Name.String())) //nolint:gosec // escaped
}

// zoneURL is a page of a zone.
func zoneURL(name, more string) string { return "/staff/zones/" + url.PathEscape(name) + more }

// findZone returns the zone that the path names.
func (v *visit) findZone(tab string) (*zoneHead, error) {
	name, err := zone.ParseName(strings.ToLower(v.r.PathValue("zone")))
	if err != nil {
		return nil, admin.ErrNotFound
	}
	z, err := v.p.Admin.Zone(name)
	if err != nil {
		return nil, err
	}
	return &zoneHead{Zone: z, Tab: tab, MayChange: v.who.Role == adminRole && !z.Catalog}, nil
}

// zonePage is the records of a zone.
type zonePage struct {
	*zoneHead
	Search string
	Names  []nameView
	pager
}

// A nameView is what stands at one name.
type nameView struct {
	Label string // below the zone; "@" for the zone itself
	admin.NameView
	Sets []setView
}

// A setView is the records of one type at a name.
type setView struct {
	admin.SetView
	Lifetime template.HTML
	More     int    // records that are not shown
	URL      string // of the editor; empty where there is nothing to change
}

const (
	namesOnPage = 50
	maxShownSet = 8 // records of one set in the list
)

func (p *Pages) zone(v *visit) error {
	head, err := v.findZone("records")
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	page := &zonePage{zoneHead: head, Search: strings.TrimSpace(q.Get("q"))}
	query := admin.RecordQuery{Zone: head.Name, Prefix: page.Search, Limit: namesOnPage}
	if from, err := zone.ParseName(q.Get("from")); err == nil && from.IsWithin(head.Name) {
		query.Start = from
	}
	names, next, err := p.Admin.Records(query)
	if err != nil {
		return err
	}
	for _, n := range names {
		page.Names = append(page.Names, v.viewName(head, n))
	}
	page.pager = newPager(zoneURL(head.Name.String(), ""), url.Values{"q": {page.Search}}, "from", query.Start == "", nameIn(next))
	return v.show("zone", page)
}

func (v *visit) viewName(head *zoneHead, n admin.NameView) nameView {
	view := nameView{Label: below(n.Name, head.Name), NameView: n}
	for _, s := range n.Sets {
		set := setView{SetView: s, Lifetime: v.duration(s.TTL), More: max(len(s.Data)-maxShownSet, 0)}
		set.Data = s.Data[:len(s.Data)-set.More]
		if head.MayChange && !s.Fixed {
			set.URL = recordURL(head.Name, n.Name, s.Type, "")
		}
		view.Sets = append(view.Sets, set)
	}
	return view
}

// below writes a name as a master file of the zone would.
func below(name, origin zone.Name) string {
	if name == origin {
		return "@"
	}
	return strings.TrimSuffix(strings.TrimSuffix(name.FQDN(), origin.FQDN()), ".")
}

// zoneSettingsPage is the form for what holds for a whole zone.
type zoneSettingsPage struct {
	*zoneHead
	Form  *form
	Saved bool
}

func (p *Pages) zoneSettings(v *visit) error {
	head, err := v.findZone("settings")
	if err != nil {
		return err
	}
	values := url.Values{"ttl": {strconv.Itoa(int(head.SOA.Minimum))}, "mname": {head.SOA.MName.String()}, "rname": {mailbox(head.SOA.RName)}}
	return v.showZoneSettings(head, newForm(values))
}

func (v *visit) showZoneSettings(head *zoneHead, f *form) error {
	page := &zoneSettingsPage{zoneHead: head, Form: f, Saved: v.r.URL.Query().Has("saved")}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "zonesettings", page)
	}
	return v.show("zonesettings", page)
}

// mailbox writes who answers for a zone as a mail address (RFC 1035 §8).
func mailbox(name zone.Name) string { return name.First() + "@" + name.Parent().String() }

func (p *Pages) setZone(v *visit) error {
	head, err := v.findZone("settings")
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	var c admin.ZoneChange
	if ttl := v.readNumber(f, "ttl"); ttl != head.SOA.Minimum {
		c.TTL = &ttl
	}
	if text := strings.TrimSpace(f.Value("mname")); text != head.SOA.MName.String() {
		c.MName = v.readServer(f, "mname")
	}
	if text := strings.TrimSpace(f.Value("rname")); text != mailbox(head.SOA.RName) {
		c.RName = v.readMailbox(f, "rname")
	}
	if f.isRight() {
		_, err := v.admin().SetZone(v.r.Context(), head.Name, c)
		if err == nil {
			return v.redirect(zoneURL(head.Name.String(), "/settings?saved"))
		}
		if !v.refuses(f, err) {
			return err
		}
	}
	return v.showZoneSettings(head, f)
}

// readServer reads the full name of a server.
func (v *visit) readServer(f *form, field string) *zone.Name {
	name, err := zone.ParseName(strings.ToLower(strings.TrimSpace(f.Value(field))))
	if err != nil || !name.IsHostname() {
		f.refuse(field, v.text("fault.target"))
	}
	return &name
}

// readMailbox reads a mail address, or the name that stands for one.
func (v *visit) readMailbox(f *form, field string) *zone.Name {
	name, err := admin.ParseMailbox(strings.TrimSpace(f.Value(field)))
	if err != nil {
		f.refuse(field, v.text("door.invalid"))
	}
	return &name
}

// zoneDeletePage asks for the name of a zone before it goes.
type zoneDeletePage struct {
	*zoneHead
	Form *form
}

func (p *Pages) askDeleteZone(v *visit) error {
	head, err := v.findZone("settings")
	if err != nil {
		return err
	}
	return v.show("zonedelete", &zoneDeletePage{head, newForm(url.Values{})})
}

func (p *Pages) deleteZone(v *visit) error {
	head, err := v.findZone("settings")
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if typed := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(f.Value("confirm"))), "."); typed != head.Name.String() {
		f.refuse("confirm", v.text("fault.confirm", "Name", head.Name.String()))
	}
	if f.isRight() {
		err := v.admin().DeleteZone(v.r.Context(), head.Name, f.Value("hosts") != "")
		switch {
		case err == nil:
			return v.redirect("/staff/zones")
		case errors.Is(err, admin.ErrConflict) && f.Value("hosts") == "":
			f.refuse("hosts", v.text("zone.has_hosts"))
		case !v.refuses(f, err):
			return err
		}
	}
	return v.showAs(http.StatusUnprocessableEntity, "zonedelete", &zoneDeletePage{head, f})
}

// exportZone sends the zone as a master file.
func (p *Pages) exportZone(v *visit) error {
	head, err := v.findZone("records")
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/dns; charset=utf-8") // RFC 4027
	h.Set("Content-Disposition", `attachment; filename="`+fileName(head.Name)+`"`)
	return p.Admin.ExportZone(head.Name, v.w)
}

// fileName is a file for a zone, of letters, digits, dots and hyphens.
func fileName(name zone.Name) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '_'
	}, name.String()) + ".zone"
}
