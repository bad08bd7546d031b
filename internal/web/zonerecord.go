package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// recordTypes are the types that the editor offers, with an example of each. Others can
// be typed in.
var recordTypes = []struct{ name, example string }{
	{"A", "192.0.2.80"},
	{"AAAA", "2001:db8::80"},
	{"CNAME", "www.example.org."},
	{"MX", "10 mail.example.org."},
	{"TXT", "v=spf1 mx -all"},
	{"SRV", "0 5 5060 sip.example.org."},
	{"NS", "ns1.example.org."},
	{"CAA", `0 issue "ca.example.net"`},
	{"PTR", "host.example.org."},
	{"HTTPS", "1 . alpn=h2,h3"},
	{"TLSA", "3 1 1 0123456789abcdef…"},
	{"SSHFP", "4 2 0123456789abcdef…"},
	{"DNAME", "example.net."},
	{"DS", "12345 13 2 0123456789abcdef…"},
}

// recordPage is the editor of the records of one type at one name.
type recordPage struct {
	*zoneHead
	Form    *form
	Label   string // below the zone; empty while it is to be chosen
	Type    string // empty while it is to be chosen
	Example string
	Help    template.HTML
	Types   []typeView
	New     bool     // nothing stands there yet
	Was     []string // what stood there
	Host    string   // a host of ours has the name; empty for none
	Fixed   bool     // the set is not changed here
	Delete  string   // where the set is deleted
}

// A typeView is a type to choose.
type typeView struct {
	Name string
	Text template.HTML
	URL  string
}

// recordURL is the editor of a set.
func recordURL(origin, name zone.Name, t zone.Type, more string) string {
	return zoneURL(origin.String(), "/record"+more+"?"+url.Values{"name": {below(name, origin)}, "type": {t.String()}}.Encode())
}

// hostTypes are what makes up a host.
var hostTypes = []string{"A", "AAAA", "CNAME"}

// record shows the editor: which type, then what.
func (p *Pages) record(v *visit) error {
	head, err := v.findZone("records")
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	f := newForm(url.Values{"name": {q.Get("name")}, "type": {q.Get("type")}})
	page, set := v.newRecordPage(head, f)
	if page == nil {
		return v.chooseType(head, f)
	}
	f.values.Set("ttl", strconv.Itoa(admin.RecordTTL))
	if set != nil {
		f.values.Set("ttl", strconv.Itoa(int(set.TTL)))
		f.values.Set("data", strings.Join(set.Data, "\n"))
		page.Was, page.Fixed = set.Data, set.Fixed
	}
	if page.Host != "" && slices.Contains(hostTypes, page.Type) {
		page.Fixed = true
	}
	return v.show("record", page)
}

// chooseType shows which types there are.
func (v *visit) chooseType(head *zoneHead, f *form) error {
	page := &recordPage{zoneHead: head, Form: f}
	for _, t := range recordTypes {
		query := url.Values{"type": {t.name}, "name": {f.Value("name")}}
		page.Types = append(page.Types, typeView{t.name, v.text("type." + strings.ToLower(t.name)), zoneURL(head.Name.String(), "/record?"+query.Encode())})
	}
	if f.Value("type") != "" {
		f.refuse("type", v.text("record.no_type"))
		return v.showAs(http.StatusUnprocessableEntity, "recordtype", page)
	}
	return v.show("recordtype", page)
}

// newRecordPage returns the editor of the set that the form names, and what stands there;
// nil where the type is none. An empty name is still to be chosen.
func (v *visit) newRecordPage(head *zoneHead, f *form) (*recordPage, *admin.SetView) {
	t, err := zone.ParseType(strings.TrimSpace(f.Value("type")))
	if err != nil || t.IsMeta() {
		return nil, nil
	}
	page := &recordPage{zoneHead: head, Form: f, Type: t.String(), New: true, Help: v.text("type.rest")}
	for _, known := range recordTypes {
		if known.name == page.Type {
			page.Example, page.Help = known.example, v.text("type."+strings.ToLower(known.name))
		}
	}
	name, err := admin.ParseOwner(f.Value("name"), head.Name)
	if f.Value("name") == "" || err != nil {
		return page, nil
	}
	view, err := v.p.Admin.RecordsAt(head.Name, name)
	if err != nil {
		return page, nil
	}
	if view.Host {
		page.Host = name.String()
	}
	for i := range view.Sets {
		if view.Sets[i].Type == t {
			page.Label, page.New = below(name, head.Name), false
			page.Delete = recordURL(head.Name, name, t, "/delete")
			return page, &view.Sets[i]
		}
	}
	return page, nil
}

