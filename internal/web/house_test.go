package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/web"
	"stayput.dev/internal/zone"
)

// TestStaffAccess: a customer has no page of staff, and support none that changes what
// is others'.
func TestStaffAccess(t *testing.T) {
	w := newWorld(t)
	ok(w.admin.AddPlan(t.Context(), account.Plan{Name: "home"}))(t)
	fill := strings.NewReplacer("{zone}", "dyn.example.org", "{account}", "alice", "{plan}", "home", "{application}", "frida")
	seen, refused := 0, 0
	for _, pattern := range w.pages.Patterns() {
		if !strings.Contains(pattern, " /staff") {
			continue
		}
		seen++
		pattern = fill.Replace(pattern)
		w.as("alice").ask(pattern).shows(t, http.StatusForbidden)
		isChange := strings.HasPrefix(pattern, "POST") || regexp.MustCompile(`/(new|newzone|importzone|brand|change|delete|suspend|resume|terminate|settings|record|data|erase|factors|sessions|decline)\b`).MatchString(pattern)
		p := w.as("desk").ask(pattern)
		switch {
		case isChange:
			refused++
			p.shows(t, http.StatusForbidden)
		case p.status != http.StatusOK:
			t.Errorf("%s by support: status = %d", pattern, p.status)
		}
	}
	if seen < 40 || refused < 25 {
		t.Errorf("of %d pages %d are refused to support", seen, refused)
	}
	ok(w.admin.Zone(zone.MustName("dyn.example.org")))(t)
}

