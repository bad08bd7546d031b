package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/api"
	"stayput.dev/test/rig"
)

func TestZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	n := newZone("dyn.example.org")
	n.RName, n.TTL = "Hosts@example.org", 120
	z := ok(w.AddZone(ctx, n))(t)
	if z.Name != "dyn.example.org" || z.RName != "hosts.example.org" || z.TTL != 120 || z.HostTTL != 120 || z.Hosts != 0 {
		t.Errorf("zone = %+v", z)
	}
	if len(z.NameServers) != 1 || z.NameServers[0].Addresses[0].String() != "192.0.2.53" {
		t.Errorf("name servers = %+v", z.NameServers)
	}
	z = ok(w.SetZone(ctx, "DYN.example.org.", api.ZoneChange{TTL: ptr(uint32(30)), MName: ptr("ns9.example.org")}))(t)
	if z.TTL != 30 || z.MName != "ns9.example.org" || z.RName != "hosts.example.org" {
		t.Errorf("zone = %+v", z)
	}
	if list := ok(w.Zones(ctx))(t); len(list) != 1 || list[0].Name != "dyn.example.org" || list[0].Hosts != 0 {
		t.Errorf("zones = %+v", list)
	}
	if shown := ok(w.Zone(ctx, "dyn.example.org"))(t); shown.Serial != z.Serial {
		t.Errorf("serial = %d, want %d", shown.Serial, z.Serial)
	}
	done(t, w.DeleteZone(ctx, "dyn.example.org", false))
	_, err := w.Zone(ctx, "dyn.example.org")
	refused(t, err, 404, "no zone dyn.example.org", "")
}

func TestSecondariesOfAZone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ok(w.AddTSIGKey(ctx, api.NewTSIGKey{Name: "ns3.example.org"}))(t)
	change := api.ZoneChange{NotifyGap: ptr("1500ms"), AddSecondaries: []api.Secondary{
		{Address: "2001:db8::54", Key: "NS3.example.org."}, {Address: "192.0.2.53:5353"},
	}}
	want := []api.Secondary{{Address: "192.0.2.53:5353"}, {Address: "[2001:db8::54]:53", Key: "ns3.example.org"}}
	z := ok(w.SetZone(ctx, "dyn.example.org", change))(t)
	if !slices.Equal(z.Secondaries, want) || z.NotifyGap != "1.5s" {
		t.Errorf("zone = %+v, want secondaries %+v", z, want)
	}
	if list := ok(w.Zones(ctx))(t); len(list) != 1 || !slices.Equal(list[0].Secondaries, want) {
		t.Errorf("zones = %+v, want secondaries %+v", list, want)
	}
	z = ok(w.SetZone(ctx, "dyn.example.org", api.ZoneChange{NotifyGap: ptr("default"), DropSecondaries: []string{"192.0.2.53:5353", "2001:db8::54"}}))(t)
	if len(z.Secondaries) != 0 || z.NotifyGap != "" {
		t.Errorf("zone = %+v, want no secondaries", z)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	a := ok(w.AddAccount(ctx, api.NewAccount{Name: "bob+1@example.org", Email: "bob@example.org", Role: "support", Password: "correct horse"}))(t)
	if a.Role != "support" || !a.HasPassword || a.Suspended || a.Created.IsZero() {
		t.Errorf("account = %+v", a)
	}
	a = ok(w.SetAccount(ctx, a.Name, api.AccountChange{Role: ptr("customer"), Suspended: ptr(true), Email: ptr("")}))(t)
	if a.Role != "customer" || !a.Suspended || a.Email != "" || !a.HasPassword {
		t.Errorf("account = %+v", a)
	}
	var names []string
	for a, err := range w.AllAccounts(ctx) {
		done(t, err)
		names = append(names, a.Name)
	}
	if want := []string{"alice", "bob+1@example.org"}; !slices.Equal(names, want) {
		t.Errorf("accounts = %v, want %v", names, want)
	}
	page := ok(w.Accounts(ctx, api.Page{Limit: 1}))(t)
	if len(page.Accounts) != 1 || page.Next != "bob+1@example.org" {
		t.Errorf("page = %+v", page)
	}
	done(t, w.DeleteAccount(ctx, a.Name, false))
	_, err := w.Account(ctx, a.Name)
	refused(t, err, 404, "no account bob+1@example.org", "")
}

