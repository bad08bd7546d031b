package dyndns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
	"stayput.dev/test/rig"
)

// lines is what was logged, and recorded.
type lines struct{ rig.Log }

// Record implements dyndns.Recorder.
func (l *lines) Record(x *history.Exchange) {
	fmt.Fprintf(l, "recorded %s by %s: %q\n", x.Request, x.Agent, x.Reply)
}

// TestSecretsStayOutOfTheLog, and of the history, of the front as of the update service, at the lowest
// level, whether they are right or wrong and wherever they stand.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	const right, wrong = "tok-0123456789abcdef", "tok-0123456789canary"
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := newWorld(t, dyndns.Options{})
	h := dyndns.New(update.New(w.registry, update.Options{Logger: logger}), dyndns.Options{Recorder: log})
	server := front.New(front.Config{Table: front.Table{Devices: h.Paths(), Root: h.Root}, Logger: logger})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(context.Background(), l, front.Plain) }()
	for _, secret := range []string{right, wrong} {
		for _, target := range []string{
			"/t/SECRET", "/t/SECRET/home.dyn.example.org/203.0.113.9", "/t/SECRET/SECRET/SECRET", "/T/x/SECRET", "//t//SECRET", "/t/%53SECRET",
			"/update?token=SECRET&domain=home.dyn.example.org", "/update/?h=home.dyn.example.org&k=SECRET", "/?fqdn=SECRET&token=SECRET",
			"/update/SECRET/SECRET/SECRET", "/update/home/SECRET", "/u/SECRET/?ip=203.0.113.8", "/desec/SECRET?hostname=SECRET&token=SECRET&myip=",
			"/dynamic/update.php?SECRET&address=203.0.113.7", "/api/?action=getdyndns&v=2&sha=SECRET", "/ducupdate.php?username=SECRET&pass=SECRET&h[]=SECRET",
			"/update?host=SECRET&domain=SECRET&password=SECRET", "/api/update?zone=SECRET&token=SECRET&ipv4=SECRET",
			"/gnudip/cgi-bin/gdipupdt.cgi?user=SECRET&pass=SECRET&domn=SECRET&reqc=0", "/dyn/generic.php?hostname=SECRET&user=SECRET",
		} {
			target = strings.ReplaceAll(target, "SECRET", secret)
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, "GET "+target+" HTTP/1.0\r\n\r\n")
			if reply, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(reply, []byte("HTTP/1.0 ")) {
				t.Errorf("%s: reply = %q, %v", target, reply, err)
			}
			conn.Close()
		}
		post, err := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+"/present", strings.NewReader(`{"fqdn":"`+secret+`","value":"`+secret+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		post.SetBasicAuth(secret, secret)
		reply, err := http.DefaultClient.Do(post)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
	}
	if err := errors.Join(server.Shutdown(context.Background()), <-ended); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for _, word := range []string{"msg=request", "address changed", "bad user name or secret", "recorded GET /t/***", "recorded POST /present"} {
		if !strings.Contains(text, word) {
			t.Errorf("the log has no line with %q", word)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "tok-0123456789") {
			t.Errorf("the log says %s", line)
		}
	}
}
