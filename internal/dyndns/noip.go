package dyndns

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stayput.dev/internal/update"
)

// duc is what No-IP's update client spoke before version 3, and what routers made
// of it:
//
//	GET /ducupdate.php?username=alice&pass=…&h[]=home.dyn.example.org&ip=203.0.113.9
//
// or the same query as base64 in the parameter requestL. The reply has a line
// NAME:CODE for each host and group that was named.
type duc struct{ dyndns2 }

// The codes. noip2 goes on after each of them; there are others that end it.
const (
	ducNoChange  = 0
	ducGood      = 1
	ducNoHost    = 2
	ducBadAuth   = 3
	ducTooMany   = 5
	ducBadIP     = 7
	ducNoGroup   = 10
	ducGoodGroup = 11
	ducSameGroup = 12
)

// ducNames are the parameters that name hosts or groups, each of which may stand
// there more than once.
var (
	ducHostKeys  = []string{"h[]", "h", "host", "hostname"}
	ducGroupKeys = []string{"g[]", "group", "groupname"}
)

// readDUC returns the parameters, unpacked, and the names among them.
func readDUC(r *http.Request) (q query, hosts, groups []string, err error) {
	if q, err = readQuery(r); err != nil {
		return nil, nil, nil, err
	}
	if packed, ok := q.get("requestl"); ok {
		q = appendQuery(nil, unpack(packed))
	}
	// A Fritz!Box puts the first parameter into one of its own.
	if first, ok := strings.CutPrefix(q.value("update"), "username="); ok {
		q = append(query{{"username", first}}, q...)
	}
	for _, p := range q {
		switch {
		case slices.Contains(ducHostKeys, p.key):
			// What follows an at sign is a location; there are none here.
			name, _, _ := strings.Cut(unescape(p.value, true), "@")
			hosts = append(hosts, strings.TrimSpace(name))
		case slices.Contains(ducGroupKeys, p.key):
			groups = append(groups, strings.TrimSpace(unescape(p.value, true)))
		}
	}
	return q, hosts, groups, nil
}

// unpack decodes base64 with or without padding; what is none comes out empty.
func unpack(packed string) string {
	packed = strings.TrimRight(unescape(packed, false), "=")
	text, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(packed, " ", "+"))
	if err != nil {
		return ""
	}
	return string(text)
}

// Parse implements Dialect. A group means all hosts of the key, see groupKeys.
func (d duc) Parse(r *http.Request) (update.Request, error) {
	q, hosts, groups, err := readDUC(r)
	if err != nil {
		return update.Request{}, err
	}
	req := update.Request{Hosts: hosts, Source: clientAddr(r), Via: "noip"}
	if len(groups) > 0 {
		req.Hosts, req.All = nil, true
	}
	q.putAddresses(&req)
	putCredentials(&req, r, q)
	return req, nil
}

// Reply implements Dialect. The client counts the lines; it does not look at the
// status.
func (d duc) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := say(err)
	if err != nil && status != http.StatusOK && status != http.StatusUnauthorized {
		write(w, status, "text/plain", []byte(word+"\n"))
		return
	}
	_, hosts, groups, _ := readDUC(r)
	if len(hosts)+len(groups) == 0 {
		hosts = []string{"host"}
	}
	var body []byte
	for i, name := range append(slices.Clone(hosts), groups...) {
		code := ducError(word)
		if err == nil {
			result := summary(results)
			if len(groups) == 0 && i < len(results) {
				result = results[i]
			}
			code = d.code(r, result, i >= len(hosts))
		}
		body = append(body, printable(name)...)
		body = strconv.AppendInt(append(body, ':'), int64(code), 10)
		body = append(body, '\n')
	}
	write(w, http.StatusOK, "text/plain", body)
}

// code returns the code of a host or group.
func (d duc) code(r *http.Request, result update.Result, group bool) int {
	codes := [...]int{ducNoHost, ducGood, ducNoChange}
	if group {
		codes = [...]int{ducNoGroup, ducGoodGroup, ducSameGroup}
	}
	switch d.keyword(result, r.UserAgent()) {
	case "good":
		return codes[1]
	case "nochg":
		return codes[2]
	}
	return codes[0]
}

// ducError returns the code for the keyword of a request that failed.
func ducError(word string) int {
	switch word {
	case "badauth":
		return ducBadAuth
	case "numhost":
		return ducTooMany
	case "badip":
		return ducBadIP
	}
	return ducNoHost
}

// printable returns a name with everything replaced that is in no host name, so
// that it cannot end a line or a field of a reply.
func printable(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '.', c == '-', c == '_', c == '*':
			return c
		}
		return '?'
	}, name)
}
