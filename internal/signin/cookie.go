package signin

import (
	"net/http"
	"strings"
	"time"
)

// The names of our cookies. With TLS they say so (RFC 6265bis §4.1.3): no other host
// and nothing without TLS can plant one.
const (
	sessionCookie = "stayput-session"
	stateCookie   = "stayput-signin"
	hostPrefix    = "__Host-"
)

// IsSecure tells whether a request came by TLS: to us, or, as a trusted proxy says, to
// that; package front lets nobody else say so.
func IsSecure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// isSecure tells whether the cookies of a request are for TLS alone: it came by TLS, or
// that is how the pages are reached.
func (s *Service) isSecure(r *http.Request) bool {
	u := s.opts.Load().PublicURL
	return u != nil && u.Scheme == "https" || IsSecure(r)
}

func (s *Service) cookie(r *http.Request, name, value string, age time.Duration) *http.Cookie {
	secure := s.isSecure(r)
	if secure {
		name = hostPrefix + name
	}
	return &http.Cookie{ //nolint:gosec // where there is no TLS, nothing is Secure
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (s *Service) cookieOf(r *http.Request, name string) string {
	if s.isSecure(r) {
		name = hostPrefix + name
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// SetCookie sets the cookie of a Step that is Done, in the answer to the request.
func (s *Service) SetCookie(w http.ResponseWriter, r *http.Request, value string) {
	http.SetCookie(w, s.cookie(r, sessionCookie, value, s.opts.Load().MaxAge))
}

// ClearCookie takes the cookie away.
func (s *Service) ClearCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.cookie(r, sessionCookie, "", -time.Second))
}

// CookieOf returns the cookie that SetCookie has set; empty when there is none.
func (s *Service) CookieOf(r *http.Request) string { return s.cookieOf(r, sessionCookie) }

// SetStateCookie sets the cookie of BeginOIDC.
func (s *Service) SetStateCookie(w http.ResponseWriter, r *http.Request, value string) {
	http.SetCookie(w, s.cookie(r, stateCookie, value, ticketLife))
}

// StateCookieOf returns the cookie that SetStateCookie has set, empty when there is
// none, and takes it away.
func (s *Service) StateCookieOf(w http.ResponseWriter, r *http.Request) string {
	value := s.cookieOf(r, stateCookie)
	if value != "" {
		http.SetCookie(w, s.cookie(r, stateCookie, "", -time.Second))
	}
	return value
}
