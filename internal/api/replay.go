package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"stayput.dev/internal/shelf"
)

// These bound what is kept of requests with an Idempotency-Key.
const (
	replayKind   = "api-answer"
	replayTime   = 24 * time.Hour
	replayUnder  = 5 * time.Minute // one that has been under way for longer was broken off
	maxReplays   = 256             // of one who asks
	maxReplayKey = 255
	maxReplay    = 64 << 10 // octets of an answer
	maxReplayAsk = 1 << 20  // octets of a request with a key
)

// Shelf keeps answers, see store.Shelf, which says what its methods do.
type Shelf interface {
	// Get returns an item, or shelf.ErrNotFound.
	Get(ctx context.Context, kind, id string) (shelf.Item, error)
	// Put keeps an item, or fails with shelf.ErrChanged.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
	// Take deletes an item.
	Take(ctx context.Context, kind, id string) (shelf.Item, error)
	// Sweep deletes the items of a kind whose time has come.
	Sweep(ctx context.Context, kind string, until time.Time) (int, error)
}

// replays give requests that make something, and are sent again with the same
// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07), the answer that
// the first had, whichever node it asked. Answers may hold secrets: each is sealed with
// a key that is made of what only the client has, its own key and its API token.
type replays struct {
	shelf Shelf // nil: no request may have a key
	now   func() time.Time

	mu    sync.Mutex              // guards what follows
	kept  map[string][]keptReplay // by who asked, the oldest first
	swept time.Time
}

// keptReplay is an item on the shelf.
type keptReplay struct {
	id  string
	due time.Time
}

