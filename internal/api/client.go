package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Client asks a running daemon over its admin socket. Every method asks one
// endpoint of the API; its error is an *Error, unless the context ended or the
// answer broke off. It is safe for concurrent use.
type Client struct {
	socket string
	http   http.Client
}

// NewClient returns a client of the daemon that listens at the Unix socket. It
// does not look whether there is one.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket, http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is what the daemon says when it cannot do what it was asked, or that it
// could not be reached.
type Error struct {
	Status  int    // the HTTP status; 0 when the daemon could not be reached
	Message string // a sentence
	Hint    string // what may be done about it; may be empty
	err     error
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns why the daemon could not be reached, nil otherwise.
func (e *Error) Unwrap() error { return e.err }

// request sends a request and returns the answer, whose body must be closed,
// unless it is a problem.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, mediaType string, body io.Reader) (*http.Response, error) {
	target := "http://stayput" + prefix + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", mediaType)
	}
	answer, err := c.http.Do(r)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, c.unreachable(err)
	case answer.StatusCode >= http.StatusBadRequest:
		defer answer.Body.Close()
		return nil, readError(answer)
	}
	return answer, nil
}

func (c *Client) unreachable(err error) *Error {
	if wrapped, ok := err.(*url.Error); ok { //nolint:errorlint // it stands outermost
		err = wrapped.Err
	}
	return &Error{
		Message: fmt.Sprintf("cannot reach the daemon at %s: %v", c.socket, err),
		Hint:    "is `stayput serve` running, with this data directory?",
		err:     err,
	}
}

// maxProblem bounds what is read of a problem, in octets.
const maxProblem = 1 << 20

func readError(answer *http.Response) *Error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	var p Problem
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p.Detail = "the daemon answers " + answer.Status
	}
	return &Error{Status: answer.StatusCode, Message: p.Detail, Hint: p.Hint}
}

// send sends in, unless it is nil, as JSON, and returns the answer as request
// does.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	if in == nil {
		return c.request(ctx, method, path, query, "", nil)
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	return c.request(ctx, method, path, query, "application/json", bytes.NewReader(text))
}

// get sends in, unless it is nil, and reads the answer.
func get[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (T, error) {
	answer, err := c.send(ctx, method, path, query, in)
	if err != nil {
		var none T
		return none, err
	}
	defer answer.Body.Close()
	return decode[T](answer)
}

// do sends in, unless it is nil, to an endpoint that answers with nothing.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in any) error {
	answer, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// copy sends in, unless it is nil, and copies the answer to w.
func (c *Client) copy(ctx context.Context, method, path string, in any, w io.Writer) error {
	answer, err := c.send(ctx, method, path, nil, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("copying the answer: %w", err)
	}
	return nil
}

func decode[T any](answer *http.Response) (T, error) {
	var out T
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("reading the answer: %w", err)
	}
	return out, nil
}

// segment makes text one segment of a path; "." and ".." would be more than that.
func segment(text string) string {
	if strings.Trim(text, ".") == "" {
		return strings.ReplaceAll(text, ".", "%2E")
	}
	return url.PathEscape(text)
}

// values makes a query of names and values in turn, without empty values.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func forced(force bool) url.Values {
	if force {
		return url.Values{"force": {"true"}}
	}
	return nil
}

// Page is the part of a list that is asked for. The zero Page is its beginning.
type Page struct {
	Start string // where it begins: Next of the page before
	Limit int    // how many at most; 0: as many as the daemon likes
}

func (p Page) limit() string {
	if p.Limit == 0 {
		return ""
	}
	return strconv.Itoa(p.Limit)
}

// all yields everything from the first page on, and an error at most once, at
// the end. next returns a page and where the one after it begins.
func all[T any](first Page, next func(Page) (items []T, start string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for p := first; ; {
			items, start, err := next(p)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Start = start; start == "" {
				return
			}
		}
	}
}
