package tsig_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// full is a key with something in every field.
func full(t testing.TB) tsig.Key {
	k := key(t, "router", "hmac-sha256-128", "hmac-md5")
	k.Account, k.Host, k.Created = 7, zone.MustName("home.example.org"), time.UnixMilli(1_700_000_000_123).UTC()
	k.Grants = []tsig.Grant{
		grant(t, "subdomain home.example.org A AAAA", "example.org"),
		grant(t, "self", ""),
	}
	k.Transfers = []zone.Name{zone.MustName("example.org")}
	return k
}

func grant(t testing.TB, text, origin string) tsig.Grant {
	t.Helper()
	var at zone.Name
	if origin != "" {
		at = zone.MustName(origin)
	}
	g, err := tsig.ParseGrant(text, at)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A keyring comes back from storage, and changes from the journal, as they were.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	want := []tsig.Key{key(t, "dhcp.example.org", "hmac-sha512"), full(t)}
	want[0].Created = time.UnixMilli(1).UTC()
	c := tsig.Changes{Keys: want, Deleted: []zone.Name{zone.MustName("old")}}
	r := codec.NewReader(c.Append(nil))
	if back := tsig.ReadChanges(r); r.Err() != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("changes = %+v, %v, want %+v", back, r.Err(), c)
	}
	var l tsig.Loader
	for piece := range keyring(t, want...).Leaves() {
		if err := l.Add(piece); err != nil {
			t.Fatal(err)
		}
	}
	ring, err := l.Keyring()
	if err != nil {
		t.Fatal(err)
	}
	var got []tsig.Key
	for k := range ring.All() {
		got = append(got, k)
	}
	if !reflect.DeepEqual(got, want) || ring.Len() != 2 {
		t.Errorf("keys = %+v, want %+v", got, want)
	}
}

// Changes joined do what they do one after the other.
func TestJoin(t *testing.T) {
	t.Parallel()
	a, b, old := key(t, "a", "hmac-sha256"), key(t, "b", "hmac-sha256"), key(t, "old", "hmac-sha1")
	again := a
	again.Account = 3
	list := []tsig.Changes{
		{Keys: []tsig.Key{a, b}},
		{Deleted: []zone.Name{a.Name, old.Name}},
		{Keys: []tsig.Key{again}, Deleted: []zone.Name{b.Name}},
	}
	one, joined := keyring(t, old), tsig.Join(list)
	for i := range list {
		one = one.With(&list[i])
	}
	other := keyring(t, old).With(&joined)
	if got, ok := other.Get(a.Name); !ok || got.Account != 3 || other.Len() != 1 || one.Len() != 1 {
		t.Errorf("joined: %+v, %d keys; one after the other: %d keys", got, other.Len(), one.Len())
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	const all = "A,AAAA,TXT,MX,PTR,DHCID,DS,DNAME,CNAME"
	tests := []struct {
		grant, zone string
		yes, no     string // names, with types behind a slash
	}{
		{"name home.example.org", "", "home.example.org/" + all, "home.example.org/NS,SOA,RRSIG,NSEC,NSEC3 x.home.example.org/A example.org/A"},
		{"name home.example.org A AAAA", "", "home.example.org/A,AAAA", "home.example.org/TXT,NS"},
		{"name home.example.org,A,TXT", "", "home.example.org/A,TXT", "home.example.org/AAAA"},
		{"name home.example.org ANY", "", "home.example.org/A,NS,SOA,RRSIG", "home.example.org/NSEC,NSEC3"},
		{"name home.example.org NS", "", "home.example.org/NS", "home.example.org/A"},
		{"subdomain home.example.org TXT", "", "home.example.org/TXT _acme-challenge.home.example.org/TXT", "example.org/TXT xhome.example.org/TXT"},
		{"zonesub A", "example.org", "example.org/A a.b.example.org/A", "example.org/NS example.org/TXT"},
		{"wildcard *.example.org", "", "a.example.org/A a.b.example.org/A *.example.org/A", "example.org/A example.com/A"},
		{"self", "", "router/A router/TXT", "x.router/A example.org/A"},
		{"selfsub", "", "router/A x.router/A", "example.org/A"},
		{"selfwild", "", "x.router/A", "router/A"},
	}
	for _, tt := range tests {
		k := key(t, "router", "hmac-sha256")
		k.Grants = []tsig.Grant{grant(t, tt.grant, tt.zone)}
		if err := k.Check(); err != nil {
			t.Errorf("%s: %v", tt.grant, err)
		}
		for list, want := range map[string]bool{tt.yes: true, tt.no: false} {
			for _, item := range strings.Fields(list) {
				name, types, _ := strings.Cut(item, "/")
				for word := range strings.SplitSeq(types, ",") {
					typ, err := zone.ParseType(word)
					if err != nil {
						t.Fatal(err)
					}
					if got := k.Allows(zone.MustName("example.org"), zone.MustName(name), typ); got != want {
						t.Errorf("%q allows %s %s: %v, want %v", tt.grant, name, word, got, want)
					}
				}
			}
		}
		if back := grant(t, k.Grants[0].String(), tt.zone); !reflect.DeepEqual(back, k.Grants[0]) {
			t.Errorf("%q reads back as %q", tt.grant, back)
		}
	}
}

// A grant for one zone is none for others.
func TestGrantOfOneZone(t *testing.T) {
	t.Parallel()
	k := key(t, "router", "hmac-sha256")
	k.Grants = []tsig.Grant{grant(t, "subdomain sub.example.org", "sub.example.org")}
	name := zone.MustName("a.sub.example.org")
	if !k.Allows(zone.MustName("sub.example.org"), name, zone.TypeA) || k.Allows(zone.MustName("example.org"), name, zone.TypeA) {
		t.Error("the zone of the grant makes no difference")
	}
	if !k.AllowsSome(zone.MustName("sub.example.org")) || k.AllowsSome(zone.MustName("example.org")) {
		t.Error("AllowsSome heeds no zone")
	}
}

func TestBadGrants(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " , ", "everything", "name", "subdomain", "name a..b A", "self home.example.org", "zonesub", "wildcard example.org", "name home.example.org BOGUS", "name home.example.org AXFR"} {
		if g, err := tsig.ParseGrant(text, ""); !errors.Is(err, tsig.ErrBadGrant) {
			t.Errorf("%q: %+v, %v", text, g, err)
		}
	}
	if _, err := tsig.ParseGrant("name home.example.com", zone.MustName("example.org")); !errors.Is(err, tsig.ErrBadGrant) {
		t.Errorf("a name outside the zone: %v", err)
	}
}