func TestHosts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	h := ok(w.AddHost(ctx, api.NewHost{Name: "home.dyn.example.org", Account: "alice", Addresses: []string{"192.0.2.1", "2001:db8::1"}, TTL: 90}))(t)
	if h.Account != "alice" || h.Zone != "dyn.example.org" || h.TTL != 90 || len(h.Addresses) != 2 || len(h.Sources) != 2 || h.Sources[0].Via != "admin" {
		t.Errorf("host = %+v", h)
	}
	done(t, w.AddHosts(ctx, []api.NewHost{{Name: "a.dyn.example.org", Account: "alice"}, {Name: "b.dyn.example.org", Account: "alice"}}))
	h = ok(w.SetHost(ctx, "home.dyn.example.org", api.HostChange{
		Addresses: ptr([]string{}), InterfaceID: ptr("::1:2"), Follows: ptr("a.dyn.example.org"),
	}))(t)
	if len(h.Addresses) != 0 || h.InterfaceID != "::1:2" || h.Follows != "a.dyn.example.org" {
		t.Errorf("host = %+v", h)
	}
	h = ok(w.SetHost(ctx, "home.dyn.example.org", api.HostChange{InterfaceID: ptr(""), Follows: ptr("")}))(t)
	if h.InterfaceID != "" || h.Follows != "" {
		t.Errorf("host = %+v", h)
	}
	var names []string
	for h, err := range w.AllHosts(ctx, api.HostQuery{Account: "alice", Zone: "dyn.example.org"}) {
		done(t, err)
		names = append(names, h.Name)
	}
	if want := []string{"a.dyn.example.org", "b.dyn.example.org", "home.dyn.example.org"}; !slices.Equal(names, want) {
		t.Errorf("hosts = %v, want %v", names, want)
	}
	page := ok(w.Hosts(ctx, api.HostQuery{Prefix: "h"}, api.Page{Limit: 1}))(t)
	if len(page.Hosts) != 1 || page.Hosts[0].Name != "home.dyn.example.org" || page.Next != "" {
		t.Errorf("page = %+v", page)
	}
	done(t, w.DeleteHost(ctx, "home.dyn.example.org"))
	_, err := w.Host(ctx, "home.dyn.example.org")
	refused(t, err, 404, "no host home.dyn.example.org", "")
}

func TestHostOptions(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	const name = "home.dyn.example.org"
	ok(w.AddHost(ctx, api.NewHost{Name: name, Account: "alice", Addresses: []string{"192.0.2.1"}}))(t)
	h := ok(w.SetHost(ctx, name, api.HostChange{
		TakeOffline: true, HostOptions: api.HostOptions{
			Wildcard: ptr(true), MX: ptr("mail.example.org"), BackupMX: ptr(true), Offline: ptr("192.0.2.80"), ExpireAfter: ptr("30d"), DeviceOptions: ptr("ignore"),
		},
	}))(t)
	if !h.Wildcard || h.MX != "mail.example.org" || !h.BackupMX || h.Offline != "192.0.2.80" || h.ExpireAfter != "30d" || h.DeviceOptions != "ignore" ||
		h.WentOffline == nil || h.WentOffline.Via != "admin" || addressesOf(h) != "192.0.2.80" {
		t.Errorf("host = %+v", h)
	}
	h = ok(w.SetHost(ctx, name, api.HostChange{
		Alias: ptr("router.example.net"), HostOptions: api.HostOptions{
			Wildcard: ptr(false), MX: ptr(""), Offline: ptr("nodata"), ExpireAfter: ptr("default"), DeviceOptions: ptr("default"),
		},
	}))(t)
	if h.Alias != "router.example.net" || h.Wildcard || h.MX != "" || h.BackupMX || h.Offline != "" || h.ExpireAfter != "" || h.DeviceOptions != "" || h.WentOffline != nil {
		t.Errorf("host = %+v", h)
	}
	for _, bad := range []api.HostOptions{
		{MX: ptr("192.0.2.25")}, {Offline: ptr("gone")}, {Offline: ptr("")}, {ExpireAfter: ptr("soon")}, {DeviceOptions: ptr("perhaps")},
	} {
		_, err := w.SetHost(ctx, name, api.HostChange{HostOptions: bad})
		if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != 422 {
			t.Errorf("options %+v: %v, want 422", bad, err)
		}
	}
	ok(w.SetHost(ctx, name, api.HostChange{Alias: ptr("")}))(t)
	h = ok(w.AddHost(ctx, api.NewHost{Name: "x.dyn.example.org", Account: "alice", Alias: "router.example.net", HostOptions: api.HostOptions{Wildcard: ptr(true)}}))(t)
	if h.Alias != "router.example.net" || !h.Wildcard {
		t.Errorf("host = %+v", h)
	}
}

