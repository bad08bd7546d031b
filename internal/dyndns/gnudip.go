package dyndns

import (
	"context"
	"crypto/rand"
	"net/netip"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

// gnudipWish is what a GnuDIP client says once it has a salt, over TCP in one line
// with colons between, over HTTP in parameters of these names.
type gnudipWish struct {
	user string
	pass string // see account.Salted
	domn string // what is behind the user name in the host's, or all of it
	reqc string // see the codes
	addr string // perhaps empty; an IPv6 address has colons, too
}

// What a client asks for. The numbers were once the other way round; all clients
// that are known use these.
const (
	gnudipSet    = "0" // take addr, the source address without one; offline with 0.0.0.0
	gnudipRemove = "1" // go offline
	gnudipFind   = "2" // take the source address, and tell it
)

// What it hears. There is no word for "later".
const (
	gnudipDone    = "0"
	gnudipDenied  = "1" // bad credentials, and all else that will not pass
	gnudipOffline = "2"
)

// parseGnuDIP reads the line that a client sends over TCP.
func parseGnuDIP(line string) (w gnudipWish, ok bool) {
	fields := strings.SplitN(line, ":", 5)
	if len(fields) < 4 {
		return gnudipWish{}, false
	}
	w = gnudipWish{user: fields[0], pass: fields[1], domn: fields[2], reqc: fields[3]}
	if len(fields) == 5 {
		w.addr = fields[4]
	}
	return w, true
}

// isOffline tells whether the host shall have no address.
func (w gnudipWish) isOffline() bool {
	a, err := netip.ParseAddr(w.addr)
	return w.reqc == gnudipRemove || w.reqc == gnudipSet && err == nil && a.IsUnspecified()
}

// appendMasked appends what may be shown of a line of GnuDIP.
func (w gnudipWish) appendMasked(dst []byte, proven bool) []byte {
	user, domain, addr := hidden, hidden, hidden
	if proven {
		user = w.user
	}
	if proven || looksHarmless(w.domn) {
		domain = w.domn
	}
	if _, err := netip.ParseAddr(w.addr); err == nil || w.addr == "" {
		addr = w.addr
	}
	return append(dst, "GnuDIP "+user+":"+hidden+":"+domain+":"+w.reqc+":"+addr...)
}

// request returns what is asked for. The host is the user name and the domain;
// user names of update keys are seldom part of a name, and so the domain alone may
// be the host.
func (w gnudipWish) request(salt string, source netip.Addr) update.Request {
	req := update.Request{
		Username: text(w.user), Salted: &account.Salted{Salt: salt, Sum: w.pass},
		Source: source, Via: "gnudip",
	}
	if domain := strings.TrimSpace(w.domn); domain != "" {
		req.Hosts, req.OtherHost = []string{w.user + "." + domain}, domain
	}
	switch {
	case w.isOffline():
		req.Offline = true
	case w.reqc == gnudipFind, w.addr == "":
		req.V4, req.V6 = update.Family{Action: update.FromSource}, update.Family{Action: update.FromSource}
	default:
		a, _ := netip.ParseAddr(w.addr) // the zero Addr is refused
		family := &req.V4
		if a.Is6() && !a.Is4In6() {
			family = &req.V6
		}
		*family = update.Family{Action: update.Set, Addrs: []netip.Addr{a}}
	}
	return req
}

// gnudipReply is what a client hears.
type gnudipReply struct {
	code   string
	addr   netip.Addr // if it wants to know; the zero Addr if not
	proven bool       // its secret was right
}

// askGnuDIP does what a client asks for. The error is for what will pass.
func askGnuDIP(ctx context.Context, updates Updater, w gnudipWish, salt string, source netip.Addr) (gnudipReply, error) {
	switch w.reqc {
	case gnudipSet, gnudipRemove, gnudipFind:
	default:
		return gnudipReply{code: gnudipDenied}, nil
	}
	results, err := updates.Update(ctx, w.request(salt, source))
	reply := gnudipReply{code: gnudipDone, proven: isProven(err)}
	switch {
	case err != nil && isPassing(err):
		return reply, err
	case err != nil, !summary(results).Outcome.IsSuccess():
		reply.code = gnudipDenied
	case w.isOffline():
		reply.code = gnudipOffline
	case w.reqc == gnudipFind:
		reply.addr = source
	}
	return reply, nil
}

// newSalt returns ten random letters and digits.
func newSalt() string { return rand.Text()[:10] }
