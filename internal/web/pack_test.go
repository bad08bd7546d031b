package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestCompression: pages that people look at often come compressed, where they hold no
// secret and nothing that somebody else may have chosen.
func TestCompression(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	ask := func(as, path, accepts string) page {
		r := ok(http.NewRequest(http.MethodGet, w.url+path, nil))(t)
		r.Header.Set("Accept-Encoding", accepts)
		return w.as(as).do(r)
	}
	for _, path := range []string{"/", "/hosts/home.dyn.example.org", "/keys"} {
		plain := ask("alice", path, "identity").shows(t, http.StatusOK, "</html>")
		packed := ask("alice", path, "br, gzip")
		if packed.header.Get("Content-Encoding") != "gzip" || len(packed.body) > len(plain.body)/2 {
			t.Errorf("%s: %d octets as %q, %d without compression", path, len(packed.body), packed.header.Get("Content-Encoding"), len(plain.body))
		}
		if !strings.Contains(strings.Join(plain.header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("%s: caches may give it to who does not understand gzip", path)
		}
		for _, accepts := range []string{"", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"} {
			if got := ask("alice", path, accepts).header.Get("Content-Encoding"); got != "" {
				t.Errorf("%s for %q comes as %s", path, accepts, got)
			}
		}
	}

	secrets := map[string]string{
		w.as("alice").post("/newkey", "for", "all").leads(t, "/keys/"):                                                      "alice",
		w.as("alice").post("/hosts/holiday.dyn.example.org/setup/routeros7").leads(t, "/hosts/holiday.dyn.example.org/set"): "alice",
		"/account/totp":                       "alice",
		"/?q=h":                               "alice", // a stranger's link may say what is looked for
		"/nowhere":                            "alice",
		"/staff/zones/dyn.example.org?q=home": "root",
		"/staff/search?q=alice":               "root",
	}
	for path, as := range secrets {
		if got := ask(as, path, "gzip").header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s comes as %s", path, got)
		}
	}
}
