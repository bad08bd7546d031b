package web

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// optionsPage is the form of what may be chosen for a host.
type optionsPage struct {
	*hostPage
	Form   *form
	TTLs   []choice
	When   []choice
	Inside bool     // it may take addresses that cannot be reached from outside
	Quiet  []choice // after how long of silence its owner hears of it; none: no mail is sent
	Saved  bool
}

// lifetimes are the TTLs to choose from, in seconds.
var lifetimes = []uint32{30, 60, 300, 1800, 3600, 86400}

// What may stand while a host is offline, as the form has it.
const (
	whenNothing   = "nodata"
	whenNoName    = "nxdomain"
	whenSomewhere = "somewhere"
)

func (p *Pages) hostOptions(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	values := optionValues(&h)
	if err := v.addWish(&h, values); err != nil {
		return err
	}
	return v.showOptions(h, newForm(values))
}

// optionValues returns the form as the host is.
func optionValues(h *admin.Host) url.Values {
	values := url.Values{
		"ttl": {strconv.Itoa(int(h.TTL))}, "addresses": {joinAddrs(h.Addresses)}, "mx": {h.Options.MX.String()},
		"when": {h.Options.WhenOffline.String()},
	}
	if h.Options.MX == "" {
		values.Set("mx", "")
	}
	if when := values.Get("when"); when != whenNothing && when != whenNoName {
		values.Set("when", whenSomewhere)
		values.Set("instead", when)
	}
	if h.Options.Wildcard {
		values.Set("wildcard", "on")
	}
	if h.NonGlobal == account.NonGlobalAccept {
		values.Set("private", "on")
	}
	return values
}

func (v *visit) showOptions(h admin.Host, f *form) error {
	page := &optionsPage{hostPage: v.newHostPage(h, "options"), Form: f, Saved: v.r.URL.Query().Has("saved")}
	known := false
	for _, ttl := range lifetimes {
		c := choice{Value: strconv.Itoa(int(ttl)), Text: v.duration(ttl)}
		c.Chosen = c.Value == f.Value("ttl")
		known = known || c.Chosen
		page.TTLs = append(page.TTLs, c)
	}
	if !known {
		page.TTLs = append(page.TTLs, choice{Value: f.Value("ttl"), Text: v.duration(h.TTL), Chosen: true})
	}
	for _, when := range []string{whenNothing, whenNoName, whenSomewhere} {
		page.When = append(page.When, choice{
			Value: when, Text: v.text("options." + when), Hint: v.text("options." + when + "_hint"), Chosen: when == f.Value("when"),
		})
	}
	page.Inside = v.who.Role == adminRole || h.NonGlobal == account.NonGlobalAccept
	page.Quiet = v.silenceChoices(f)
	if !f.isRight() {
		return v.showAs(422, "options", page)
	}
	return v.show("options", page)
}

func (p *Pages) setHostOptions(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	change := v.readOptions(f, &h)
	if v.who.Role != adminRole {
		v.refuseInside(f, &change)
	}
	if f.isRight() {
		if err := v.setWish(f, &h); err != nil {
			return err
		}
	}
	if f.isRight() {
		_, err := v.admin().SetHost(v.r.Context(), h.Name, change)
		switch {
		case err == nil:
			return v.redirect(hostURL(h.Name, "/options?saved"))
		case !v.refuses(f, err):
			return err
		}
	}
	return v.showOptions(h, f)
}

// readOptions returns the change that a form asks for. What stays as it is is no
// part of it.
func (v *visit) readOptions(f *form, h *admin.Host) admin.HostChange {
	var c admin.HostChange
	before := optionValues(h)
	isNew := func(name string) bool { return f.Value(name) != before.Get(name) }
	if ttl, err := strconv.ParseUint(f.Value("ttl"), 10, 32); err != nil {
		f.refuse("ttl", v.text("fault.choice"))
	} else if isNew("ttl") {
		c.TTL = new(uint32(ttl))
	}
	if isNew("wildcard") {
		c.Options.Wildcard = new(f.Value("wildcard") != "")
	}
	if isNew("private") {
		c.NonGlobal = new(account.NonGlobalDefault)
		if f.Value("private") != "" {
			c.NonGlobal = new(account.NonGlobalAccept)
		}
	}
	if isNew("mx") {
		c.Options.MX = v.readTarget(f, "mx")
	}
	if isNew("addresses") {
		c.Addresses = v.readAddresses(f)
	}
	if isNew("when") || isNew("instead") {
		c.Options.WhenOffline = v.readWhen(f)
	}
	return c
}

// refuseInside notes in a form what would lead into private networks.
func (v *visit) refuseInside(f *form, c *admin.HostChange) {
	why := func(field string) { f.refuse(field, v.text("options.inside")) }
	if c.Addresses != nil && admin.LeadsInside(*c.Addresses, nil, 0) {
		why("addresses")
	}
	if admin.LeadsInside(nil, c.Options.WhenOffline, 0) {
		why("instead")
	}
	if c.NonGlobal != nil && admin.LeadsInside(nil, nil, *c.NonGlobal) {
		why("")
	}
}

func (v *visit) readTarget(f *form, name string) *zone.Name {
	text := strings.TrimSpace(f.Value(name))
	if text == "" {
		return new(zone.Name(""))
	}
	target, err := account.ParseTarget(text)
	if err != nil {
		f.refuse(name, v.text("fault.target"))
	}
	return &target
}

func (v *visit) readAddresses(f *form) *[]netip.Addr {
	addrs := []netip.Addr{}
	for word := range strings.FieldsFuncSeq(f.Value("addresses"), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' }) {
		a, err := netip.ParseAddr(word)
		if err != nil || a.Zone() != "" {
			f.refuse("addresses", v.text("fault.address", "Text", word))
			return nil
		}
		addrs = append(addrs, a.Unmap())
	}
	return &addrs
}

func (v *visit) readWhen(f *form) *account.WhenOffline {
	text := f.Value("when")
	if text == whenSomewhere {
		text = strings.TrimSpace(f.Value("instead"))
	}
	w, err := account.ParseWhenOffline(text)
	if err != nil {
		f.refuse("instead", v.text("fault.instead"))
		return nil
	}
	return &w
}
