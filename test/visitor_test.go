//go:build linux

package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// hosts are names and the address that each has.
type hosts struct {
	names []string
	addrs []netip.Addr
}

// hosts returns those names of a zone that have an address, as it is exported.
func (w *world) hosts(zone string) (h hosts) {
	w.t.Helper()
	p := dns.NewZoneParser(strings.NewReader(w.run("zone", "export", zone)), zone+".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if a, isA := rr.(*dns.A); isA {
			addr, _ := netip.AddrFromSlice(a.A.To4())
			h.names, h.addrs = append(h.names, a.Hdr.Name), append(h.addrs, addr)
		}
	}
	if p.Err() != nil || len(h.names) < 1000 {
		w.t.Fatalf("%d hosts in the zone: %v", len(h.names), p.Err())
	}
	return h
}

// favourites is how many hosts the visitors ask for, the first ones.
const favourites = 5

// A visitor asks for hosts, 50 times a second at most, and wants to be answered.
type visitor struct {
	w     *world
	via   string
	hosts hosts
	ask   func(w *world, m *dns.Msg) (r *dns.Msg, tries int, err error)
	done  sync.WaitGroup

	asked, again, failed atomic.Int64
	mu                   sync.Mutex // guards fault and slowest
	fault                error      // the first one
	slowest              time.Duration
}

func newVisitor(w *world, via string, h hosts, ask func(*world, *dns.Msg) (*dns.Msg, int, error)) *visitor {
	return &visitor{w: w, via: via, hosts: h, ask: ask}
}

// String tells what the visitor has lived through.
func (v *visitor) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprintf("over %s: %d questions, %d tries more, %d not answered, the slowest answer after %v",
		v.via, v.asked.Load(), v.again.Load(), v.failed.Load(), v.slowest.Round(time.Millisecond))
}

// goOn asks until stop is closed.
func (v *visitor) goOn(stop <-chan struct{}) {
	v.done.Go(func() {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick.C:
				v.once()
			}
		}
	})
}

func (v *visitor) finish() { v.done.Wait() }

// visit lets each visitor ask so many times.
func visit(visitors []*visitor, times int) {
	for _, v := range visitors {
		for range times {
			v.once()
		}
		if err := v.firstFault(); err != nil {
			v.w.t.Fatalf("over %s: %v", v.via, err)
		}
	}
}

func (v *visitor) firstFault() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fault
}

// once asks one question.
func (v *visitor) once() {
	i := rand.IntN(favourites)
	start := time.Now()
	r, tries, err := v.ask(v.w, new(dns.Msg).SetQuestion(v.hosts.names[i], dns.TypeA))
	if err == nil {
		err = v.check(r, i)
	}
	v.asked.Add(1)
	v.again.Add(int64(max(tries-1, 0)))
	v.mu.Lock()
	defer v.mu.Unlock()
	v.slowest = max(v.slowest, time.Since(start))
	if err != nil {
		v.failed.Add(1)
		if v.fault == nil {
			v.fault = fmt.Errorf("%s at %s: %w", v.hosts.names[i], start.Format(time.StampMilli), err)
		}
	}
}

// check compares an answer with the address of a host.
func (v *visitor) check(r *dns.Msg, i int) error {
	if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 {
		return fmt.Errorf("reply %v", r)
	}
	a, ok := r.Answer[0].(*dns.A)
	if !ok || a.A.String() != v.hosts.addrs[i].String() {
		return fmt.Errorf("answer %v, want %v", r.Answer[0], v.hosts.addrs[i])
	}
	return nil
}

// askTCP returns what asks over a connection of its own, and must hear an answer in time.
func askTCP(within time.Duration) func(*world, *dns.Msg) (*dns.Msg, int, error) {
	return func(w *world, m *dns.Msg) (*dns.Msg, int, error) {
		c := &dns.Client{Net: "tcp", Timeout: within}
		r, _, err := c.Exchange(m, w.dns)
		return r, 1, err
	}
}

// askWithCookie returns what asks over UDP as a resolver does that has a cookie of
// the daemon: from another port each time, and mostTries times if need be.
func askWithCookie(t *testing.T, w *world, mostTries int) func(*world, *dns.Msg) (*dns.Msg, int, error) {
	t.Helper()
	m := new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA)
	r, err := rig.Exchange(withCookie(m, "0123456789abcdef"), w.dns)
	if err != nil {
		t.Fatal(err)
	}
	cookie := r.IsEdns0().Option[0].(*dns.EDNS0_COOKIE).Cookie
	if len(cookie) != 2*24 {
		t.Fatalf("cookie = %s, want one of 24 octets", cookie)
	}
	return func(w *world, m *dns.Msg) (r *dns.Msg, tries int, err error) {
		withCookie(m, cookie)
		for tries = 1; tries <= mostTries; tries++ {
			c := &dns.Client{Timeout: time.Duration(tries) * 800 * time.Millisecond}
			if r, _, err = c.Exchange(m, w.dns); err == nil && r.Truncated {
				err = errors.New("truncated, in spite of the cookie")
			}
			if err == nil {
				return r, tries, nil
			}
		}
		return nil, mostTries, err
	}
}

func withCookie(m *dns.Msg, cookie string) *dns.Msg {
	opt := m.SetEdns0(1232, false).IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	return m
}
