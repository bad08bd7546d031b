package zone_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"stayput.dev/internal/zone"
)

const soa = "@ 60 IN SOA ns1 hostmaster 1 300 60 1209600 60\n@ IN NS ns1.example.net.\n"

func TestMasterFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ why, text, want string }{
		{"nothing at all", "", "zone dyn.example.org: zone has no SOA record at its apex"},
		{"no SOA", "@ 60 IN NS ns1\n", "zone dyn.example.org: zone has no SOA record at its apex"},
		{"two SOA", soa + "@ 60 IN SOA ns2 hostmaster 2 300 60 1209600 60\n", "line 3: a second SOA record"},
		{"SOA below the apex", soa + "a 60 IN SOA ns2 hostmaster 2 300 60 1209600 60\n", "line 3: a second SOA record"},
		{"outside", soa + "\nwww.example.net. 60 IN A 192.0.2.1\n", "line 4: www.example.net: name is outside the zone dyn.example.org"},
		{"CNAME and other data", soa + "a 60 IN A 192.0.2.1\na 60 IN CNAME b\nb 60 IN A 192.0.2.2\n", "line 5: a.dyn.example.org: a CNAME beside other data"},
		{"CNAME and other data, apart", soa + "a 60 IN A 192.0.2.1\nb 60 IN A 192.0.2.2\na 60 IN CNAME b\n", "line 5: a.dyn.example.org: a CNAME beside other data"},
		{"two CNAME", soa + "a 60 IN CNAME b\na 60 IN CNAME c\n", "line 4: a.dyn.example.org: a second CNAME record"},
		{"two DNAME", soa + "a 60 IN DNAME b\na 60 IN DNAME c\n", "line 4: a.dyn.example.org: a second DNAME record"},
		{"data below a DNAME", soa + "a 60 IN DNAME b\nx.a 60 IN A 192.0.2.1\n", "x.a.dyn.example.org: data below the DNAME at a.dyn.example.org"},
		{"DNAME beside NS", soa + "a 60 IN DNAME b\na 60 IN NS ns1.example.net.\n", "a.dyn.example.org: a DNAME beside NS below the apex"},
		{"another class", soa + "a 60 CH TXT x\n", "line 3: class CH: only IN is served"},
		{"no address", soa + "a 60 IN A 192.0.2.256\n", "line 3: bad A A: \"192.0.2.256\""},
		{"$INCLUDE is off", soa + "$INCLUDE /etc/passwd\n", "line 3: $INCLUDE directive not allowed: \"/etc/passwd\""},
	}
	for _, tt := range tests {
		_, _, err := zone.ReadMaster(strings.NewReader(tt.text), origin, zone.MasterOptions{})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error = %v, want %s", tt.why, err, tt.want)
		}
	}
}

func TestMasterWarnings(t *testing.T) {
	t.Parallel()
	text := soa + `
@ 60 IN NS ns9
a 60 IN A 192.0.2.1
a 60 IN A 192.0.2.1
a 61 IN A 192.0.2.2
sub 60 IN NS ns.sub
host.sub 60 IN TXT hidden
`
	z, warnings, err := zone.ReadMaster(strings.NewReader(text), origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.String())
	}
	want := `line 7: a.dyn.example.org A: TTL 61 differs from 60 before, which is kept (RFC 2181 §5.2)
dyn.example.org NS ns9.dyn.example.org has no address in the zone
sub.dyn.example.org NS ns.sub.dyn.example.org has no address in the zone
host.sub.dyn.example.org TXT is hidden by the delegation of sub.dyn.example.org`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("warnings:\n%s\nwant:\n%s", s, want)
	}
	if n := z.Node(zone.MustName("a.dyn.example.org")).Lookup(zone.TypeA).Len(); n != 2 {
		t.Errorf("a has %d addresses, want 2: the duplicate is dropped", n)
	}
}