func addressesOf(h api.Host) string {
	var texts []string
	for _, a := range h.Addresses {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ",")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ok(w.AddHost(ctx, api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	k := ok(w.AddKey(ctx, api.NewKey{Account: "alice", Hosts: []string{"home.dyn.example.org"}, MD5: true}))(t)
	if len(k.Secret) != 32 || k.Account != "alice" || len(k.Hosts) != 1 || !k.MD5 {
		t.Errorf("key = %+v", k)
	}
	// User names that have a meaning in paths.
	for _, username := range []string{"..", ".", "a/b", "50%"} {
		k := ok(w.AddKey(ctx, api.NewKey{Account: "alice", Username: username, Secret: ptr(strings.Repeat("s", 20) + username)}))(t)
		if k.Username != username || k.Secret != strings.Repeat("s", 20)+username {
			t.Errorf("key = %+v, want %s", k, username)
		}
		if shown := ok(w.Key(ctx, username))(t); shown.Username != username {
			t.Errorf("key = %+v, want %s", shown, username)
		}
		done(t, w.RevokeKey(ctx, username))
	}
	var names []string
	for k, err := range w.AllKeys(ctx, "alice") {
		done(t, err)
		names = append(names, k.Username)
	}
	if want := []string{k.Username}; !slices.Equal(names, want) {
		t.Errorf("keys = %v, want %v", names, want)
	}
	_, err := w.AddKey(ctx, api.NewKey{Account: "alice", Secret: ptr("")})
	refused(t, err, 422, "body.secret: expected length >= 1", "")
}

// TestFaults holds the words of every kind of refusal.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ok(w.AddHost(ctx, api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	first := func(_ any, err error) error { return err }
	tests := []struct {
		err           error
		status        int
		message, hint string
	}{
		{first(w.AddZone(ctx, newZone("dyn.example.org"))), 409, "zone dyn.example.org exists already", ""},
		{first(w.AddZone(ctx, newZone("a..b"))), 422, `not a domain name: "a..b": it has an empty label`, ""},
		{first(w.AddZone(ctx, api.NewZone{Name: "b.example.org", NameServers: []api.NewNameServer{{Name: "ns1.b.example.org"}}})), 422, "name server ns1.b.example.org is inside the zone and has no address", "give its address: ns1.b.example.org=192.0.2.53"},
		{first(w.AddZone(ctx, api.NewZone{Name: "b.example.org", NameServers: []api.NewNameServer{{Name: "ns1", Addresses: []string{"192.0.2"}}}})), 422, `"192.0.2" is not an address`, ""},
		{first(w.AddZone(ctx, api.NewZone{Name: "b.example.org"})), 422, "zone b.example.org has no name server", "name at least one, such as ns1.b.example.org with its address"},
		{first(w.AddZone(ctx, api.NewZone{Name: "home.dyn.example.org", NameServers: []api.NewNameServer{{Name: "ns1.example.net"}}})), 409, "zone home.dyn.example.org would hide hosts of dyn.example.org: home.dyn.example.org", "delete these hosts first, or force to move them into the new zone"},
		{first(w.SetZone(ctx, "dyn.example.org", api.ZoneChange{RName: ptr("a@")})), 422, `"a@" is not a mail address`, ""},
		{first(w.SetZone(ctx, "dyn.example.org", api.ZoneChange{AddSecondaries: []api.Secondary{{Address: "ns2"}}})), 422, `"ns2" is not the address of a DNS server`, "write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353; names are not looked up"},
		{first(w.SetZone(ctx, "dyn.example.org", api.ZoneChange{NotifyGap: ptr("0s")})), 422, `"0s" is no time between notices`, "write 500ms, 5s or 1m; default for that of all zones"},
		{first(w.CheckZone(ctx, "example.net", "", false)), 404, "no zone example.net", ""},
		{first(w.CheckZone(ctx, "dyn.example.org", "ns1", false)), 422, `"ns1" is not the address of a DNS server`, "write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353; names are not looked up"},
		{w.DeleteZone(ctx, "dyn.example.org", false), 409, "zone dyn.example.org has hosts: home.dyn.example.org", "delete them first, or force to delete them along with it"},
		{w.ExportZone(ctx, "example.net", io.Discard), 404, "no zone example.net", ""},
		{first(w.AddAccount(ctx, api.NewAccount{Name: "Alice"})), 409, "account Alice exists already", ""},
		{first(w.AddAccount(ctx, api.NewAccount{Name: "carol", Role: "king"})), 422, `no such role "king": customer, support or admin`, ""},
		{w.DeleteAccount(ctx, "alice", false), 409, "account alice owns hosts: home.dyn.example.org", "delete them first, or force to delete them along with it"},
		{first(w.AddHost(ctx, api.NewHost{Name: "www.dyn.example.org", Account: "alice"})), 409, "the name www.dyn.example.org is reserved", "choose another name, or force"},
		{first(w.AddHost(ctx, api.NewHost{Name: "home.example.net", Account: "alice"})), 422, "home.example.net is in no zone of ours", "add its zone first"},
		{first(w.AddHost(ctx, api.NewHost{Name: "a.dyn.example.org", Account: "alice", Addresses: []string{"home"}})), 422, `"home" is not an address`, ""},
		{first(w.Hosts(ctx, api.HostQuery{Account: "carol"}, api.Page{})), 404, "no account carol", ""},
		{first(w.Hosts(ctx, api.HostQuery{Zone: ".."}, api.Page{})), 422, `not a domain name: "..": it has an empty label`, ""},
		{first(w.Hosts(ctx, api.HostQuery{}, api.Page{Limit: 10001})), 422, "query.limit: expected number <= 10000", ""},
		{first(w.SetHost(ctx, "home.dyn.example.org", api.HostChange{InterfaceID: ptr("1:2")})), 422, `"1:2" is not an address`, ""},
		{first(w.SetHost(ctx, "home.dyn.example.org", api.HostChange{NonGlobal: ptr("")})), 422, `no such choice "": one of default, ignore, accept`, ""},
		{first(w.SetHost(ctx, "home.dyn.example.org", api.HostChange{Follows: ptr("home.dyn.example.org")})), 409, "home.dyn.example.org would follow itself", ""},
		{first(w.AddKey(ctx, api.NewKey{Account: "alice", Username: "a:b"})), 422, `bad user name "a:b": only printable ASCII without blanks and colons`, ""},
		{first(w.AddKey(ctx, api.NewKey{Account: "alice", Unchanged: "ok"})), 422, `no such choice "ok": one of default, nochg, good`, ""},
		{first(w.SetKey(ctx, "nobody", api.KeyChange{Unchanged: ptr("good")})), 404, "no update key nobody", ""},
		{first(w.SetKey(ctx, "nobody", api.KeyChange{Unchanged: ptr("")})), 422, `no such choice "": one of default, nochg, good`, ""},
		{first(w.Key(ctx, "nobody")), 404, "no update key nobody", ""},
		{w.RevokeKey(ctx, "nobody"), 404, "no update key nobody", ""},
		{w.Backup(ctx, "backup"), 422, "the path of a backup is absolute", ""},
		{w.Seed(ctx, api.SeedPlan{Zone: "example.net", Hosts: 1, Accounts: 1}, io.Discard), 404, "no zone example.net", ""},
	}
	for _, tt := range tests {
		refused(t, tt.err, tt.status, tt.message, tt.hint)
	}
}

// TestBadRequests sends what the client would not.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	tests := []struct {
		method, path, mediaType, body string
		status                        int
		detail                        string
	}{
		{"POST", "/api/v1/hosts", "application/json", `{"name":"a.dyn.example.org"}`, 422, "body: expected required property account to be present"},
		{"POST", "/api/v1/hosts", "application/json", `{"name":"a.dyn.example.org","account":"alice","owner":"bob"}`, 422, "body.owner: unexpected property"},
		{"POST", "/api/v1/hosts", "application/json", `{`, 400, "body: unexpected end of JSON input"},
		{"POST", "/api/v1/hosts", "application/json", ``, 400, "request body is required"},
		{"POST", "/api/v1/zones:import", "text/dns", `@ SOA`, 415, "an import is a form of master files (multipart/form-data)"},
		{"PUT", "/api/v1/hosts", "", ``, 405, "nothing answers PUT /api/v1/hosts"},
		{"GET", "/api/v2/hosts", "", ``, 404, "nothing answers GET /api/v2/hosts"},
	}
	for _, tt := range tests {
		answer := w.ask(tt.method, tt.path, tt.mediaType, tt.body)
		var p api.Problem
		if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
			t.Errorf("%s %s %s: %v", tt.method, tt.path, tt.body, err)
		}
		answer.Body.Close()
		if answer.StatusCode != tt.status || p.Status != tt.status || p.Detail != tt.detail || p.Title == "" {
			t.Errorf("%s %s %s: %d %+v, want %d %s", tt.method, tt.path, tt.body, answer.StatusCode, p, tt.status, tt.detail)
		}
		if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %s %s: Content-Type = %s", tt.method, tt.path, tt.body, got)
		}
	}
}

