package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/history"
	"stayput.dev/internal/recipe"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/zone"
)

// newHostPage is the first step to a new host: its name.
type newNamePage struct {
	Form  *form
	Zones []choice
}

func (p *Pages) newHost(v *visit) error { return v.showNewHost(newForm(v.r.URL.Query())) }

func (v *visit) showNewHost(f *form) error {
	page := &newNamePage{Form: f}
	for _, z := range v.p.Admin.Zones() {
		if !z.Catalog {
			page.Zones = append(page.Zones, choice{Value: z.Name.String(), Chosen: z.Name.String() == f.Value("zone")})
		}
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "newhost", page)
	}
	return v.show("newhost", page)
}

func (p *Pages) makeHost(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	name, err := v.readHostName(f)
	if err == nil {
		_, err = v.admin().AddHost(v.r.Context(), admin.NewHost{Name: name, Account: v.who.Account, Vacant: v.who.Role != account.Admin})
	}
	switch {
	case err == nil:
		return v.redirect(hostURL(name, "/setup"))
	case errors.Is(err, admin.ErrInvalid):
		f.refuse("label", v.text("fault.label"))
	case errors.Is(err, admin.ErrExists):
		f.refuse("label", v.text("fault.taken"))
	case errors.Is(err, admin.ErrConflict) && v.isFull(v.who.Account):
		f.refuse("label", v.text("fault.plan"))
	case errors.Is(err, admin.ErrConflict):
		f.refuse("label", v.text("fault.reserved"))
	case errors.Is(err, admin.ErrNotFound):
		f.refuse("label", v.text("fault.choice"))
	default:
		return err
	}
	return v.showNewHost(f)
}

// readHostName returns the name that was typed in, in the zone that was chosen. Its
// error is admin.ErrInvalid or admin.ErrNotFound.
func (v *visit) readHostName(f *form) (zone.Name, error) {
	origin, err := admin.ParseName(f.Value("zone"))
	if err != nil {
		return "", err
	}
	if _, err := v.p.Admin.Zone(origin); err != nil {
		return "", err
	}
	label := strings.TrimSuffix(strings.TrimSpace(strings.ToLower(f.Value("label"))), "."+origin.String())
	if label == "" || strings.Contains(label, ".") {
		return "", admin.ErrInvalid
	}
	return admin.ParseName(label + "." + origin.String())
}

// devicesPage is the second step: what device it is.
type devicesPage struct {
	*hostPage
	Groups []deviceGroup
}

// A deviceGroup is devices of one kind.
type deviceGroup struct {
	Name    template.HTML
	Devices []device
}

// A device is something with a recipe.
type device struct {
	URL, Name, Where string
}

// deviceGroups say where recipes are to be shown, by the words of their devices; what
// is in none of them comes in the last.
var deviceGroups = []struct {
	name    string
	devices []string
}{
	{"routers", []string{
		"routeros7", "routeros", "routeros-nat", "routeros-ipv6", "routeros-pppoe", "fritzbox", "unifi", "openwrt", "opnsense", "pfsense",
		"edgeos", "vyos", "draytek", "lancom", "asuswrt", "freshtomato", "cisco", "comware",
	}},
	{"storage", []string{"synology", "qnap"}},
	{"computers", []string{"ddclient", "inadyn", "systemd", "powershell", "curl"}},
	{"rest", nil},
}

func (p *Pages) chooseDevice(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	page := &devicesPage{hostPage: v.newHostPage(h, "setup")}
	all := v.recipes(h.Name, "")
	for _, g := range deviceGroups {
		group := deviceGroup{Name: v.text("devices." + g.name)}
		for _, word := range g.devices {
			i := slices.IndexFunc(all, func(r recipe.Recipe) bool { return r.Device == word })
			if i < 0 {
				return fmt.Errorf("no recipe for %s", word)
			}
			group.add(h.Name, all[i])
			all = slices.Delete(all, i, i+1)
		}
		page.Groups = append(page.Groups, group)
	}
	rest := &page.Groups[len(page.Groups)-1]
	for _, r := range all {
		rest.add(h.Name, r)
	}
	return v.show("devices", page)
}

