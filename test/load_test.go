package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// A load asks a world without a pause and without a second try. Every question
// must be answered, and no answer may be older than what had been acknowledged when
// the question was sent.
type load struct {
	t       *testing.T
	w       *world
	dns     string // the addresses of the world, which stay
	http    string
	ledger  *ledger
	pace    loadPace
	follows bool // the world does not take the updates, another one does
	stop    chan struct{}
	done    sync.WaitGroup

	faults                    atomic.Int64
	packets, overTCP, updates atomic.Int64
}

// idle is a host that is told again and again what it has.
const idle = "idle.dyn.example.org"

// patience is how long an answer may take. It has nothing to do with how long they
// do take.
const patience = rig.Patience

// loadPace is what a load asks.
type loadPace struct {
	updaters int // clients that update
	flood    int // packets a millisecond
	perConn  int // queries over one connection at most
}

// newLoad puts a load on the world; end ends it.
func newLoad(t *testing.T, w *world, pace loadPace) *load {
	t.Helper()
	l := &load{t: t, w: w, dns: w.dns, http: w.http, pace: pace, ledger: newLedger(w, pace.updaters), stop: make(chan struct{})}
	w.run("host", "add", idle, "--account", "alice")
	for _, u := range l.ledger.updaters {
		l.loop(&l.updates, func() error { return l.update(u) })
	}
	l.loop(&l.updates, l.updateKeeping)
	l.ask()
	return l
}

// newFollowersLoad puts a load on a world that follows another one, which takes the
// updates.
func newFollowersLoad(t *testing.T, w, other *world, pace loadPace) *load {
	t.Helper()
	l := &load{t: t, w: w, dns: w.dns, http: other.http, pace: pace, ledger: newLedger(other, pace.updaters), follows: true, stop: make(chan struct{})}
	for _, u := range l.ledger.updaters {
		l.loop(&l.updates, func() error { return u.update(l.http, l.ledger.user, l.ledger.secret) })
	}
	until(t, "the world knows all hosts", func() bool {
		return !slices.ContainsFunc(l.ledger.updaters, func(u *updater) bool { return len(w.ask(u.hosts()[0], dns.TypeAAAA)) == 0 })
	})
	l.ask()
	return l
}

// ask lets clients ask the DNS in all ways.
func (l *load) ask() {
	for i := range 2 {
		u := l.ledger.updaters[i]
		l.loop(&l.packets, func() error { return l.query("udp", u, 1) })
		l.loop(&l.overTCP, func() error { return l.query("tcp", u, 1) })
		l.loop(&l.overTCP, func() error { return l.query("tcp", u, l.pace.perConn) })
	}
	l.done.Go(l.flood)
}

// end ends the load, which must have found nothing wrong, nor may anything be lost.
func (l *load) end() {
	l.t.Helper()
	l.halt()
	l.ledger.mustAudit(l.t, l.w, l.ledger.book())
}

// halt ends the load, which must have found nothing wrong.
func (l *load) halt() {
	l.t.Helper()
	close(l.stop)
	l.done.Wait()
	l.t.Logf("answered: %d single packets, %d queries over TCP, %d updates",
		l.packets.Load(), l.overTCP.Load(), l.updates.Load())
	if n := l.faults.Load(); n > 0 {
		l.t.Errorf("%d faults in all; the log:\n%s", n, l.w.log)
	}
}

// loop calls f until the load ends.
func (l *load) loop(count *atomic.Int64, f func() error) {
	l.done.Go(func() {
		for l.going() {
			if err := f(); err != nil {
				l.fault(err)
				continue
			}
			count.Add(1)
		}
	})
}

func (l *load) going() bool {
	select {
	case <-l.stop:
		return false
	default:
		return true
	}
}

// fault reports the first faults.
func (l *load) fault(err error) {
	if n := l.faults.Add(1); n <= 10 {
		l.t.Errorf("%s: %v", time.Now().Format("15:04:05.000"), err)
	}
}

