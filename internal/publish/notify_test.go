package publish_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/policy"
	"stayput.dev/internal/publish"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// memory is a store that keeps nothing.
type memory struct{ state *registry.State }

func (m memory) Load(context.Context) (*registry.State, error) { return m.state, nil }

func (memory) Append(context.Context, registry.Revision, []registry.Commit) error { return nil }

func (memory) Follow(context.Context, registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) { yield(registry.Commit{}, errors.ErrUnsupported) }
}

// world is a registry with one zone whose serial rises, and a notifier.
type world struct {
	t        *testing.T
	registry *registry.Registry
	notifier *publish.Notifier
}

func newWorld(t *testing.T, gap time.Duration) *world {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	r, err := registry.Open(t.Context(), memory{&registry.State{}}, registry.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, r, publish.NewNotifier(r, publish.NotifyOptions{Gap: gap, Logger: quiet})}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	done.Go(func() { w.notifier.Run(ctx) })
	t.Cleanup(func() {
		stop()
		done.Wait()
	})
	w.move(1)
	return w
}

var origin = zone.MustName("dyn.example.org")

// move makes the zone anew with a serial.
func (w *world) move(serial uint32) {
	w.t.Helper()
	d := zone.New(origin)
	server := zone.MustName("ns1.dyn.example.org")
	for _, set := range []zone.RRset{
		zone.DefaultSOA(server, server, serial).RRset(origin),
		{Name: origin, Type: zone.TypeNS, TTL: 60, Data: []zone.Rdata{zone.Rdata(server)}},
	} {
		if err := d.Put(set); err != nil {
			w.t.Fatal(err)
		}
	}
	z, _, err := d.Finish()
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.registry.Apply(w.t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Replaced: []*zone.Zone{z}}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// heard is a notice that came to a secondary.
type heard struct {
	zone   string
	serial uint32
}

// listener is a secondary that takes notices, or does not.
type listener struct {
	addr    netip.AddrPort
	notices chan heard
	mu      sync.Mutex
	rcode   int // of replies; -1: silence
}

func newListener(t *testing.T) *listener {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), notices: make(chan heard, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.listen(t, conn)
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return l
}

func (l *listener) listen(t *testing.T, conn *net.UDPConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:n]); err != nil || m.Opcode != dns.OpcodeNotify || !m.Authoritative || len(m.Answer) != 1 {
			t.Errorf("no notice: %v %v", m, err)
			continue
		}
		l.mu.Lock()
		rcode := l.rcode // before the test knows of the notice, and may want another for the next
		l.mu.Unlock()
		l.notices <- heard{m.Question[0].Name, m.Answer[0].(*dns.SOA).Serial}
		if rcode < 0 {
			continue
		}
		stray := new(dns.Msg).SetReply(m) // another's reply is none
		stray.Id++
		for _, reply := range []*dns.Msg{stray, new(dns.Msg).SetRcode(m, rcode)} {
			packet, _ := reply.Pack()
			_, _ = conn.WriteToUDPAddrPort(packet, from)
		}
	}
}

func (l *listener) answer(rcode int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rcode = rcode
}

// await returns when a notice of the serial has come, and how many came before.
func (l *listener) await(t *testing.T, serial uint32) (before int) {
	t.Helper()
	for timeout := time.After(time.Minute); ; before++ {
		select {
		case got := <-l.notices:
			if got == (heard{"dyn.example.org.", serial}) {
				return before
			}
		case <-timeout:
			t.Fatalf("no notice of serial %d", serial)
		}
	}
}

// rests returns when the notifier knows that a secondary took its notice, and forgets how
// often that came before.
func (w *world) rests(l *listener) {
	w.t.Helper()
	until(w.t, func() bool {
		return slices.ContainsFunc(w.notifier.States(), func(s publish.State) bool {
			return s.Secondary.Addr == l.addr && s.Taken && s.Err == nil
		})
	})
	for len(l.notices) > 0 {
		<-l.notices
	}
}

// A zone that moves all the time is told of once in a while, and its latest version
// in the end.
func TestNoticesAreCoalesced(t *testing.T) {
	t.Parallel()
	w, l := newWorld(t, 200*time.Millisecond), newListener(t)
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: l.addr}})
	l.await(t, 1)
	began := time.Now()
	for serial := range uint32(200) {
		w.move(serial + 2)
	}
	n := l.await(t, 201)
	if most := int(time.Since(began)/(200*time.Millisecond)) + 1; n > most {
		t.Errorf("%d notices, want at most %d", n, most)
	}
}

