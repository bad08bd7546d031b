package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/web"
)

// approves lets people sign up, and staff decide.
func (w *world) approves() {
	public := ok(url.Parse(w.url))(w.t)
	w.signin.SetOptions(signin.Options{PublicURL: public, SignUp: signin.SignUpApproval})
	w.pages.SetOptions(web.Options{PublicURL: public, MaySignUp: true, Approval: true, SendsMail: true})
}

// apply is what somebody does who would like an account, up to where staff decide.
func (w *world) apply(name string) {
	w.t.Helper()
	w.approves()
	address := name + "@example.org"
	w.as("").post(signin.PathSignUp, "email", address).shows(w.t, http.StatusOK)
	w.as("").post(w.mailed(mail.ConfirmSignUp, address), "name", name, "password", password).shows(w.t, http.StatusOK)
}

const applications = "/staff/customers/applications"

// TestApprove: who applies waits until an admin approves, hears of it by mail, and signs in.
func TestApprove(t *testing.T) {
	w := newWorld(t)
	root, desk := w.as("root"), w.as("desk")
	root.get("/staff/customers").shows(t, http.StatusOK).lacks(t, applications)
	root.get("/staff").shows(t, http.StatusOK).lacks(t, applications)
	w.approves()
	root.get("/staff/customers").shows(t, http.StatusOK, applications, "Nobody waits for an account.")
	desk.get(applications).shows(t, http.StatusOK, "Nobody waits for an account.")
	root.get("/staff").shows(t, http.StatusOK, "All is well", "Nobody waits for an account.")

	w.apply("Frida")
	for _, path := range []string{"/staff", "/staff/customers"} {
		desk.get(path).shows(t, http.StatusOK, `<a href="`+applications+`">1 person waits for an account</a>`)
	}
	desk.get(applications).shows(t, http.StatusOK, "Frida", "Frida@example.org", "English", "127.0.0.1").lacks(t, "/approve", "/decline")
	root.get(applications).shows(t, http.StatusOK, "Frida", applications+"/frida/approve", applications+"/frida/decline")
	w.as("").post("/signin", "name", "Frida", "password", password).shows(t, http.StatusUnprocessableEntity)

	desk.post(applications+"/frida/approve").shows(t, http.StatusForbidden)
	foreign := ok(http.NewRequest(http.MethodPost, w.url+applications+"/frida/approve", nil))(t)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	root.do(foreign).shows(t, http.StatusForbidden, "another site")
	root.post(applications+"/frida/approve").leads(t, applications)
	root.get(applications).shows(t, http.StatusOK, "Nobody waits for an account.")
	if to := w.mailed(mail.Approved, "Frida@example.org"); to != "/signin" {
		t.Errorf("the mail leads to %q", to)
	}
	w.as("").post("/signin", "name", "Frida", "password", password).leads(t, "/")
	root.post(applications+"/frida/approve").shows(t, http.StatusNotFound, "decided already")

	made := regexp.MustCompile(`(?s)<td><a href="/staff/customers/root">root</a>.{0,200}?made.{0,200}?account Frida`)
	w.waitFor(func() bool { return made.MatchString(root.get("/staff/audit").body) })
	root.get("/staff/audit?of=signin").shows(t, http.StatusOK, "account made", "approved", `href="/staff/customers/Frida"`)
}

// TestDecline asks first, and leaves nothing but what the audit log says.
func TestDecline(t *testing.T) {
	w := newWorld(t)
	w.apply("frida")
	root := w.as("root")
	w.as("desk").post(applications+"/frida/decline").shows(t, http.StatusForbidden)
	root.get(applications+"/frida/decline").shows(t, http.StatusOK, "Decline the application of frida?", "is told nothing")
	root.get(applications).shows(t, http.StatusOK, "frida@example.org")
	root.post(applications+"/frida/decline").leads(t, applications)
	root.get(applications).shows(t, http.StatusOK, "Nobody waits for an account.")
	root.get(applications+"/frida/decline").shows(t, http.StatusNotFound, "decided already")
	root.post(applications+"/frida/decline").shows(t, http.StatusNotFound, "decided already")
	w.as("").post("/signin", "name", "frida", "password", password).shows(t, http.StatusUnprocessableEntity)
	root.get("/staff/audit?of=signin").shows(t, http.StatusOK, "application declined", `<a href="/staff/customers/root">root</a>`).lacks(t, `href="/staff/customers/frida"`)
}

// TestApproveTakenName: an account that was made meanwhile keeps its name, and staff are told.
func TestApproveTakenName(t *testing.T) {
	w := newWorld(t)
	w.apply("frida")
	ok(w.admin.AddAccount(t.Context(), admin.NewAccount{Name: "Frida"}))(t)
	w.as("root").post(applications+"/frida/approve").shows(t, http.StatusConflict, "The name is taken")
	w.as("root").get(applications).shows(t, http.StatusOK, "Nobody waits for an account.")
}

// TestManyApplications are shown page after page, and counted up to a bound.
func TestManyApplications(t *testing.T) {
	w := newWorld(t)
	for i := range 101 {
		name := fmt.Sprintf("n%03d", i)
		ok(w.shelf.Put(t.Context(), shelf.Item{Kind: "application", ID: name, Body: []byte(`{"Name":"` + name + `"}`)}))(t)
	}
	next, names := applications, 0
	for pages := 0; next != "" && pages < 10; pages++ {
		p := w.as("desk").get(next).shows(t, http.StatusOK)
		names += strings.Count(p.body, "<strong>n")
		next = ""
		if m := regexp.MustCompile(`href="([^"]*after=[^"]*)"`).FindStringSubmatch(p.body); m != nil {
			next = m[1]
		}
	}
	if names != 101 {
		t.Errorf("the pages have %d names", names)
	}
	w.as("desk").get("/staff").shows(t, http.StatusOK, "More than 100 people wait")
}
