package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"stayput.dev/internal/registry"
)

// line is what two processes of the daemon talk over while one takes over from the
// other: a pair of sockets that keep messages apart. say and pass are safe for
// concurrent use.
type line struct{ conn *net.UnixConn }

// word is one message. Which fields count depends on what it says.
type word struct {
	Say      string            `json:"say"`
	Data     string            `json:"data,omitempty"`     // offer: absolute path of the data directory
	Lineage  string            `json:"lineage,omitempty"`  // offer: of the state
	Sockets  []socket          `json:"sockets,omitempty"`  // offer: in the order of their descriptors
	Revision registry.Revision `json:"revision,omitempty"` // held, ahead: the last one
	Error    string            `json:"error,omitempty"`    // failed: why
	Unread   []byte            `json:"unread,omitempty"`   // conn: what was read from it already
}

// What is said, in this order, but that a connection may come at any time and the
// successor may fail at any time. A handover is described in handover.go.
const (
	sayOffer     = "offer"     // to the successor: these are the sockets
	sayLoaded    = "loaded"    // back: the state is here, and trails yours
	sayHeld      = "held"      // to: my state stands still at this revision
	sayAhead     = "ahead"     // back, where others append: mine does at this later one; come there, and say so again
	sayAnswering = "answering" // back: my DNS shows that revision
	sayReleased  = "released"  // to: the store is free
	sayTookOver  = "took over" // back: I have the store
	sayYours     = "yours"     // to: I take no queries any more
	sayConn      = "conn"      // to: go on with this connection
	sayFailed    = "failed"    // back: forget me
)

// maxWord is enough for any word: a DNS message and what JSON makes of it, or a few
// hundred sockets.
const maxWord = 1 << 17

var errHungUp = errors.New("the other process is gone")

// newLine takes over the descriptor of an end.
func newLine(end *os.File) (*line, error) {
	defer end.Close()
	conn, err := net.FileConn(end)
	if err != nil {
		return nil, fmt.Errorf("speaking to the other process: %w", err)
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("speaking to the other process: not a Unix socket"), conn.Close())
	}
	return &line{unix}, nil
}

func (l *line) say(w word) error { return l.send(w, nil) }

func (l *line) send(w word, rights []byte) error {
	text, err := json.Marshal(w)
	if err == nil {
		_, _, err = l.conn.WriteMsgUnix(text, rights, nil)
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		err = errHungUp
	}
	if err != nil {
		return fmt.Errorf("saying %q to the other process: %w", w.Say, err)
	}
	return nil
}

// pass gives a connection away, with what was read from it. It remains ours to
// close.
func (l *line) pass(c net.Conn, unread []byte) error {
	conn, ok := c.(syscall.Conn)
	if !ok {
		return errors.New("passing on a connection: it has no descriptor")
	}
	return control(conn, func(fd int) error {
		return l.send(word{Say: sayConn, Unread: unread}, syscall.UnixRights(fd))
	})
}

// hear returns the next word, and the connection that came with it, if any. It
// fails with errHungUp when the other process has closed the line, be it without
// having heard all that was said.
func (l *line) hear() (w word, c net.Conn, err error) {
	text, rights := make([]byte, maxWord), make([]byte, syscall.CmsgSpace(4))
	n, rightsLen, _, _, err := l.conn.ReadMsgUnix(text, rights)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || err == nil && n == 0 {
		err = errHungUp
	}
	if err != nil {
		return word{}, nil, err
	}
	if rightsLen > 0 {
		if c, err = connOf(rights[:rightsLen]); err != nil {
			return word{}, nil, err
		}
	}
	if err = json.Unmarshal(text[:n], &w); err != nil {
		err = fmt.Errorf("understanding the other process: %w", err)
	}
	return w, c, err
}

// connOf returns the connection that a control message brings.
func connOf(rights []byte) (net.Conn, error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("taking over a connection: %w", err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, fmt.Errorf("taking over a connection: %w", err)
	}
	file := os.NewFile(uintptr(fds[0]), "connection")
	defer file.Close()
	return net.FileConn(file)
}

func (l *line) close() { _ = l.conn.Close() }
