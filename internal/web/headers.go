package web

import (
	"net/http"
	"strings"

	"stayput.dev/internal/signin"
)

// crossOrigin refuses forms that other sites send (CSRF), by Sec-Fetch-Site and
// Origin.
var crossOrigin = http.NewCrossOriginProtection()

// contentPolicy lets a page have what is ours, nothing inline, and no frame.
var contentPolicy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
	"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}, "; ")

// secure sets the headers that every answer has.
func (p *Pages) secure(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	if p.isSecure(r) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// isSecure tells whether the visitor came by HTTPS, here or to a proxy before us.
func (p *Pages) isSecure(r *http.Request) bool {
	return signin.IsSecure(r) || p.baseURL(r).Scheme == "https"
}
