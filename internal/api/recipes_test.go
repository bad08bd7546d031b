package api_test

import (
	"strings"
	"testing"

	"stayput.dev/internal/api"
)

func TestRecipes(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ok(w.AddHost(ctx, api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	ok(w.AddHost(ctx, api.NewHost{Name: "nas.dyn.example.org", Account: "alice"}))(t)
	const server = "https://update.example.org"

	book := ok(w.Recipes(ctx, "HOME.dyn.example.org.", server, "", ""))(t)
	if book.Account != "alice" || book.Username != "" || len(book.Recipes) < 20 || !strings.Contains(book.Recipes[2].Text, "USERNAME:SECRET") {
		t.Errorf("before there is a key: %+v", book)
	}
	ok(w.AddKey(ctx, api.NewKey{Account: "alice", Username: "a-nas", Hosts: []string{"nas.dyn.example.org"}}))(t)
	ok(w.AddKey(ctx, api.NewKey{Account: "alice", Username: "router"}))(t)
	for host, username := range map[string]string{"home.dyn.example.org": "router", "nas.dyn.example.org": "a-nas"} {
		book := ok(w.Recipes(ctx, host, server, "", "curl"))(t)
		want := "curl -u " + username + `:SECRET "https://update.example.org/nic/update?hostname=` + host + "\"\n"
		if book.Username != username || len(book.Recipes) != 1 || book.Recipes[0].Text != want {
			t.Errorf("%+v, want %s", book, want)
		}
	}
	if got := ok(w.Recipes(ctx, "home.dyn.example.org", server, "other", "curl"))(t); got.Username != "other" {
		t.Errorf("user name = %q, want other", got.Username)
	}

	_, err := w.Recipes(ctx, "mars.dyn.example.org", server, "", "")
	refused(t, err, 404, "no host mars.dyn.example.org", "")
	_, err = w.Recipes(ctx, "home.dyn.example.org", server, "", "toaster")
	refused(t, err, 422, `no recipe for "toaster"`, "")
	_, err = w.Recipes(ctx, "home.dyn.example.org", "update.example.org", "", "")
	refused(t, err, 422, `server: "update.example.org": not the URL of a web server, such as https://update.example.org`, "")
}
