package web

import (
	"html/template"
	"net/netip"
	"net/url"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// hostPage is all there is to see of one host.
type hostPage struct {
	*hostView
	V4, V6    []netip.Addr
	Line      *timeline // nil where nothing is known
	Story     []*sentence
	Keys      []admin.Key
	Events    string
	Born      template.HTML
	Lifetime  template.HTML // of its records in caches
	Foreign   bool          // it is another account's, at whom staff look
	MayChange bool
	Tab       string
}

func (h *hostPage) title() template.HTML {
	return template.HTML(template.HTMLEscapeString(h.Name.String())) //nolint:gosec // escaped
}

func (p *Pages) host(v *visit) error {
	h, err := v.findHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	page := v.newHostPage(h, "state")
	if page.Line, err = v.drawTimeline(&h, page.entries); err != nil {
		return err
	}
	for i := range page.entries {
		page.Story = append(page.Story, v.tell(&page.entries[i]))
	}
	if page.Keys, err = v.keysFor(&h); err != nil {
		return err
	}
	return v.show("host", page)
}

// newHostPage returns what all pages of a host have. What devices were told may be newer than
// h: the host is looked up again, so that it is not shown without the address that they reported.
func (v *visit) newHostPage(h admin.Host, tab string) *hostPage {
	entries := v.p.History.Host(h.Name)
	if now, err := v.p.Admin.Host(h.Name); err == nil {
		h = now
	}
	page := &hostPage{
		hostView: v.viewHostAfter(h, entries), Foreign: v.foreign, MayChange: v.mayChange(h.Account), Tab: tab,
		Born: v.at(h.Created, v.date(h.Created)), Lifetime: v.duration(h.TTL),
	}
	page.V4, page.V6 = split(h.Addresses)
	page.Events = eventsURL(page.hostView)
	return page
}

// duration writes a length of time in seconds.
func (t *tongue) duration(seconds uint32) template.HTML {
	switch {
	case seconds%3600 == 0 && seconds > 0:
		return t.text("length.hours", "Count", int(seconds/3600))
	case seconds%60 == 0 && seconds > 0:
		return t.text("length.minutes", "Count", int(seconds/60))
	}
	return t.text("length.seconds", "Count", int(seconds))
}

// hostURL is the page of a host.
func hostURL(name zone.Name, more string) string {
	return "/hosts/" + url.PathEscape(name.String()) + more
}

// confirmation asks once more before something that cannot be undone.
type confirmation struct {
	Title, Text, Button template.HTML
	Back                string
	Points              []template.HTML // what follows from it
	Form                *form           // nil where nothing can be wrong
	Typed               bool            // a name is to be typed in
}

func (c *confirmation) title() template.HTML { return c.Title }

func (p *Pages) askDeleteHost(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	return v.show("confirm", &confirmation{
		Title: v.text("delete.title", "Host", h.Name.String()), Text: v.text("delete.text"), Button: v.text("delete.button"),
		Back:   hostURL(h.Name, ""),
		Points: []template.HTML{v.text("delete.stops"), v.text("delete.rests"), v.text("delete.keys")},
	})
}

func (p *Pages) deleteHost(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	if err := v.admin().DeleteHost(v.r.Context(), h.Name); err != nil {
		return err
	}
	return v.redirect("/")
}
