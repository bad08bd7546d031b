package web_test

import (
	"net/http"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// TestOnlyAdminsLeadInside: what the API refuses to customers, their pages do, too: a name
// that leads into private networks.
func TestOnlyAdminsLeadInside(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	home := zone.MustName("home.dyn.example.org")
	const path, said = "/hosts/home.dyn.example.org/options", "for the staff of this service to allow"
	post := func(as string, pairs ...string) page {
		return w.as(as).post(path, append([]string{"ttl", "60"}, pairs...)...)
	}
	alice := w.as("alice")
	alice.get(path).shows(t, http.StatusOK).lacks(t, `name="private"`)
	post("alice", "when", "nodata", "private", "on").shows(t, http.StatusUnprocessableEntity, said)
	post("alice", "when", "nodata", "addresses", "192.168.1.5").shows(t, http.StatusUnprocessableEntity, said)
	post("alice", "when", "nodata", "addresses", "::ffff:10.0.0.1").shows(t, http.StatusUnprocessableEntity, said)
	post("alice", "when", "somewhere", "instead", "127.0.0.1").shows(t, http.StatusUnprocessableEntity, said)
	if h := ok(w.admin.Host(home))(t); h.NonGlobal != account.NonGlobalDefault || len(h.Addresses) > 0 || len(h.Options.WhenOffline.Addrs) > 0 {
		t.Errorf("the host is %+v", h)
	}
	post("alice", "when", "nodata", "addresses", "192.0.2.7").leads(t, path)

	post("root", "when", "nodata", "private", "on", "addresses", "192.168.1.5").leads(t, path)
	alice.get(path).shows(t, http.StatusOK, `name="private" checked`)
	post("alice", "when", "nodata", "private", "on", "addresses", "192.168.1.5", "mx", "mail.example.org").leads(t, path) // what stays is not asked again
	post("alice", "when", "nodata", "addresses", "192.168.1.5", "mx", "mail.example.org").leads(t, path)
	alice.get(path).lacks(t, `name="private"`)
	if h := ok(w.admin.Host(home))(t); h.NonGlobal != account.NonGlobalDefault || admin.LeadsInside(nil, nil, h.NonGlobal) {
		t.Errorf("after the owner has turned it off the host is %+v", h)
	}
}