// add adds a device to the group.
func (g *deviceGroup) add(host zone.Name, r recipe.Recipe) {
	name, where := splitTitle(r.Title)
	g.Devices = append(g.Devices, device{hostURL(host, "/setup/"+r.Device), name, where})
}

// splitTitle parts what a device is called from where to type.
func splitTitle(title string) (name, where string) {
	if i := strings.IndexAny(title, ":,"); i >= 0 {
		return strings.TrimSpace(title[:i]), strings.TrimSpace(title[i+1:])
	}
	return title, ""
}

// recipes returns what to type into devices that reach us as the visitor does.
func (v *visit) recipes(host zone.Name, username string) []recipe.Recipe {
	return recipe.BookIn(v.tag, v.p.baseURL(v.r), host.String(), username)
}

// baseURL is by which URL devices reach us.
func (p *Pages) baseURL(r *http.Request) *url.URL {
	if u := p.opts.Load().PublicURL; u != nil {
		return &url.URL{Scheme: u.Scheme, Host: u.Host}
	}
	if signin.IsSecure(r) {
		return &url.URL{Scheme: "https", Host: r.Host}
	}
	return &url.URL{Scheme: "http", Host: r.Host}
}

// setupPage is the last step: what to paste, and waiting for the first update.
type setupPage struct {
	*hostPage
	Device       string
	DeviceName   string
	Where        string
	Text         string // what to paste; empty before there is a key
	Username     string
	Secret       string // empty when it can no longer be shown
	IsNew        bool   // a key was made for it, and its secret is to be seen
	Waits        bool   // nothing has come since the key was made
	Trouble      *sentence
	TroubleCount int
}

// isWaiting has the browser look again, where it has no JavaScript.
func (s *setupPage) isWaiting() bool { return s.IsNew && s.Waits }

func (p *Pages) setup(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	page := &setupPage{hostPage: v.newHostPage(h, "setup"), Device: v.r.PathValue("device")}
	slip, known := p.slips.find(v.who.ID, v.r.URL.Query().Get("key"))
	if known {
		page.Username, page.Secret, page.IsNew = slip.username, slip.secret, true
		page.Waits = !page.heard(slip)
	}
	all := v.recipes(h.Name, page.Username)
	i := slices.IndexFunc(all, func(r recipe.Recipe) bool { return r.Device == page.Device })
	if i < 0 {
		return admin.ErrNotFound
	}
	page.DeviceName, page.Where = splitTitle(all[i].Title)
	if known {
		page.Text = strings.ReplaceAll(all[i].Text, recipe.Secret, page.Secret)
		page.findTrouble(v, slip)
	}
	return v.show("setup", page)
}

// heard tells whether the new key was used well: an address came with it, at any node, or
// what was there already.
func (s *setupPage) heard(made slip) bool {
	return slices.ContainsFunc(s.Sources, func(src admin.Source) bool { return src.Username == made.username }) ||
		slices.ContainsFunc(s.entries, func(e history.Entry) bool {
			kind := judge(&e).kind
			return e.Username == made.username && kind != "bad" && kind != "warn"
		})
}

// findTrouble looks whether what came since the key was made was refused.
func (s *setupPage) findTrouble(v *visit, made slip) {
	entries := append(slices.Clone(s.entries), v.p.History.Key(made.username)...)
	for i := range entries {
		if e := &entries[i]; !e.Last.Before(made.at) && s.Waits {
			if said := v.tell(e); said.Kind == "bad" || said.Kind == "warn" {
				s.Trouble = said
				return
			}
		}
	}
}

// makeSetupKey makes an update key for the device, and shows what to paste.
func (p *Pages) makeSetupKey(v *visit) error {
	h, err := v.ownHost(v.r.PathValue("host"))
	if err != nil {
		return err
	}
	device := v.r.PathValue("device")
	if !slices.Contains(recipe.Devices(), device) {
		return admin.ErrNotFound
	}
	made, err := v.addKey(admin.NewKey{Account: h.Account, Hosts: []zone.Name{h.Name}})
	if err != nil {
		return err
	}
	return v.redirect(hostURL(h.Name, "/setup/"+device+"?"+url.Values{"key": {made.Username}}.Encode()))
}
