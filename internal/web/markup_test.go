package web_test

import (
	"html"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/zone"
)

// sheet is a form of a page as it is filled in already.
type sheet struct {
	action string
	gets   bool
	values url.Values
}

var (
	formTag   = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<(?:input|button)\b([^>]*)>`)
	areaTag   = regexp.MustCompile(`(?s)<textarea\b([^>]*)>(.*?)</textarea>`)
	selectTag = regexp.MustCompile(`(?s)<select\b([^>]*)>(.*?)</select>`)
	optionTag = regexp.MustCompile(`<option\b([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// attributes returns those of a tag.
func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// sheetsOf returns the forms of a page that stands at a path, but those with files.
func sheetsOf(path, body string) (all []sheet) {
	for _, m := range formTag.FindAllStringSubmatch(body, -1) {
		is := attributes(m[1])
		if is["enctype"] != "" {
			continue
		}
		s := sheet{action: path, gets: is["method"] != "post", values: url.Values{}}
		if to, elsewhere := is["action"]; elsewhere {
			s.action = to
		}
		for _, in := range inputTag.FindAllStringSubmatch(m[2], -1) {
			field := attributes(in[1])
			left := (field["type"] == "checkbox" || field["type"] == "radio") && !strings.Contains(in[1], " checked")
			if field["name"] != "" && !left {
				s.values.Set(field["name"], field["value"])
			}
		}
		for _, area := range areaTag.FindAllStringSubmatch(m[2], -1) {
			s.values.Set(attributes(area[1])["name"], html.UnescapeString(area[2]))
		}
		for _, list := range selectTag.FindAllStringSubmatch(m[2], -1) {
			options := optionTag.FindAllStringSubmatch(list[2], -1)
			at := max(0, slices.IndexFunc(options, func(o []string) bool { return strings.Contains(o[1], " selected") }))
			s.values.Set(attributes(list[1])["name"], attributes(options[at][1])["value"])
		}
		all = append(all, s)
	}
	return all
}

// send sends the form with another value in one field.
func (s *sheet) send(v *visitor, field, value string) page {
	values := url.Values{}
	for name := range s.values {
		values.Set(name, s.values.Get(name))
	}
	values.Set(field, value)
	if s.gets {
		path, _, _ := strings.Cut(s.action, "?")
		return v.get(path + "?" + values.Encode())
	}
	var pairs []string
	for name := range values {
		pairs = append(pairs, name, values.Get(name))
	}
	return v.post(s.action, pairs...)
}

// TestNoFieldTakesMarkup: whatever field of whatever form somebody writes markup into, and
// whatever part of its requests a device, it is text on all pages that anybody sees then.
func TestNoFieldTakesMarkup(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	sights := w.sights()
	seen := 0
	harmless := func(path string, p page) {
		t.Helper()
		if p.status >= 500 {
			t.Errorf("%s: status %d", path, p.status)
		}
		if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") { // a file to keep
			return
		}
		p.lacks(t, "<b/id=evil", "<script>alert")
		if strings.Contains(p.body, "b/id=evil&gt;") {
			seen++
		}
	}

	w.writeMarkup()
	fields := map[string]bool{}
	for _, s := range sights {
		v := w.as(s.as)
		for _, form := range sheetsOf(s.path, v.get(s.path).body) {
			if form.action == "/account/password" || form.action == "/signout" { // nobody would come back from there
				continue
			}
			for field := range form.values {
				fields[form.action+" "+field] = true
				harmless(form.action+" "+field, form.send(v, field, evil))
			}
		}
	}
	if len(fields) < 90 || seen < 25 {
		t.Errorf("%d fields were tried, and markup was seen %d times in answers: so little was tried", len(fields), seen)
	}

	w.waitFor(func() bool { // what was done is written down a moment later
		return strings.Contains(w.as("root").get("/staff/audit?account=alice").body, "b/id=evil&gt;")
	})
	seen = 0
	for as, least := range map[string]int{"alice": 40, "erin": 10, "desk": 10, "root": 40} {
		if n := w.as(as).crawl(t, harmless, "/", "/account"); n < least {
			t.Errorf("%s sees %d pages", as, n)
		}
	}
	if seen < 15 {
		t.Errorf("the markup was seen on %d pages", seen)
	}
}

// writeMarkup writes markup wherever devices, customers and their programs may without
// a form.
func (w *world) writeMarkup() {
	w.t.Helper()
	ctx := w.t.Context()
	home := zone.MustName("home.dyn.example.org")
	ok(w.admin.SetAccount(ctx, "alice", admin.AccountChange{FullName: new(evil)}))(w.t) // by the API
	_, secret, err := w.admin.AddKey(ctx, admin.NewKey{Account: "alice", Username: evil})
	done(w.t, err)
	_, _, err = w.admin.AddToken(ctx, admin.NewToken{Account: "alice", Name: evil})
	done(w.t, err)
	done(w.t, w.admin.SetRecords(ctx, admin.RecordSet{ // by an UPDATE
		Zone: zone.MustName("dyn.example.org"), Name: home, Type: zone.TypeTXT, TTL: new(uint32(60)), Data: []string{strings.ReplaceAll(evil, `"`, `\"`)},
	}))
	for _, query := range []string{"hostname=home.dyn.example.org&myip=192.0.2.9&txt=", "hostname=home.dyn.example.org&myip=", "hostname=home.dyn.example.org&system=", "hostname=", "x="} {
		for _, credentials := range [][2]string{{evil, secret}, {evil, evil}, {"nobody" + evil, evil}, {"alice-home", evil}} {
			r := ok(http.NewRequest(http.MethodGet, w.url+"/nic/update?"+query+url.QueryEscape(evil), nil))(w.t)
			r.SetBasicAuth(credentials[0], credentials[1])
			r.Header.Set("User-Agent", evil)
			r.Header.Set("Referer", evil)
			w.as("").do(r)
		}
	}
	// From a browser that says strange things of itself, by an identity of a strange name.
	browser := signin.Client{Agent: evil, Addr: netip.MustParseAddr("192.0.2.7"), Language: evil}
	_, err = w.signin.Password(ctx, browser, "alice", evil)
	if err == nil {
		w.t.Error("alice has a strange password")
	}
	ok(w.signin.Password(ctx, browser, "alice", password))(w.t)
	w.connect(w.addProvider(evil), "erin", "erin").leads(w.t, "/account")
}
