package test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// seat is a node whose addresses and program file stay, whatever process it is.
type seat struct {
	*world
	name             string
	asked, updatedAt string
	serving          atomic.Pointer[context.Context] // over as soon as the node is told to end; nil: nobody is there
	leave            context.CancelFunc
}

// newSeats returns nodes on one database that are not started.
func newSeats(t *testing.T, program string, names ...string) (all []*seat) {
	t.Helper()
	nodes, _ := newNodes(t, len(names))
	for i, name := range names {
		asked, updatedAt := must(rig.FreePort())(t), must(rig.FreePort())(t)
		s := &seat{world: nodes[i], name: name, asked: asked.String(), updatedAt: updatedAt.String()}
		s.env = append(s.env, "STAYPUT_STORE_NODE="+name, "STAYPUT_DNS_LISTEN="+s.asked, "STAYPUT_HTTP_LISTEN="+s.updatedAt,
			"STAYPUT_STORE_TIMEOUT=20s") // no update may hear 911
		s.install(program)
		all = append(all, s)
	}
	return all
}

// enter starts the node.
func (s *seat) enter() {
	s.t.Helper()
	s.start()
	ctx, leave := context.WithCancel(context.Background())
	s.leave = leave
	s.serving.Store(&ctx)
}

// exit stops the node, after those who ask it were told that it goes.
func (s *seat) exit() {
	s.t.Helper()
	s.serving.Store(nil)
	s.leave()
	s.stop()
}

// restart stops the node and starts it with a program.
func (s *seat) restart(program string) {
	s.t.Helper()
	s.exit()
	s.install(program)
	s.enter()
}

// become lets a process of a program take over.
func (s *seat) become(program string) {
	s.t.Helper()
	s.install(program)
	s.upgrade()
}

// stays expects that no process of a program can take over, and why.
func (s *seat) stays(program, because string) {
	s.t.Helper()
	s.install(program)
	if out, err := s.try("upgrade"); err == nil || !strings.Contains(err.Error(), because) {
		s.t.Errorf("upgrading %s: %q, %v; want an error with %q", s.name, out, err, because)
	}
	if now := s.status(); now.PID != s.pid {
		s.t.Errorf("after an upgrade that failed process %d serves, not %d", now.PID, s.pid)
	}
}

// rolling is a load on nodes that are replaced. Who gets no answer from one that was told to
// end goes to another one; whatever else goes wrong is a fault.
type rolling struct {
	*load
	seats []*seat
}

func newRolling(t *testing.T, updaters int, seats ...*seat) *rolling {
	t.Helper()
	first := seats[0].world
	r := &rolling{load: &load{t: t, w: first, ledger: newLedger(first, updaters), stop: make(chan struct{})}, seats: seats}
	for _, u := range r.ledger.updaters {
		next := u.id
		r.loop(new(atomic.Int64), func() error {
			next++
			return r.update(r.seats[next%len(seats)], u)
		})
	}
	for _, s := range seats {
		before := &answers{numbers: make([]uint32, updaters)}
		r.loop(new(atomic.Int64), func() error { return r.look(s, before) })
	}
	return r
}

// update makes an update at a node, and looks whether that shows it.
func (r *rolling) update(s *seat, u *updater) error {
	return s.during(func(ctx context.Context) error {
		if err := u.update(s.updatedAt, r.ledger.user, r.ledger.secret); err != nil {
			return fmt.Errorf("updating at %s: %w", s.name, err)
		}
		r.updates.Add(1)
		n, err := s.numberOf(ctx, u)
		if err == nil && n < u.acked.Load() {
			err = fmt.Errorf("%s is at number %d of %s, and has acknowledged %d", s.name, n, u.hosts()[0], u.acked.Load())
		}
		return err
	})
}

// look asks a node for the zone's serial and a host of each updater: nothing that it answers
// may be older than what it did before.
func (r *rolling) look(s *seat, before *answers) error {
	time.Sleep(5 * time.Millisecond) // the processor is for the updates
	return s.during(func(ctx context.Context) error {
		serial, err := s.serialNow(ctx)
		if err != nil {
			return err
		}
		r.packets.Add(1)
		if before.serial != 0 && zone.SerialLess(serial, before.serial) {
			return fmt.Errorf("%s: the serial went back from %d to %d", s.name, before.serial, serial)
		}
		before.serial = serial
		for i, u := range r.ledger.updaters {
			n, err := s.numberOf(ctx, u)
			if err == nil && n < before.numbers[i] {
				err = fmt.Errorf("%s: %s went back from %d to %d", s.name, u.hosts()[0], before.numbers[i], n)
			}
			if err != nil {
				return err
			}
			before.numbers[i] = n
		}
		return nil
	})
}

// answers are the last that a node gave.
type answers struct {
	serial  uint32
	numbers []uint32 // of each updater
}

func (s *seat) serialNow(ctx context.Context) (uint32, error) {
	answer, err := s.question(ctx, "dyn.example.org.", dns.TypeSOA)
	if err != nil || len(answer) != 1 {
		return 0, fmt.Errorf("asking %s for the SOA: %v, %w", s.name, answer, err)
	}
	return answer[0].(*dns.SOA).Serial, nil
}

// numberOf returns at which number of an updater its first host is, 0 before the first one.
func (s *seat) numberOf(ctx context.Context, u *updater) (uint32, error) {
	answer, err := s.question(ctx, u.hosts()[0]+".", dns.TypeAAAA)
	if err != nil || len(answer) > 1 {
		return 0, fmt.Errorf("asking %s for %s: %v, %w", s.name, u.hosts()[0], answer, err)
	}
	if len(answer) == 0 {
		return 0, nil
	}
	address, _ := netip.AddrFromSlice(answer[0].(*dns.AAAA).AAAA)
	return number(address), nil
}

// question asks the node over UDP, and waits for its answer until it is told to end.
func (s *seat) question(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	c, err := dns.DialTimeout("udp", s.asked, patience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if err := c.WriteMsg(new(dns.Msg).SetQuestion(name, qtype)); err != nil {
		return nil, err
	}
	reply, err := c.ReadMsg()
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("%w: %s", errRefused, dns.RcodeToString[reply.Rcode])
	}
	if err != nil {
		return nil, err
	}
	return reply.Answer, nil
}

// during calls f while the node is there. What gets no answer from a node that was told to
// end is no fault; a refusal is.
func (s *seat) during(f func(context.Context) error) error {
	ctx := s.serving.Load()
	if ctx == nil {
		time.Sleep(time.Millisecond)
		return nil
	}
	err := f(*ctx)
	if (*ctx).Err() != nil && !errors.Is(err, errRefused) {
		return nil
	}
	return err
}
