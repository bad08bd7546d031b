package daemon_test

import (
	"net/http"
	"strings"
	"testing"

	"stayput.dev/internal/daemon"
)

// TestPages: what no device asks for is a page for whoever wants pages, and devices
// get what they got before there were any.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, settings, path, accept, want string
	}{
		{"a person", "", "/", "text/html", "200 <!doctype html>"}, // by way of /signin
		{"a person at a wrong path", "", "/nowhere", "text/html", "404 <!doctype html>"},
		{"a device at a wrong path", "", "/nowhere", "", "404 404 page not found"},
		{"a device without a path", "", "/", "*/*", "404 404 page not found"},
		{"a device", "", "/nic/update?hostname=home.dyn.example.org", "text/html", "401 badauth"},
		{"check-IP", "", "/myip", "text/html", "200 127.0.0.1"},
		{"a monitor", "", "/healthz", "text/html", "200 ok"},
		{"a host for updates alone", "update_hosts = [\"127.*\"]\n", "/some/where", "text/html", "401"},
		{"no pages", "[web]\nenabled = false\n", "/signin", "text/html", "404 404 page not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := start(t, load(t, t.TempDir(), c.settings), daemon.Options{})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.HTTP[0].String()+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.accept != "" {
				r.Header.Set("Accept", c.accept)
			}
			if got := body(t, r); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: got %.120q, want %q", c.path, got, c.want)
			}
		})
	}
}

// TestBrowsersAskForPictures also at a host for updates alone, with the password that they
// were given for the page before. That is no update.
func TestBrowsersAskForPictures(t *testing.T) {
	t.Parallel()
	d := start(t, load(t, t.TempDir(), "update_hosts = [\"127.*\"]\n"), daemon.Options{})
	d.town(t)
	for path, want := range map[string]string{
		"/some/where?myip=203.0.113.9,2001:db8::9": "200 good",
		"/favicon.ico":          "404",
		"/apple-touch-icon.PNG": "404",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.HTTP[0].String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("alice", secret)
		if got := body(t, r); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %.120q, want %q", path, got, want)
		}
	}
}
