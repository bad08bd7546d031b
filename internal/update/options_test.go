package update_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// full returns all that stands at a name, each record as type and data.
func (w *world) full(host string) string {
	var out []string
	for r := range w.registry.State().Zones.Find(name(host)).Node(name(host)).All() {
		for d := range r.All() {
			out = append(out, r.Type().String()+" "+zone.FormatData(r.Type(), zone.Rdata(d)))
		}
	}
	return strings.Join(out, " | ")
}

// give changes the options of a host as staff do.
func (w *world) give(host string, change func(*account.Host)) {
	w.apply(func(st *registry.State) (registry.Changes, error) {
		h, _ := st.Accounts.Host(name(host))
		stood := addrsOf(st, h)
		change(&h)
		return update.SetAddresses(st, h, stood, account.Source{Via: "admin", At: start}), nil
	})
}

// addrsOf returns the addresses of a host that is online.
func addrsOf(st *registry.State, h account.Host) []netip.Addr {
	if h.IsOffline() {
		return nil
	}
	node := st.Zones.Find(h.Name).Node(h.Name)
	return append(node.Lookup(zone.TypeA).RRset(h.Name).Addresses(), node.Lookup(zone.TypeAAAA).RRset(h.Name).Addresses()...)
}

const (
	homeHost = "home.dyn.example.org"
	below    = "*.home.dyn.example.org"
	nothing  = `TXT "` + update.Placeholder + `"`
)

// step is a request of home's device, and what stands afterwards.
type step struct {
	request     update.Request
	outcome     string
	told        string
	home, below string
}

func (w *world) walk(t *testing.T, steps []step) {
	t.Helper()
	for i, s := range steps {
		s.request.Hosts = []string{homeHost}
		results := w.update(s.request)
		var told []string
		for _, a := range results[0].Addrs {
			told = append(told, a.String())
		}
		if got := outcomes(results); got != s.outcome || strings.Join(told, ",") != s.told {
			t.Errorf("step %d: %s %v, want %s %s", i, got, told, s.outcome, s.told)
		}
		if got := w.full(homeHost); got != s.home {
			t.Errorf("step %d: home = %s, want %s", i, got, s.home)
		}
		if got := w.full(below); got != s.below {
			t.Errorf("step %d: wildcard = %s, want %s", i, got, s.below)
		}
	}
}

func TestWildcardFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	on, off := update.HostOptions{Wildcard: update.On}, update.HostOptions{Wildcard: update.Off}
	remove := update.Family{Action: update.Remove}
	w.walk(t, []step{
		{update.Request{Options: on}, "good", "203.0.113.1", "A 203.0.113.1", "A 203.0.113.1"},
		{update.Request{Options: on}, "nochange", "203.0.113.1", "A 203.0.113.1", "A 203.0.113.1"},
		{update.Request{V4: set("203.0.113.9")}, "good", "203.0.113.9", "A 203.0.113.9", "A 203.0.113.9"},
		{update.Request{V6: set("2001:db8::9")}, "good", "2001:db8::9", "A 203.0.113.9 | AAAA 2001:db8::9", "A 203.0.113.9 | AAAA 2001:db8::9"},
		{update.Request{V4: remove}, "good", "2001:db8::9", "AAAA 2001:db8::9", "AAAA 2001:db8::9"},
		{update.Request{V6: remove}, "good", "", nothing, ""},
		{update.Request{V4: set("203.0.113.1"), Options: off}, "good", "203.0.113.1", "A 203.0.113.1", ""},
		{update.Request{V4: set("203.0.113.1"), Options: on}, "good", "203.0.113.1", "A 203.0.113.1", "A 203.0.113.1"},
		{update.Request{V4: set("192.168.1.2"), Options: off}, "good", "192.168.1.2", "A 203.0.113.1", ""},
	})
	for _, c := range w.store.all() {
		if len(c.Deltas) > 1 || len(c.Deltas) == 1 && c.Deltas[0].To != c.Deltas[0].From+1 {
			t.Errorf("revision %d changes the zone by %+v, want one serial", c.Revision, c.Deltas)
		}
	}
}

func TestWildcardLeavesWhatOthersPutThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	text := zone.RRset{Name: name(below), Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData("mine")}}
	w.apply(func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Records: []registry.ZoneRecords{{Zone: name("dyn.example.org"), Sets: []zone.RRset{text}}}}, nil
	})
	w.walk(t, []step{
		{update.Request{Options: update.HostOptions{Wildcard: update.On}}, "good", "203.0.113.1", "A 203.0.113.1", `A 203.0.113.1 | TXT "mine"`},
	})
	w.give(homeHost, func(h *account.Host) { h.Options.WhenOffline.Alias = name("page.example.org") })
	w.walk(t, []step{
		{update.Request{Offline: true}, "good", "", "CNAME page.example.org.", `TXT "mine"`},
		{update.Request{V4: set("203.0.113.1")}, "good", "203.0.113.1", "A 203.0.113.1", `A 203.0.113.1 | TXT "mine"`},
	})
}