// setRecord puts what the form says into the zone.
func (p *Pages) setRecord(v *visit) error {
	head, err := v.findZone("records")
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	page, _ := v.newRecordPage(head, f)
	if page == nil {
		return v.chooseType(head, f)
	}
	page.Was = f.values["was"]
	if page.Was == nil {
		page.Was = []string{}
	}
	name, err := admin.ParseOwner(f.Value("name"), head.Name)
	if err != nil {
		f.refuse("name", v.text("rule.name"))
	}
	ttl := v.readNumber(f, "ttl")
	t, _ := zone.ParseType(page.Type) // newRecordPage has read it
	data := recordLines(f.Value("data"))
	if len(data) == 0 {
		f.refuse("data", v.text("record.nothing"))
	}
	if f.isRight() {
		err := v.admin().SetRecords(v.r.Context(), admin.RecordSet{Zone: head.Name, Name: name, Type: t, TTL: &ttl, Data: data, Was: &page.Was})
		if err == nil {
			return v.redirect(zoneURL(head.Name.String(), "?"+url.Values{"q": {below(name, head.Name)}}.Encode()))
		}
		if !v.refusesRecord(f, err) {
			return err
		}
	}
	return v.showAs(http.StatusUnprocessableEntity, "record", page)
}

// refusesRecord tells in a form which rule records would break, and whether that was it.
func (v *visit) refusesRecord(f *form, err error) bool {
	fault, is := errors.AsType[*admin.RecordError](err)
	if !is {
		return v.refuses(f, err)
	}
	field := "data"
	if fault.Rule != admin.RuleData && fault.Rule != admin.RuleSingle {
		field = ""
		if fault.Rule == admin.RuleName {
			field = "name"
		}
	}
	key := "rule." + string(fault.Rule)
	if fault.Line > 0 {
		key += "_line"
	}
	f.refuse(field, v.text(key, "Line", fault.Line, "Why", v.reason(err)))
	return true
}

// recordLines returns the data of records, one on a line.
func recordLines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// askDeleteRecord asks before the records of one type at a name go.
func (p *Pages) askDeleteRecord(v *visit) error {
	head, name, t, err := v.namedSet(v.r.URL.Query())
	if err != nil {
		return err
	}
	return v.show("confirm", &confirmation{
		Title: v.text("record.delete", "Name", name.String(), "Type", t.String()), Text: v.text("delete.text"), Button: v.text("delete.button"),
		Back: recordURL(head.Name, name, t, ""), Points: []template.HTML{v.text("record.delete_text")},
	})
}

// namedSet returns the zone of the path, and which set of it the values name.
func (v *visit) namedSet(q url.Values) (*zoneHead, zone.Name, zone.Type, error) {
	head, err := v.findZone("records")
	if err != nil {
		return nil, "", 0, err
	}
	name, err1 := admin.ParseOwner(q.Get("name"), head.Name)
	t, err2 := zone.ParseType(q.Get("type"))
	if err1 != nil || err2 != nil || !name.IsWithin(head.Name) {
		return nil, "", 0, admin.ErrNotFound
	}
	return head, name, t, nil
}

func (p *Pages) deleteRecord(v *visit) error {
	head, name, t, err := v.namedSet(v.r.URL.Query())
	if err != nil {
		return err
	}
	err = v.admin().SetRecords(v.r.Context(), admin.RecordSet{Zone: head.Name, Name: name, Type: t})
	if fault, is := errors.AsType[*admin.RecordError](err); is && fault.Rule != admin.RuleNoRecord {
		return v.tellRefused("record.stays", err)
	}
	if err != nil {
		return err
	}
	return v.redirect(zoneURL(head.Name.String(), ""))
}
