package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"stayput.dev/internal/feed"
	"stayput.dev/internal/registry"
)

const (
	keepAlive   = 20 * time.Second       // between comments, so that nobody takes the stream for dead
	streamWrite = 30 * time.Second       // for one write
	streamPause = 100 * time.Millisecond // between looks at the journal
	streamQueue = 64                     // commits that wait for a client

	// visitorStream is how long a stream of who came without a token lasts; then the
	// client comes again, unless it has signed out.
	visitorStream = 5 * time.Minute
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// eventQuery is a request for what happens.
type eventQuery struct {
	LastEventID string `header:"Last-Event-ID" doc:"ID of the last event that was heard: go on after it."`
	After       string `query:"after" doc:"The same, for clients that cannot set the header."`
}

func (s *server) addEvents(api huma.API) {
	op := operation(http.MethodGet, "/events", "list-events", "Hear what happens, as it happens")
	op.Description = "Server-sent events " + strings.Join(feed.Kinds(), ", ") + ", as far as who asks may see their subject; each tells how it is by now. " +
		"reset says that events were missed: look at everything again."
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Events until the client or the service leaves.",
		Content:     map[string]*huma.MediaType{eventStream: {Schema: &huma.Schema{Type: "string"}}},
	}}
	flow(s, api, op, s.listEvents)
}

func (s *server) listEvents(ctx context.Context, in *eventQuery) (*huma.StreamResponse, error) {
	who := visitOf(ctx).who
	after := in.LastEventID
	if after == "" {
		after = in.After
	}
	st := s.registry.State()
	from, missed := st.Revision, false
	if after != "" {
		from, missed = resume(after, st)
	}
	ended := s.begin(who.key())
	if ended == nil {
		return nil, newProblem(http.StatusServiceUnavailable, "too many event streams are open", "close one, or ask again later")
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer s.leave(who.key())
		r, w := humago.Unwrap(c)
		t := &teller{server: s, who: &who, w: w, flush: http.NewResponseController(w)}
		w.Header().Set("Content-Type", eventStream)
		w.Header().Set("X-Accel-Buffering", "no") // nginx would hold them back
		w.WriteHeader(http.StatusOK)
		t.tell(r.Context(), from, missed, ended)
	}}, nil
}

// eventID returns the ID of events of a commit.
func eventID(revision registry.Revision, lineage string) string {
	return strconv.FormatUint(uint64(revision), 10) + "." + lineage
}

// resume returns where to go on after an event, and whether some were missed
// because the state is not that of then.
func resume(after string, st *registry.State) (from registry.Revision, missed bool) {
	number, lineage, _ := strings.Cut(after, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || lineage != st.Lineage || registry.Revision(n) > st.Revision {
		return st.Revision, true
	}
	return registry.Revision(n), false
}

// teller writes an event stream.
type teller struct {
	*server
	who   *Principal
	w     http.ResponseWriter
	flush *http.ResponseController
}

// tell writes what happens after a revision until ctx or the stream ends.
func (t *teller) tell(ctx context.Context, from registry.Revision, missed bool, ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	commits := make(chan registry.Commit, streamQueue)
	lost := make(chan error, 1)
	var following sync.WaitGroup
	following.Go(func() { lost <- t.follow(ctx, from, commits) }) // ends with ctx
	defer func() { cancel(); following.Wait() }()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	var over <-chan time.Time // never, for tokens: see mayStay
	if t.who.token == nil && t.who.role != operator {
		over = time.After(visitorStream)
	}
	hello := ": hello\n\n"
	if missed {
		hello = t.reset()
	}
	if !t.write(hello) {
		return
	}
	for {
		text := ""
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-over:
			return
		case err := <-lost:
			if errors.Is(err, registry.ErrTrimmed) {
				t.write(t.reset())
			}
			return // the client comes again, and goes on from there
		case <-tick.C:
			text = ": still here\n\n"
		case c := <-commits:
			text = t.events(&c)
		}
		if !t.mayStay() {
			return
		}
		if text != "" && !t.write(text) {
			return
		}
	}
}

// follow hands commits on. It looks no more often than needed: many streams must
// not be what the store is busy with.
func (t *teller) follow(ctx context.Context, from registry.Revision, to chan<- registry.Commit) error {
	rested := time.Time{}
	for c, err := range t.registry.Follow(ctx, from) {
		if err != nil {
			return err
		}
		select {
		case to <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
		if time.Since(rested) > streamPause {
			select {
			case <-time.After(streamPause):
			case <-ctx.Done():
				return ctx.Err()
			}
			rested = time.Now()
		}
	}
	return nil
}

// reset is the event that says that others were missed. What comes after it begins
// at the present.
func (t *teller) reset() string {
	st := t.registry.State()
	return fmt.Sprintf("event: reset\nid: %s\ndata: {\"type\":\"reset\"}\n\n", eventID(st.Revision, st.Lineage))
}

// events returns what of a commit is for this client. The last event alone has the
// ID, so that whoever is cut off between two hears both again.
func (t *teller) events(c *registry.Commit) string {
	st := t.registry.State()
	var b strings.Builder
	last := ""
	for _, e := range feed.Of(c, st) {
		if !t.mayHear(&e) {
			continue
		}
		data, err := json.Marshal(e)
		if err != nil {
			continue
		}
		b.WriteString(last)
		last = fmt.Sprintf("event: %s\ndata: %s\n\n", e.Kind, data)
	}
	if last == "" {
		return ""
	}
	b.WriteString("id: " + eventID(c.Revision, st.Lineage) + "\n" + last)
	return b.String()
}

// mayStay tells whether who asked may still ask: the token is there and good, and
// its account neither suspended nor of another role.
func (t *teller) mayStay() bool {
	if t.who.role == operator {
		return true
	}
	return t.who.isStill(t.registry.State(), t.now()) == nil
}

func (t *teller) mayHear(e *feed.Event) bool {
	if e.Host == "" && t.who.isLimited() || e.Host != "" && !t.who.covers(e.Host) {
		return false
	}
	return t.who.mayReach(e.Account)
}

// write sends text at once, and tells whether the client takes it.
func (t *teller) write(text string) bool {
	_ = t.flush.SetWriteDeadline(time.Now().Add(streamWrite)) // not every connection has one
	if _, err := t.w.Write([]byte(text)); err != nil {
		return false
	}
	return t.flush.Flush() == nil
}
