package update

import (
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// wish is what a request wants, whatever the state: its addresses in normal
// form and those taken out that are to be ignored.
type wish struct {
	v4, v6  target
	told    []netip.Addr // as sent, IPv4 first
	ignored bool         // some address was taken out
}

// target is what the addresses of one family are to be.
type target struct {
	touched bool
	addrs   []netip.Addr // in order, without duplicates; of no matter beside renumber

	renumber *renumbering // what makes addrs of those that stand; nil for none
}

// read makes a wish of what the request says of the families somewhere. It fails
// with ErrBadAddress.
func read(req *Request, v4, v6 Family, r *reach) (wish, error) {
	var w wish
	if req.Offline {
		return w, nil
	}
	source := req.Source.Unmap().WithZone("")
	var err error
	if w.v4, err = w.readFamily(v4, source, netip.Addr.Is4, r); err != nil {
		return wish{}, err
	}
	if w.v6, err = w.readFamily(v6, source, netip.Addr.Is6, r); err != nil {
		return wish{}, err
	}
	return w, nil
}

func (w *wish) readFamily(f Family, source netip.Addr, member func(netip.Addr) bool, r *reach) (target, error) {
	addrs := f.Addrs
	switch f.Action {
	case Keep:
		return target{}, nil
	case Remove:
		return target{touched: true}, nil
	case FromSource:
		if !member(source) {
			return target{}, nil
		}
		addrs = []netip.Addr{source}
	case Renumber:
		return w.readPrefix(f.Prefix, member, r)
	case Set:
	}
	if len(addrs) == 0 || len(addrs) > MaxAddresses {
		return target{}, ErrBadAddress
	}
	var t target
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if !member(a) {
			return target{}, ErrBadAddress
		}
		if slices.Contains(w.told, a) {
			continue
		}
		w.told = append(w.told, a)
		if !r.takes(a) {
			w.ignored = true
			continue
		}
		t.addrs = append(t.addrs, a)
	}
	t.touched = len(t.addrs) > 0
	slices.SortFunc(t.addrs, netip.Addr.Compare)
	return t, nil
}

func (w *wish) readPrefix(p netip.Prefix, member func(netip.Addr) bool, r *reach) (target, error) {
	p, err := checkPrefix(p)
	if err != nil || !member(p.Addr()) {
		return target{}, ErrBadAddress
	}
	t := target{touched: r.takes(p.Addr()), renumber: &renumbering{all: true, to: p}}
	w.ignored = w.ignored || !t.touched
	return t, nil
}

// of returns the target for a host whose addresses are r.
func (t target) of(h *account.Host, r zone.Records) target {
	if t.touched && t.renumber != nil {
		t.addrs = t.renumber.apply(h, r)
		t.touched = len(t.addrs) > 0
	}
	return t
}

// holds tells whether the records are what the target wants.
func (t target) holds(r zone.Records) bool {
	if !t.touched {
		return true
	}
	if r.Len() != len(t.addrs) {
		return false
	}
	i := 0
	for d := range r.All() {
		if a, ok := netip.AddrFromSlice(d); !ok || a != t.addrs[i] {
			return false
		}
		i++
	}
	return true
}

// apply appends what the family's addresses become, where r stands now.
func (t target) apply(dst []netip.Addr, r zone.Records) []netip.Addr {
	if t.touched {
		return append(dst, t.addrs...)
	}
	return appendAddrs(dst, r)
}
