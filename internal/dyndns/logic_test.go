package dyndns_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// TestLogic holds the tables in testdata/logic against what happens, each row from
// the state that it says, in a real registry.
func TestLogic(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/logic/*.table")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".table"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, dyndns.Options{})
			for i, line := range strings.Split(string(text), "\n") {
				if line != "" && line[0] != '#' {
					w.checkRow(t, fmt.Sprintf("%s:%d", file, i+1), line)
				}
			}
		})
	}
}

// standings is what is known of hosts, by their first labels.
type standings map[string]account.Host

// standingHosts are the hosts that a row may speak of, the last of them bob's.
var standingHosts = []string{"home", "nas", "cam", "printer"}

// checkRow checks a row of QUERY | FROM | STANDS | BECOMES | REPLY | COMMITS.
func (w *world) checkRow(t *testing.T, at, line string) {
	t.Helper()
	cells := strings.Split(line, " | ")
	if len(cells) != 6 {
		t.Fatalf("%s: %d cells", at, len(cells))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	before := w.stand(t, parseStandings(t, at, nil, cells[2]))
	commits := len(w.store.Commits())

	query := cells[0]
	if !strings.Contains(query, "hostname=") {
		query = "hostname=home.dyn.example.org&" + query
	}
	r := httptest.NewRequest(http.MethodGet, "/nic/update", http.NoBody)
	r.URL.RawQuery = query
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(cells[1]), 49152).String()
	r.SetBasicAuth("alice", "alices-update-secret")
	reply := httptest.NewRecorder()
	w.handler.Paths()["/nic/update"].ServeHTTP(reply, r)

	if got := strings.ReplaceAll(strings.TrimSuffix(reply.Body.String(), "\n"), "\n", " / "); got != cells[4] {
		t.Errorf("%s: reply = %s, want %s", at, got, cells[4])
	}
	if got := strconv.Itoa(len(w.store.Commits()) - commits); got != cells[5] {
		t.Errorf("%s: commits = %s, want %s", at, got, cells[5])
	}
	want := parseStandings(t, at, before, cells[3])
	for host, is := range w.standings() {
		if got, want := wordsOf(is), wordsOf(want[host]); got != want {
			t.Errorf("%s: %s = %s, want %s", at, host, got, want)
		}
	}
}

// parseStandings reads "A A last=P; nas A iid=I follows=home", where the first host
// is home if none is named, and hosts that are not mentioned are as before. Of one
// that is, addresses are as before when none are mentioned.
func parseStandings(t *testing.T, at string, before standings, text string) standings {
	t.Helper()
	s := standings{}
	for _, name := range standingHosts {
		s[name] = before[name]
	}
	for part := range strings.SplitSeq(text, ";") {
		words := strings.Fields(part)
		name := "home"
		if len(words) > 0 && slices.Contains(standingHosts, words[0]) {
			name, words = words[0], words[1:]
		}
		h := s[name]
		if slices.ContainsFunc(words, func(w string) bool { return w == "-" || !strings.ContainsAny(w, "=") }) {
			h.Sources = nil
		}
		for _, word := range words {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "-", "":
			case "iid":
				h.InterfaceID = netip.MustParseAddr(value)
			case "follows":
				h.Follows = zone.MustName(value + ".dyn.example.org")
			case "last":
				h.Prefix = netip.MustParsePrefix(value)
			default:
				a, err := netip.ParseAddr(word)
				if err != nil {
					t.Fatalf("%s: what is %q?", at, word)
				}
				h.Sources = append(h.Sources, account.Source{Addr: a})
			}
		}
		s[name] = h
	}
	return s
}

// stand makes the hosts stand as s says, and returns s.
func (w *world) stand(t *testing.T, s standings) standings {
	t.Helper()
	for i, name := range standingHosts {
		w.apply(t, func(st *registry.State) (registry.Changes, error) {
			h := s[name]
			h.ID, h.Account, h.TTL, h.Name = uint32(10+i), 1, 60, zone.MustName(name+".dyn.example.org")
			if name == "printer" {
				h.Account = 2
			}
			var stands []netip.Addr
			for _, source := range h.Sources {
				stands = append(stands, source.Addr)
			}
			h.Sources = nil
			return update.SetAddresses(st, h, stands, account.Source{Via: "admin", At: time.Now()}), nil
		})
	}
	return s
}

// standings returns how the hosts stand, their addresses as the DNS says.
func (w *world) standings() standings {
	st, s := w.registry.State(), standings{}
	for _, name := range standingHosts {
		full := zone.MustName(name + ".dyn.example.org")
		h, _ := st.Accounts.Host(full)
		h.Sources = nil
		for _, typ := range []zone.Type{zone.TypeA, zone.TypeAAAA} {
			for d := range st.Zones.Find(full).Node(full).Lookup(typ).All() {
				h.Sources = append(h.Sources, account.Source{Addr: zone.Rdata(d).Addr()})
			}
		}
		s[name] = h
	}
	return s
}

// wordsOf writes what a row says of a host.
func wordsOf(h account.Host) string {
	var words []string
	for _, source := range h.Sources {
		words = append(words, source.Addr.String())
	}
	return fmt.Sprint(words, " iid=", h.InterfaceID, " follows=", h.Follows, " last=", h.Prefix)
}
