package web_test

import (
	"net/http"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/web"
)

// TestOwnersChooseWhatToHear: where mail is sent, the options of a host say what its
// owner hears of it.
func TestOwnersChooseWhatToHear(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	const path = "/hosts/home.dyn.example.org/options"
	usual := []string{"ttl", "60", "when", "nodata"}
	w.as("alice").get(path).shows(t, http.StatusOK).lacks(t, `name="silent"`)

	w.pages.SetOptions(web.Options{SendsMail: true})
	w.as("alice").get(path).shows(t, http.StatusOK, `<option value="0s" selected>never`, `name="changed"`, `name="failing"`)
	wish := append(usual, "silent", "48h0m0s", "failing", "on")
	w.as("alice").post(path, wish...).shows(t, http.StatusUnprocessableEntity, "no e-\u2060mail address", `<option value="48h0m0s" selected>2 days`)
	address := "alice@example.org"
	ok(w.admin.SetAccount(t.Context(), "alice", admin.AccountChange{Email: &address}))(t)
	w.as("alice").post(path, wish...).leads(t, path)
	w.as("alice").get(path).shows(t, http.StatusOK, `<option value="48h0m0s" selected>2 days`, `name="failing" checked`).lacks(t, `name="changed" checked`)
	for _, silent := range []string{"soon", "1s"} {
		w.as("alice").post(path, append(usual, "silent", silent)...).shows(t, http.StatusUnprocessableEntity)
	}
	w.as("bob").post(path, append(usual, "silent", "0s")...).shows(t, http.StatusNotFound)
	w.as("alice").post(path, append(usual, "silent", "0s")...).leads(t, path)
	w.as("alice").get(path).shows(t, http.StatusOK, `<option value="0s" selected>never`).lacks(t, `name="failing" checked`)
}
