package web

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"stayput.dev/internal/admin"
)

const (
	// streamTime is how long a stream lasts; then the browser comes again, and
	// who has signed out meanwhile is not let in.
	streamTime = 5 * time.Minute

	// lookEvery is how often a stream looks for what makes no commit, such as a
	// request that changed nothing or was refused.
	lookEvery = 2 * time.Second

	// maxWatched is how many hosts one stream watches.
	maxWatched = 50

	// maxStreams and maxStreamsOfOne bound the streams that are open, of all and of
	// one account. Pages in tabs that nobody looks at have none.
	maxStreams      = 2000
	maxStreamsOfOne = 20
)

// streams counts the streams that are open. The zero streams is ready for use.
type streams struct {
	mu   sync.Mutex // guards all below
	open int
	by   map[uint32]int // by account
}

// begin takes a place for a stream of the account, which leave gives back; it tells
// whether there is one.
func (s *streams) begin(account uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams || s.by[account] >= maxStreamsOfOne {
		return false
	}
	if s.by == nil {
		s.by = map[uint32]int{}
	}
	s.open++
	s.by[account]++
	return true
}

func (s *streams) leave(account uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.by[account]--; s.by[account] == 0 {
		delete(s.by, account)
	}
}

// eventsURL is where a page that shows the hosts hears that they have changed.
func eventsURL(hosts ...*hostView) string {
	q := url.Values{}
	marks := make([]string, len(hosts))
	for i, h := range hosts {
		q.Add("host", h.Name.String())
		marks[i] = h.Mark
	}
	q.Set("mark", joinMarks(marks))
	return "/events?" + q.Encode()
}

func joinMarks(marks []string) string {
	sum := fnv.New64a()
	for _, m := range marks {
		sum.Write([]byte(m + " "))
	}
	return strconv.FormatUint(sum.Sum64(), 36)
}

// events is a stream (text/event-stream) that says once that hosts no longer are as
// the page shows them. A host that is not the visitor's is an error, as on its page, and
// so is one stream more than there may be.
func (p *Pages) events(v *visit) error {
	q := v.r.URL.Query()
	hosts := q["host"]
	hosts = hosts[:min(len(hosts), maxWatched)]
	if _, err := v.marks(hosts); err != nil {
		return err
	}
	if !p.streams.begin(v.who.ID) {
		return errStreams
	}
	defer p.streams.leave(v.who.ID)
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // of nginx
	if v.r.Method == http.MethodHead {
		return nil
	}
	out := http.NewResponseController(v.w)
	ctx, cancel := context.WithTimeout(v.r.Context(), streamTime)
	defer cancel()
	bell := p.ring(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	say := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, err := fmt.Fprint(v.w, text)
		return err == nil && out.Flush() == nil
	}
	if !say("retry: 3000\n\n") {
		return nil
	}
	for quiet := 0; ; quiet++ {
		if mark, err := v.marks(hosts); err != nil || mark != q.Get("mark") {
			say("event: changed\ndata: " + mark + "\n\n")
			return nil
		}
		if quiet%8 == 7 && !say(": still here\n\n") {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.leaving:
			return nil
		case <-bell:
		case <-tick.C:
		}
	}
}

// marks returns what is different when the hosts are.
func (v *visit) marks(hosts []string) (string, error) {
	marks := make([]string, len(hosts))
	for i, name := range hosts {
		h, err := v.findHost(name)
		if err != nil {
			return "", err
		}
		marks[i] = markHost(&h, v.p.History.Host(h.Name))
	}
	return joinMarks(marks), nil
}

// ring returns a channel that is ready after each commit until ctx ends.
func (p *Pages) ring(ctx context.Context) <-chan struct{} {
	bell := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			if p.Registry.Await(ctx, p.Admin.State().Revision+1) != nil {
				return
			}
			select {
			case bell <- struct{}{}:
			default:
			}
		}
	}()
	return bell
}

// findHost returns a host that the visitor may see; for others it is as if they
// did not exist.
func (v *visit) findHost(name string) (admin.Host, error) {
	n, err := admin.ParseName(name)
	if err != nil {
		return admin.Host{}, admin.ErrNotFound
	}
	h, err := v.p.Admin.Host(n)
	if err != nil {
		return h, err
	}
	if !v.maySee(h.Account) {
		return admin.Host{}, admin.ErrNotFound
	}
	v.foreign = !v.isOwn(h.Account)
	return h, nil
}

// ownHost is findHost for who wants to change the host.
func (v *visit) ownHost(name string) (admin.Host, error) {
	h, err := v.findHost(name)
	if err != nil {
		return h, err
	}
	if !v.mayChange(h.Account) {
		return h, errForbidden
	}
	v.changes = append(v.changes, h.Name)
	return h, nil
}

// keysFor returns the update keys of the host's account that cover it.
func (v *visit) keysFor(h *admin.Host) ([]admin.Key, error) {
	var all []admin.Key
	for start := ""; ; {
		keys, next, err := v.p.Admin.Keys(h.Account, start, 0)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if k.Covers(h.Name) {
				all = append(all, k)
			}
		}
		if next == "" {
			return all, nil
		}
		start = next
	}
}
