// Package internal_test checks the house as a whole: which room may use which
// other, where each dependency stays, and that everything says what it is for.
package internal_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "stayput.dev"

// rooms lists every package, and which of ours it may import. The rules apply to
// what is built: tests may import what they need, and so may the packages below
// bench and test, which no room imports.
var rooms = map[string][]string{
	"cmd/stayput": {"internal/cli"},

	// What the DNS and people's property are; no sockets, no disks.
	"internal/codec":   {},
	"internal/tree":    {},
	"internal/phrase":  {},
	"internal/zone":    {"internal/codec", "internal/phrase", "internal/tree"},
	"internal/account": {"internal/codec", "internal/phrase", "internal/tree", "internal/zone"},
	"internal/tsig":    {"internal/codec", "internal/tree", "internal/zone"},
	"internal/policy":  {"internal/codec", "internal/tree", "internal/zone"},
	"internal/dnssec":  {"internal/zone"},
	"internal/shelf":   {},
	"internal/limit":   {},

	// The live state, and where it is kept. Only daemon knows store.
	"internal/registry": {"internal/account", "internal/codec", "internal/policy", "internal/tree", "internal/tsig", "internal/zone"},
	"internal/store":    {"internal/account", "internal/archive", "internal/codec", "internal/registry", "internal/shelf", "internal/tree", "internal/tsig", "internal/zone"},

	// What the outside may ask for, and the listeners that hear it. Listeners
	// do not know each other: what one shows of another, daemon hands it.
	"internal/update":    {"internal/account", "internal/limit", "internal/registry", "internal/zone"},
	"internal/admin":     {"internal/account", "internal/phrase", "internal/policy", "internal/registry", "internal/tsig", "internal/update", "internal/zone"},
	"internal/front":     {},
	"internal/recipe":    {},
	"internal/history":   {"internal/account", "internal/codec", "internal/registry", "internal/update", "internal/zone"},
	"internal/dyndns":    {"internal/account", "internal/history", "internal/update", "internal/zone"},
	"internal/watch":     {"internal/account", "internal/history", "internal/update"},
	"internal/shadow":    {"internal/dyndns", "internal/history", "internal/update"},
	"internal/radius":    {"internal/account", "internal/update", "internal/zone"},
	"internal/dnsserver": {"internal/history", "internal/policy", "internal/registry", "internal/tsig", "internal/update", "internal/zone"},
	"internal/feed":      {"internal/account", "internal/registry", "internal/zone"},
	"internal/api":       {"internal/account", "internal/admin", "internal/archive", "internal/brand", "internal/feed", "internal/history", "internal/mail", "internal/policy", "internal/recipe", "internal/registry", "internal/shelf", "internal/tsig", "internal/update", "internal/zone"},
	"internal/web":       {"internal/account", "internal/admin", "internal/archive", "internal/brand", "internal/history", "internal/mail", "internal/notice", "internal/phrase", "internal/recipe", "internal/registry", "internal/shelf", "internal/signin", "internal/update", "internal/watch", "internal/zone"},

	// What follows the state.
	"internal/webhook": {"internal/account", "internal/feed", "internal/registry"},
	"internal/publish": {"internal/phrase", "internal/policy", "internal/registry", "internal/tsig", "internal/zone"},
	"internal/tlscert": {"internal/registry", "internal/zone"},
	"internal/checkup": {"internal/phrase", "internal/zone"},
	"internal/metrics": {},
	"internal/archive": {"internal/account", "internal/registry", "internal/zone"},

	// How people prove who they are, and what is written to them.
	"internal/mail":   {"internal/shelf"},
	"internal/brand":  {"internal/mail", "internal/registry", "internal/shelf"},
	"internal/notice": {"internal/account", "internal/history", "internal/mail", "internal/registry", "internal/shelf", "internal/zone"},
	"internal/signin": {"internal/account", "internal/admin", "internal/limit", "internal/mail", "internal/registry", "internal/shelf"},

	"internal/privacy": {"internal/admin", "internal/registry", "internal/shelf"},

	// What puts the house together.
	"internal/config":   {},
	"internal/importer": {"internal/api", "internal/zone"},
	"internal/weblog":   {},
	"internal/cli":      {"internal/admin", "internal/api", "internal/config", "internal/daemon", "internal/importer", "internal/recipe", "internal/weblog"},
	"internal/daemon": {
		"internal/account",
		"internal/admin",
		"internal/api",
		"internal/archive",
		"internal/brand",
		"internal/checkup",
		"internal/config",
		"internal/dnssec",
		"internal/dnsserver",
		"internal/dyndns",
		"internal/front",
		"internal/history",
		"internal/mail",
		"internal/metrics",
		"internal/privacy",
		"internal/notice",
		"internal/phrase",
		"internal/publish",
		"internal/radius",
		"internal/registry",
		"internal/shadow",
		"internal/signin",
		"internal/store",
		"internal/tlscert",
		"internal/tsig",
		"internal/update",
		"internal/watch",
		"internal/web",
		"internal/webhook",
		"internal/zone",
	},
}

