package web

import (
	"bytes"
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// newZonePage is the form for a new zone.
type newZonePage struct{ Form *form }

func (p *Pages) newZone(v *visit) error { return v.showNewZone(newForm(url.Values{})) }

func (v *visit) showNewZone(f *form) error {
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "newzone", &newZonePage{f})
	}
	return v.show("newzone", &newZonePage{f})
}

func (p *Pages) makeZone(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	n := admin.NewZone{Name: *v.readServer(f, "name"), NameServers: v.readServers(f, "servers"), Force: f.Value("hosts") != ""}
	if strings.TrimSpace(f.Value("rname")) != "" {
		n.RName = *v.readMailbox(f, "rname")
	}
	if f.isRight() {
		made, err := v.admin().AddZone(v.r.Context(), n)
		switch {
		case err == nil:
			return v.redirect(zoneURL(made.Name.String(), ""))
		case errors.Is(err, admin.ErrExists):
			f.refuse("name", v.text("fault.taken"))
		case errors.Is(err, admin.ErrConflict) && !n.Force:
			f.refuse("hosts", v.text("options.refused", "Why", v.reason(err)))
		case !v.refuses(f, err):
			return err
		}
	}
	return v.showNewZone(f)
}

// readServers reads name servers, one on a line, with their addresses after the name.
func (v *visit) readServers(f *form, field string) []admin.NameServer {
	var all []admin.NameServer
	for text := range strings.Lines(f.Value(field)) {
		words := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\r' || c == '\n' })
		if len(words) == 0 {
			continue
		}
		name, err := zone.ParseName(strings.ToLower(words[0]))
		if err != nil || !name.IsHostname() {
			f.refuse(field, v.text("fault.target"))
			continue
		}
		server := admin.NameServer{Name: name}
		for _, word := range words[1:] {
			a, err := netip.ParseAddr(word)
			if err != nil {
				f.refuse(field, v.text("fault.address", "Text", word))
				continue
			}
			server.Addrs = append(server.Addrs, a)
		}
		all = append(all, server)
	}
	if len(all) == 0 {
		f.refuse(field, v.text("newzone.no_server"))
	}
	return all
}

// importZonePage is the form for a master file.
type importZonePage struct {
	Form     *form
	Imported *importedView // nil until it is
	Known    bool          // the zone is there already: its content would be replaced
}

// importedView is what became of a file, in the language of the page.
type importedView struct {
	Zone     zone.Name
	Names    int
	Warnings []template.HTML
}

func (p *Pages) importZoneForm(v *visit) error {
	values := url.Values{"name": {v.r.URL.Query().Get("zone")}}
	return v.show("importzone", &importZonePage{Form: newForm(values)})
}

// importZone takes a master file over. Where the zone is there already it asks first.
func (p *Pages) importZone(v *visit) error {
	if err := v.r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) { //nolint:gosec // serve bounds the body
		return err
	}
	f := newForm(v.r.PostForm)
	page := &importZonePage{Form: f}
	name := *v.readServer(f, "name")
	content, err := v.masterFile()
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(content)) == 0 {
		f.refuse("content", v.text("importzone.nothing"))
	}
	f.values.Set("content", string(content)) // a file cannot be sent back
	if f.isRight() {
		if _, err := p.Admin.Zone(name); err == nil && f.Value("replace") == "" {
			page.Known = true
			f.refuse("replace", v.text("importzone.known", "Zone", name.String()))
		}
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "importzone", page)
	}
	done, err := v.admin().Import(v.r.Context(), func(yield func(admin.ZoneFile, error) bool) {
		yield(admin.ZoneFile{Zone: name, Content: bytes.NewReader(content)}, nil)
	})
	if err != nil {
		if !v.refuses(f, err) {
			return err
		}
		page.Known = f.Value("replace") != ""
		return v.showAs(http.StatusUnprocessableEntity, "importzone", page)
	}
	page.Imported = &importedView{Zone: done[0].Zone, Names: done[0].Names}
	for _, w := range done[0].Warnings {
		page.Imported.Warnings = append(page.Imported.Warnings, v.say(w))
	}
	return v.show("importzone", page)
}

// masterFile returns the file that was sent, or the text in its place.
func (v *visit) masterFile() ([]byte, error) {
	file, _, err := v.r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return []byte(v.r.PostFormValue("content")), nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err == nil && len(content) == 0 {
		content = []byte(v.r.PostFormValue("content"))
	}
	return content, err
}
