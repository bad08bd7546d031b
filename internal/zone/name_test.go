package zone_test

import (
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/zone"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	tests := []struct{ in, want string }{
		{"home.example.org", "home.example.org"},
		{"Home.EXAMPLE.org.", "home.example.org"},
		{".", "."},
		{`a\.b.example.org`, `a\.b.example.org`},
		{`\065.example.org`, "a.example.org"},
		{`\000\001x.example.org`, `\000\001x.example.org`},
		{"*.example.org", "*.example.org"},
		{"_acme-challenge.home.example.org", "_acme-challenge.home.example.org"},
		{long + ".example.org", long + ".example.org"},
		{"", ""},
		{"..", ""},
		{".a", ""},
		{"a..b", ""},
		{long + "a.org", ""},
		{`a\`, ""},
		{`a\25`, ""},
		{`a\256`, ""},
		{strings.Repeat(long+".", 4), ""},
	}
	for _, tt := range tests {
		n, err := zone.ParseName(tt.in)
		if tt.want == "" {
			if err == nil {
				t.Errorf("ParseName(%q) = %s, want an error", tt.in, n)
			}
			continue
		}
		if err != nil || n.String() != tt.want {
			t.Errorf("ParseName(%q) = %s, %v, want %s", tt.in, n, err, tt.want)
		}
	}
}

func TestChild(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ label, want string }{
		{"Home", "home.example.org"},
		{"\xaa", `\170.example.org`},
		{"\u212a", `\226\132\170.example.org`},
		{"", ""},
		{strings.Repeat("a", 64), ""},
	} {
		n, err := zone.MustName("example.org").Child(tt.label)
		if tt.want == "" != (err != nil) || err == nil && n.String() != tt.want {
			t.Errorf("Child(%q) = %s, %v, want %s", tt.label, n, err, tt.want)
		}
	}
}

// The order of RFC 4034 §6.1, its own example.
func TestCanonicalOrder(t *testing.T) {
	t.Parallel()
	want := []zone.Name{}
	for _, s := range []string{"example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example", `\001.z.example`, "*.z.example", `\200.z.example`} {
		want = append(want, zone.MustName(s))
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, zone.Name.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("order = %v, want %v", got, want)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"home.example.org", `\000.\001.\002.org`, `a\.b`, "*", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := zone.ParseName(s)
		if err != nil {
			return
		}
		if !n.IsValid() {
			t.Fatalf("%q: %q is not valid", s, string(n))
		}
		if back, err := zone.ParseName(n.FQDN()); err != nil || back != n {
			t.Fatalf("%q: FQDN %q does not come back: %v", s, n.FQDN(), err)
		}
		if back, size, err := zone.NameFromWire([]byte(n)); err != nil || back != n || size != len(n) {
			t.Fatalf("%q: wire form does not come back: %v", s, err)
		}
		key := n.AppendKey(nil)
		if back, ok := zone.NameFromKey(key); !ok || back != n {
			t.Fatalf("%q: key %q comes back as %q", s, key, back)
		}
		if child, err := n.Child("x"); err == nil && !strings.HasPrefix(string(child.AppendKey(nil)), string(key)) {
			t.Fatalf("%q: key of a child does not start with it", s)
		}
	})
}

// FuzzIsValid: valid is what stands in canonical form on the wire, and nothing
// else.
func FuzzIsValid(f *testing.F) {
	label := "\x3f" + strings.Repeat("a", 63)
	for _, s := range []string{
		"", "\x00", "\x04home\x03org\x00", "\x04home", "\x04HOME\x00", "\x04home\x00\x00", "\x00\x00", "\x40", "\xc0\x0c",
		label + label + label + label[:62] + "\x00", label + label + label + "\x3d" + label[:61] + "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, size, err := zone.NameFromWire([]byte(s))
		want := err == nil && size == len(s) && string(n) == s
		if got := zone.Name(s).IsValid(); got != want {
			t.Errorf("%q: IsValid() = %v, want %v", s, got, want)
		}
	})
}

func FuzzNameFromKey(f *testing.F) {
	f.Add([]byte("org\x00example\x00"))
	f.Add([]byte("a\x01\x01b\x00"))
	f.Fuzz(func(t *testing.T, key []byte) {
		if n, ok := zone.NameFromKey(key); ok {
			if back, _, err := zone.NameFromWire([]byte(n)); err != nil || len(back) != len(n) {
				t.Fatalf("key %q makes %q, which is no name", key, n)
			}
		}
	})
}

// The examples of RFC 1982 §5.2, and zero, which is passed over.
func TestSerial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b uint32
		less bool
	}{{0, 1, true}, {0, 44, true}, {0, 1<<31 - 1, true}, {44, 1<<31 + 43, true}, {1<<32 - 1, 0, true}, {1<<32 - 100, 100, true}, {1, 0, false}, {7, 7, false}, {0, 1 << 31, false}, {1 << 31, 0, false}} {
		if got := zone.SerialLess(tt.a, tt.b); got != tt.less {
			t.Errorf("SerialLess(%d, %d) = %v, want %v", tt.a, tt.b, got, tt.less)
		}
	}
	if got := zone.NextSerial(1<<32 - 1); got != 1 {
		t.Errorf("NextSerial(2^32-1) = %d, want 1", got)
	}
}
