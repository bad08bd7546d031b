package dyndns

import (
	"net/http"
	"strings"

	"stayput.dev/internal/update"
)

// tokenPath is dyndns2 for devices where nothing but an address of a page can be
// set, perhaps with the address in it:
//
//	GET /t/TOKEN
//	GET /t/TOKEN/home.dyn.example.org
//	GET /t/TOKEN/home.dyn.example.org/203.0.113.9,2001:db8::9
//
// A question mark may follow, with the parameters of dyndns2. What stands in the
// path counts, even beside an Authorization header: firmware sends that without
// being told to.
type tokenPath struct{ dyndns2 }

// tokenPrefix is the path above the token.
const tokenPrefix = "/t/"

// Parse implements Dialect.
func (t tokenPath) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	token, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), tokenPrefix), "/")
	host, addrs, _ := strings.Cut(rest, "/") // a prefix has a slash of its own
	if host != "" {
		q = append(query{{"hostname", host}}, q...)
	}
	if addrs != "" {
		q = append(query{{"myip", addrs}}, q...)
	}
	bare := *r
	bare.Header = nil
	req := q.request(&bare, "token")
	req.Username, req.Secret, req.OtherSecrets = "", text(unescape(token, false)), nil
	return req, nil
}
