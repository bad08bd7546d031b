package web_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"stayput.dev/internal/mail"
	"stayput.dev/test/rig"
)

// TestMailTexts: an admin tries words for a mail, saves them in one language, sees that
// they are there, and goes back to the built-in ones. Nothing in them is obeyed.
func TestMailTexts(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	const path = "/staff/brand/mails/host-changed?language=de"
	own := func() []mail.OwnText { return ok(mail.NewTexts(w.shelf).All(t.Context()))(t) }

	root.get("/staff/brand").shows(t, http.StatusOK, `href="/staff/brand/mails"`)
	root.get("/staff/brand/mails").shows(t, http.StatusOK, `href="/staff/brand/mails/host-changed?language=en"`).lacks(t, `hreflang="de"`)
	root.get(path).shows(t, http.StatusOK, "{host} hat eine neue Adresse", "<strong>home.dyn.example.org hat eine neue Adresse</strong>", "<code>{address}</code>").lacks(t, "reset")

	form := []string{"subject", "Neu: {host}", "body", "Hallo {name},\r\n\r\n<b>{address}</b> & {brand}"}
	root.post(path, append(form, "do", "preview")...).shows(t, http.StatusOK, "<strong>Neu: home.dyn.example.org</strong>", "&lt;b&gt;192.0.2.2&lt;/b&gt; &amp; Stayput", "Hallo {name},").lacks(t, "<b>")
	if all := own(); len(all) != 0 {
		t.Errorf("a preview has saved %v", all)
	}
	root.get(root.post(path, form...).leads(t, path+"&saved")).shows(t, http.StatusOK, "Neu: {host}", "reset", `role="status"`)
	if all := own(); len(all) != 1 || all[0].Kind != mail.HostChanged || all[0].Language != "de" || all[0].Subject != "Neu: {host}" {
		t.Errorf("%v was saved", all)
	}
	root.get("/staff/brand/mails").shows(t, http.StatusOK, `<a href="`+path+`" hreflang="de" lang="de">Deutsch</a>`)
	root.get(strings.Replace(path, "=de", "=en", 1)).shows(t, http.StatusOK, "{host} has a new address")

	root.post(path, "do", "reset").leads(t, path)
	if all := own(); len(all) != 0 {
		t.Errorf("after the reset there is %v", all)
	}
	root.get(path).shows(t, http.StatusOK, "{host} hat eine neue Adresse")
	const deeds = "/staff/audit?subject=mail-text+host-changed/de"
	w.waitFor(func() bool { return strings.Contains(root.get(deeds).body, "deleted") })
	root.get(deeds).shows(t, http.StatusOK, `href="`+path+`"`, "subject Neu: {host}, body", "changed")
}

// TestMailTextGoesOut: what an admin saved on the page is what the next mail says, in text
// and in HTML, on whichever node the mails go out; after the reset it is ours again.
func TestMailTextGoesOut(t *testing.T) {
	w := newWorld(t)
	root, server := w.as("root"), rig.StartMailServer(t, rig.MailServerOptions{TLS: string(mail.Plain)})
	q := mail.New(w.shelf, mail.Options{Server: server.Addr, Security: mail.Plain, From: "dns@example.org"}, nil)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { q.Run(ctx) })
	defer running.Wait()
	defer stop()
	sent := func(id string) string {
		to := id + "@example.org"
		done(t, q.Send(ctx, mail.Message{ID: id, Kind: mail.HostChanged, To: to, Data: mail.Data{Name: "anna", Host: "home.dyn.example.org", Address: "192.0.2.2", At: noon}}))
		return server.Await(t, to, 1)[0].Raw
	}
	const path = "/staff/brand/mails/host-changed?language=en"
	root.post(path, "subject", "Moved: {host}", "body", "Now <i>{address}</i>.").leads(t, path)
	raw := sent("own")
	for _, want := range []string{"Subject: Moved: home.dyn.example.org", "Now <i>192.0.2.2</i>.", "Now &lt;i&gt;192.0.2.2&lt;/i&gt;."} {
		if !strings.Contains(raw, want) {
			t.Errorf("the mail lacks %q:\n%s", want, raw)
		}
	}
	root.post(path, "do", "reset").leads(t, path)
	if raw := sent("reset"); !strings.Contains(raw, "Subject: home.dyn.example.org has a new address") {
		t.Errorf("after the reset:\n%s", raw)
	}
}

// TestBadMailTexts: what cannot be sent is refused, at its place, and shown as it was
// typed; and texts are for admins alone, by our own forms.
func TestBadMailTexts(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	const reset, changed = "/staff/brand/mails/password-reset?language=en", "/staff/brand/mails/host-changed?language=en"
	for _, c := range []struct{ path, subject, body, says, field string }{
		{changed, "", "Hello", "Some words must stand here.", "subject"},
		{changed, "Hello", " ", "Some words must stand here.", "body"},
		{changed, strings.Repeat("a", 201), "Hello", "At most 200 characters", "subject"},
		{changed, "Hello", strings.Repeat("a", 4001), "At most 4,000 characters", "body"},
		{changed, "Hello", "{<b>}", "This cannot be filled in here: {&lt;b&gt;}", "body"},
		{changed, "Hello", "=> Go", "needs no line for a button", "body"},
		{reset, "Hello", "Hello", "is missing", "body"},
		{reset, "Hello", "=> a\n=> b", "more than one line", "body"},
	} {
		for _, do := range []string{"", "preview"} {
			root.post(c.path, "subject", c.subject, "body", c.body, "do", do).shows(t, http.StatusUnprocessableEntity, c.says, `id="`+c.field+`-fault"`, "Nothing can be shown")
		}
	}
	root.get("/staff/brand/mails/nonsense").shows(t, http.StatusNotFound)
	root.get("/staff/brand/mails/host-changed?language=xx").shows(t, http.StatusNotFound)
	for _, path := range []string{"/staff/brand/mails", changed} {
		w.as("desk").get(path).shows(t, http.StatusForbidden)
	}
	w.as("desk").post(changed, "subject", "a", "body", "b").shows(t, http.StatusForbidden)
	r := ok(http.NewRequest(http.MethodPost, w.url+changed, strings.NewReader("subject=a&body=b")))(t)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	root.do(r).shows(t, http.StatusForbidden)
	if all := ok(mail.NewTexts(w.shelf).All(t.Context()))(t); len(all) != 0 {
		t.Errorf("%v was saved", all)
	}
}
