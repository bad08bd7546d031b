package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"stayput.dev/internal/account"
)

// Public is what the API needs where everybody can come.
type Public struct {
	// Visitor tells who a request without an API token is of, by its cookies; false
	// for nobody. It fails when that cannot be found out just now. Requests that change
	// something and come from another site never reach it. Nil: nobody.
	Visitor func(*http.Request) (Principal, bool, error)
}

// These bound requests that anybody may send.
const (
	maxBody      = 1 << 20          // octets; admins may send more, where an operation takes more
	bodyTime     = 30 * time.Second // for a whole body of that size
	wrongPerHour = 60               // tokens of one IPv4 address or IPv6 /64 that are none
)

// Public returns the handler for listeners where everybody can come: requests need
// an API token, or what p takes in its place.
func (a *API) Public(p Public) http.Handler {
	return &door{server: a.server, public: p, crossOrigin: http.NewCrossOriginProtection()}
}

// door lets people in who show that they may.
type door struct {
	*server
	public      Public
	crossOrigin *http.CrossOriginProtection
	wrong       guesses
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, prefix+"/openapi") {
		d.mux.ServeHTTP(w, r) // which everybody may know
		return
	}
	who, fault := d.identify(r)
	if fault != nil {
		switch fault.Status {
		case http.StatusUnauthorized:
			h.Set("WWW-Authenticate", `Bearer realm="stayput"`) // RFC 6750 §3
		case http.StatusTooManyRequests:
			h.Set("Retry-After", "60")
		}
		h.Set("Connection", "close") // with what is left of the body
		writeProblem(w, fault)
		return
	}
	if rank[who.role] < rank[account.Admin] && r.ContentLength != 0 {
		whole, fault := readWhole(&timedBody{r.Body, d.now().Add(bodyTime), d.now}, maxBody)
		if fault != nil {
			writeProblem(w, fault)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(whole))
	}
	d.serve(w, r, &visit{who: who, again: func() (Principal, *Problem) { return d.identify(r) }})
}

// readWhole reads a body of at most so many octets. Of one that is longer it reads
// some more, so that the client has sent it and hears why.
func readWhole(body io.Reader, most int64) ([]byte, *Problem) {
	whole, err := io.ReadAll(io.LimitReader(body, most+1))
	switch {
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, "the request broke off, or took too long", "")
	case int64(len(whole)) > most:
		_, _ = io.CopyN(io.Discard, body, 8*most)
		return nil, newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("a request has at most %d octets here", most), "")
	}
	return whole, nil
}

// identify tells who asks, or why that is nobody.
func (d *door) identify(r *http.Request) (Principal, *Problem) {
	st := d.registry.State()
	from := source(r)
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return d.visitor(r, from)
	}
	t, ok := account.Token{}, false
	find := func() {
		if strings.EqualFold(scheme, "Bearer") {
			t, ok = st.Accounts.APITokenBySecret(strings.TrimSpace(secret))
		}
	}
	if find(); !ok && !d.wrong.note(from, d.now()) {
		return Principal{}, newProblem(http.StatusTooManyRequests, "too many wrong API tokens came from here", "")
	}
	if !ok { // unless another node made it just now
		var err error
		if st, err = d.registry.Fresh(r.Context(), st); err != nil {
			return Principal{}, nobodyKnows()
		}
		find()
	}
	if !ok {
		return Principal{}, newProblem(http.StatusUnauthorized, "this is no API token", "send Authorization: Bearer and one that was made on the page of your account, or by `stayput token add`")
	}
	switch {
	case t.HasExpired(d.now()):
		return Principal{}, newProblem(http.StatusUnauthorized, "the API token has expired", "")
	case !t.TakesFrom(from):
		return Principal{}, newProblem(http.StatusForbidden, "the API token is not for your network", "")
	}
	who := Principal{Account: t.Account, ReadOnly: t.ReadOnly, Staff: t.Staff, token: &t, from: from}
	if fault := who.complete(st); fault != nil {
		return Principal{}, fault
	}
	d.used.mark(t.ID, d.now())
	return who, nil
}

// visitor tells who asks without a token.
func (d *door) visitor(r *http.Request, from netip.Addr) (Principal, *Problem) {
	nobody := newProblem(http.StatusUnauthorized, "an API token is needed", "send Authorization: Bearer and one that was made on the page of your account, or by `stayput token add`")
	if d.public.Visitor == nil {
		return Principal{}, nobody
	}
	if err := d.crossOrigin.Check(r); err != nil {
		return Principal{}, newProblem(http.StatusForbidden, "the request came from another site", "")
	}
	who, ok, err := d.public.Visitor(r)
	if err != nil { // who came so may be signed in, and need not sign in again
		return Principal{}, newProblem(http.StatusServiceUnavailable, "nobody knows just now whether you are signed in: the database does not answer", "ask again later")
	}
	if !ok {
		return Principal{}, nobody
	}
	who.from = from
	if fault := who.complete(d.registry.State()); fault != nil {
		return Principal{}, fault
	}
	return who, nil
}

// source returns where a request came from; the zero Addr where that is not known.
func source(r *http.Request) netip.Addr {
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(r.RemoteAddr)
	return a.Unmap().WithZone("")
}

// timedBody is a body that must be there by a time, however it trickles.
type timedBody struct {
	io.ReadCloser
	until time.Time
	now   func() time.Time
}

func (b *timedBody) Read(p []byte) (int, error) {
	if b.now().After(b.until) {
		return 0, io.ErrUnexpectedEOF
	}
	return b.ReadCloser.Read(p)
}

// maxGuessers bounds how many sources are remembered; past it, any makes room.
const maxGuessers = 1 << 14

// guesses counts wrong tokens by source.
type guesses struct {
	mu sync.Mutex // guards by
	by map[netip.Prefix]guesser
}

// guesser is how many wrong tokens a source has left, as of a time.
type guesser struct {
	left float64
	at   time.Time
}

// note counts a wrong token and tells whether the source may go on. Right tokens
// are never limited, so that nobody can keep a neighbour out.
func (g *guesses) note(from netip.Addr, now time.Time) bool {
	bits := 32
	if from.Is6() {
		bits = 64
	}
	who, _ := from.Prefix(bits) // the zero Prefix for all that are not known
	g.mu.Lock()
	defer g.mu.Unlock()
	is, known := g.by[who]
	if !known {
		is = guesser{wrongPerHour, now}
	}
	is.left = min(wrongPerHour, is.left+now.Sub(is.at).Hours()*wrongPerHour)
	is.at = now
	if is.left < 1 {
		g.by[who] = is
		return false
	}
	is.left--
	if g.by == nil {
		g.by = map[netip.Prefix]guesser{}
	}
	if !known {
		makeRoom(g.by, maxGuessers)
	}
	g.by[who] = is
	return true
}

// makeRoom deletes an entry of a map that is full, whichever comes first.
func makeRoom[K comparable, V any](m map[K]V, most int) {
	if len(m) < most {
		return
	}
	for k := range m {
		delete(m, k)
		return
	}
}