// TestStaffLinks: every link of every page for an admin leads somewhere.
func TestStaffLinks(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	link := regexp.MustCompile(`href="(/[^"#]*)`)
	todo, seen := []string{"/staff"}, map[string]bool{"/staff": true, "/": true} // who has no host is sent from there to the search
	for len(todo) > 0 && len(seen) < 600 {
		path := todo[0]
		todo = todo[1:]
		p := w.as("root").get(path)
		if p.status != http.StatusOK {
			t.Errorf("%s is linked and has the status %d", path, p.status)
		}
		for _, m := range link.FindAllStringSubmatch(p.body, -1) {
			if to := html.UnescapeString(m[1]); !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	for _, page := range []string{"/staff/zones/dyn.example.org/record/delete?name=www&type=TXT", "/staff/plans/home/delete", "/staff/customers/alice/change", "/staff/zones/dyn.example.org/delete"} {
		if !seen[page] {
			t.Errorf("nothing leads to %s", page)
		}
	}
}

// TestOverview: one look tells what is wrong, and what came in, as a picture and as a
// table.
func TestOverview(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	root.get("/staff").shows(t, http.StatusOK, "All is well", "Changes are saved", "Nothing came in this time").lacks(t, "/revoke")
	w.furnish()
	p := root.get("/staff").shows(t, http.StatusOK, "2 things do not work", "does not take notices", "1 copy of a zone has not heard", "3 names wait to be pushed", "192.0.2.56:53: it answers REFUSED",
		"Valid until", "1 update key is used with a wrong password", "alice-office", `href="/keys/alice-office/revoke"`, "a fault of ours", "there is no such name", `class="fail"`, `id="updates"`)
	_, updates, _ := strings.Cut(p.body, "Updates of devices as a table")
	if cells := regexp.MustCompile(`</time></td><td[^>]*>([0-9,]+)</td><td[^>]*>([0-9,]+)</td>`).FindAllStringSubmatch(updates, -1); len(cells) != 24 || cells[11][1] == "0" || cells[11][2] == "0" {
		t.Errorf("the tables have %d rows: %q", len(cells), cells)
	}
	w.as("desk").get("/staff?span=day").shows(t, http.StatusOK, "REFUSED", "Updates of devices").lacks(t, "/revoke")
}

// TestCluster: where nodes share a database, staff see how each is, and how the database
// is; else, that there is one node.
func TestCluster(t *testing.T) {
	w := newWorld(t)
	desk := w.as("desk")
	desk.get("/staff/cluster").shows(t, http.StatusOK, "this is the only node").lacks(t, "Standbys")
	desk.get("/staff").shows(t, http.StatusOK, "All is well").lacks(t, "/staff/cluster")
	w.furnish()
	desk.get("/staff").shows(t, http.StatusOK, `href="/staff/cluster"`)
	desk.get("/staff/cluster").shows(t, http.StatusOK, "node-0", "this one", "81234", "34 changes behind", "Last heard of", "No node does webhooks", "silent for 5 minutes",
		"Can be written", "15.13", "db2", "streaming").lacks(t, "the only node")
	w.neighbours.mu.Lock()
	w.neighbours.away, w.neighbours.cluster.Database = errors.New("dial tcp: connection refused"), nil
	w.neighbours.mu.Unlock()
	desk.get("/staff").shows(t, http.StatusOK, "Changes cannot be saved", "connection refused")
	desk.get("/staff/cluster").shows(t, http.StatusOK, "Does not answer", "updates are put off")
	german := w.as("root")
	german.language = "de"
	german.get("/staff/cluster").shows(t, http.StatusOK, "34 Änderungen im Rückstand", "Antwortet nicht")
}

// TestAbuse: who stands out is named, with what can be done.
func TestAbuse(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.as("root").get("/staff/abuse").shows(t, http.StatusOK, "alice-office", "14 times", "203.0.113.77", "shop", "/staff/customers/bob", "/keys/alice-office/revoke")
	w.as("desk").get("/staff/abuse").shows(t, http.StatusOK, "alice-office").lacks(t, "/revoke")
}

// TestRecords: an admin adds, changes and deletes records; what is wrong is told where it
// is, and hosts are left alone.
func TestRecords(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	root, at := w.as("root"), "/staff/zones/dyn.example.org"
	root.get(at+"/record").shows(t, http.StatusOK, "MX", "Where mail goes")
	root.get(at+"/record?type=MX").shows(t, http.StatusOK, "Where mail goes", "10 mail.example.org.", `value="3600"`)
	root.get(at+"/record?type=BOGUS").shows(t, http.StatusUnprocessableEntity, "No record can have this type")
	put := func(name, typ, data string, was ...string) page {
		pairs := []string{"name", name, "type", typ, "data", data, "ttl", "600"}
		for _, text := range was {
			pairs = append(pairs, "was", text)
		}
		return root.post(at+"/record", pairs...)
	}
	put("", "MX", "10 mail\r\n20 mail.example.net.\r\n").leads(t, at)
	put("www", "TXT", "v=spf1 include:example.net -all").leads(t, at)
	root.get(at).shows(t, http.StatusOK, "10 mail.dyn.example.org.", "20 mail.example.net.", html.EscapeString(`"v=spf1 include:example.net -all"`), "10 minutes",
		"/record?name=www&amp;type=TXT", `href="/hosts/home.dyn.example.org"`).lacks(t, "name=home&amp;type=", "type=SOA")
	root.get(at+"?q=ww").shows(t, http.StatusOK, "spf1").lacks(t, "mail.example.net")

	put("www", "A", "192.0.2.80\n192.0.2").shows(t, http.StatusUnprocessableEntity, "Line 2: “192.0.2” is not an IPv4 address", "192.0.2.80")
	put("www", "AAAA", "192.0.2.80").shows(t, http.StatusUnprocessableEntity, "Line 1: “192.0.2.80” is not an IPv6 address")
	put("www", "A", " \n").shows(t, http.StatusUnprocessableEntity, "at least one record")
	put("www", "CNAME", "@").shows(t, http.StatusUnprocessableEntity, "A CNAME stands alone")
	put("www.example.net.", "A", "192.0.2.1").shows(t, http.StatusUnprocessableEntity, "does not lie in this zone")
	put("home", "A", "192.0.2.1").shows(t, http.StatusUnprocessableEntity, "name of a host", "/hosts/home.dyn.example.org")
	put("www", "TXT", "else", `"as it was before"`).shows(t, http.StatusUnprocessableEntity, "Somebody else has changed it")
	root.get(at+"/record?name=home&type=A").shows(t, http.StatusOK, "are not records of the zone", "/hosts/home.dyn.example.org/options").lacks(t, "<textarea")
	german := w.as("root")
	german.language = "de"
	german.post(at+"/record", "name", "www", "type", "A", "data", "192.0.2", "ttl", "60").shows(t, http.StatusUnprocessableEntity, "Zeile 1: „192.0.2“ ist keine IPv4-Adresse").lacks(t, `lang="en">bad`)
	german.post(at+"/record", "name", "www", "type", "CNAME", "data", "@", "ttl", "60").shows(t, http.StatusUnprocessableEntity, "Ein CNAME steht allein")

	editor := root.get(at+"/record?name=www&type=TXT").shows(t, http.StatusOK, `value="600"`, "/record/delete?name=www")
	was := html.UnescapeString(regexp.MustCompile(`name="was" value="([^"]*)"`).FindStringSubmatch(editor.body)[1])
	put("www", "TXT", `"one" "two"`, was).leads(t, at)
	root.get(at+"/record/delete?name=www&type=TXT").shows(t, http.StatusOK, "Delete TXT at www.dyn.example.org?")
	root.post(at+"/record/delete?name=www&type=TXT").leads(t, at)
	root.post(at+"/record/delete?name=www&type=TXT").shows(t, http.StatusNotFound)
	root.post(at+"/record/delete?name=@&type=NS").shows(t, http.StatusConflict, "The record stays")
	root.get(at+"?q=www").shows(t, http.StatusOK, "No name begins like that")
	root.get("/staff/zones/nowhere.example.org").shows(t, http.StatusNotFound)
}

// TestManyRecords: a zone is shown page after page.
func TestManyRecords(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		name := zone.MustName(fmt.Sprintf("n%03d.dyn.example.org", i))
		done(t, w.admin.SetRecords(t.Context(), admin.RecordSet{Zone: zone.MustName("dyn.example.org"), Name: name, Type: zone.TypeA, TTL: new(uint32(60)), Data: []string{"192.0.2.1"}}))
	}
	next, names := "/staff/zones/dyn.example.org?q=n", 0
	for pages := 0; next != "" && pages < 10; pages++ {
		p := w.as("desk").get(next).shows(t, http.StatusOK)
		names += strings.Count(p.body, ">n")
		next = ""
		if m := regexp.MustCompile(`href="([^"]*from=[^"]*)"`).FindStringSubmatch(p.body); m != nil {
			next = html.UnescapeString(m[1])
		}
	}
	if names < 121 { // and ns1
		t.Errorf("the pages have %d names", names)
	}
}

// TestZonesComeAndGo: an admin makes a zone, gives it content from a master file, changes
// its settings and deletes it, typing its name.
func TestZonesComeAndGo(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	root.post("/staff/newzone", "name", "two.example.org", "servers", "ns1.two.example.org\n").shows(t, http.StatusUnprocessableEntity, "has no address")
	root.post("/staff/newzone", "name", "two.example.org", "servers", "ns1.two.example.org 192.0.2").shows(t, http.StatusUnprocessableEntity, "is not an address")
	root.post("/staff/newzone", "name", "dyn.example.org", "servers", "ns1.example.net").shows(t, http.StatusUnprocessableEntity, "is taken")
	root.post("/staff/newzone", "name", "two.example.org", "servers", "ns1.two.example.org 192.0.2.53 2001:db8::53\r\nns2.example.net", "rname", "dns@example.org").
		leads(t, "/staff/zones/two.example.org")
	root.get("/staff/zones/two.example.org/settings").shows(t, http.StatusOK, "dns@example.org", "ns1.two.example.org")
	root.post("/staff/zones/two.example.org/settings", "mname", "ns2.example.net", "rname", "nobody", "ttl", "x").shows(t, http.StatusUnprocessableEntity, "whole number")
	root.post("/staff/zones/two.example.org/settings", "mname", "ns2.example.net", "rname", "noc@example.org", "ttl", "120").leads(t, "/staff/zones/two.example.org/settings")
	z := ok(w.admin.Zone(zone.MustName("two.example.org")))(t)
	if z.SOA.MName.String() != "ns2.example.net" || z.SOA.Minimum != 120 || z.SOA.RName.String() != "noc.example.org" {
		t.Errorf("the SOA record is %+v", z.SOA)
	}
	root.get("/staff/zones/two.example.org/export").shows(t, http.StatusOK, "IN\tSOA\tns2.example.net.")

	const file = "@ 300 SOA ns1.example.net. hostmaster.example.net. 7 300 60 1209600 60\n@ 300 NS ns1.example.net.\nwww 300 A 192.0.2.80\n"
	send := func(content string, pairs ...string) page {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for i := 0; i < len(pairs); i += 2 {
			done(t, form.WriteField(pairs[i], pairs[i+1]))
		}
		_, err := ok(form.CreateFormFile("file", "two.zone"))(t).Write([]byte(content))
		done(t, err)
		done(t, form.Close())
		r := ok(http.NewRequest(http.MethodPost, w.url+"/staff/importzone", &body))(t)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return root.do(r)
	}
	send("", "name", "two.example.org").shows(t, http.StatusUnprocessableEntity, "choose a file")
	send("www A nonsense", "name", "three.example.org").shows(t, http.StatusUnprocessableEntity, "line 1")
	send(file, "name", "two.example.org").shows(t, http.StatusUnprocessableEntity, "is there already", "192.0.2.80")
	send("", "name", "two.example.org", "content", file, "replace", "yes").shows(t, http.StatusOK, "2 names were taken over")
	root.get("/staff/zones/two.example.org").shows(t, http.StatusOK, "192.0.2.80")

	ok(w.admin.AddHost(t.Context(), admin.NewHost{Name: zone.MustName("home.two.example.org"), Account: "alice"}))(t)
	root.post("/staff/zones/two.example.org/delete", "confirm", "dyn.example.org").shows(t, http.StatusUnprocessableEntity, "please type two.example.org")
	root.post("/staff/zones/two.example.org/delete", "confirm", "two.example.org").shows(t, http.StatusUnprocessableEntity, "There are hosts in the zone")
	root.post("/staff/zones/two.example.org/delete", "confirm", "two.example.org", "hosts", "yes").leads(t, "/staff/zones")
	root.get("/staff/zones/two.example.org").shows(t, http.StatusNotFound)

	root.post("/staff/zones/dyn.example.org/delete", "confirm", "dyn.example.org").leads(t, "/staff/zones")
	root.get("/staff/zones").shows(t, http.StatusOK, "There is no zone yet. “New zone” makes the first.")
	w.as("desk").get("/staff/zones").shows(t, http.StatusOK, "There is no zone yet.").lacks(t, "New zone")
}

// TestServersAndChecks: how far secondaries and push targets are, and what the world
// finds. Nobody is asked before somebody wants it.
func TestServersAndChecks(t *testing.T) {
	w := newWorld(t)
	desk, at := w.as("desk"), "/staff/zones/dyn.example.org"
	desk.get(at+"/servers").shows(t, http.StatusOK, "No secondary follows", "pushed nowhere")
	w.furnishHouse()
	desk.get(at+"/servers").shows(t, http.StatusOK, "192.0.2.54:53", "Heard of the last change", "i/o timeout", "192.0.2.55:53", "2 names on their way")
	desk.get(at+"/check").shows(t, http.StatusOK, "Look at it now").lacks(t, "delegates")
	if w.neighbours.asked != 0 {
		t.Error("somebody was asked")
	}
	w.neighbours.secondaries[1].Err = phrase.Phrase{}
	desk.get(at+"/servers?ask").shows(t, http.StatusOK, "Has everything", "3 changes behind")
	desk.get(at+"/check?look").shows(t, http.StatusOK, "1 fault", "example.org delegates to", "[2001:db8::54]:53: no answer", "Is it running, and does it know")
	w.neighbours.findings = []web.Finding{{Level: web.FoundWell, Topic: phrase.New("delegation"), Text: phrase.New("fine")}}
	desk.get(at+"/check?look").shows(t, http.StatusOK, "The world finds it")
}

// TestAudit: what was done is found by customer and subject, page after page, beside
// how people signed in.
func TestAudit(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	for i := range 60 {
		w.at(time.Duration(60-i) * time.Minute)
		ok(w.admin.SetAccount(t.Context(), "bob", admin.AccountChange{FullName: new(fmt.Sprintf("Bob the %dth", i))}))(t)
	}
	w.at(0)
	desk := w.as("desk")
	w.waitFor(func() bool { return strings.Contains(desk.get("/staff/audit").body, "Bob the 59th") })
	first := desk.get("/staff/audit?account=bob").shows(t, http.StatusOK, "Bob the 59th", "Bob the 12th", "the operator", "changed", "made").lacks(t, "Bob the 3th")
	next := html.UnescapeString(regexp.MustCompile(`href="([^"]*before=[^"]*)"`).FindStringSubmatch(first.body)[1])
	desk.get(next).shows(t, http.StatusOK, "Bob the 3th", "First page").lacks(t, "Bob the 59th", "Next page")
	desk.get("/staff/audit?subject=host+home.dyn.example.org").shows(t, http.StatusOK, `href="/hosts/home.dyn.example.org"`, `href="/staff/customers/alice"`).lacks(t, "Bob the")
	desk.get("/staff/audit?account=nobody").shows(t, http.StatusNotFound, "There is no such account")
	german := w.as("desk")
	german.language = "de"
	german.get("/staff/audit?subject=key+alice-home").shows(t, http.StatusOK, "Update-Schlüssel alice-home", "Hosts home.dyn.example.org")

	w.as("").post("/signin", "name", "alice", "password", "wrong")
	w.as("alice").get("/")
	w.waitFor(func() bool { return strings.Contains(desk.get("/staff/audit?of=signin").body, "wrong password") })
	desk.get("/staff/audit?of=signin&account=alice").shows(t, http.StatusOK, "signed in", "wrong password", "192.0.2.7").lacks(t, `href="/staff/customers/desk"`)
	desk.get("/staff/customers/alice").shows(t, http.StatusOK, "/staff/audit?account=alice", "<strong>host home.dyn.example.org</strong> made")
}

// TestPlans: an admin makes, changes and deletes plans; one that is in use stays.
func TestPlans(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	root.get("/staff/plans").shows(t, http.StatusOK, "no plan yet")
	root.post("/staff/plans/new", "name", "home", "hosts", "many").shows(t, http.StatusUnprocessableEntity, "whole number")
	root.post("/staff/plans/new", "name", "home", "text", "For a line", "hosts", "5", "keys", "3", "interval", "60", "rest", "30", "nomx", "yes").leads(t, "/staff/plans")
	root.post("/staff/plans/new", "name", "home").shows(t, http.StatusUnprocessableEntity, "is taken")
	root.get("/staff/plans").shows(t, http.StatusOK, "For a line", "at most 5", "at most 3", "one change in 1 minute", "rest 30 days", "no mail exchanger")
	root.get("/staff/plans/home/change").shows(t, http.StatusOK, `value="60"`, `value="30"`, "checked")
	root.post("/staff/plans/home/change", "text", "For two lines", "hosts", "10", "interval", "60", "rest", "30").leads(t, "/staff/plans")
	if p := ok(w.admin.Plan("home"))(t); p != (account.Plan{Name: "home", Text: "For two lines", Hosts: 10, Interval: time.Minute, Rest: 30 * 24 * time.Hour}) {
		t.Errorf("the plan is %+v", p)
	}
	root.post("/staff/customers/alice/change", "plan", "home").leads(t, "/staff/customers/alice")
	root.post("/staff/plans/home/delete").shows(t, http.StatusConflict, "The plan is in use")
	root.post("/staff/customers/alice/change", "plan", "").leads(t, "/staff/customers/alice")
	root.get("/staff/plans/home/delete").shows(t, http.StatusOK, "Delete the plan home?")
	root.post("/staff/plans/home/delete").leads(t, "/staff/plans")
	root.get("/staff/plans/home/change").shows(t, http.StatusNotFound)
}

// TestCustomerIsChanged: what is wrong in the form is told where it stands.
func TestCustomerIsChanged(t *testing.T) {
	w := newWorld(t)
	root, at := w.as("root"), "/staff/customers/alice/change"
	root.post(at, "full", "Alice  Example", "email", "alice@example.org", "external", "4711").leads(t, "/staff/customers/alice")
	if a := ok(w.admin.Account("alice"))(t); a.FullName != "Alice Example" || a.ExternalID != "4711" || a.Email != "alice@example.org" || a.Phase != account.Active {
		t.Errorf("the account is %+v", a)
	}
	root.post(at, "plan", "none").shows(t, http.StatusUnprocessableEntity, "no plan none")
	root.post(at, "email", "nonsense").shows(t, http.StatusUnprocessableEntity, "is not a mail address")
}

// TestCustomerIsSuspended: a page asks before a customer is suspended, resumed or
// terminated; who is terminated must be named, and nobody does it to themselves.
func TestCustomerIsSuspended(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	root, at := w.as("root"), "/staff/customers/alice"
	is := func(want account.Phase) {
		t.Helper()
		if got := ok(w.admin.Account("alice"))(t).Phase; got != want {
			t.Errorf("the account is %s, want %s", got, want)
		}
	}
	root.get(at).shows(t, http.StatusOK, at+"/suspend", at+"/terminate").lacks(t, at+"/resume", `action="`+at+"/suspend")
	root.get(at+"/suspend").shows(t, http.StatusOK, "Suspend alice?", "Nothing is lost", `<form class="card form" method="post">`)
	is(account.Active)
	root.post(at+"/suspend").leads(t, at)
	is(account.Suspended)
	root.get(at).shows(t, http.StatusOK, at+"/resume").lacks(t, at+"/suspend")
	root.get(at+"/resume").shows(t, http.StatusOK, "Resume alice?")
	is(account.Suspended)
	root.post(at+"/resume").leads(t, at)
	is(account.Active)

	root.get(at+"/terminate").shows(t, http.StatusOK, "Terminate alice?", "This cannot be undone", `name="confirm"`)
	root.post(at+"/terminate").shows(t, http.StatusUnprocessableEntity, "please type alice")
	root.post(at+"/terminate", "confirm", evil).shows(t, http.StatusUnprocessableEntity, "please type alice").lacks(t, "<b/id=evil")
	is(account.Active)
	root.post(at+"/terminate", "confirm", "alice").leads(t, at)
	is(account.Terminated)
	root.get("/hosts/home.dyn.example.org").shows(t, http.StatusNotFound)
	root.get(at).shows(t, http.StatusOK, at+"/resume").lacks(t, at+"/terminate")

	root.post("/staff/customers/root/suspend").shows(t, http.StatusUnprocessableEntity, "your own account")
	root.post("/staff/customers/root/terminate", "confirm", "root").shows(t, http.StatusUnprocessableEntity, "your own account")
	root.get("/staff/customers/nobody/suspend").shows(t, http.StatusNotFound)
}

// TestStaffEndWaysIn: an admin removes the second factors of somebody who has lost them,
// and signs somebody out, each after a question; support does neither.
func TestStaffEndWaysIn(t *testing.T) {
	w := newWorld(t)
	root, at := w.as("root"), "/staff/customers/alice"
	w.secure("alice")
	root.get(at).shows(t, http.StatusOK, at+"/factors", at+"/sessions")
	root.get("/staff/customers/bob").shows(t, http.StatusOK, "/staff/customers/bob/sessions").lacks(t, "/bob/factors")
	for _, way := range []string{"/factors", "/sessions"} {
		w.as("desk").get(at+way).shows(t, http.StatusForbidden)
		w.as("desk").post(at+way).shows(t, http.StatusForbidden)
		root.get("/staff/customers/nobody"+way).shows(t, http.StatusNotFound)
		root.post("/staff/customers/nobody"+way).shows(t, http.StatusNotFound)
	}
	w.as("desk").get(at).shows(t, http.StatusOK).lacks(t, at+"/factors", at+"/sessions")

	root.get(at+"/sessions").shows(t, http.StatusOK, "Sign alice out everywhere?", "The password stays")
	w.as("alice").get("/").shows(t, http.StatusOK)
	root.post(at+"/sessions").leads(t, at)
	w.as("alice").get("/").leads(t, "/signin")
	w.as("").post("/signin", "name", "alice", "password", password).shows(t, http.StatusOK, `name="code"`)

	root.get(at+"/factors").shows(t, http.StatusOK, "Remove all second factors of alice?", "the password alone")
	root.post(at+"/factors").leads(t, at)
	root.get(at).shows(t, http.StatusOK).lacks(t, at+"/factors")
	w.as("").post("/signin", "name", "alice", "password", password).leads(t, "/")
	w.at(-16 * time.Minute)
	root.get(at+"/factors").leads(t, "/account/prove?next=")
	root.post(at+"/factors").leads(t, "/account/prove?next=")
}

// TestStaffProveWhoTheyAre: a browser that was left open makes, invites and changes no
// staff, and erases nobody; with customers it works on.
func TestStaffProveWhoTheyAre(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	w.session("root")
	w.at(-16 * time.Minute)
	root.get("/staff/customers/alice/erase").leads(t, "/account/prove?next=%2Fstaff%2Fcustomers%2Falice%2Ferase")
	root.post("/staff/customers/alice/erase").leads(t, "/account/prove")
	root.post("/staff/customers/desk/invite").leads(t, "/account/prove?next=%2Fstaff%2Fcustomers%2Fdesk")
	root.get("/staff/customers/desk/change").leads(t, "/account/prove?next=%2Fstaff%2Fcustomers%2Fdesk%2Fchange")
	root.post("/staff/customers/desk/change", "email", "thief@example.net").leads(t, "/account/prove")
	for _, role := range []string{"support", "admin"} {
		root.post("/staff/customers/new", "name", "thief", "role", role).leads(t, "/account/prove?next=%2Fstaff%2Fcustomers%2Fnew")
	}
	if _, err := w.admin.Account("thief"); err == nil {
		t.Error("an account of staff was made without a proof")
	}
	if a := ok(w.admin.Account("desk"))(t); a.Email != "" {
		t.Errorf("the mail address of staff became %s without a proof", a.Email)
	}
	root.post("/staff/customers/alice/invite").shows(t, http.StatusOK)
	root.post("/staff/customers/new", "name", "carol", "role", "customer").leads(t, "/staff/customers/carol")

	root.post("/account/prove", "password", password, "next", "/staff/customers/new").leads(t, "/staff/customers/new")
}

// TestCustomersSpeakTheirOwn: a customer has the language that the form says, or none, and
// never that of whoever filled it in.
func TestCustomersSpeakTheirOwn(t *testing.T) {
	w := newWorld(t)
	german := &visitor{w: w, as: "root", language: "de", zone: "UTC"}
	german.get("/staff/customers/new").shows(t, http.StatusOK, `<option value="" selected>`, `<option value="fr" lang="fr">Français`)
	for name, language := range map[string]string{"carol": "", "claire": "fr"} {
		german.post("/staff/customers/new", "name", name, "role", "customer", "language", language).leads(t, "/staff/customers/"+name)
		if got := ok(w.admin.Account(name))(t).Language; got != language {
			t.Errorf("%s speaks %q, want %q", name, got, language)
		}
	}
	german.post("/staff/customers/new", "name", "kurt", "role", "customer", "language", "tlh").shows(t, http.StatusUnprocessableEntity)
}

// TestStaffMarkupIsText: what customers, devices and other staff wrote is text on the
// pages of staff.
func TestStaffMarkupIsText(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	root, at := w.as("root"), "/staff/zones/dyn.example.org"
	ok(w.admin.AddPlan(ctx, account.Plan{Name: "home", Text: evil}))(t)
	ok(w.admin.SetAccount(ctx, "alice", admin.AccountChange{FullName: new(evil)}))(t)
	_, _, err := w.admin.AddKey(ctx, admin.NewKey{Account: "alice", Username: evil})
	done(t, err)
	for range 4 {
		r := ok(http.NewRequest(http.MethodGet, w.url+"/nic/update?hostname="+url.QueryEscape(evil), nil))(t)
		r.SetBasicAuth(evil, "wrong")
		w.as("").do(r)
	}
	root.post(at+"/record", "name", "www", "type", "TXT", "ttl", "60", "data", strings.ReplaceAll(evil, `"`, "")).leads(t, at)
	root.post(at+"/record", "name", "<b/id=evil>", "type", "TXT", "ttl", "60", "data", "x").lacks(t, "<b/id=evil")
	w.neighbours.secondaries = []web.Secondary{{Zone: "dyn.example.org", Addr: "192.0.2.54:53", Err: phrase.Foreign(evil)}}
	w.neighbours.findings = []web.Finding{{Level: web.FoundFault, Topic: phrase.New("x"), Text: phrase.Foreign(evil), Hint: phrase.New("%s: %v", evil, phrase.Foreign(evil))}}
	w.waitFor(func() bool { return strings.Contains(root.get("/staff/audit?account=alice").body, "id=evil") })
	shown := 0
	for _, path := range []string{
		"/staff", "/staff/abuse", "/staff/audit", "/staff/audit?account=" + url.QueryEscape(evil), "/staff/audit?subject=" + url.QueryEscape(evil), "/staff/plans",
		"/staff/plans/home/change", at, at + "?q=" + url.QueryEscape(evil), at + "/servers", at + "/check?look", at + "/record?type=" + url.QueryEscape(evil),
		at + "/record?type=TXT&name=" + url.QueryEscape(evil), at + "/record?type=TXT&name=www", "/staff/customers/alice", "/staff/customers/alice/change",
		"/staff/importzone?zone=" + url.QueryEscape(evil),
	} {
		p := root.get(path)
		if p.status >= 500 {
			t.Errorf("%s: status = %d", path, p.status)
		}
		p.lacks(t, "<b/id=evil", "<script>alert")
		if strings.Contains(p.body, "b/id=evil&gt;") {
			shown++
		}
	}
	if shown < 14 {
		t.Errorf("the text was seen on %d pages, so little was tried", shown)
	}
	root.post("/staff/newzone", "name", evil, "servers", evil, "rname", evil).shows(t, http.StatusUnprocessableEntity).lacks(t, "<b/id=evil", "<script>alert")
	root.post("/staff/plans/new", "name", evil, "text", evil, "hosts", evil).shows(t, http.StatusUnprocessableEntity).lacks(t, "<b/id=evil", "<script>alert")
	root.post("/staff/customers/alice/change", "full", evil, "plan", evil).shows(t, http.StatusUnprocessableEntity).lacks(t, "<b/id=evil", "<script>alert")
}
