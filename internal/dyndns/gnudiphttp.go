package dyndns

import (
	"errors"
	"net/http"
	"strings"

	"stayput.dev/internal/update"
)

// gnudipHTTP speaks GnuDIP as web pages. The first request gets a salt, the
// second one says what is wanted, with the salt and its signature:
//
//	GET /gnudip/cgi-bin/gdipupdt.cgi
//	GET /gnudip/cgi-bin/gdipupdt.cgi?salt=S&time=T&sign=M&user=alice&pass=SUM&domn=dyn.example.org&reqc=0&addr=203.0.113.9
type gnudipHTTP struct {
	updates Updater
	salts   *salts
}

// ServeHTTP implements http.Handler.
func (g *gnudipHTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodOptions:
		allow(w, "GET, HEAD, POST, OPTIONS")
	case isFromOtherSite(r):
		write(w, http.StatusForbidden, "text/plain", []byte("badagent\n"))
	default:
		g.answer(w, r)
	}
}

func (g *gnudipHTTP) answer(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		writeGnuDIP(w, meta{"retc", gnudipDenied})
		return
	}
	get := func(key string) string { return unescape(q.first([]string{key}), true) }
	if get("pass") == "" || r.Method == http.MethodHead {
		salt, at, sign := g.salts.give()
		writeGnuDIP(w, meta{"salt", salt}, meta{"time", at}, meta{"sign", sign})
		return
	}
	salt := get("salt")
	if err := g.salts.take(salt, get("time"), get("sign")); err != nil {
		g.refuse(w, err)
		return
	}
	wish := gnudipWish{user: get("user"), pass: get("pass"), domn: get("domn"), reqc: get("reqc"), addr: get("addr")}
	said, err := askGnuDIP(r.Context(), g.updates, wish, salt, clientAddr(r))
	// Nothing is kept of strangers; but where the secret was right, whoever overheard it
	// could do better with the same salt.
	if !said.proven && (err == nil || errors.Is(err, update.ErrLimited)) {
		g.salts.putBack(salt)
	}
	switch {
	case err != nil:
		g.refuse(w, err)
	case said.addr.IsValid():
		writeGnuDIP(w, meta{"retc", said.code}, meta{"addr", said.addr.String()})
	default:
		writeGnuDIP(w, meta{"retc", said.code})
	}
}

// refuse says why nothing was done.
func (g *gnudipHTTP) refuse(w http.ResponseWriter, err error) {
	if !errors.Is(err, errSaltUsed) {
		write(w, http.StatusServiceUnavailable, "text/plain", []byte("911\n"))
		return
	}
	writeGnuDIP(w, meta{"retc", gnudipDenied})
}

// meta is a name and a value on a page.
type meta struct{ name, content string }

// writeGnuDIP sends a page with names and values where clients look for them: each
// pair on a line of its own, with single blanks.
func writeGnuDIP(w http.ResponseWriter, all ...meta) {
	var b strings.Builder
	b.WriteString("<html>\n<head>\n<title>GnuDIP</title>\n")
	for _, m := range all {
		b.WriteString(`<meta name="` + m.name + `" content="` + m.content + "\">\n")
	}
	b.WriteString("</head>\n<body>\n</body>\n</html>\n")
	write(w, http.StatusOK, "text/html", []byte(b.String()))
}
