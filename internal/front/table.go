package front

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Table says who answers what. Handlers must be safe for concurrent use.
type Table struct {
	// Devices maps the paths that routers, cameras and update programs call to
	// their handlers. Keys have lower-case letters, one leading slash and no
	// trailing one ("/nic/update") and are at most 128 bytes long; requests
	// match whatever their case, doubled or trailing slashes. A key that ends in
	// a slash ("/u/") answers for everything below it, and for itself without the
	// slash unless that is a key of its own; the longest key wins. What follows
	// such a key keeps its case, since it is usually a secret.
	Devices map[string]http.Handler

	// Root picks the handler for the path "/", by host (a check-IP name) or by
	// query and credentials (devices with only a server field). It must not
	// read the body. A nil Root, and a nil result, leave "/" to Rest.
	Root func(*http.Request) http.Handler

	// Rest answers everything else. Nil answers 404.
	Rest http.Handler
}

// maxKey is the length of the longest path that Devices can hold.
const maxKey = 128

// A route is one entry of Devices.
type route struct {
	key     string
	handler http.Handler
}

// routes is a Table made ready for looking up. It never changes.
type routes struct {
	exact map[string]route
	trees []route // keys end in a slash, longest first
	root  func(*http.Request) http.Handler
	rest  http.Handler
}

func newRoutes(t Table) *routes {
	rt := &routes{exact: make(map[string]route), root: t.Root, rest: t.Rest}
	if rt.rest == nil {
		rt.rest = http.NotFoundHandler()
	}
	for key, h := range t.Devices {
		path := string(canonical(nil, key))
		if path != "/" && strings.HasSuffix(key, "/") {
			rt.trees = append(rt.trees, route{path + "/", h})
			continue
		}
		rt.exact[path] = route{path, h}
	}
	slices.SortFunc(rt.trees, func(a, b route) int { return cmp.Compare(len(b.key), len(a.key)) })
	for _, tree := range rt.trees {
		path := strings.TrimSuffix(tree.key, "/")
		if _, taken := rt.exact[path]; !taken {
			rt.exact[path] = tree
		}
	}
	return rt
}

// A match is a request target taken apart and looked up.
type match struct {
	route        // the device route; its handler is nil for all else
	tail  string // what follows the key of a subtree, as sent
	query string // what follows the question mark, as sent
	host  string // the authority that stood in the target
	root  bool   // the path is "/" and no device route
	odd   bool   // a target that no standard allows
}

// resolve takes a request target apart as tolerantly as devices need it:
// origin-form, absolute-form, a path without its slash, a bare host name.
func (rt *routes) resolve(target string) match {
	m := match{}
	path := target
	if host, rest, ok := cutScheme(target); ok {
		m.host, m.odd, path = host, host == "", rest
	} else {
		m.odd = !strings.HasPrefix(target, "/") && target != "*"
	}
	if rt.locate(&m, path) || !m.odd || m.root {
		return m
	}
	// Firmware whose URL has no path sends the name alone, or with what follows.
	if host, rest, ok := cutHost(path); ok {
		m.host = host
		rt.locate(&m, rest)
	}
	return m
}

// locate fills in m for a path with its query and reports whether a device
// route answers it.
func (rt *routes) locate(m *match, s string) bool {
	path, query, _ := strings.Cut(s, "?")
	if i := escapedMark(path); i >= 0 && rt.device(m, path[:i]) {
		m.query = s[i+len("%3F"):]
		return true
	}
	m.query = query
	if rt.device(m, path) {
		return true
	}
	if m.root = strings.Trim(path, "/") == ""; m.root {
		m.key = "/"
	}
	return false
}

// device looks up a raw path among the device routes.
func (rt *routes) device(m *match, path string) bool {
	var space [1 + maxKey]byte
	p := canonical(space[:0], path)
	if r, ok := rt.exact[string(p)]; ok {
		m.route = r
		return true
	}
	for _, tree := range rt.trees {
		if strings.HasPrefix(string(p), tree.key) {
			rest := strings.TrimLeft(path, "/")[len(tree.key)-1:]
			m.route, m.tail = tree, strings.TrimRight(rest, "/ ")
			return true
		}
	}
	if r, ok := rt.exact[string(joinSlashes(p))]; ok {
		m.route = r
		return true
	}
	return false
}

// joinSlashes makes one of slashes that stand together, in place.
func joinSlashes(path []byte) []byte {
	return slices.CompactFunc(path, func(a, b byte) bool { return a == '/' && b == '/' })
}

// apply gives r the URL that the match stands for: the canonical path, and the
// query byte for byte as it was sent.
func (m *match) apply(r *http.Request) {
	r.URL = &url.URL{Path: m.key, RawQuery: m.query}
	r.Pattern = m.key
	if m.tail == "" {
		return
	}
	r.URL.Path += m.tail
	if tail, err := url.PathUnescape(m.tail); err == nil && tail != m.tail {
		r.URL.Path, r.URL.RawPath = m.key+tail, m.key+m.tail
	}
}

// canonical appends path with one leading slash, no trailing slashes or blanks
// and in lower case. Of what is longer than any key it gives the beginning.
func canonical(dst []byte, path string) []byte {
	path = strings.TrimRight(strings.TrimLeft(path, "/"), "/ ")
	dst = append(dst, '/')
	for i := range min(len(path), maxKey) {
		c := path[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// escapedMark finds a question mark that was escaped once too often: %3F, or
// RouterOS' \3F pasted outside a script.
func escapedMark(path string) int {
	for i := range len(path) - 2 {
		c := path[i]
		if (c == '%' || c == '\\') && path[i+1] == '3' && path[i+2]|0x20 == 'f' {
			return i
		}
	}
	return -1
}

// cutScheme takes an absolute-form target apart (RFC 9112 §3.2.2). User and
// password before the host are dropped: no rule lets them count.
func cutScheme(target string) (host, rest string, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) >= len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
			host, rest = cutAuthority(target[len(scheme):])
			return host[strings.LastIndexByte(host, '@')+1:], rest, true
		}
	}
	return "", "", false
}

// cutHost splits a host name off the front of a target without a scheme.
func cutHost(target string) (host, rest string, ok bool) {
	host, rest = cutAuthority(target)
	for i := range len(host) {
		if c := host[i]; !isAlphanumeric(c) && c != '-' && c != '.' && c != ':' {
			return "", "", false
		}
	}
	return host, rest, strings.Contains(host, ".")
}

func cutAuthority(s string) (host, rest string) {
	if i := strings.IndexAny(s, "/?"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}
