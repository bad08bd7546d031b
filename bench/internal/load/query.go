//go:build linux

package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"stayput.dev/bench/internal/wire"
)

// A Resolver asks a server as fast as it answers, with a bounded number of
// questions in flight, or at a steady rate. It sends and receives in batches and
// spins, so that one core of load outruns one core of any server.
type Resolver struct {
	Server    netip.AddrPort
	Questions *Questions
	Window    int     // questions in flight, over all sockets
	Rate      float64 // questions that are asked each second whatever is in flight; 0 for the window
	Sockets   int     // source ports: one keeps to one thread of a server, more spread
	Sources   int     // source addresses; 0 for the one that the system chooses
	CPU       int     // the core that the load runs on, -1 for any
	Echo      bool    // any reply is right: the server sends questions back
}

// Answers says what became of the questions of one run.
type Answers struct {
	Right      int   // answered as the zone has it
	Wrong      int   // answered otherwise
	FirstWrong error // one of these, nil when there are none
	Lost       int   // not answered in time
	Elapsed    time.Duration
	Latencies  []time.Duration // at a steady rate, ascending: of Right, and patience for each that is lost
}

// patience is how long the load waits for any answer before it gives up what
// is in flight.
const patience = time.Second

// Ask asks for d, or until ctx ends.
func (r *Resolver) Ask(ctx context.Context, d time.Duration) (Answers, error) {
	runtime.LockOSThread() // never unlocked: the thread ends with its affinity
	lines := make([]*line, r.Sockets)
	for i := range lines {
		l, err := r.open()
		if err != nil {
			return Answers{}, fmt.Errorf("opening load: %w", err)
		}
		defer unix.Close(l.fd)
		l.next = r.Questions.Len() / r.Sockets * i
		lines[i] = l
	}
	if r.CPU >= 0 {
		var set unix.CPUSet
		set.Set(r.CPU)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return Answers{}, fmt.Errorf("pinning load to core %d: %w", r.CPU, err)
		}
	}
	run := spin
	if r.Rate > 0 {
		run = r.metronome
	}
	elapsed, err := run(ctx, lines, d)
	return collect(lines, elapsed, err)
}

// spin keeps the windows full for d.
func spin(ctx context.Context, lines []*line, d time.Duration) (time.Duration, error) {
	start := time.Now()
	now := start
	for now.Sub(start) < d && ctx.Err() == nil {
		for range 16 { // looking at the clock costs as much as an answer
			for _, l := range lines {
				if err := l.turn(now, l.window-l.inFlight); err != nil {
					return 0, err
				}
			}
		}
		now = time.Now()
	}
	return now.Sub(start), nil
}

// collect adds up what the lines counted in a run.
func collect(lines []*line, elapsed time.Duration, err error) (Answers, error) {
	if err != nil {
		return Answers{}, err
	}
	total := Answers{Elapsed: elapsed}
	for _, l := range lines {
		total.Right += l.answers.Right
		total.Wrong += l.answers.Wrong
		if total.FirstWrong == nil {
			total.FirstWrong = l.answers.FirstWrong
		}
		total.Lost += l.answers.Lost
		total.Latencies = append(total.Latencies, l.answers.Latencies...)
	}
	slices.Sort(total.Latencies)
	if len(total.Latencies) > 0 { // who drops the late ones is not fast
		total.Latencies = append(total.Latencies, slices.Repeat([]time.Duration{patience}, total.Lost)...)
	}
	return total, nil
}

// batch is the most messages that one system call carries.
const batch = 64

// A message is the kernel's struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	n   uint32
}

// A line is one socket and its share of the window.
type line struct {
	fd        int
	window    int
	memory    uint16 // a question is lost when so many later ones were asked
	echo      bool   // any reply is right
	timed     bool   // latencies are wanted
	questions *Questions
	next      int // the next question

	id       uint16
	inFlight int
	waiting  [1 << 16]int32     // by id: the question in flight, counted from 1; 0 is none
	asked    [1 << 16]time.Time // by id: when; only if timed
	heard    time.Time          // when the last answer came
	answers  Answers

	out, in       [batch]message
	outIOV, inIOV [batch]unix.Iovec
	inBuf         [batch][1232]byte

	sources sources
}