func TestMailExchanger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	mx := func(s string) *string { return &s }
	const a = "A 203.0.113.1"
	w.walk(t, []step{
		{update.Request{Options: update.HostOptions{BackupMX: update.On}}, "nochange", "203.0.113.1", a, ""},
		{update.Request{Options: update.HostOptions{MX: mx("mail.example.org")}}, "good", "203.0.113.1", a + " | MX 5 mail.example.org.", ""},
		{
			update.Request{Options: update.HostOptions{MX: mx("mail.example.org"), BackupMX: update.On}},
			"good", "203.0.113.1",
			a + " | MX 5 " + homeHost + ". | MX 10 mail.example.org.", "",
		},
		{update.Request{Options: update.HostOptions{BackupMX: update.Off}}, "good", "203.0.113.1", a + " | MX 5 mail.example.org.", ""},
		{update.Request{Options: update.HostOptions{MX: mx("192.0.2.25")}}, "nochange", "203.0.113.1", a + " | MX 5 mail.example.org.", ""},
		{update.Request{Options: update.HostOptions{MX: mx("mail")}}, "nochange", "203.0.113.1", a + " | MX 5 mail.example.org.", ""},
		{update.Request{Offline: true}, "good", "", "MX 5 mail.example.org. | " + nothing, ""},
		{update.Request{V4: set("203.0.113.1"), Options: update.HostOptions{MX: mx("")}}, "good", "203.0.113.1", a, ""},
	})
}

func TestOffline(t *testing.T) {
	t.Parallel()
	for option, tt := range map[string]struct{ told, home, below string }{
		"nodata":                    {"", nothing, ""},
		"nxdomain":                  {"", "", ""},
		"192.0.2.80":                {"192.0.2.80", "A 192.0.2.80", "A 192.0.2.80"},
		"192.0.2.80,2001:db8::80":   {"192.0.2.80,2001:db8::80", "A 192.0.2.80 | AAAA 2001:db8::80", "A 192.0.2.80 | AAAA 2001:db8::80"},
		"203.0.113.1":               {"203.0.113.1", "A 203.0.113.1", "A 203.0.113.1"},
		"customers-off.example.org": {"", "CNAME customers-off.example.org.", "CNAME customers-off.example.org."},
	} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{})
			when, err := account.ParseWhenOffline(option)
			if err != nil {
				t.Fatal(err)
			}
			w.give(homeHost, func(h *account.Host) { h.Options.WhenOffline, h.Options.Wildcard = when, true })
			bad := update.Family{Action: update.Set, Addrs: []netip.Addr{{}}}
			keep, remove := update.Family{}, update.Family{Action: update.Remove}
			w.walk(t, []step{
				{update.Request{Offline: true, V4: bad}, "good", tt.told, tt.home, tt.below},
				{update.Request{Offline: true}, "nochange", tt.told, tt.home, tt.below},
				{update.Request{V4: keep, V6: remove}, "nochange", tt.told, tt.home, tt.below},
				{update.Request{V4: set("192.168.1.2")}, "ignored", "192.168.1.2", tt.home, tt.below},
				{update.Request{V4: set("203.0.113.1")}, "good", "203.0.113.1", "A 203.0.113.1", "A 203.0.113.1"},
			})
			if h := w.host(homeHost); h.IsOffline() || len(h.Sources) != 1 || h.Sources[0].Via != "test" {
				t.Errorf("host = %+v, want it online with one source", h)
			}
		})
	}
}

// What was not the host's own while it was offline does not stay beside what a
// device reports of the other family.
func TestOnlineWithOneFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.give(homeHost, func(h *account.Host) { h.Options.WhenOffline.Addrs = addrs("192.0.2.80", "2001:db8::80") })
	w.walk(t, []step{
		{update.Request{Offline: true}, "good", "192.0.2.80,2001:db8::80", "A 192.0.2.80 | AAAA 2001:db8::80", ""},
		{update.Request{V6: set("2001:db8::9")}, "good", "2001:db8::9", "AAAA 2001:db8::9", ""},
	})
}

func TestNoAliasBesideOtherRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	const nas = "nas.dyn.example.org" // with an MX and a TXT record
	w.give(nas, func(h *account.Host) { h.Options.WhenOffline.Alias = name("page.example.org") })
	if got := update.OtherTypes(w.registry.State(), w.host(nas)); !slices.Equal(got, []zone.Type{zone.TypeMX, zone.TypeTXT}) {
		t.Errorf("other types = %v", got)
	}
	w.update(update.Request{Hosts: []string{nas}, Offline: true})
	if got, want := w.full(nas), `MX 10 mail.example.org. | TXT "v=spf1 mx -all" | `+nothing; got != want {
		t.Errorf("records = %s, want %s", got, want)
	}
}