func TestBadSchemes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "md5", "hmac-sha3", "hmac-sha256-", "hmac-sha256-72", "hmac-sha256-129", "hmac-sha256-264", "hmac-md5-72", "hmac-sha256-x"} {
		if s, err := tsig.ParseScheme(text); !errors.Is(err, tsig.ErrBadAlgorithm) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
	for _, text := range []string{"hmac-md5", "hmac-md5-80", "hmac-sha256", "hmac-sha256-128", "hmac-sha512-256"} {
		if s, err := tsig.ParseScheme(strings.ToUpper(text)); err != nil || s.String() != text {
			t.Errorf("%q reads as %v, %v", text, s, err)
		}
	}
}

// A secret that cannot be read is not shown to whoever reads the error.
func TestBadSecrets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "not base64!", strings.Repeat("AAAA", 200)} {
		if _, err := tsig.ParseSecret(text); !errors.Is(err, tsig.ErrBadKey) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if back, err := tsig.ParseSecret(tsig.FormatSecret(tsig.NewSecret())); err != nil || len(back) < tsig.StrongSecret {
		t.Errorf("a new secret: %d octets, %v", len(back), err)
	}
}

// FuzzReadChanges: what can be read can be made to a keyring, and is written the
// same again.
func FuzzReadChanges(f *testing.F) {
	c := tsig.Changes{Keys: []tsig.Key{full(f)}, Deleted: []zone.Name{zone.MustName("old")}}
	f.Add(c.Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := codec.NewReader(data)
		c := tsig.ReadChanges(r)
		if r.Err() != nil {
			return
		}
		for k := range (tsig.Keyring{}).With(&c).All() {
			if err := k.Check(); err != nil {
				t.Error(err)
			}
		}
		again := codec.NewReader(c.Append(nil))
		if back := tsig.ReadChanges(again); again.Err() != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%+v reads back as %+v, %v", c, back, again.Err())
		}
	})
}
