package policy_test

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/zone"
)

var (
	first  = policy.Secondary{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Key: zone.MustName("ns2.example.org")}
	second = policy.Secondary{Addr: netip.MustParseAddrPort("[2001:db8::53]:5353")}
)

// settled is the policy of a zone with something in every field.
func settled(origin string) policy.Zone {
	return policy.Zone{Origin: zone.MustName(origin), Secondaries: []policy.Secondary{first, second}, NotifyGap: 1500 * time.Millisecond}
}

func book(list ...policy.Zone) policy.Book {
	return policy.Book{}.With(&policy.Changes{Zones: list})
}

// A book comes back from storage, and changes from the journal, as they were.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	want := []policy.Zone{{Origin: zone.MustName("a.example.org"), NotifyGap: time.Minute}, settled("b.example.org")}
	c := policy.Changes{Zones: append(slices.Clone(want), policy.Zone{Origin: zone.MustName("c.example.org")})}
	r := codec.NewReader(c.Append(nil))
	if back := policy.ReadChanges(r); r.Err() != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("changes = %+v, %v, want %+v", back, r.Err(), c)
	}
	var l policy.Loader
	for piece := range book(want...).Leaves() {
		if err := l.Add(piece); err != nil {
			t.Fatal(err)
		}
	}
	b, err := l.Book()
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(b.All()); !reflect.DeepEqual(got, want) || b.Len() != len(want) {
		t.Errorf("book = %+v, want %+v", got, want)
	}
}

// What is usual again leaves nothing behind.
func TestUsualAgain(t *testing.T) {
	t.Parallel()
	before := settled("example.org")
	b := book(before)
	after := before.Without(first.Addr)
	after = after.Without(second.Addr)
	after.NotifyGap = 0
	next := b.With(&policy.Changes{Zones: []policy.Zone{after}})
	if next.Len() != 0 || !reflect.DeepEqual(next.Of(before.Origin), policy.Zone{Origin: before.Origin}) {
		t.Errorf("%d policies, %+v", next.Len(), next.Of(before.Origin))
	}
	if !reflect.DeepEqual(b.Of(before.Origin), before) || b.Same(next) {
		t.Error("the version before has changed")
	}
	if !b.Same(b.With(&policy.Changes{})) {
		t.Error("no changes make another version")
	}
}

// Changes joined do what they do one after the other.
func TestJoin(t *testing.T) {
	t.Parallel()
	a, b := settled("a.example.org"), settled("b.example.org")
	none := policy.Zone{Origin: a.Origin}
	list := []policy.Changes{{Zones: []policy.Zone{a, b}}, {Zones: []policy.Zone{none}}, {Zones: []policy.Zone{b.Without(first.Addr)}}}
	one, joined := policy.Book{}, policy.Join(list)
	for i := range list {
		one = one.With(&list[i])
	}
	other := policy.Book{}.With(&joined)
	if got, want := slices.Collect(other.All()), slices.Collect(one.All()); !reflect.DeepEqual(got, want) || len(got) != 1 {
		t.Errorf("joined: %+v; one after the other: %+v", got, want)
	}
}

// A secondary stands once for each address, wherever it comes.
func TestSecondariesInOrder(t *testing.T) {
	t.Parallel()
	z := policy.Zone{Origin: zone.MustName("example.org")}
	open := policy.Secondary{Addr: first.Addr}
	for _, s := range []policy.Secondary{second, open, first} {
		z = z.With(s)
	}
	if want := []policy.Secondary{first, second}; !slices.Equal(z.Secondaries, want) || z.Check() != nil {
		t.Errorf("secondaries = %v, want %v; %v", z.Secondaries, want, z.Check())
	}
	if got, ok := z.Find(second.Addr); !ok || got != second {
		t.Errorf("found %v, %v", got, ok)
	}
	if _, ok := z.Find(netip.MustParseAddrPort("192.0.2.53:54")); ok {
		t.Error("found another port")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.53":          "192.0.2.53:53",
		"192.0.2.53:5353":     "192.0.2.53:5353",
		"2001:db8::53":        "[2001:db8::53]:53",
		"[2001:db8::53]:5353": "[2001:db8::53]:5353",
		"":                    "",
		"ns2.example.org":     "",
		"192.0.2.53:0":        "",
		"0.0.0.0":             "",
		"::ffff:192.0.2.53":   "",
		"fe80::1%eth0":        "",
		"192.0.2.0/24":        "",
	} {
		addr, err := policy.ParseAddr(text)
		if (err == nil) != (want != "") || err == nil && addr.String() != want || err != nil && !errors.Is(err, policy.ErrBad) {
			t.Errorf("%q = %v, %v, want %q", text, addr, err, want)
		}
	}
}

func TestBadPolicies(t *testing.T) {
	t.Parallel()
	at := func(addr string) func(*policy.Zone) {
		return func(z *policy.Zone) { z.Secondaries = []policy.Secondary{{Addr: netip.MustParseAddrPort(addr)}} }
	}
	for name, spoil := range map[string]func(*policy.Zone){
		"no zone":             func(z *policy.Zone) { z.Origin = "" },
		"no address":          func(z *policy.Zone) { z.Secondaries[0].Addr = netip.AddrPort{} },
		"any address":         at("0.0.0.0:53"),
		"a group":             at("[ff02::1]:53"),
		"an address in two":   at("[::ffff:192.0.2.53]:53"),
		"a scope":             at("[fe80::1%eth0]:53"),
		"no port":             at("192.0.2.53:0"),
		"a key without name":  func(z *policy.Zone) { z.Secondaries[0].Key = "\xff" },
		"out of order":        func(z *policy.Zone) { slices.Reverse(z.Secondaries) },
		"twice":               func(z *policy.Zone) { z.Secondaries[1] = z.Secondaries[0] },
		"a gap of nothing":    func(z *policy.Zone) { z.NotifyGap = time.Millisecond },
		"a gap of a day":      func(z *policy.Zone) { z.NotifyGap = 24 * time.Hour },
		"a gap in the middle": func(z *policy.Zone) { z.NotifyGap += time.Microsecond },
		"too many": func(z *policy.Zone) {
			for port := range uint16(policy.MaxSecondaries) {
				*z = z.With(policy.Secondary{Addr: netip.AddrPortFrom(first.Addr.Addr(), 1000+port)})
			}
		},
	} {
		z := settled("example.org")
		spoil(&z)
		c := policy.Changes{Zones: []policy.Zone{z}}
		if err := c.Check(); !errors.Is(err, policy.ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever stands for changes makes some that can be made, and come back, or a fault.
func FuzzReadChanges(f *testing.F) {
	c := policy.Changes{Zones: []policy.Zone{settled("example.org"), {Origin: zone.MustName("example.net")}}}
	f.Add(c.Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := codec.NewReader(data)
		c := policy.ReadChanges(r)
		if r.Err() != nil {
			if !c.IsEmpty() {
				t.Fatalf("a fault and %+v", c)
			}
			return
		}
		again := codec.NewReader(c.Append(nil))
		if back := policy.ReadChanges(again); again.Err() != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%+v comes back as %+v, %v", c, back, again.Err())
		}
		policy.Book{}.With(&c)
	})
}
