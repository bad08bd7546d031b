package dyndns

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"stayput.dev/internal/update"
)

// The parameters that carry credentials, the more telling first.
var (
	userKeys   = []string{"username", "user", "login", "u", "mid"}
	secretKeys = []string{"password", "passwd", "pass", "pwd", "pw", "p", "token", "secret", "apikey", "key", "k"}
)

// putCredentials copies the credentials of the request to req. An Authorization
// header decides, right or wrong; only without one the query does.
func putCredentials(req *update.Request, r *http.Request, q query) {
	if header := r.Header.Get("Authorization"); header != "" {
		req.Username, req.Secret = parseAuthorization(header)
		return
	}
	req.Username = text(unescape(q.first(userKeys), false))
	raw := q.first(secretKeys)
	req.Secret = text(unescape(raw, false))
	// A plus sign may stand for itself or for a blank, a percent sign may be
	// an escape or part of the secret: nobody can tell but by trying.
	for _, other := range [...]string{text(unescape(raw, true)), text(raw)} {
		if other != req.Secret && !slices.Contains(req.OtherSecrets, other) {
			req.OtherSecrets = append(req.OtherSecrets, other)
		}
	}
}

// parseAuthorization reads the Authorization header: Basic, or the schemes
// Bearer and Token, whose secret comes without a user name. Of anything else it
// returns nothing.
func parseAuthorization(header string) (user, secret string) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return parseBasic(rest)
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "Token"):
		return "", text(rest)
	}
	return "", ""
}

// parseBasic reads user name and secret (RFC 7617 §2) as leniently as devices
// need it: with or without padding, in either alphabet, UTF-8 or Latin-1.
func parseBasic(encoded string) (user, secret string) {
	encoded = strings.TrimRight(encoded, "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(encoded, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, err := encoding.DecodeString(encoded)
	if err != nil {
		return "", ""
	}
	// What a shell encodes often has a line end.
	user, secret, _ = strings.Cut(text(strings.TrimRight(string(decoded), "\r\n")), ":")
	return user, secret
}