// replay is a request and, once it is done, its answer.
type replay struct {
	Asked  []byte      `json:"asked"` // what was asked for, hashed
	Done   bool        `json:"done"`
	Begun  time.Time   `json:"begun"`
	Status int         `json:"status,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

// deed is a request with a key that is being answered.
type deed struct {
	item   shelf.Item
	cipher cipher.AEAD
	replay replay
}

// serve lets next answer, unless the request was answered before.
func (p *replays) serve(w http.ResponseWriter, r *http.Request, who *Principal, next http.Handler) {
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost || key == "" {
		next.ServeHTTP(w, r)
		return
	}
	if len(key) > maxReplayKey {
		writeProblem(w, newProblem(http.StatusBadRequest, fmt.Sprintf("Idempotency-Key has more than %d characters", maxReplayKey), ""))
		return
	}
	if p.shelf == nil {
		writeProblem(w, newProblem(http.StatusNotImplemented, "answers are not kept here, so that an Idempotency-Key would be of no use", ""))
		return
	}
	body, fault := readWhole(r.Body, maxReplayAsk)
	if fault != nil {
		writeProblem(w, fault)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	d := newDeed(r, who, key, body, p.now())
	before, err := p.begin(r.Context(), d, who.key())
	switch {
	case err != nil:
		writeProblem(w, newProblem(http.StatusServiceUnavailable, "it cannot be kept that this was asked, so it was not done", "ask again in a moment"))
	case before == nil:
		p.run(w, r, d, next)
	case !hmac.Equal(before.Asked, d.replay.Asked):
		writeProblem(w, newProblem(http.StatusUnprocessableEntity, "this Idempotency-Key was used for another request", "make a new key for each thing to be made"))
	case !before.Done:
		writeProblem(w, newProblem(http.StatusConflict, "the same request is under way", "ask again in a moment"))
	default:
		for name, values := range before.Header {
			w.Header()[name] = values
		}
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(before.Status)
		_, _ = w.Write(before.Body)
	}
}

// key tells principals apart.
func (p *Principal) key() string {
	if p.token != nil {
		return p.token.ID
	}
	return strconv.FormatUint(uint64(p.Account), 10)
}

// newDeed returns a request that is under way from now.
func newDeed(r *http.Request, who *Principal, key string, body []byte, now time.Time) *deed {
	secret := hmac.New(sha256.New, []byte(key))
	if who.token != nil {
		_, _ = io.WriteString(secret, r.Header.Get("Authorization"))
	}
	seal := secret.Sum(nil)
	id := sha256.Sum256([]byte(who.key() + "\x00" + key))
	asked := hmac.New(sha256.New, seal)
	_, _ = fmt.Fprintf(asked, "%s\x00%s\x00%s\x00%s", r.URL.RequestURI(), r.Header.Get("Content-Type"), body, who.name)
	block, _ := aes.NewCipher(seal) // 32 octets are a key
	aead, _ := cipher.NewGCM(block) // as is AES's block
	return &deed{
		item: shelf.Item{
			Kind: replayKind, ID: base64.RawURLEncoding.EncodeToString(id[:]), Account: who.Account, Due: now.Add(replayTime), Passing: true,
		},
		cipher: aead,
		replay: replay{Asked: asked.Sum(nil), Begun: now},
	}
}

// begin returns what is known of the request, or nil when it is ours to answer: then
// all nodes know that it is under way.
func (p *replays) begin(ctx context.Context, d *deed, who string) (*replay, error) {
	p.sweep(ctx)
	known, err := p.shelf.Get(ctx, replayKind, d.item.ID)
	switch {
	case errors.Is(err, shelf.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		before := d.open(known.Body)
		if before.Done || p.now().Sub(before.Begun) < replayUnder {
			return before, nil
		}
		d.item.Version = known.Version
	}
	err = p.keep(ctx, d)
	if errors.Is(err, shelf.ErrChanged) { // the same request came to another at this moment
		return &replay{Asked: d.replay.Asked}, nil
	}
	if err == nil {
		p.count(ctx, &d.item, who)
	}
	return nil, err
}

// keep keeps what is known of a request.
func (p *replays) keep(ctx context.Context, d *deed) error {
	text, err := json.Marshal(&d.replay)
	if err != nil {
		return err
	}
	nonce := make([]byte, d.cipher.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	d.item.Body = d.cipher.Seal(nonce, nonce, text, []byte(d.item.ID))
	d.item.Version, err = p.shelf.Put(ctx, d.item)
	return err
}

// open returns what was kept of a request with the same key. What cannot be opened
// belongs to another request: it came with another API token.
func (d *deed) open(sealed []byte) *replay {
	other := &replay{Done: true}
	n := d.cipher.NonceSize()
	if len(sealed) < n {
		return other
	}
	text, err := d.cipher.Open(nil, sealed[:n], sealed[n:], []byte(d.item.ID))
	if err != nil {
		return other
	}
	before := new(replay)
	if json.Unmarshal(text, before) != nil {
		return other
	}
	return before
}

// count drops the oldest answer of who has had too many kept.
func (p *replays) count(ctx context.Context, item *shelf.Item, who string) {
	p.mu.Lock()
	if p.kept == nil {
		p.kept = map[string][]keptReplay{}
	}
	all := append(p.kept[who], keptReplay{item.ID, item.Due})
	var over string
	if len(all) > maxReplays {
		over, all = all[0].id, all[1:]
	}
	p.kept[who] = all
	p.mu.Unlock()
	if over != "" {
		_, _ = p.shelf.Take(ctx, replayKind, over) // or it goes when its time has come
	}
}

// sweep drops, now and then, what is too old.
func (p *replays) sweep(ctx context.Context) {
	now := p.now()
	p.mu.Lock()
	due := now.Sub(p.swept) >= time.Hour
	if due {
		p.swept = now
		for who, all := range p.kept {
			if all = slices.DeleteFunc(all, func(k keptReplay) bool { return !k.due.After(now) }); len(all) == 0 {
				delete(p.kept, who)
			} else {
				p.kept[who] = all
			}
		}
	}
	p.mu.Unlock()
	if due {
		_, _ = p.shelf.Sweep(ctx, replayKind, now) // or the next time
	}
}

// run lets next answer and keeps that before it is sent, unless it failed for a reason
// that may pass.
func (p *replays) run(w http.ResponseWriter, r *http.Request, d *deed, next http.Handler) {
	out := &held{ResponseWriter: w, status: http.StatusOK}
	finished := false
	defer func() {
		ctx := context.WithoutCancel(r.Context()) // a client that goes away may come again
		if !finished || out.sent || mayPass(out.status) {
			_, _ = p.shelf.Take(ctx, replayKind, d.item.ID) // or it counts as broken off later
		} else {
			d.replay.Done, d.replay.Status, d.replay.Header, d.replay.Body = true, out.status, w.Header().Clone(), out.body.Bytes()
			_ = p.keep(ctx, d) // or it counts as broken off later
		}
		if finished {
			out.send()
		}
	}()
	next.ServeHTTP(out, r)
	finished = true
}

// mayPass tells whether an answer tells of the moment, or of who asked and how they proved
// it, rather than of what was asked for.
func mayPass(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// held is a ResponseWriter that holds an answer back until it is sent, or has become
// too long to be kept.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	sent   bool
}

func (h *held) WriteHeader(status int) { h.status = status }

func (h *held) Write(b []byte) (int, error) {
	if !h.sent && h.body.Len()+len(b) <= maxReplay {
		return h.body.Write(b)
	}
	h.send()
	return h.ResponseWriter.Write(b)
}

// send sends what has been held back.
func (h *held) send() {
	if h.sent {
		return
	}
	h.sent = true
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes())
}
