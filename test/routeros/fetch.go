package routeros

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"stayput.dev/test/rig"
)

// fetchParameters are those of /tool fetch that have to do with HTTP, and since
// when each is there (Fetch, and the change logs of the versions).
var fetchParameters = map[string]Version{
	"url": always, "address": always, "port": always, "src-path": always, "host": always,
	"mode": always, "user": always, "password": always,
	"output": always, "dst-path": always, "keep-result": always, "check-certificate": always,
	"http-method": always, "http-data": always, "http-header-field": {6, 44},
	"http-auth-scheme": {7, 13}, "idle-timeout": {7, 15}, "http-max-redirect-count": {7, 18},
}

// request is what a fetch sends.
type request struct {
	url    *url.URL
	target string // path and query as they were written
	method string
	head   []string
	body   string
	check  bool // the certificate
}

// fetch asks over HTTP and returns what came, or fails for any status but 2xx (6.41).
func (f *frame) fetch(c *command) (value, error) {
	asValue := false
	for _, arg := range c.args {
		if arg != expr(word("as-value")) {
			return nil, errors.New("/tool fetch has no such flag")
		}
		asValue = true
	}
	if err := f.mayFetch(); err != nil {
		return nil, err
	}
	given := map[string]string{}
	for name, e := range c.named {
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		given[name] = text(v)
	}
	if asValue && given["src-path"] != "" { // Fetch, "Technical details"
		return nil, errors.New("failure: conflicting remote paths provided in URI and parameter")
	}
	if given["output"] == "user" && !asValue {
		return nil, errors.New("output=user wants as-value")
	}
	q, err := f.router.request(given)
	if err != nil {
		return nil, err
	}
	f.router.Requests = append(f.router.Requests, q.method+" "+q.target)
	status, body, err := f.router.send(q)
	if err != nil {
		return nil, fmt.Errorf("failure: %w", err)
	}
	if status < 200 || status > 299 {
		return nil, fmt.Errorf("failure: Status %d, %s", status, http.StatusText(status))
	}
	return f.router.fetched(given, q, body)
}

// mayFetch: test is for such commands, and since 7.13 ftp is wanted too.
func (f *frame) mayFetch() error {
	if f.router.version.before(7, 13) {
		return f.need("test")
	}
	return f.need("test", "ftp")
}

// request reads the parameters. It refuses what a router would take, but not as
// it was meant.
func (r *Router) request(given map[string]string) (*request, error) {
	address, err := location(given)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("failure: not an URL: %q", address)
	}
	mode, named := given["mode"]
	_, checked := given["check-certificate"]
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("no such mode: %q", u.Scheme)
	case named && mode != u.Scheme, !named && u.Scheme == "https" && r.version.before(7, 0):
		return nil, fmt.Errorf("mode=%s for %s: before 7.0 the mode counts", mode, u.Scheme)
	case u.User != nil:
		return nil, errors.New("user and password in an URL do not work everywhere: use user= and password=")
	case checked && u.Scheme == "http" && !r.version.before(7, 14):
		return nil, errors.New("check-certificate= is for https only since 7.14")
	}
	_, afterHost, _ := strings.Cut(address, "://")
	q := &request{url: u, target: "/", method: "GET", body: given["http-data"], check: checked && given["check-certificate"] != "no"}
	if i := strings.IndexAny(afterHost, "/?"); i >= 0 {
		q.target = "/" + strings.TrimPrefix(afterHost[i:], "/")
	}
	if m := given["http-method"]; m != "" {
		q.method = strings.ToUpper(m)
	}
	if q.body != "" && q.method == "GET" && r.version.before(7, 21) {
		return nil, errors.New("before 7.21 GET loses http-data")
	}
	return q, r.head(given, q)
}

// location returns the URL that url= gives, or the older address=, port= and
// src-path= together.
func location(given map[string]string) (string, error) {
	address, apart := given["address"]
	switch {
	case given["url"] != "" && apart:
		return "", errors.New("url= and address= at once")
	case given["url"] != "":
		return given["url"], nil
	case !apart:
		return "", errors.New("missing value of url=")
	}
	mode := cmp.Or(given["mode"], "http")
	port := cmp.Or(given["port"], map[string]string{"http": "80", "https": "443"}[mode])
	return mode + "://" + net.JoinHostPort(address, port) + "/" + strings.TrimPrefix(given["src-path"], "/"), nil
}

// head writes the header of the request. Basic credentials go with the first
// request (Fetch, "Make HTTP requests").
func (r *Router) head(given map[string]string, q *request) error {
	agent := "RouterOS " + r.version.String()
	if r.version.before(7, 0) {
		agent = "Mikrotik/6.x Fetch"
	}
	q.head = []string{"Host: " + cmp.Or(given["host"], q.url.Host), "User-Agent: " + agent, "Accept-Encoding: deflate, gzip", "Connection: close"}
	if user, ok := given["user"]; ok {
		if scheme := given["http-auth-scheme"]; scheme != "" && scheme != "basic" {
			return errors.New("digest authentication is not done here")
		}
		login := base64.StdEncoding.EncodeToString([]byte(user + ":" + given["password"]))
		q.head = append(q.head, "Authorization: Basic "+login)
	}
	for field := range strings.SplitSeq(given["http-header-field"], ",") {
		if field != "" {
			q.head = append(q.head, field)
		}
	}
	if q.body != "" {
		q.head = append(q.head, "Content-Type: application/x-www-form-urlencoded", fmt.Sprintf("Content-Length: %d", len(q.body)))
	}
	return nil
}

func (r *Router) send(q *request) (status int, body string, err error) {
	conn, err := r.dial(q)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(rig.Patience))
	message := q.method + " " + q.target + " HTTP/1.1\r\n" + strings.Join(q.head, "\r\n") + "\r\n\r\n" + q.body
	if _, err := io.WriteString(conn, message); err != nil {
		return 0, "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.method})
	if err != nil {
		return 0, "", err
	}
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

func (r *Router) dial(q *request) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: rig.Patience}
	if r.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.Source, 0))
	}
	address := q.url.Host
	if q.url.Port() == "" {
		address = net.JoinHostPort(q.url.Hostname(), q.url.Scheme)
	}
	if q.url.Scheme == "http" {
		return dialer.Dial("tcp", address)
	}
	return tls.DialWithDialer(dialer, "tcp", address,
		&tls.Config{RootCAs: r.Roots, InsecureSkipVerify: !q.check}) // fetch does not validate unless told to
}

// fetched puts the body where output= says. As a value it is cut: at 4,096 octets
// in 6.x, where no variable is longer, at 64,512 since.
func (r *Router) fetched(given map[string]string, q *request, body string) (value, error) {
	result := table{"status": "finished", "downloaded": int64(len(body)+1023) / 1024}
	switch output := given["output"]; output {
	case "none":
	case "user":
		limit := 64_512
		if r.version.before(7, 0) {
			limit = 4096
		}
		result["data"] = body[:min(len(body), limit)]
	case "", "file":
		if given["keep-result"] != "no" {
			r.keep(given["dst-path"], q, body)
		}
	default:
		return nil, fmt.Errorf("no such output %s", output)
	}
	return result, nil
}

// keep makes a file of the body, named after the path unless it has a name.
func (r *Router) keep(name string, q *request, body string) {
	if name == "" {
		name = q.url.Path[strings.LastIndex(q.url.Path, "/")+1:]
	}
	files := r.menus["/file"]
	for _, e := range files {
		if e.item["name"] == name {
			e.item["contents"] = body
			return
		}
	}
	r.add("/file", Item{"name": name, "contents": body, "size": fmt.Sprint(len(body))})
}
