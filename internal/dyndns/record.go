package dyndns

import (
	"context"
	"io"
	"net/http"
	"sync"

	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
)

// Recorder remembers what devices asked and were told, as history.History does.
type Recorder interface {
	// Record takes up an exchange, of which it keeps nothing but copies.
	Record(*history.Exchange)
}

// recorderKey is where the Recorder of one request stands in its context.
type recorderKey struct{}

// RecordTo returns a context for one request, of which rec hears in the place of
// Options.Recorder, which must not be nil.
func RecordTo(ctx context.Context, rec Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, rec)
}

// recorderOf returns the Recorder of a request; usual if it has none of its own.
func recorderOf(ctx context.Context, usual Recorder) Recorder {
	if own, ok := ctx.Value(recorderKey{}).(Recorder); ok {
		return own
	}
	return usual
}

// recording is how an endpoint tells a Recorder.
type recording struct {
	to   Recorder
	mask mask
}

// transcript takes down an exchange while it goes on, as the ResponseWriter and
// the body of the request.
type transcript struct {
	http.ResponseWriter
	body    io.ReadCloser // of the request, if it has one of interest
	asked   update.Request
	results []update.Result
	err     error
	status  int
	form    []byte // what was read of the body
	reply   []byte
	request []byte
	of      history.Exchange
}

var transcripts = sync.Pool{New: func() any { return new(transcript) }}

// begin starts to take down an exchange.
func begin(w http.ResponseWriter, r *http.Request) *transcript {
	t := transcripts.Get().(*transcript)
	t.ResponseWriter = w
	if r.Body != nil && (r.Method == http.MethodPost || r.Method == http.MethodPut) {
		t.body, r.Body = r.Body, t
	}
	return t
}

// WriteHeader implements http.ResponseWriter.
func (t *transcript) WriteHeader(status int) {
	if t.status == 0 {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *transcript) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	t.reply = append(t.reply, p[:min(len(p), max(maxForm-len(t.reply), 0))]...)
	return t.ResponseWriter.Write(p)
}

// Read reads the body of the request.
func (t *transcript) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.form = append(t.form, p[:min(n, max(maxForm-len(t.form), 0))]...)
	return n, err
}

// Close closes the body of the request.
func (t *transcript) Close() error { return t.body.Close() }

// end hands the exchange, without its secrets, to the Recorder.
func (t *transcript) end(rec *recording, r *http.Request) {
	if t.body != nil {
		r.Body = t.body
	}
	if t.asked.Via != "" { // or nobody knows what was asked
		t.tell(rec, r)
	}
	*t = transcript{form: t.form[:0], reply: t.reply[:0], request: t.request[:0]}
	transcripts.Put(t)
}

func (t *transcript) tell(rec *recording, r *http.Request) {
	s := secretsOf(&t.asked)
	t.request = rec.mask.appendRequest(t.request[:0], r, t.form, &t.asked, s, isProven(t.err))
	t.of = history.Exchange{
		Asked: &t.asked, Results: t.results, Err: t.err,
		Request: t.request, Agent: s.hideIn(r.UserAgent()), Status: t.status, Reply: s.hideInReply(t.reply),
	}
	recorderOf(r.Context(), rec.to).Record(&t.of)
}

// around returns a handler that answers as h, which is no endpoint, and takes down
// what h asks of a noting Updater.
func (rec *recording) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := begin(w, r)
		h.ServeHTTP(t, r.WithContext(context.WithValue(r.Context(), transcriptKey{}, t)))
		t.end(rec, r)
	})
}

// transcriptKey is where a transcript stands in a context.
type transcriptKey struct{}

// noting is an Updater that notes what was asked, and what became of it, in the
// transcript of the request.
type noting struct{ Updater }

// Update implements Updater.
func (n noting) Update(ctx context.Context, req update.Request) ([]update.Result, error) {
	results, err := n.Updater.Update(ctx, req)
	note(ctx, req, results, err)
	return results, err
}

// Challenge implements Updater.
func (n noting) Challenge(ctx context.Context, c update.Challenge) (update.Result, error) {
	result, err := n.Updater.Challenge(ctx, c)
	req := update.Request{Username: c.Username, Secret: c.Secret, Source: c.Source, Via: c.Via}
	if c.Host != "" {
		req.Hosts = []string{challengedHost(c.Host)}
	}
	if err != nil {
		note(ctx, req, nil, err)
	} else {
		note(ctx, req, []update.Result{result}, nil)
	}
	return result, err
}

// challengedHost returns the host in whose place the name of its record may stand.
func challengedHost(name string) string {
	const label = update.ChallengeLabel + "."
	if startsFold(name, label) {
		return name[len(label):]
	}
	return name
}

func note(ctx context.Context, req update.Request, results []update.Result, err error) {
	if t, ok := ctx.Value(transcriptKey{}).(*transcript); ok {
		t.asked, t.results, t.err = req, results, err
	}
}