// ask sends a request past the client.
func (w *world) ask(method, path, mediaType, body string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://stayput"+path, strings.NewReader(body))
	done(w.t, err)
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", w.socket)
		},
	}
	return ok(transport.RoundTrip(r))(w.t)
}

// TestBodies holds the bodies that scripts read through the command line.
func TestBodies(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	read := func(method, path, body string) map[string]any {
		t.Helper()
		answer := w.ask(method, path, "application/json", body)
		defer answer.Body.Close()
		out := map[string]any{}
		done(t, json.NewDecoder(answer.Body).Decode(&out))
		return out
	}
	key := read("POST", "/api/v1/keys", `{"account":"alice","username":"router","secret":"abc"}`)
	if key["username"] != "router" || key["secret"] != "abc" || key["$schema"] != nil {
		t.Errorf("added key = %v", key)
	}
	read("POST", "/api/v1/hosts", `{"name":"home.dyn.example.org","account":"alice","addresses":["192.0.2.1"]}`)
	host := read("GET", "/api/v1/hosts/home.dyn.example.org", "")
	if addresses, _ := host["addresses"].([]any); host["name"] != "home.dyn.example.org" || host["account"] != "alice" || len(addresses) != 1 || addresses[0] != "192.0.2.1" {
		t.Errorf("host = %v", host)
	}
	if _, there := host["last_seen"]; there {
		t.Errorf("host that was never seen = %v", host)
	}
	if key := read("GET", "/api/v1/keys/router", ""); key["secret"] != nil {
		t.Errorf("key shows its secret: %v", key)
	}
	if list := read("GET", "/api/v1/hosts?account=alice&start=x.example.net", ""); list["hosts"] == nil {
		t.Errorf("empty list = %v, want an empty array", list)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	s := ok(w.Status(t.Context()))(t)
	if s.Version != "1.2.3" || s.Zones != 1 || s.Accounts != 1 || s.Hosts != 0 || s.Revision != 2 || s.StoreError != "" || s.Uptime < 0 {
		t.Errorf("status = %+v", s)
	}
}

func TestBackup(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	w := newTown(t)
	file := filepath.Join(t.TempDir(), "backup")
	done(t, w.Backup(t.Context(), file))
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("backup = %v, %v", info, err)
	}
	// What stands there is not touched; where there is no folder, none is made.
	var fault *api.Error
	if err := w.Backup(t.Context(), file); !errors.As(err, &fault) || fault.Status != 409 {
		t.Errorf("backup over a file: %v, want a conflict", err)
	}
	if err := w.Backup(t.Context(), filepath.Join(filepath.Dir(file), "none", "backup")); !errors.As(err, &fault) || fault.Status != 422 {
		t.Errorf("backup into no folder: %v, want it refused", err)
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var out strings.Builder
	done(t, w.Seed(t.Context(), api.SeedPlan{Zone: "dyn.example.org", Hosts: 5, Accounts: 2}, &out))
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "kc0000001,") || !strings.HasSuffix(lines[1], ",h0000004.dyn.example.org,h0000005.dyn.example.org") {
		t.Errorf("seeded:\n%s", out.String())
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	client := api.NewClient(socket)
	_, err := client.ImportZones(t.Context(), []api.ZoneFile{{Zone: "example.org", Content: strings.NewReader(head)}})
	if fault, ok := errors.AsType[*api.Error](err); !ok || fault.Status != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("import: error = %v, want that the daemon cannot be reached", err)
	}
	_, err = client.Status(t.Context())
	refused(t, err, 0, "cannot reach the daemon at "+socket+": dial unix "+socket+": connect: no such file or directory",
		"is `stayput serve` running, with this data directory?")
}
