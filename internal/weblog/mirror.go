package weblog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of what a Mirror takes.
const (
	maxQueue = 1000             // lines that wait to be handed on; more are dropped
	maxLine  = 64 << 10         // octets; a longer line is dropped
	patience = 10 * time.Second // with the daemon, for one line
)

// Mirror hands requests on to a daemon.
type Mirror struct {
	Address string // host and port of the daemon, plain HTTP
	Prefix  string // path of mirrored requests there, without a slash at its end
	Strip   string // path that devices have in front, without a slash at its end; what does not have it is left out

	// Complain is told, at most once a minute and at the end, how many lines were
	// dropped, and of the last of them why.
	Complain func(dropped int, err error)

	conn    net.Conn // nil: none is open
	in      *bufio.Reader
	dropped int
	why     error
	spoke   time.Time
}

// errBusy says that lines came faster than they could be handed on.
var errBusy = errors.New("the daemon is slower than the log")

// Run hands on what lines says until that or ctx ends. It reads as fast as they come,
// whatever the daemon does, and fails only when reading does.
func (m *Mirror) Run(ctx context.Context, lines io.Reader) error {
	queue, lost := make(chan string, maxQueue), new(atomic.Int64)
	ended := make(chan error, 1)
	go func() { ended <- readLines(lines, queue, lost) }()
	defer m.hangUp()
	for {
		select {
		case <-ctx.Done():
			return nil
		case text, more := <-queue:
			if n := int(lost.Swap(0)); n > 0 {
				m.drop(n, errBusy)
			}
			if !more {
				m.complain()
				return <-ended
			}
			if err := m.handOn(ctx, text); err != nil {
				m.drop(1, err)
			}
		}
	}
}

// readLines fills the queue and closes it at the end. It never waits: where there is no
// room, the line is lost, and counted.
func readLines(lines io.Reader, queue chan<- string, lost *atomic.Int64) error {
	defer close(queue)
	in := bufio.NewReaderSize(lines, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		tooLong := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if text := strings.TrimSpace(string(line)); text != "" || tooLong {
			if tooLong {
				text = "" // which is no line
			}
			select {
			case queue <- text:
			default:
				lost.Add(1)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the log: %w", err)
		}
	}
}

// drop notes that n lines were not handed on.
func (m *Mirror) drop(n int, why error) {
	m.dropped += n
	m.why = why
	if time.Since(m.spoke) >= time.Minute {
		m.complain()
	}
}

func (m *Mirror) complain() {
	if m.dropped > 0 && m.Complain != nil {
		m.Complain(m.dropped, m.why)
	}
	m.dropped, m.spoke = 0, time.Now()
}

// handOn hands on one line. A connection that the daemon has closed meanwhile is opened
// again, once.
func (m *Mirror) handOn(ctx context.Context, text string) error {
	l, err := Parse(text)
	if err != nil {
		return err
	}
	request := m.request(&l)
	if request == "" {
		return nil
	}
	wasOpen := m.conn != nil
	status, err := m.send(ctx, l.Method, request)
	if err != nil && wasOpen {
		status, err = m.send(ctx, l.Method, request)
	}
	switch {
	case err != nil:
		return err
	case status == http.StatusNoContent, status == http.StatusNotFound: // the latter is no path of devices
		return nil
	case status == http.StatusForbidden:
		return errors.New("mirrored requests are not taken: set http.shadow, and name this machine in http.trusted_proxies")
	}
	return fmt.Errorf("the daemon answers with status %d", status)
}

// request returns a mirrored request as it is sent; empty for what is none.
func (m *Mirror) request(l *Line) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	source := "127.0.0.1"
	if l.ID != "" {
		fmt.Fprintf(&b, "GET %s/answer HTTP/1.1\r\n", m.Prefix)
	} else {
		target, ok := m.target(l.Target)
		if !ok || l.Method == "" {
			return ""
		}
		fmt.Fprintf(&b, "%s %s%s HTTP/1.1\r\n", l.Method, m.Prefix, target)
		source = l.Source.String()
	}
	field("Host", m.Address)
	field("X-Forwarded-For", source)
	field("Authorization", l.Authorization)
	field("User-Agent", l.Agent)
	field("Shadow-Id", l.ID)
	field("Shadow-Status", fmt.Sprint(l.Status))
	field("Shadow-Length", fmt.Sprint(l.Length))
	field("Content-Length", "0")
	field("Connection", "keep-alive")
	b.WriteString("\r\n")
	return b.String()
}

// target returns the target as it is to be asked here, and whether it is one.
func (m *Mirror) target(sent string) (string, bool) {
	if scheme, rest, ok := strings.Cut(sent, "://"); ok && !strings.ContainsAny(scheme, "/?") {
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		sent = rest[i:]
	}
	if !strings.HasPrefix(sent, "/") {
		sent = "/" + sent
	}
	rest, ok := strings.CutPrefix(sent, m.Strip)
	if !ok || rest != "" && rest[0] != '/' && rest[0] != '?' {
		return "", false
	}
	return rest, true
}

// send sends a request and returns with which status it was taken. To HEAD a body is told
// of that never comes.
func (m *Mirror) send(ctx context.Context, method, request string) (status int, err error) {
	defer func() {
		if err != nil {
			m.hangUp()
		}
	}()
	if m.conn == nil {
		d := net.Dialer{Timeout: patience}
		if m.conn, err = d.DialContext(ctx, "tcp", m.Address); err != nil {
			return 0, err
		}
		m.in = bufio.NewReader(m.conn)
	}
	if err := m.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(m.conn, request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(m.in, &http.Request{Method: method})
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, err
	}
	if answer.Close {
		m.hangUp()
	}
	return answer.StatusCode, nil
}

func (m *Mirror) hangUp() {
	if m.conn != nil {
		_ = m.conn.Close() // nothing is left to be written
		m.conn = nil
	}
}
