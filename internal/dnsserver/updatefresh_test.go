package dnsserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// lateNode is a node that hears of what another one did only when it asks.
type lateNode struct {
	*rig.Late
	other *registry.Registry
}

// Apply implements update.Registry.
func (n lateNode) Apply(ctx context.Context, by registry.Actor, e registry.Edit) (registry.Revision, error) {
	return n.other.Apply(ctx, by, e)
}

// serveLate serves from a node that is late, with a function that makes changes at the
// other one.
func serveLate(t *testing.T) (u *updated, late *rig.Late, change func(registry.Changes)) {
	t.Helper()
	data := rig.OpenStore(t, t.TempDir(), store.Options{Logger: quiet})
	other, err := registry.Open(t.Context(), data, registry.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	run(t, other)
	change = func(c registry.Changes) {
		t.Helper()
		if _, err := other.Apply(t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) { return c, nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(registry.Changes{Replaced: []*zone.Zone{readZone(t, "example.org", street)}})
	late = rig.NewLate(t, other, data)
	service := update.New(lateNode{late, other}, update.Options{Logger: quiet})
	return &updated{served: serve(t, dnsserver.Options{Updates: service}, late.State), registry: other}, late, change
}

// TestUpdateWithWhatAnotherNodeMade: a key, its new secret and a zone that another node made
// a moment ago are good here as well.
func TestUpdateWithWhatAnotherNodeMade(t *testing.T) {
	t.Parallel()
	key := tsigKey(t, "made", "subdomain example.org", "subdomain example.net")
	old := key
	old.Secret = []byte("another secret of thirty-two oct")
	makes := func(k tsig.Key) registry.Changes {
		return registry.Changes{TSIG: tsig.Changes{Keys: []tsig.Key{k}}}
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, tt := range []struct {
			what         string
			before, then registry.Changes
			origin       string
		}{
			{"a key", registry.Changes{}, makes(key), "example.org"},
			{"a new secret", makes(old), makes(key), "example.org"},
			{"a zone", makes(key), registry.Changes{Replaced: []*zone.Zone{readZone(t, "example.net", street)}}, "example.net"},
		} {
			t.Run(tt.what+" over "+network, func(t *testing.T) {
				t.Parallel()
				u, late, change := serveLate(t)
				change(tt.before)
				if _, err := late.Fresh(t.Context(), late.State()); err != nil {
					t.Fatal(err)
				}
				m := updateCase{about: "made", origin: tt.origin, updates: []string{"new 60 IN A 192.0.2.9"}}
				if got := u.ask(t, network, "made", m.message(t)); got != "NOTAUTH" {
					t.Fatalf("before: %s, want NOTAUTH", got)
				}
				change(tt.then)
				if got := u.ask(t, network, "made", m.message(t)); got != "NOERROR" {
					t.Errorf("after: %s, want NOERROR", got)
				}
			})
		}
	}
}

// TestStrangersAskLittle: who signs with keys that nobody knows is answered without a
// question to the database, but for a few.
func TestStrangersAskLittle(t *testing.T) {
	t.Parallel()
	u, late, _ := serveLate(t)
	before, began := late.Asked(), time.Now()
	const tries = 200
	for range tries {
		if got := u.ask(t, "tcp", "stranger", (&updateCase{origin: "example.org"}).message(t)); got != "NOTAUTH" {
			t.Fatalf("with a key that nobody knows: %s", got)
		}
	}
	most := 11 + int(time.Since(began)/(500*time.Millisecond))
	if asked := late.Asked() - before; asked == 0 || asked > most || most > tries {
		t.Errorf("%d questions for %d UPDATEs of strangers, want 1 to %d", asked, tries, most)
	}
}

// ask sends an UPDATE that is signed by a key, and returns the response code of the reply,
// which need not be signed.
func (u *updated) ask(t *testing.T, network, key string, m *dns.Msg) string {
	t.Helper()
	m.SetTsig(key+".", dns.HmacSHA256, 300, time.Now().Unix())
	client := dns.Client{Net: network, TsigSecret: map[string]string{key + ".": tsigSecret}, Timeout: rig.Patience}
	reply, _, err := client.Exchange(m, map[string]string{"udp": u.udp, "tcp": u.tcp}[network])
	if reply == nil {
		t.Fatal(err)
	}
	return dns.RcodeToString[reply.Rcode]
}