func TestDevicesMayNotAlwaysChoose(t *testing.T) {
	t.Parallel()
	on := update.Request{Options: update.HostOptions{Wildcard: update.On}}
	for _, tt := range []struct {
		house   bool // ignores what they choose
		devices account.DeviceOptions
		below   string
	}{
		{false, account.DeviceOptionsDefault, "A 203.0.113.1"},
		{false, account.DeviceOptionsIgnore, ""},
		{true, account.DeviceOptionsDefault, ""},
		{true, account.DeviceOptionsAccept, "A 203.0.113.1"},
	} {
		w := newWorld(t, update.Options{Rules: update.Rules{IgnoreOptions: tt.house}})
		w.give(homeHost, func(h *account.Host) { h.Options.Devices = tt.devices })
		outcome := "good"
		if tt.below == "" {
			outcome = "nochange"
		}
		w.walk(t, []step{{on, outcome, "203.0.113.1", "A 203.0.113.1", tt.below}})
	}
}

// At the apex they would choose for the whole zone.
func TestDevicesChooseNothingAtTheApex(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	const apex = "dyn.example.org"
	w.apply(func(st *registry.State) (registry.Changes, error) {
		h := account.Host{ID: 9, Name: name(apex), Account: 1, TTL: 60, Alias: name("page.example.org")}
		return update.SetAddresses(st, h, nil, account.Source{}), nil
	})
	if got := w.full(apex); !strings.Contains(got, update.Placeholder) || strings.Contains(got, "CNAME") {
		t.Errorf("records = %s, want no alias", got)
	}
	mail := "mail.example.org"
	results := w.update(update.Request{Hosts: []string{apex}, V4: set("203.0.113.8"), Options: update.HostOptions{Wildcard: update.On, MX: &mail}})
	if got := w.full(apex) + w.full("*."+apex); outcomes(results) != "good" || strings.Contains(got, "MX") || strings.Count(got, "203.0.113.8") != 1 {
		t.Errorf("%s: records = %s", outcomes(results), got)
	}
}

// Another change of the wildcard between check and write does not pass unseen.
func TestWildcardBetweenCheckAndWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	var groups sync.WaitGroup
	for n := range 40 {
		groups.Go(func() {
			w.update(update.Request{Hosts: []string{homeHost}, V4: set(fmt.Sprintf("203.0.113.%d", 10+n)), Options: update.HostOptions{Wildcard: update.Switch(1 + n%2)}})
		})
		groups.Go(func() {
			w.apply(func(*registry.State) (registry.Changes, error) {
				sets := []zone.RRset{{Name: name(below), Type: zone.TypeA, TTL: 60, Data: data("192.0.2.66")}}
				return registry.Changes{Records: []registry.ZoneRecords{{Zone: name("dyn.example.org"), Sets: sets}}}, nil
			})
		})
	}
	groups.Wait()
	w.update(update.Request{Hosts: []string{homeHost}, V4: set("203.0.113.1"), Options: update.HostOptions{Wildcard: update.On}})
	w.update(update.Request{Hosts: []string{homeHost}, V4: set("203.0.113.2")})
	if got := w.full(below); got != "A 203.0.113.2" {
		t.Errorf("wildcard = %s", got)
	}
}

// TestOptionsAgree: whatever devices and staff do, the wildcard has what the host
// has, an alias stands alone, and the name exists unless it is not to.
func TestOptionsAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	next := 100
	rapid.Check(t, func(t *rapid.T) {
		next++
		host := fmt.Sprintf("r%d.dyn.example.org", next)
		w.apply(func(st *registry.State) (registry.Changes, error) {
			h := account.Host{ID: uint32(next), Name: name(host), Account: 1, TTL: 60}
			return update.SetAddresses(st, h, nil, account.Source{At: start}), nil
		})
		suspended := false
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
			case what == 0:
				suspended = !suspended
				w.suspend(host, suspended)
			case suspended:
			case what < 4:
				change := drawChange(t)
				w.give(host, change)
			default:
				req := drawRequest(t)
				req.Hosts = []string{host}
				w.update(req)
			}
			if fault := w.disagreement(host, suspended); fault != "" {
				t.Fatalf("%s: %s\nhost %+v\nstands %s\nbelow  %s", host, fault, w.host(host), w.full(host), w.full("*."+host))
			}
		}
	})
}

