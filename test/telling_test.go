package test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// listener is a system to which webhooks are sent.
type listener struct {
	*httptest.Server
	mu  sync.Mutex // guards got and off
	got []string
	off bool // it answers 503
}

func newListener(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.off {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		l.got = append(l.got, string(body))
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) turn(off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = off
}

// hears waits until a message with the text has come.
func (l *listener) hears(t *testing.T, text string) {
	t.Helper()
	for range 600 {
		l.mu.Lock()
		all := strings.Join(l.got, "\n")
		l.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("a message with %s never came", text)
}

// What happens is told to other systems, whatever happens to the daemon; and who
// hears event streams does not keep it from ending.
func TestTelling(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	w := newWorld(t, "")
	config, err := os.ReadFile(filepath.Join(w.dir, "stayput.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("stayput.toml", string(config)+"[webhooks]\nallow = [\"127.0.0.0/8\"]\n")
	w.start()
	w.seed("home.dyn.example.org")
	var token struct{ Secret string }
	if err := json.Unmarshal([]byte(w.run("--json", "token", "add", "--account", "alice", "--read-only")), &token); err != nil {
		t.Fatal(err)
	}
	var hook struct{ ID string }
	if err := json.Unmarshal([]byte(w.run("--json", "webhook", "add", l.URL, "--event", "host.changed")), &hook); err != nil {
		t.Fatal(err)
	}
	w.run("webhook", "test", hook.ID)
	l.hears(t, `"type":"test"`)
	w.run("host", "set", "home.dyn.example.org", "--address", "198.51.100.1")
	l.hears(t, "198.51.100.1")

	// A receiver and a daemon that fail at the same time.
	l.turn(true)
	w.run("host", "set", "home.dyn.example.org", "--address", "198.51.100.2")
	w.kill()
	l.turn(false)
	w.start()
	l.hears(t, "198.51.100.2")

	// A stream ends when the daemon makes way for another, which it goes on with.
	ended := w.listens(t, token.Secret)
	w.upgrade()
	<-ended
	w.run("host", "set", "home.dyn.example.org", "--address", "198.51.100.3")
	l.hears(t, "198.51.100.3")
	ended = w.listens(t, token.Secret)
	w.stop()
	<-ended
}

// listens opens an event stream and returns what is closed when it has ended.
func (w *world) listens(t *testing.T, secret string) <-chan struct{} {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.http+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(answer.Body)
	if line, err := in.ReadString('\n'); line != ": hello\n" {
		t.Fatalf("the stream begins %q, %v", line, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, in)
	}()
	return ended
}
