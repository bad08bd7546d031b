package zone_test

import (
	"strings"
	"testing"

	"stayput.dev/internal/zone"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	tests := []struct{ typ, text, want string }{
		{"NS", "NS1.Example.ORG.", "ns1.example.org."},
		{"CNAME", "Host", "host."},
		{"DNAME", "Host", "host."},
		{"PTR", "Host", "host."},
		{"SOA", "NS1 Host.Master 1 2 3 4 5", "ns1. host.master. 1 2 3 4 5"},
		{"MX", "10 MAIL", "10 mail."},
		{"SRV", "1 2 3 Host", "1 2 3 host."},
		{"NAPTR", `1 2 "U" "E2U+sip" "!^.*$!A!" Host`, `1 2 "U" "E2U+sip" "!^.*$!A!" host.`},
		{"AFSDB", "1 Host", "1 host."},
		{"KX", "1 Host", "1 host."},
		{"PX", "1 A.B C.D", "1 a.b. c.d."},
		{"RP", "Mail.Box Text", "mail.box. text."},
		{"MINFO", "A B", "a. b."},
		{"RRSIG", "A 13 2 60 20300101000000 20290101000000 1 Example.ORG. AAAA", "A 13 2 60 20300101000000 20290101000000 1 example.org. AAAA"},
		// Not what names are, and names of types that came later (RFC 3597 §7).
		{"TXT", `"Text"`, `"Text"`},
		{"CAA", `0 issue "CA.Example.NET"`, `0 issue "CA.Example.NET"`},
		{"HTTPS", "1 Host", "1 Host."},
		{"TYPE65280", `\# 3 414243`, `\# 3 414243`},
	}
	for _, tt := range tests {
		typ, err := zone.ParseType(tt.typ)
		if err != nil {
			t.Fatal(err)
		}
		data, err := zone.ParseData(typ, tt.text, zone.Root)
		if err != nil {
			t.Fatal(err)
		}
		if got := zone.FormatData(typ, data.Canonical(typ)); got != tt.want {
			t.Errorf("%s %s: got = %s, want %s", tt.typ, tt.text, got, tt.want)
		}
	}
}

// Data that is not what its type says is left as it is.
func TestCanonicalOfBrokenData(t *testing.T) {
	t.Parallel()
	for _, typ := range []zone.Type{zone.TypeNS, zone.TypeSOA, zone.TypeMX, zone.TypeSRV, zone.TypeRRSIG, 26, 35} {
		for _, data := range []zone.Rdata{"", "A", "\x01A", "\x01", "\x7fA", "\x00\x01\x01A", "\x01A\x00", "\x00\x01\x00\x02\x01A\x01A", "\x00\x01\x00\x02\xff"} {
			if got := data.Canonical(typ); got != data && !(typ == zone.TypeNS && data == "\x01A\x00") {
				t.Errorf("%s %x: got = %x", typ, data, got)
			}
		}
	}
}

// Records that differ in the case of a name are one record (RFC 4343 §3).
func TestCaseMakesNoSecondRecord(t *testing.T) {
	t.Parallel()
	const text = soa + "x 60 IN MX 10 mail\nx 60 IN MX 10 MAIL\nx 60 IN PTR Host\nx 60 IN PTR host\na 60 IN CNAME b\na 60 IN CNAME B\n"
	z, _, err := zone.ReadMaster(strings.NewReader(text), origin, zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node := z.Node(zone.MustName("x.dyn.example.org"))
	for _, typ := range []zone.Type{zone.TypeMX, zone.TypePTR} {
		if got := node.Lookup(typ).Len(); got != 1 {
			t.Errorf("%d %s records, want 1", got, typ)
		}
	}
}
