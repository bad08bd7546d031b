package zone_test

import (
	"os"
	"testing"

	"stayput.dev/internal/zone"
)

var origin = zone.MustName("dyn.example.org")

func readZone(t testing.TB, file string) *zone.Zone {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, _, err := zone.ReadMaster(f, origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Every case of RFC 1034 §4.3.2, against testdata/lookup.zone.
func TestLookup(t *testing.T) {
	t.Parallel()
	z := readZone(t, "testdata/lookup.zone")
	tests := []struct {
		why, name string
		typ       zone.Type
		outcome   zone.Outcome
		owner     string // relative; empty: the name itself
		data      string // of the first record
	}{
		{"an address", "home", zone.TypeA, zone.Found, "", "192.0.2.7"},
		{"the other family", "home", zone.TypeAAAA, zone.Found, "", "2001:db8::7"},
		{"the name has other types", "home", zone.TypeTXT, zone.NoData, "", ""},
		{"no such name", "nowhere", zone.TypeA, zone.NXDomain, "", ""},
		{"below a name that exists", "x.home", zone.TypeA, zone.NXDomain, "", ""},
		{"below a host, by its owner", "_acme-challenge.home", zone.TypeTXT, zone.Found, "", `"token"`},
		{"empty non-terminal", "attic.home", zone.TypeA, zone.NoData, "", ""},
		{"the apex", "", zone.TypeSOA, zone.Found, "", "ns1.dyn.example.org. hostmaster.dyn.example.org. 7 300 60 1209600 30"},
		{"the apex's own NS are no delegation", "", zone.TypeNS, zone.Found, "", "ns1.dyn.example.org."},
		{"ANY gets one set", "home", zone.TypeANY, zone.Found, "", "192.0.2.7"},
		{"an alias", "www", zone.TypeA, zone.Alias, "", "home.dyn.example.org."},
		{"an alias asked for itself", "www", zone.TypeCNAME, zone.Found, "", "home.dyn.example.org."},
		{"an alias to elsewhere", "out", zone.TypeA, zone.Alias, "", "home.example.net."},
		{"a wildcard", "some.wild", zone.TypeA, zone.Found, "", "192.0.2.9"},
		{"a wildcard, two labels down", "x.y.wild", zone.TypeA, zone.Found, "", "192.0.2.9"},
		{"a wildcard without that type", "some.wild", zone.TypeAAAA, zone.NoData, "", ""},
		{"a name that exists hides the wildcard", "there.wild", zone.TypeA, zone.NoData, "", ""},
		{"below a name that exists no wildcard of its parent", "x.there.wild", zone.TypeA, zone.NXDomain, "", ""},
		{"an empty non-terminal hides the wildcard", "b.wild", zone.TypeA, zone.NoData, "", ""},
		{"below an empty non-terminal too", "x.b.wild", zone.TypeA, zone.NXDomain, "", ""},
		{"the wildcard itself", "*.wild", zone.TypeA, zone.Found, "", "192.0.2.9"},
		{"a wildcard that is an empty non-terminal", "x.star", zone.TypeA, zone.NoData, "", ""},
		{"an asterisk inside is a label like any", "sub.*.star", zone.TypeA, zone.Found, "", "192.0.2.11"},
		{"below a DNAME", "x.old", zone.TypeA, zone.Redirect, "old", "new.dyn.example.org."},
		{"far below a DNAME", "x.y.old", zone.TypeA, zone.Redirect, "old", "new.dyn.example.org."},
		{"the DNAME's own name is not redirected", "old", zone.TypeA, zone.NoData, "", ""},
		{"the DNAME itself", "old", zone.TypeDNAME, zone.Found, "", "new.dyn.example.org."},
		{"a delegation", "host.sub", zone.TypeA, zone.Delegation, "sub", "ns.sub.dyn.example.org."},
		{"at the cut", "sub", zone.TypeA, zone.Delegation, "sub", "ns.sub.dyn.example.org."},
		{"NS at the cut", "sub", zone.TypeNS, zone.Delegation, "sub", "ns.sub.dyn.example.org."},
		{"DS at the cut is ours", "sub", zone.TypeDS, zone.Found, "", "12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"},
		{"glue is no answer", "ns.sub", zone.TypeA, zone.Delegation, "sub", "ns.sub.dyn.example.org."},
		{"an occluded delegation", "x.deep.sub", zone.TypeA, zone.Delegation, "sub", "ns.sub.dyn.example.org."},
		{"an unknown type", "odd", zone.Type(65280), zone.Found, "", `\# 3 616263`},
	}
	for _, tt := range tests {
		name := origin
		if tt.name != "" {
			name = zone.MustName(tt.name + ".dyn.example.org")
		}
		got := z.Lookup(name, tt.typ)
		if got.Outcome != tt.outcome {
			t.Errorf("%s: %s %s: outcome = %v, want %v", tt.why, name, tt.typ, got.Outcome, tt.outcome)
			continue
		}
		owner := name
		if tt.owner != "" {
			owner = zone.MustName(tt.owner + ".dyn.example.org")
		}
		data := ""
		for d := range got.Records.All() {
			if s := zone.FormatData(got.Records.Type(), zone.Rdata(d)); data == "" || s == tt.data {
				data = s
			}
		}
		if got.Owner != owner || data != tt.data {
			t.Errorf("%s: %s %s = %s %q, want %s %q", tt.why, name, tt.typ, got.Owner, data, owner, tt.data)
		}
	}
}

// A wildcard without records exists because of a name below it (RFC 4592 §2.2.2), also
// where the zone has no other wildcard, until that name goes.
func TestLookupBesideAnEmptyWildcard(t *testing.T) {
	t.Parallel()
	below := zone.RRset{Name: zone.MustName("sub.*.dyn.example.org"), Type: zone.TypeTXT, Data: []zone.Rdata{zone.TextData("x")}}
	d := zone.New(origin)
	for _, s := range []zone.RRset{zone.DefaultSOA(origin, origin, 1).RRset(origin), below} {
		if err := d.Put(s); err != nil {
			t.Fatal(err)
		}
	}
	name := zone.MustName("nowhere.dyn.example.org")
	if got := d.View().Lookup(name, zone.TypeA).Outcome; got != zone.NoData {
		t.Errorf("outcome = %v, want %v", got, zone.NoData)
	}
	below.Data = nil
	if err := d.Put(below); err != nil {
		t.Fatal(err)
	}
	if got := d.View().Lookup(name, zone.TypeA).Outcome; got != zone.NXDomain {
		t.Errorf("outcome = %v after it went, want %v", got, zone.NXDomain)
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	z := readZone(t, "testdata/lookup.zone")
	names := []zone.Name{zone.MustName("home.dyn.example.org"), zone.MustName("x.wild.dyn.example.org"), zone.MustName("a.sub.dyn.example.org")}
	got := testing.AllocsPerRun(100, func() {
		for _, n := range names {
			z.Lookup(n, zone.TypeA)
		}
	})
	if got != 0 {
		t.Errorf("Lookup allocates %v times, want 0", got)
	}
}
