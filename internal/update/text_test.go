package update_test

import (
	"errors"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// TestText: devices have one text at a host. It comes beside those of the customer
// and the placeholder, and goes without them.
func TestText(t *testing.T) {
	t.Parallel()
	setText := func(value string) *update.Text { return &update.Text{Value: value} }
	clearText := func(value string) *update.Text { return &update.Text{Value: value, Clear: true} }
	const empty, spf = update.Placeholder, "v=spf1 mx -all"
	steps := []struct {
		name    string
		host    string
		v4      update.Family
		text    *update.Text
		outcome update.Outcome
		records string
	}{
		{"set", "home", update.Family{}, setText("one"), update.Good, "203.0.113.1 | one"},
		{"set again", "home", update.Family{}, setText("one"), update.NoChange, "203.0.113.1 | one"},
		{"another in its place", "home", update.Family{}, setText("two"), update.Good, "203.0.113.1 | two"},
		{"an address alone leaves it", "home", set("203.0.113.9"), nil, update.Good, "203.0.113.9 | two"},
		{"both at once", "home", set("203.0.113.8"), setText("three"), update.Good, "203.0.113.8 | three"},
		{"beside the placeholder", "home", update.Family{Action: update.Remove}, nil, update.Good, "three | " + empty},
		{"set beside the placeholder", "home", update.Family{}, setText("four"), update.Good, "four | " + empty},
		{"clear another", "home", update.Family{}, clearText("three"), update.NoChange, "four | " + empty},
		{"clear it, by its value", "home", update.Family{}, clearText("four"), update.Good, empty},
		{"set, and an address comes", "home", set("203.0.113.9"), setText("five"), update.Good, "203.0.113.9 | five"},
		{"clear whatever it is", "home", update.Family{}, clearText(""), update.Good, "203.0.113.9"},
		{"clear none", "home", update.Family{}, clearText(""), update.NoChange, "203.0.113.9"},
		{"beside the customer's", "nas", update.Family{}, setText("one"), update.Good, "203.0.113.2 | MX | one | " + spf + " | 2001:db8::2"},
		{"the customer's stays", "nas", update.Family{}, clearText(""), update.Good, "203.0.113.2 | MX | " + spf + " | 2001:db8::2"},
		{"the customer's cannot be cleared", "nas", update.Family{}, clearText(spf), update.NoChange, "203.0.113.2 | MX | " + spf + " | 2001:db8::2"},
	}
	w := newWorld(t, update.Options{})
	for _, step := range steps {
		before := len(w.store.all())
		host := step.host + ".dyn.example.org"
		got := w.update(update.Request{Hosts: []string{host}, V4: step.v4, Text: step.text})[0]
		if got.Outcome != step.outcome || w.records(host) != step.records {
			t.Errorf("%s: %v, records = %v, want %v, %v", step.name, got.Outcome, w.records(host), step.outcome, step.records)
		}
		want := 0
		if step.outcome == update.Good {
			want = 1
		}
		if got := len(w.store.all()) - before; got != want {
			t.Errorf("%s: commits = %d, want %d", step.name, got, want)
		}
	}
}

func TestWhatIsNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := len(w.store.all())
	for _, value := range []string{"", update.Placeholder, strings.Repeat("x", update.MaxText+1)} {
		_, err := w.service.Update(t.Context(), update.Request{
			Username: "alice", Secret: aliceSecret, Hosts: []string{"home.dyn.example.org"}, Text: &update.Text{Value: value},
		})
		if !errors.Is(err, update.ErrBadText) {
			t.Errorf("%d octets: %v", len(value), err)
		}
	}
	if got := len(w.store.all()) - before; got != 0 {
		t.Errorf("commits = %d, want none", got)
	}
}

// TestLongText: what is longer than one string of a TXT record stands in several
// (RFC 1035 §3.3.14).
func TestLongText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	home := name("home.dyn.example.org")
	for _, length := range []int{1, 255, 256, 510, update.MaxText} {
		value := strings.Repeat("abcde", length)[:length]
		w.update(update.Request{Hosts: []string{"home.dyn.example.org"}, Text: &update.Text{Value: value}})
		s := w.registry.State().Zones.Find(home).Node(home).Lookup(zone.TypeTXT).RRset(home)
		if len(s.Data) != 1 {
			t.Fatalf("%d octets: %d records", length, len(s.Data))
		}
		var got strings.Builder
		for rest := s.Data[0]; rest != ""; rest = rest[1+int(rest[0]):] {
			got.WriteString(string(rest[1 : 1+int(rest[0])]))
		}
		if got.String() != value {
			t.Errorf("%d octets: got %d", length, got.Len())
		}
	}
	w.update(update.Request{Hosts: []string{"home.dyn.example.org"}, Text: &update.Text{Clear: true}})
	if got := w.records("home.dyn.example.org"); got != "203.0.113.1" {
		t.Errorf("cleared: %v", got)
	}
}

// TestTextAtAnAlias waits for the alias to go: nothing stands beside one (RFC 1034
// §3.6.2).
func TestTextAtAnAlias(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	alias := account.Host{ID: 9, Name: name("alias.dyn.example.org"), Account: 1, TTL: 60, Alias: name("www.example.org")}
	w.apply(func(st *registry.State) (registry.Changes, error) {
		return update.SetAddresses(st, alias, nil, account.Source{Via: "admin", At: start}), nil
	})
	stands := func() (types []string) {
		for r := range w.registry.State().Zones.Find(alias.Name).Node(alias.Name).All() {
			types = append(types, r.Type().String())
		}
		return types
	}
	hosts := []string{"alias.dyn.example.org"}
	w.update(update.Request{Hosts: hosts, Text: &update.Text{Value: "one"}})
	if got := strings.Join(stands(), " "); got != "CNAME" {
		t.Errorf("types beside the alias = %v", got)
	}
	w.update(update.Request{Hosts: hosts, V4: set("203.0.113.9")})
	if got := w.records("alias.dyn.example.org"); got != "203.0.113.9 | one" {
		t.Errorf("without the alias: %v", got)
	}
}
