package test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// updater is a client that keeps book: it sets two hosts in one request, each to
// an IPv4 and an IPv6 address made of one number, which grows with every request.
type updater struct {
	id                int
	sent, acked, seen atomic.Uint32
}

// sees notes that a number was answered.
func (u *updater) sees(n uint32) {
	for last := u.seen.Load(); n > last; last = u.seen.Load() {
		if u.seen.CompareAndSwap(last, n) {
			return
		}
	}
}

func (u *updater) hosts() [2]string {
	return [2]string{fmt.Sprintf("a%02d.dyn.example.org", u.id), fmt.Sprintf("b%02d.dyn.example.org", u.id)}
}

// addresses are those that belong to number n.
func addresses(n uint32) (v4, v6 netip.Addr) {
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}),
		netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 12: byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// number returns the number of an IPv6 address made by addresses.
func number(v6 netip.Addr) uint32 {
	b := v6.As16()
	return uint32(b[12])<<24 | uint32(b[13])<<16 | uint32(b[14])<<8 | uint32(b[15])
}

// errRefused says that there was an answer, which says no.
var errRefused = errors.New("refused")

// update sends the next number, and notes it as acknowledged when both lines say so.
func (u *updater) update(server, user, secret string) error {
	n := u.sent.Add(1)
	v4, v6 := addresses(n)
	h := u.hosts()
	status, body, err := get(server, fmt.Sprintf("/nic/update?hostname=%s,%s&myip=%s,%s", h[0], h[1], v4, v6), user, secret)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("good %s,%s\n", v4, v6)
	if status != http.StatusOK || body != line+line {
		return fmt.Errorf("%w: status %d: %q", errRefused, status, body)
	}
	u.acked.Store(n)
	return nil
}

// get makes one HTTP/1.0 request on a connection of its own, as routers do.
func get(server, target, user, secret string) (status int, body string, err error) {
	c, err := net.DialTimeout("tcp", server, patience)
	if err != nil {
		return 0, "", err
	}
	r, body, err := exchange(c, target, basic(user, secret))
	if err != nil {
		return 0, "", err
	}
	return r.StatusCode, body, nil
}

// basic returns the credentials of a user name and a secret.
func basic(user, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
}

// exchange makes one HTTP/1.0 request on a connection, and closes that.
func exchange(c net.Conn, target, credentials string) (r *http.Response, body string, err error) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: %s\r\nAuthorization: %s\r\n\r\n", target, c.RemoteAddr(), credentials); err != nil {
		return nil, "", err
	}
	if r, err = http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(r.Body)
	return r, string(b), err
}

// ledger is many updaters and what they were told.
type ledger struct {
	updaters     []*updater
	user, secret string
	serial       atomic.Uint32 // the newest that was seen
	stop         chan struct{}
	done         sync.WaitGroup
}

// newLedger makes hosts for n updaters in the world.
func newLedger(w *world, n int) *ledger {
	l := &ledger{}
	var hosts []string
	for i := range n {
		u := &updater{id: i}
		l.updaters = append(l.updaters, u)
		h := u.hosts()
		hosts = append(hosts, h[0], h[1])
	}
	l.user, l.secret = w.seed(hosts...)
	return l
}

// run lets all updaters go until halt is called; when the server is gone they wait.
func (l *ledger) run(w *world) {
	l.stop = make(chan struct{})
	server := w.http
	for _, u := range l.updaters {
		l.done.Go(func() {
			for l.going() {
				if u.update(server, l.user, l.secret) != nil {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	asked := w.dns
	l.done.Go(func() {
		for l.going() {
			m := new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA)
			if r, err := dns.Exchange(m, asked); err == nil && len(r.Answer) == 1 {
				l.serial.Store(r.Answer[0].(*dns.SOA).Serial)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func (l *ledger) going() bool { return going(l.stop) }

// going tells whether nobody has closed stop yet.
func going(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return false
	default:
		return true
	}
}

func (l *ledger) halt() {
	close(l.stop)
	l.done.Wait()
}

// book is what had been acknowledged at one moment.
type book struct {
	acked  []uint32
	serial uint32
}

func (l *ledger) book() book {
	b := book{serial: l.serial.Load()}
	for _, u := range l.updaters {
		b.acked = append(b.acked, u.acked.Load())
	}
	return b
}

// audit compares what the world serves with the book and returns what is wrong:
// an acknowledged number that is not there nor a later one, a host that is half
// updated, a serial that went back.
func (l *ledger) audit(w *world, b book) (faults []string) {
	for i, u := range l.updaters {
		var numbers []uint32
		for _, h := range u.hosts() {
			v4, v6 := w.ask(h, dns.TypeA), w.ask(h, dns.TypeAAAA)
			if len(v4) == 0 && len(v6) == 0 {
				numbers = append(numbers, 0)
				continue
			}
			if len(v4) != 1 || len(v6) != 1 {
				faults = append(faults, fmt.Sprintf("%s is half updated: %v %v", h, v4, v6))
				continue
			}
			n := number(netip.MustParseAddr(v6[0]))
			if want, _ := addresses(n); want.String() != v4[0] {
				faults = append(faults, fmt.Sprintf("%s is half updated: %s belongs to %s, not %s", h, v6[0], want, v4[0]))
			}
			numbers = append(numbers, n)
		}
		if len(numbers) == 2 && numbers[0] != numbers[1] {
			faults = append(faults, fmt.Sprintf("%s: one request, but the hosts are at %v", u.hosts()[0], numbers))
		}
		for _, n := range numbers {
			if n < b.acked[i] || n > u.sent.Load() {
				faults = append(faults, fmt.Sprintf("%s is at %d; acknowledged %d, sent %d", u.hosts()[0], n, b.acked[i], u.sent.Load()))
			}
		}
	}
	if s := w.serial(); s-b.serial >= 1<<31 {
		faults = append(faults, fmt.Sprintf("serial went back from %d to %d", b.serial, s))
	}
	return faults
}

func (l *ledger) mustAudit(t *testing.T, w *world, b book) {
	t.Helper()
	if faults := l.audit(w, b); len(faults) > 0 {
		t.Fatalf("%d faults:\n%s", len(faults), strings.Join(faults, "\n"))
	}
}

func (b book) total() (n uint64) {
	for _, a := range b.acked {
		n += uint64(a)
	}
	return n
}
