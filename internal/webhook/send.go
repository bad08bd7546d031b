package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"stayput.dev/internal/account"
)

const (
	sendTime  = 20 * time.Second // for one delivery, all told
	maxAnswer = 4 << 10          // octets of an answer that are read
)

// errGone says that the receiver wants nothing more (Standard Webhooks: status 410).
var errGone = errors.New("the receiver answers 410 Gone")

// statusError is an answer that is not a success.
type statusError struct {
	status int
	wait   time.Duration // that the receiver asks for; 0: it does not
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the receiver answers %d %s", e.status, http.StatusText(e.status))
}

// newClient returns a client that goes to public addresses and those allowed,
// follows nothing that it is told to, and asks no proxy.
func newClient(allowed func() []netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: guard(allowed)}
	return &http.Client{
		Timeout: sendTime,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// message is what is sent.
type message struct {
	id   string
	body any
}

// send delivers a message once, and returns why it was not taken.
func (s *Sender) send(ctx context.Context, h *account.Hook, m message) error {
	body, err := json.Marshal(m.body)
	if err != nil {
		return fmt.Errorf("making a message: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	at := s.now().Unix()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Stayput")
	r.Header["webhook-id"] = []string{m.id}
	r.Header["webhook-timestamp"] = []string{strconv.FormatInt(at, 10)}
	r.Header["webhook-signature"] = []string{sign(h.Secret, m.id, at, body)}
	answer, err := s.client.Do(r)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that the connection can be used again
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode == http.StatusGone:
		return errGone
	}
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return &statusError{answer.StatusCode, time.Duration(max(seconds, 0)) * time.Second}
}

// withoutURL returns the error without the URL, which may hold a secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
