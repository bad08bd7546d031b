package zone_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/zone"
)

// header is what stands before the first name of a message.
var header = strings.Repeat("\x00", 12)

func TestNameFromMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		about, message string
		at             int
		want           string // "" for none
		next           int
	}{
		{"plain", "\x04Home\x07example\x00rest", 12, "home.example", 26},
		{"the root", "\x00", 12, ".", 13},
		{"ends in a pointer", "\x07example\x00\x04home\xc0\x0crest", 21, "home.example", 28},
		{"a pointer to a pointer", "\x03org\x00\x07example\xc0\x0c\xc0\x11", 27, "example.org", 29},
		{"a pointer to itself", "\xc0\x0c", 12, "", 0},
		{"a pointer forwards", "\xc0\x0e\x00", 12, "", 0},
		{"a pointer into the header", "\xc0\x00", 12, "", 0},
		{"a pointer that is cut", "\xc0", 12, "", 0},
		{"a label that is cut", "\x04hom", 12, "", 0},
		{"no end", "\x04home", 12, "", 0},
		{"another kind of label", "\x41home\x00", 12, "", 0},
		{"behind the message", "\x00", 13, "", 0},
		{"too long", strings.Repeat("\x3f"+strings.Repeat("x", 63), 4) + "\x00", 12, "", 0},
	} {
		name, next, err := zone.NameFromMessage([]byte(header+tt.message), tt.at)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: %s", tt.about, name)
			}
			continue
		}
		if err != nil || name.String() != tt.want || next != tt.next {
			t.Errorf("%s: %s, %d, %v, want %s, %d", tt.about, name, next, err, tt.want, tt.next)
		}
	}
}

// Data in a message where names are compressed comes to the data that was packed.
func TestDataFromMessage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"A 192.0.2.1", "NS ns1.example.org.", "CNAME example.org.", "SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 5", "MX 10 mail.example.org.",
		"PTR home.example.org.", "MINFO a.example.org. b.example.org.", "TXT \"a\" \"b\"", "SRV 1 2 3 home.example.org.",
		`NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:a@example.org!" home.example.org.`, "NULL",
	} {
		m := new(dns.Msg).SetQuestion("home.example.org.", dns.TypeA)
		m.Compress = true
		word, data, _ := strings.Cut(text, " ")
		typ, err := zone.ParseType(word)
		if err != nil {
			t.Fatal(err)
		}
		rr, err := dns.NewRR("home.example.org. 60 IN " + text)
		if text == "NULL" {
			rr, err = &dns.NULL{Hdr: dns.RR_Header{Name: "home.example.org.", Rrtype: dns.TypeNULL, Class: dns.ClassINET}}, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = []dns.RR{rr}
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		const start = 12 + 18 + 4 + 2 + 10 // header, question, a pointer to its name, and what is fixed
		got, err := zone.DataFromMessage(packet, start, len(packet), typ)
		var want zone.Rdata
		if data != "" {
			if want, err = zone.ParseData(typ, data, zone.Root); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}

// FuzzDataFromMessage: nothing is read behind the data, whatever the names in it point to.
func FuzzDataFromMessage(f *testing.F) {
	f.Add([]byte(header+"\x07example\x00\x00\x0a\x04mail\xc0\x0c"), 21, 30, uint16(zone.TypeMX))
	f.Add([]byte(header+"\x03org\x00\xc0\x0c\xc0\x0c"), 17, 21, uint16(zone.TypeSOA))
	f.Fuzz(func(t *testing.T, message []byte, at, end int, typ uint16) {
		if at < 12 || end < at || end > len(message) {
			return
		}
		got, err := zone.DataFromMessage(message, at, end, zone.Type(typ))
		if err != nil {
			return
		}
		cut := bytes.Clone(message[:end])
		if again, err := zone.DataFromMessage(cut, at, end, zone.Type(typ)); err != nil || again != got {
			t.Errorf("%q with what stands behind, %q without, %v", got, again, err)
		}
	})
}
