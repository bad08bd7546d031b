package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// TestSearch: support finds a customer by whatever is said on the phone.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	desk := w.as("desk")
	ask := func(query string) page { return desk.get("/staff/search?q="+query).shows(t, http.StatusOK) }
	for _, query := range []string{"off", "office", "office.dyn", "Office.dyn.example.org"} {
		ask(query).shows(t, http.StatusOK, `href="/hosts/office.dyn.example.org"`, "wrong password 14 times").lacks(t, `href="/hosts/home.dyn`)
	}
	ask("ali").shows(t, http.StatusOK, `href="/staff/customers/alice"`)
	ask("alice-home").shows(t, http.StatusOK, "alice-home", `href="/staff/customers/alice"`)
	ask("fice").shows(t, http.StatusOK, "Nothing was found")

	// An address that the host has no longer, and at a time when it did.
	w.waitFor(func() bool { return strings.Contains(ask("198.51.100.17").body, "/hosts/home.dyn.example.org") })
	w.waitFor(func() bool {
		return strings.Contains(ask("198.51.100.17&at=2026-11-25T12:00").body, "Nothing was found")
	})
	ask("198.51.100.0/24&at=2026-11-18T12:00").shows(t, http.StatusOK, "198.51.100.17", "alice").lacks(t, "198.51.100.201")
	ask("198.51.100.17&at=yesterday").shows(t, http.StatusOK, "not a time")
	desk.get("/staff/customers/alice").shows(t, http.StatusOK, "alice-office", "wrong password 14 times", "camera-2")
	w.as("alice").get("/staff/search?q=bob").shows(t, http.StatusForbidden)
}

// TestCustomer: an admin makes a customer and invites them; they choose a password
// and are in. The link works once.
func TestCustomer(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	root.post("/staff/customers/new", "name", "carol", "email", "carol@example.org", "role", "customer").leads(t, "/staff/customers/carol")
	root.post("/staff/customers/new", "name", "Carol", "role", "customer").shows(t, http.StatusUnprocessableEntity, "is taken")
	root.post("/staff/customers/new", "name", "a b", "role", "customer").shows(t, http.StatusUnprocessableEntity)
	p := root.post("/staff/customers/carol/invite").shows(t, http.StatusOK)
	m := regexp.MustCompile(`(/signin/invitation/[A-Za-z0-9_-]+)<`).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("there is no link:\n%s", p.body)
	}
	link := m[1]
	w.as("").get(link).shows(t, http.StatusOK, "carol")
	w.as("").post(link, "password", "short").shows(t, http.StatusUnprocessableEntity, "will not do")
	w.as("").post(link, "password", password).leads(t, "/")
	w.as("").get(link).shows(t, http.StatusGone, "no longer works")
	w.as("carol").get("/").shows(t, http.StatusOK, "A name for your home")

	root.get("/staff/customers?from=zoe").shows(t, http.StatusOK, "Nothing was found for “zoe”", `href="/staff/customers"`)

	root.post("/staff/customers/carol/suspend").leads(t, "/staff/customers/carol")
	root.get("/staff/customers/carol").shows(t, http.StatusOK, "Suspended", "/resume")
	w.as("carol").get("/").leads(t, "/signin")
	root.post("/staff/customers/carol/resume").leads(t, "/staff/customers/carol")
}

// TestPlan: whoever has as much as the plan allows is told so.
func TestPlan(t *testing.T) {
	w := newWorld(t)
	ok(w.admin.AddPlan(t.Context(), account.Plan{Name: "small", Hosts: 1, Keys: 1}))(t)
	w.as("root").post("/staff/customers/new", "name", "carol", "plan", "small", "role", "customer").leads(t, "/staff/customers/carol")
	ok(w.admin.SetAccount(t.Context(), "carol", admin.AccountChange{Password: new(password)}))(t)
	carol := w.as("carol")
	carol.post("/hosts/new", "label", "home", "zone", "dyn.example.org").leads(t, "/hosts/home.dyn.example.org/setup")
	carol.post("/hosts/home.dyn.example.org/setup/curl").leads(t, "/hosts/home.dyn.example.org/setup/curl?key=")
	carol.post("/hosts/new", "label", "other", "zone", "dyn.example.org").shows(t, http.StatusUnprocessableEntity, "allows no more hosts")
	carol.post("/hosts/home.dyn.example.org/setup/curl").shows(t, http.StatusConflict, "allows no more")
	carol.post("/newkey", "for", "all").shows(t, http.StatusConflict, "allows no more")
}

// TestStaticNames: a customer takes over no records that the operator has put into the
// zone, neither at the name nor below it.
func TestStaticNames(t *testing.T) {
	w := newWorld(t)
	const master = `@ 3600 IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ 3600 IN NS ns1
ns1 3600 IN A 192.0.2.53
shop 3600 IN A 192.0.2.80
_dmarc.mail 3600 IN TXT "v=DMARC1; p=reject"
`
	files := func(yield func(admin.ZoneFile, error) bool) {
		yield(admin.ZoneFile{Zone: zone.MustName("dyn.example.org"), Content: strings.NewReader(master)}, nil)
	}
	ok(w.admin.Import(t.Context(), files))(t)
	bob := w.as("bob")
	for _, label := range []string{"shop", "mail"} {
		bob.post("/hosts/new", "label", label, "zone", "dyn.example.org").shows(t, http.StatusUnprocessableEntity, "This name is reserved")
	}
	bob.post("/hosts/new", "label", "shop-2", "zone", "dyn.example.org").leads(t, "/hosts/shop-2.dyn.example.org/setup")
}

// here finds the link of the navigation that is marked as the page's own, and the tab.
var here = regexp.MustCompile(`<a href="([^"]+)" aria-current="page">`)

// TestHere: the navigation marks where one is: who looks at what is another's is with the
// customers.
func TestHere(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	for _, tt := range []struct {
		as, path string
		marks    []string
	}{
		{"alice", "/", []string{"/"}},
		{"alice", "/hosts/office.dyn.example.org", []string{"/", "/hosts/office.dyn.example.org"}},
		{"alice", "/keys/alice-office", []string{"/keys"}},
		{"alice", "/newkey", []string{"/keys"}},
		{"desk", "/hosts/office.dyn.example.org", []string{"/staff/customers"}},
		{"desk", "/keys/alice-office", []string{"/staff/customers"}},
		{"root", "/hosts/office.dyn.example.org/delete", []string{"/staff/customers"}},
		{"root", "/keys/alice-office/revoke", []string{"/staff/customers"}},
		{"desk", "/staff/cluster", []string{"/staff", "/staff/cluster"}},
		{"desk", "/staff/plans", []string{"/staff/customers", "/staff/plans"}},
	} {
		var marks []string
		for _, m := range here.FindAllStringSubmatch(w.as(tt.as).get(tt.path).shows(t, http.StatusOK).body, -1) {
			marks = append(marks, m[1])
		}
		if !slices.Equal(marks, tt.marks) {
			t.Errorf("%s for %s marks %q, want %q", tt.path, tt.as, marks, tt.marks)
		}
	}
	w.as("desk").get("/keys/alice-office").shows(t, http.StatusOK, `<a href="/staff/customers/alice">alice</a>`)
}