func (w *world) suspend(host string, on bool) {
	w.apply(func(st *registry.State) (registry.Changes, error) {
		h, _ := st.Accounts.Host(name(host))
		if on {
			return update.Withdraw(st, h), nil
		}
		var kept []netip.Addr
		for _, s := range h.Sources {
			kept = append(kept, s.Addr)
		}
		c := update.SetAddresses(st, h, kept, account.Source{})
		c.Accounts = account.Changes{}
		return c, nil
	})
}

func drawChange(t *rapid.T) func(*account.Host) {
	choices := []string{"nodata", "nxdomain", "192.0.2.80", "192.0.2.80,2001:db8::80", "page.example.org"}
	when, _ := account.ParseWhenOffline(rapid.SampledFrom(choices).Draw(t, "when offline"))
	wildcard, alias, ttl := rapid.Bool().Draw(t, "wildcard"), rapid.Bool().Draw(t, "alias"), rapid.Uint32Range(60, 62).Draw(t, "ttl")
	return func(h *account.Host) {
		h.Options.WhenOffline, h.Options.Wildcard, h.TTL, h.Alias = when, wildcard, ttl, ""
		if alias {
			h.Alias = name("router.example.net")
		}
	}
}

func drawRequest(t *rapid.T) update.Request {
	req := update.Request{
		Offline: rapid.IntRange(0, 4).Draw(t, "offline") == 0,
		Options: update.HostOptions{
			Wildcard: update.Switch(rapid.IntRange(0, 2).Draw(t, "wildcard")),
			BackupMX: update.Switch(rapid.IntRange(0, 2).Draw(t, "backup")),
		},
		V4: drawFamily(t, "203.0.113.7", "192.0.2.80", "192.168.1.2"),
		V6: drawFamily(t, "2001:db8::7", "2001:db8::80", "fd00::1"),
	}
	if rapid.Bool().Draw(t, "mx") {
		req.Options.MX = new(rapid.SampledFrom([]string{"", "mail.example.org", "junk"}).Draw(t, "exchanger"))
	}
	return req
}

func drawFamily(t *rapid.T, texts ...string) update.Family {
	switch rapid.IntRange(0, 3).Draw(t, "action") {
	case 0:
		return update.Family{}
	case 1:
		return update.Family{Action: update.Remove}
	}
	return set(rapid.SampledFrom(texts).Draw(t, "address"))
}

// disagreement says what is wrong with what stands at a host, or "".
func (w *world) disagreement(host string, suspended bool) string {
	h := w.host(host)
	z := w.registry.State().Zones.Find(h.Name)
	node, star := z.Node(h.Name), z.Node(name("*."+host))
	want := [...]zone.Records{node.Lookup(zone.TypeA), node.Lookup(zone.TypeAAAA), node.Lookup(zone.TypeCNAME)}
	for i, typ := range [...]zone.Type{zone.TypeA, zone.TypeAAAA, zone.TypeCNAME} {
		if !h.Options.Wildcard || suspended {
			want[i] = zone.Records{}
		}
		if !star.Lookup(typ).RRset(h.Name).Equal(want[i].RRset(h.Name)) {
			return "the wildcard has another " + typ.String()
		}
	}
	addrs, cname := addrsOfNode(node), node.Lookup(zone.TypeCNAME).Len()
	texts, mx := node.Lookup(zone.TypeTXT).Len(), node.Lookup(zone.TypeMX).Len()
	hidden := h.IsOffline() && h.Options.WhenOffline.NXDOMAIN && !suspended
	switch {
	case cname > 0 && len(addrs)+texts+mx > 0:
		return "something stands beside an alias"
	case suspended && (len(addrs)+cname+mx > 0 || texts != 1):
		return "a suspended host has more than the placeholder"
	case hidden != node.IsEmpty():
		return "the name exists, or does not"
	case h.IsOffline() && !suspended && !slices.Equal(addrs, h.Options.WhenOffline.Addrs):
		return "other addresses than those for a host that is offline"
	case h.Alias != "" && !h.IsOffline() && !suspended && cname == 0:
		return "no alias where there should be one"
	case len(addrs)+cname > 0 && texts > 0 || len(addrs)+cname == 0 && !hidden && texts != 1:
		return "the placeholder stands beside an address, or is missing"
	case !suspended && !hidden && cname == 0 && (mx > 0) != (h.Options.MX != ""):
		return "a mail exchanger too many or too few"
	case h.IsOffline() && len(h.Sources) > 0, !h.IsOffline() && !suspended && len(h.Sources) != len(addrs):
		return "sources do not fit"
	}
	return ""
}

func addrsOfNode(node zone.Node) []netip.Addr {
	return append(node.Lookup(zone.TypeA).RRset("").Addresses(), node.Lookup(zone.TypeAAAA).RRset("").Addresses()...)
}