func (r *Resolver) open() (*line, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	enlarge(fd)
	window := max(1, r.Window/r.Sockets)
	l := &line{
		fd: fd, window: window, memory: uint16(min(16*window, 1<<15)), echo: r.Echo, timed: r.Rate > 0,
		questions: r.Questions, heard: time.Now(),
	}
	if l.timed {
		l.memory = 1 << 15
	}
	for i := range batch {
		l.outIOV[i].SetLen(0)
		l.out[i].hdr.Iov = &l.outIOV[i]
		l.out[i].hdr.SetIovlen(1)
		l.inIOV[i].Base = &l.inBuf[i][0]
		l.inIOV[i].SetLen(len(l.inBuf[i]))
		l.in[i].hdr.Iov = &l.inIOV[i]
		l.in[i].hdr.SetIovlen(1)
	}
	if err := l.address(r.Server, r.Sources); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return l, nil
}

// receiveBuffer holds the answers to a whole window, however long the load
// is kept from running: what its own socket dropped would look like a loss of
// the server.
const receiveBuffer = 4 << 20

// enlarge gives the socket that buffer, or what the system allows.
func enlarge(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer) // losses are reported
	}
}

// turn asks up to n questions and takes what answers are there.
func (l *line) turn(now time.Time, n int) error {
	if n > 0 {
		if err := l.send(now, min(batch, n)); err != nil {
			return fmt.Errorf("sending questions: %w", err)
		}
	}
	n, err := l.mmsg(unix.SYS_RECVMMSG, &l.in, batch)
	switch {
	case err != nil:
		return fmt.Errorf("receiving answers: %w", err)
	case n > 0:
		l.heard = now
		if l.timed {
			now = time.Now()
		}
		for i := range n {
			l.take(l.inBuf[i][:l.in[i].n], now)
		}
	case now.Sub(l.heard) > patience:
		l.giveUp(now)
	}
	return nil
}

// send asks the next n questions, or as many as the socket takes.
func (l *line) send(now time.Time, n int) error {
	for i := range n {
		at := (l.next + i) % l.questions.Len()
		q := l.questions.at(at)
		id := l.id + uint16(i)
		l.forget(id - l.memory)
		binary.BigEndian.PutUint16(q, id)
		l.outIOV[i].Base = &q[0]
		l.outIOV[i].SetLen(len(q))
		l.waiting[id] = int32(at + 1)
		if l.timed {
			l.asked[id] = now
		}
		l.sources.next(i)
	}
	sent, err := l.mmsg(unix.SYS_SENDMMSG, &l.out, n)
	for i := sent; i < n; i++ {
		l.waiting[l.id+uint16(i)] = 0 // not asked after all
	}
	l.id += uint16(sent)
	l.next = (l.next + sent) % l.questions.Len()
	l.inFlight += sent
	return err
}

// forget counts the question with the id, if it still waits, as lost.
func (l *line) forget(id uint16) {
	if l.waiting[id] != 0 {
		l.waiting[id] = 0
		l.inFlight--
		l.answers.Lost++
	}
}

// take counts the answer m, which came now.
func (l *line) take(m []byte, now time.Time) {
	if !wire.IsReply(m) {
		return
	}
	id := wire.ID(m)
	at := int(l.waiting[id]) - 1
	if at < 0 {
		return // given up already
	}
	l.waiting[id] = 0
	l.inFlight--
	if l.echo || l.questions.expect[at].met(m) {
		l.answers.Right++
		if l.timed {
			l.answers.Latencies = append(l.answers.Latencies, now.Sub(l.asked[id]))
		}
		return
	}
	l.answers.Wrong++
	if l.answers.FirstWrong == nil {
		l.answers.FirstWrong = fmt.Errorf("question %x has the answer %x", l.questions.at(at), m)
	}
}

// giveUp counts everything in flight as lost.
func (l *line) giveUp(now time.Time) {
	l.answers.Lost += l.inFlight
	l.inFlight = 0
	l.heard = now
	clear(l.waiting[:])
}
