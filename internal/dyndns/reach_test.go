package dyndns_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// TestNoDialectReachesBeyondItsKey: whatever a device asks for, at any path, a host
// that its update key does not cover stays as it was, and so does every other name
// that is not a covered host's own. HEAD changes nothing at all.
func TestNoDialectReachesBeyondItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyndns.Options{})
	paths := slices.Sorted(maps.Keys(w.handler.Paths()))
	paths = append(paths, "/")
	changed := map[string]int{} // how often a request changed something, by path
	rapid.Check(t, func(t *rapid.T) {
		key, login := drawKey(t)
		c := registry.Changes{Accounts: account.Changes{Hosts: drawOwners(t, w.registry.State()), Keys: []account.Key{key}}}
		_, err := w.registry.Apply(context.Background(), registry.Actor{}, func(*registry.State) (registry.Changes, error) { return c, nil })
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			before := w.registry.State()
			r := drawRequest(t, paths, login)
			if h := handlerOf(w.handler, r); h != nil {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			after := w.registry.State()
			if after.Revision != before.Revision {
				changed[r.Pattern]++
				if r.Method == http.MethodHead {
					t.Fatalf("HEAD %v changed something", r.URL)
				}
			}
			compareBeyond(t, before, after, key)
		}
	})
	if len(changed) < 10 {
		t.Errorf("requests changed something at these paths only: %v", changed)
	}
}

// hostsOfWorld are the hosts whose owners the test draws.
var hostsOfWorld = []string{"home", "nas", "empty", "printer"}

func drawOwners(t *rapid.T, st *registry.State) []account.Host {
	var hosts []account.Host
	for _, label := range hostsOfWorld {
		h, _ := st.Accounts.Host(zone.MustName(label + ".dyn.example.org"))
		h.Account = rapid.Uint32Range(1, 2).Draw(t, "owner of "+label)
		hosts = append(hosts, h)
	}
	return hosts
}

// login is what a device knows of its key.
type login struct{ user, secret string }

// drawKey draws a key of one of the two accounts, which may name hosts that are not
// its owner's.
func drawKey(t *rapid.T) (account.Key, login) {
	key := account.Key{ID: 99, Account: rapid.Uint32Range(1, 2).Draw(t, "account"), Username: rapid.SampledFrom([]string{"drawn", "home.dyn.example.org", "printer"}).Draw(t, "user name")}
	for _, label := range hostsOfWorld {
		if rapid.Bool().Draw(t, "named "+label) {
			key.Hosts = append(key.Hosts, zone.MustName(label+".dyn.example.org"))
		}
	}
	key.Token = rapid.Bool().Draw(t, "token")
	l := login{key.Username, "the-secret-of-" + key.Username + "-drawn"}
	key.Secret = keep(l.secret, key.Token)
	key.Secret.KeepLogin(l.user, l.secret)
	return key, l
}

var (
	anyName = rapid.SampledFrom([]string{
		"home.dyn.example.org", "nas.dyn.example.org", "empty.dyn.example.org", "printer.dyn.example.org", "PRINTER.dyn.example.org.",
		"home", "printer", "*", "@", "dyn.example.org", "*.dyn.example.org", "www.printer.dyn.example.org", "ns.dyn.example.org", "example.org",
		"drawn", "all.dnsomatic.com", "home.dyn.example.org,printer.dyn.example.org", "home.dyn.example.org&hostname=printer.dyn.example.org",
		"home,nas,empty,printer", "YES", "_acme-challenge.printer.dyn.example.org", "", "printer.dyn.example.org@home",
	})
	anyAddress = rapid.SampledFrom([]string{
		"203.0.113.200", "203.0.113.201", "2001:db8::200", "2001:db8::201", "203.0.113.202,2001:db8::202", "2001:db8:1::/64", "2001:db8:2::1/56",
		"preserve", "auto", "-", "", "0.0.0.0", "10.0.0.1", "garbage",
	})
	anyWord = rapid.SampledFrom([]string{
		"ON", "OFF", "YES", "NO", "1", "true", "edit", "update", "mail.example.org", "printer.dyn.example.org", "text", "", "0", "2", "getdyndns", "cameras",
	})

	nameKeys = []string{
		"hostname", "host", "domain", "domains", "zone", "host_id", "fqdn", "id", "h", "h[]", "g[]", "group", "location", "alias", "tld", "subdomain", "dn",
	}
	addressParameters = []string{
		"myip", "myipv4", "myipv6", "ip", "ip6", "ipv4", "ipv6", "address", "addr", "a", "aaaa", "dnsto", "ipv6prefix", "ip6lanprefix", "prefix",
		"myipv6:printer.dyn.example.org", "myipv4:printer.dyn.example.org", "myipv6:home.dyn.example.org", "myipv4:nas.dyn.example.org",
	}
	wordKeys = []string{"wildcard", "mx", "backmx", "offline", "clear", "txt", "action", "verbose", "cmd", "keepipv6", "reqc", "system"}
)

