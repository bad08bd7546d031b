package codec_test

import (
	"errors"
	"net/netip"
	"testing"

	"stayput.dev/internal/codec"
)

func TestWhatIsWrittenReadsBack(t *testing.T) {
	t.Parallel()
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	b := codec.AppendUint(nil, 1<<63)
	b = codec.AppendString(b, "home")
	b = codec.AppendString(b, []byte(nil))
	for _, a := range []netip.Addr{v4, v6, {}} {
		b = codec.AppendAddr(b, a)
	}
	r := codec.NewReader(b)
	if got := r.Uint(); got != 1<<63 {
		t.Errorf("Uint() = %d", got)
	}
	if got, empty := r.String(), r.String(); got != "home" || empty != "" {
		t.Errorf("String() = %q, %q", got, empty)
	}
	if a, b, none := r.Addr(), r.Addr(), r.Addr(); a != v4 || b != v6 || none.IsValid() {
		t.Errorf("Addr() = %s, %s, %s", a, b, none)
	}
	if r.Err() != nil || r.Len() != 0 {
		t.Errorf("at the end: %v, %d octets left", r.Err(), r.Len())
	}
}

// The first fault sticks, and nothing after it is read.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		why  string
		data []byte
		read func(*codec.Reader)
	}{
		{"nothing there", nil, func(r *codec.Reader) { r.Uint() }},
		{"an endless number", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, func(r *codec.Reader) { r.Uint() }},
		{"a string longer than the data", []byte{5, 'h', 'o'}, func(r *codec.Reader) { r.Bytes() }},
		{"an address of three octets", []byte{3, 1, 2, 3}, func(r *codec.Reader) { r.Addr() }},
		{"what the caller finds fault with", []byte{1, 2}, func(r *codec.Reader) { r.Fail() }},
		{"more things than could fit", []byte{100, 1, 2}, func(r *codec.Reader) { r.Count(1) }},
	} {
		r := codec.NewReader(append(tt.data[:len(tt.data):len(tt.data)], 7)[:len(tt.data)])
		tt.read(r)
		if !errors.Is(r.Err(), codec.ErrMalformed) {
			t.Errorf("%s: Err() = %v, want ErrMalformed", tt.why, r.Err())
		}
		if r.Uint() != 0 || r.String() != "" || r.Len() != 0 {
			t.Errorf("%s: something is read after a fault", tt.why)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(codec.AppendString(codec.AppendUint(nil, 300), "home"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := codec.NewReader(data)
		for r.Err() == nil && r.Len() > 0 {
			if n := r.Count(1); n > len(data) {
				t.Fatalf("Count(1) = %d of %d octets", n, len(data))
			}
			if b := r.Bytes(); len(b) > len(data) {
				t.Fatalf("Bytes() has %d of %d octets", len(b), len(data))
			}
			_ = r.Addr()
		}
	})
}