// update makes an update, and then looks whether the DNS shows it.
func (l *load) update(u *updater) error {
	if err := u.update(l.http, l.ledger.user, l.ledger.secret); err != nil {
		return fmt.Errorf("updating: %w", err)
	}
	return l.query("udp", u, 1)
}

// updateKeeping makes updates that change nothing over one connection, until an
// answer ends it.
func (l *load) updateKeeping() error {
	c, err := net.DialTimeout("tcp", l.http, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	r, err := http.NewRequest(http.MethodGet, "http://"+l.http+"/nic/update?hostname="+idle+"&myip=192.0.2.99", nil)
	if err != nil {
		return err
	}
	r.SetBasicAuth(l.ledger.user, l.ledger.secret)
	r.Header.Set("Connection", "keep-alive")
	for l.going() {
		_ = c.SetDeadline(time.Now().Add(patience))
		if err := r.Write(c); err != nil {
			return fmt.Errorf("updating over a connection that was kept: %w", err)
		}
		answer, err := http.ReadResponse(in, r)
		if err != nil {
			return fmt.Errorf("updating over a connection that was kept: %w", err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || !strings.HasSuffix(string(body), " 192.0.2.99\n") {
			return fmt.Errorf("updating over a connection that was kept: %q, %w", body, err)
		}
		if answer.Close {
			return nil
		}
	}
	return nil
}

// query asks for a host of the updater, some times over one connection.
func (l *load) query(network string, u *updater, times int) error {
	c, err := dns.DialTimeout(network, l.dns, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	for range times {
		_ = c.SetDeadline(time.Now().Add(patience))
		least := l.least(u)
		if err := c.WriteMsg(new(dns.Msg).SetQuestion(u.hosts()[0]+".", dns.TypeAAAA)); err != nil {
			return fmt.Errorf("asking over %s: %w", network, err)
		}
		m, err := c.ReadMsg()
		if err != nil {
			return fmt.Errorf("asking over %s: %w", network, err)
		}
		if err := l.check(m, u, least); err != nil {
			return err
		}
	}
	return nil
}

// least returns the number of an updater that an answer must have at least to a question
// that is sent now: what was acknowledged, or what the world had answered before where it
// follows another one.
func (l *load) least(u *updater) uint32 {
	if l.follows {
		return u.seen.Load()
	}
	return u.acked.Load()
}

// check looks whether an answer has a number at least.
func (l *load) check(m *dns.Msg, u *updater, least uint32) error {
	var n uint32
	if len(m.Answer) == 1 {
		a, _ := netip.AddrFromSlice(m.Answer[0].(*dns.AAAA).AAAA)
		n = number(a)
	}
	if m.Rcode != dns.RcodeSuccess || n < least {
		return fmt.Errorf("%s: number %d, but it was %d before", dns.RcodeToString[m.Rcode], n, least)
	}
	u.sees(n)
	return nil
}

// flood sends packets at a steady rate, whether or not they are answered, and
// counts the answers.
func (l *load) flood() {
	conn, err := net.Dial("udp", l.dns)
	if err != nil {
		l.fault(err)
		return
	}
	defer conn.Close()
	_ = conn.(*net.UDPConn).SetReadBuffer(4 << 20)
	query, err := new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA).Pack()
	if err != nil {
		l.fault(err)
		return
	}
	var sent, answered atomic.Int64
	over := make(chan struct{})
	go func() {
		defer close(over)
		for buf := make([]byte, 512); ; {
			if _, err := conn.Read(buf); err != nil {
				return // when the time is up
			}
			answered.Add(1)
		}
	}()
	for tick := time.NewTicker(time.Millisecond); l.going(); <-tick.C {
		for range l.pace.flood {
			id := sent.Add(1)
			query[0], query[1] = byte(id>>8), byte(id)
			if _, err := conn.Write(query); err != nil {
				l.fault(fmt.Errorf("sending a packet: %w", err))
			}
		}
	}
	for end := time.Now().Add(patience); answered.Load() < sent.Load() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	<-over
	if n := sent.Load() - answered.Load(); n != 0 {
		l.fault(fmt.Errorf("%d of %d packets were not answered", n, sent.Load()))
	}
}