// drawRequest draws a request with the credentials of the login: those that dialects
// look for, at any place where one may look, names, addresses and other words.
func drawRequest(t *rapid.T, paths []string, l login) *http.Request {
	pattern := rapid.SampledFrom(paths).Draw(t, "path")
	var items []string
	if rapid.Bool().Draw(t, "bare secret") {
		items = append(items, l.secret)
	}
	draw := func(keys []string, values *rapid.Generator[string], most int) {
		for range rapid.IntRange(0, most).Draw(t, "how many") {
			items = append(items, rapid.SampledFrom(keys).Draw(t, "key")+"="+values.Draw(t, "value"))
		}
	}
	draw(nameKeys, anyName, 3)
	draw(addressParameters, anyAddress, 2)
	draw(wordKeys, anyWord, 2)
	if rapid.Bool().Draw(t, "in the query") {
		items = append(items, "username="+l.user, rapid.SampledFrom([]string{"password", "token", "pass"}).Draw(t, "secret key")+"="+l.secret)
	}
	query := strings.Join(items, "&")
	if rapid.IntRange(0, 9).Draw(t, "packed") == 0 {
		query = "requestL=" + base64.StdEncoding.EncodeToString([]byte(query))
	}
	r := request(rapid.SampledFrom([]string{http.MethodGet, http.MethodPost, http.MethodHead}).Draw(t, "method"), pattern+"?"+query, "")
	if rapid.Bool().Draw(t, "Basic") {
		r.SetBasicAuth(l.user, l.secret)
	}
	if strings.HasSuffix(pattern, "/") && pattern != "/" {
		r.URL.Path += rapid.SampledFrom([]string{
			l.secret, anyName.Draw(t, "name") + "/" + l.secret, anyName.Draw(t, "name") + "/" + l.secret + "/" + anyAddress.Draw(t, "address"), "",
		}).Draw(t, "tail")
	}
	r.Pattern = pattern
	return r
}

// compareBeyond compares all that the key does not cover in two states.
func compareBeyond(t *rapid.T, before, after *registry.State, key account.Key) {
	for h := range before.Accounts.Hosts("") {
		now, ok := after.Accounts.Host(h.Name)
		if !key.Covers(h) && (!ok || !now.Equal(&h)) {
			t.Fatalf("%v of account %d changed by key of account %d for %v", h.Name, h.Account, key.Account, key.Hosts)
		}
	}
	if before.Accounts.CountHosts() != after.Accounts.CountHosts() {
		t.Fatal("a host came or went")
	}
	for _, pair := range [][2]*registry.State{{before, after}, {after, before}} {
		z := pair[0].Zones.Find(zone.MustName("dyn.example.org"))
		for name, node := range z.Nodes() {
			owner, owned := pair[0].Accounts.Owner(name)
			other := pair[1].Zones.Find(name).Node(name)
			if owned && key.Covers(owner) || sameButSOA(node, other) {
				continue
			}
			t.Fatalf("%v changed by key of account %d for %v", name, key.Account, key.Hosts)
		}
	}
}

// sameButSOA compares nodes, where the serial may differ.
func sameButSOA(a, b zone.Node) bool {
	sets := func(n zone.Node) string {
		var s strings.Builder
		for r := range n.All() {
			if r.Type() != zone.TypeSOA {
				fmt.Fprintf(&s, "%v %v;", r.Type(), r.RRset("x").Data)
			}
		}
		return s.String()
	}
	return a.Equal(b) || sets(a) == sets(b)
}