// A notice that is not taken is sent again, and what is known of it can be seen.
func TestNoticeIsRepeated(t *testing.T) {
	t.Parallel()
	for _, gap := range []time.Duration{10 * time.Millisecond, time.Second} {
		t.Run(gap.String(), func(t *testing.T) {
			t.Parallel()
			testNoticeIsRepeated(t, gap)
		})
	}
}

func testNoticeIsRepeated(t *testing.T, gap time.Duration) {
	t.Helper()
	w, l := newWorld(t, gap), newListener(t)
	l.answer(-1)
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: l.addr}})
	l.await(t, 1)
	l.answer(dns.RcodeRefused)
	l.await(t, 1)
	until(t, func() bool {
		s := w.notifier.States()
		return len(s) == 1 && !s[0].Taken && s[0].Err != nil && s[0].Told == 1 && s[0].Zone == origin && s[0].Secondary.Addr == l.addr
	})
	l.answer(dns.RcodeSuccess)
	l.await(t, 1)
	w.rests(l)
	select {
	case got := <-l.notices:
		t.Errorf("%v although it was taken", got)
	case <-time.After(300 * time.Millisecond):
	}
}

// Secondaries hear of their zones alone; who is added hears at once, who stays does
// not hear again, and who is gone hears nothing.
func TestSecondariesChange(t *testing.T) {
	t.Parallel()
	w, one, other, choosy := newWorld(t, 10*time.Millisecond), newListener(t), newListener(t), newListener(t)
	w.settle(policy.Zone{Origin: zone.MustName("other.example.org"), Secondaries: []policy.Secondary{{Addr: choosy.addr}}})
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: one.addr}})
	one.await(t, 1)
	w.rests(one)
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: one.addr}, {Addr: other.addr}})
	other.await(t, 1)
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: other.addr}})
	w.move(2)
	other.await(t, 2)
	for _, l := range []*listener{one, choosy} {
		select {
		case got := <-l.notices:
			t.Errorf("%v came to who does not want it", got)
		default:
		}
	}
}

// settle makes policies those of their zones.
func (w *world) settle(zones ...policy.Zone) {
	w.t.Helper()
	_, err := w.registry.Apply(w.t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Policy: policy.Changes{Zones: zones}}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Who is settled for a zone hears of it at once, and no more when that is settled
// otherwise. It takes the place of the one of all zones at its address.
func TestSecondariesOfOneZone(t *testing.T) {
	t.Parallel()
	w, everywhere, own := newWorld(t, 10*time.Millisecond), newListener(t), newListener(t)
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: everywhere.addr}})
	everywhere.await(t, 1)
	key := zone.MustName("ns3")
	w.settle(policy.Zone{Origin: origin}.With(policy.Secondary{Addr: own.addr}).With(policy.Secondary{Addr: everywhere.addr, Key: key}))
	own.await(t, 1)
	w.rests(own)
	var keys []zone.Name
	for _, s := range w.notifier.States() {
		if s.Secondary.Addr == everywhere.addr {
			keys = append(keys, s.Secondary.Key)
		}
	}
	if len(keys) != 1 || keys[0] != key {
		t.Errorf("the one of all zones has the keys %q", keys)
	}
	w.settle(policy.Zone{Origin: origin})
	w.move(2)
	everywhere.await(t, 2)
	if s := w.notifier.States(); len(s) != 1 || s[0].Secondary.Addr != everywhere.addr {
		t.Errorf("states = %+v", s)
	}
	select {
	case got := <-own.notices:
		t.Errorf("%v came to who is not settled any more", got)
	default:
	}
}

// A gap that is settled for a zone is kept in the place of the usual one.
func TestGapOfOneZone(t *testing.T) {
	t.Parallel()
	w, l := newWorld(t, 10*time.Millisecond), newListener(t)
	const gap = 400 * time.Millisecond
	w.settle(policy.Zone{Origin: origin, NotifyGap: gap})
	w.notifier.SetSecondaries([]publish.Secondary{{Addr: l.addr}})
	l.await(t, 1)
	began := time.Now()
	for serial := range uint32(50) {
		w.move(serial + 2)
		time.Sleep(10 * time.Millisecond)
	}
	n := l.await(t, 51)
	if most := int(time.Since(began)/gap) + 1; n > most {
		t.Errorf("%d notices, want at most %d", n, most)
	}
}

// until waits until something holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time")
		}
	}
}