// guests lists every dependency, and the rooms that invited it. Its types stay
// there. A new one needs a reason in doc/decisions.md.
var guests = map[string][]string{
	"database/sql":                        {"internal/importer", "internal/store"},
	"github.com/GehirnInc/crypt":          {"internal/account"},
	"github.com/chromedp":                 {}, // tests alone
	"github.com/coreos/go-systemd/v22":    {"internal/daemon"},
	"github.com/coreos/go-oidc/v3":        {"internal/signin"},
	"github.com/danielgtaylor/huma/v2":    {"internal/api"},
	"github.com/go-webauthn/webauthn":     {"internal/signin"},
	"github.com/jackc/pgx/v5":             {"internal/store"},
	"github.com/miekg/dns":                {"internal/checkup", "internal/dnssec", "internal/dnsserver", "internal/importer", "internal/publish", "internal/zone"},
	"github.com/nicksnyder/go-i18n/v2":    {"internal/web"},
	"github.com/pelletier/go-toml/v2":     {"internal/config", "internal/web"},
	"github.com/pressly/goose/v3":         {"internal/store"},
	"github.com/prometheus/client_golang": {"internal/daemon", "internal/dnsserver", "internal/metrics", "internal/update"},
	"github.com/spf13/cobra":              {"internal/cli"},
	"github.com/wneessen/go-mail":         {"internal/mail"},
	"go.yaml.in/yaml/v3":                  {"internal/importer"},
	"golang.org/x/crypto":                 {"internal/account"},
	"golang.org/x/oauth2":                 {"internal/signin"},
	"golang.org/x/sys":                    {"internal/dnsserver", "internal/store"},
	"golang.org/x/term":                   {"internal/cli"},
	"golang.org/x/text":                   {"internal/web"},
	"rsc.io/qr":                           {"internal/signin"},
	"modernc.org/sqlite":                  {"internal/importer", "internal/store"},
}

// TestDoors holds every import of the module against rooms and guests.
func TestDoors(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.outside() {
			continue
		}
		allowed, known := rooms[p.path()]
		if !known {
			t.Errorf("%s is not in the table of rooms: add a line to %s that says what it may import", p.path(), "internal/doors_test.go")
			continue
		}
		for _, imported := range p.Imports {
			if why := wrongDoor(p.path(), allowed, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.path(), imported, why)
			}
		}
	}
}

// wrongDoor says what is wrong with a room's import, or "".
func wrongDoor(room string, allowed []string, imported string) string {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		if slices.Contains(allowed, own) {
			return ""
		}
		return fmt.Sprintf("of ours it may only import %v", allowed)
	}
	for guest, hosts := range guests {
		if imported != guest && !strings.HasPrefix(imported, guest+"/") {
			continue
		}
		if slices.Contains(hosts, room) {
			return ""
		}
		return fmt.Sprintf("%s stays in %v", guest, hosts)
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return "this dependency is not in the table of guests"
	}
	return ""
}

// TestWrongDoors keeps the test of the doors able to fail.
func TestWrongDoors(t *testing.T) {
	t.Parallel()
	wrong := []struct{ room, imported string }{
		{"internal/zone", module + "/internal/registry"},
		{"internal/dyndns", module + "/internal/api"},
		{"internal/api", module + "/internal/store"},
		{"internal/api", "database/sql"},
		{"internal/dyndns", "github.com/miekg/dns"},
		{"internal/config", "github.com/pelletier/go-toml"},
		{"internal/store", "example.org/stranger"},
	}
	for _, w := range wrong {
		if wrongDoor(w.room, rooms[w.room], w.imported) == "" {
			t.Errorf("%s may import %s", w.room, w.imported)
		}
	}
	if why := wrongDoor("internal/store", rooms["internal/store"], "modernc.org/sqlite/lib"); why != "" {
		t.Errorf("internal/store may not import a package of its guest: %s", why)
	}
}

// TestListenersAreStrangers holds the table itself against the two rules that a
// later line could break without anybody noticing.
func TestListenersAreStrangers(t *testing.T) {
	t.Parallel()
	listeners := []string{"internal/api", "internal/dnsserver", "internal/dyndns", "internal/front", "internal/radius", "internal/web"}
	only := map[string]string{"internal/store": "internal/daemon", "internal/daemon": "internal/cli", "internal/cli": "cmd/stayput"}
	for room, allowed := range rooms {
		for _, other := range allowed {
			if slices.Contains(listeners, room) && slices.Contains(listeners, other) {
				t.Errorf("the table lets the listener %s import the listener %s", room, other)
			}
			if host := only[other]; host != "" && room != host {
				t.Errorf("the table lets %s import %s, which is for %s alone", room, other, host)
			}
		}
	}
}

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// path is the package's folder, as the tables name it.
func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// outside reports whether the package tests or measures the house from outside.
func (p pkg) outside() bool {
	return strings.HasPrefix(p.path(), "bench/") || strings.HasPrefix(p.path(), "test/")
}

var list = sync.OnceValues(func() ([]pkg, error) {
	command := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	command.Dir = ".."
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w: %s", err, complaint.String())
	}
	var all []pkg
	for in := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := in.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		// The folder of the rooms is no room.
		if p.ImportPath != module+"/internal" && len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
})

// packages returns the module's packages that hold more than tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("the module has no packages")
	}
	return all
}

// source returns the package's files as paths.
func (p pkg) source() []string {
	paths := make([]string, len(p.GoFiles))
	for i, name := range p.GoFiles {
		paths[i] = filepath.Join(p.Dir, name)
	}
	return paths
}