func TestMasterRoundTrip(t *testing.T) {
	t.Parallel()
	z := readZone(t, "testdata/lookup.zone")
	var out bytes.Buffer
	if err := z.WriteMaster(&out); err != nil {
		t.Fatal(err)
	}
	back, _, err := zone.ReadMaster(&out, origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := zone.Diff(z, back); len(d.Changes) > 0 {
		t.Errorf("what was written reads differently: %v", d.Changes)
	}
}

// The parser of the library loses the line after such a record.
func TestLineAfterIPSECKEY(t *testing.T) {
	t.Parallel()
	text := soa + "a 60 IN IPSECKEY 10 0 2 . AQID\nb 60 IN ipseckey ( 10 1 2\n 192.0.2.38 AQID )\nc 60 IN TXT \"IPSECKEY\n\"\nd 60 IN A 192.0.2.1\ne 60 IN A 192.0.2\n"
	_, _, err := zone.ReadMaster(strings.NewReader(text), origin, zone.MasterOptions{})
	if want := `line 9: bad A A: "192.0.2"`; err == nil || err.Error() != want {
		t.Fatalf("error = %v, want %s", err, want)
	}
	text = strings.TrimSuffix(text, "e 60 IN A 192.0.2\n")
	z, _, err := zone.ReadMaster(strings.NewReader(text), origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "10 0 2 . AQID", "b": "10 1 2 192.0.2.38 AQID", "c": `"IPSECKEY\010"`, "d": "192.0.2.1"} {
		for r := range z.Node(zone.MustName(name + ".dyn.example.org")).All() {
			for data := range r.All() {
				if got := zone.FormatData(r.Type(), zone.Rdata(data)); got != want {
					t.Errorf("%s: got = %s, want %s", name, got, want)
				}
			}
		}
	}
}

// The parser of the library gives such records an hour.
func TestGeneratedTTL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why, text string
		want      uint32
	}{
		{"$TTL", "$TTL 120\n$GENERATE 1-2 h$ A 192.0.2.$\n", 120},
		{"$TTL with units and a comment", "$ttl 1h30m ; for a while\n\n$generate 1-2 h$ IN A 192.0.2.$\n", 5400},
		{"the last $TTL counts", "$TTL 120\nx A 192.0.2.9\n$TTL 240\n$GENERATE 1-2 h$ A 192.0.2.$\n", 240},
		{"a TTL of its own", "$TTL 120\n$GENERATE 1-2 h$ 30 A 192.0.2.$\n", 30},
		{"a TTL behind the class", "$TTL 120\n$GENERATE 1-2 h$ IN 3600 A 192.0.2.$\n", 3600},
		{"no $TTL: as the record before", "x 90 A 192.0.2.9\n$GENERATE 1-2 h$ A 192.0.2.$\n", 90},
		{"two in a row", "$TTL 120\n$GENERATE 8-9 x$ 30 A 192.0.2.$\n$GENERATE 1-2 h$ A 192.0.2.$\n", 120},
		{"no end of line", "$TTL 120\n$GENERATE 1-2 h$ A 192.0.2.$", 120},
		{"the record behind it has its own", "$TTL 120\n$GENERATE 8-9 x$ A 192.0.2.$\nh2 77 A 192.0.2.1\n", 77},
	} {
		z, _, err := zone.ReadMaster(strings.NewReader(soa+tt.text), origin, zone.MasterOptions{})
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if got := z.Node(zone.MustName("h2.dyn.example.org")).Lookup(zone.TypeA).TTL(); got != tt.want {
			t.Errorf("%s: TTL = %d, want %d", tt.why, got, tt.want)
		}
	}
}

func FuzzReadMaster(f *testing.F) {
	f.Add(soa + "a 60 IN A 192.0.2.1\n")
	f.Add(soa + "$ORIGIN x.dyn.example.org.\n$TTL 1h\na TXT \"a b\" c\n  TYPE65280 \\# 2 abcd\n")
	f.Add(soa + "$GENERATE 1-3 h$ 60 A 192.0.2.$\n")
	f.Add(soa + "$TTL 1h\n$GENERATE 1-3 h$ A 192.0.2.$")
	f.Fuzz(func(t *testing.T, text string) {
		z, _, err := zone.ReadMaster(strings.NewReader(text), origin, zone.MasterOptions{})
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := z.WriteMaster(&out); err != nil {
			t.Fatal(err)
		}
		written := out.String()
		back, _, err := zone.ReadMaster(&out, origin, zone.MasterOptions{})
		if err != nil {
			t.Fatalf("what was written does not read: %v\n%s", err, written)
		}
		if d := zone.Diff(z, back); len(d.Changes) > 0 {
			t.Fatalf("what was written reads differently: %v", d.Changes)
		}
	})
}

// TestMasterInTurns: a file in which the records of two names come in turns is ten times the
// work when it is ten times as long.
func TestMasterInTurns(t *testing.T) {
	work := func(types int) float64 {
		var text strings.Builder
		text.WriteString("@ 60 SOA ns1 hostmaster 1 300 60 1209600 60\n")
		for i := range types {
			fmt.Fprintf(&text, "a 60 TYPE%d \\# 1 00\nb 60 TYPE%d \\# 1 00\n", 1000+i, 1000+i)
		}
		return testing.AllocsPerRun(1, func() {
			if _, _, err := zone.ReadMaster(strings.NewReader(text.String()), zone.MustName("example.org"), zone.MasterOptions{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if short, long := work(30), work(300); long > 20*short {
		t.Errorf("%.0f allocations for 30 types, %.0f for 300", short, long)
	}
}
