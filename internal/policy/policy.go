// Package policy is what the operator has settled for single zones, beside the
// records in them: which secondaries follow a zone, and how often they are told.
//
// It serves the rooms that speak to other servers (dnsserver, publish) and those that
// show and change it (admin). It is part of the state, so what is settled is durable and
// holds at once; what holds for all zones alike stands in the configuration. It never
// speaks to a network.
package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/zone"
)

// ErrBad says that a policy cannot be.
var ErrBad = errors.New("bad policy")

// MaxSecondaries bounds the secondaries of one zone.
const MaxSecondaries = 32

// The bounds of a notify gap that is settled. Less than the first would make a secondary
// fetch without end, more than the second leaves it to its refresh timer.
const (
	MinNotifyGap = 100 * time.Millisecond
	MaxNotifyGap = time.Hour
)

// Secondary is a server that has a zone from us: it hears of changes there, and may
// transfer the zone from that address.
type Secondary struct {
	Addr netip.AddrPort
	Key  zone.Name // the TSIG key that it and we sign with; "": nothing is signed
}

// String returns the secondary as the configuration would name it.
func (s Secondary) String() string {
	if s.Key == "" {
		return s.Addr.String()
	}
	return s.Addr.String() + " key " + s.Key.String()
}

// ParseAddr reads where a DNS server is: "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or
// "[2001:db8::53]:5353". Without a port, it is that of the DNS.
func ParseAddr(text string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(text)
	if a, bare := netip.ParseAddr(text); bare == nil {
		addr, err = netip.AddrPortFrom(a, 53), nil
	}
	if s := (Secondary{Addr: addr}); err == nil && s.check() == nil {
		return addr, nil
	}
	return netip.AddrPort{}, fmt.Errorf("%w: no DNS server can be at %q", ErrBad, text)
}

// Zone is what is settled for one zone. Where nothing is, all but Origin is zero.
type Zone struct {
	Origin      zone.Name
	Secondaries []Secondary   // in order of addresses, one for each; beside those of all zones
	NotifyGap   time.Duration // in milliseconds, the least time between two notices to one secondary; 0: as for all zones
}

// IsUsual tells whether nothing is settled.
func (z Zone) IsUsual() bool { return len(z.Secondaries) == 0 && z.NotifyGap == 0 }

// Find returns the secondary with the address.
func (z Zone) Find(addr netip.AddrPort) (Secondary, bool) {
	i, found := slices.BinarySearchFunc(z.Secondaries, addr, compareAddr)
	if !found {
		return Secondary{}, false
	}
	return z.Secondaries[i], true
}

// With returns the policy with a secondary, in the place of the one with its address.
func (z Zone) With(s Secondary) Zone {
	out := z.Without(s.Addr)
	i, _ := slices.BinarySearchFunc(out.Secondaries, s.Addr, compareAddr)
	out.Secondaries = slices.Insert(out.Secondaries, i, s)
	return out
}

// Without returns the policy without the secondary with the address.
func (z Zone) Without(addr netip.AddrPort) Zone {
	out := z
	out.Secondaries = slices.DeleteFunc(slices.Clone(z.Secondaries), func(s Secondary) bool { return s.Addr == addr })
	return out
}

func compareAddr(s Secondary, addr netip.AddrPort) int { return s.Addr.Compare(addr) }

// Check tells why the policy cannot be; its error is ErrBad.
func (z Zone) Check() error {
	if !z.Origin.IsValid() {
		return fmt.Errorf("%w: it is for no zone", ErrBad)
	}
	if n := len(z.Secondaries); n > MaxSecondaries {
		return fmt.Errorf("%w: %d secondaries, at most %d can be", ErrBad, n, MaxSecondaries)
	}
	for i, s := range z.Secondaries {
		if err := s.check(); err != nil {
			return err
		}
		if i > 0 && z.Secondaries[i-1].Addr.Compare(s.Addr) >= 0 {
			return fmt.Errorf("%w: secondary %s is out of order", ErrBad, s.Addr)
		}
	}
	if gap := z.NotifyGap; gap != 0 && (gap < MinNotifyGap || gap > MaxNotifyGap || gap%time.Millisecond != 0) {
		return fmt.Errorf("%w: a notify gap of %s is none from %s to %s", ErrBad, gap, MinNotifyGap, MaxNotifyGap)
	}
	return nil
}

func (s *Secondary) check() error {
	addr := s.Addr.Addr()
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || addr.Is4In6() || addr.Zone() != "" || s.Addr.Port() == 0 {
		return fmt.Errorf("%w: no secondary can be at %s", ErrBad, s.Addr)
	}
	if s.Key != "" && !s.Key.IsValid() {
		return fmt.Errorf("%w: the key of %s has no name", ErrBad, s.Addr)
	}
	return nil
}
