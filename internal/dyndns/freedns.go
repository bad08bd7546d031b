package dyndns

import (
	"net/http"
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// freedns is the first interface of FreeDNS, where the query begins with the
// update key's token:
//
//	GET /dynamic/update.php?TOKEN&address=203.0.113.9
//
// The host is the one that the key covers, or that hostname names. The status is
// 200 whatever happens.
type freedns struct{ dyndns2 }

// Parse implements Dialect.
func (d freedns) Parse(r *http.Request) (update.Request, error) {
	req, err := d.dyndns2.Parse(r)
	req.Via = "freedns"
	if key := bareKey(r.URL.RawQuery); key != "" {
		req.Username, req.Secret, req.OtherSecrets = "", key, []string{unescape(key, false)}
	}
	return req, err
}

// bareKey returns the first item of a query if it is no parameter. FreeDNS's own
// are base64.
func bareKey(rawQuery string) string {
	key, _, _ := strings.Cut(rawQuery, "&")
	if strings.Contains(strings.TrimSuffix(key, "=="), "=") {
		return ""
	}
	return key
}

// Reply implements Dialect.
func (d freedns) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := d.verdict(r, results, err)
	said, failed := map[string]string{
		"badauth": "ERROR: Invalid update URL (2)",
		"nohost":  "ERROR: Unable to locate this record",
		"notfqdn": "ERROR: Unable to locate this record",
		"badip":   "ERROR: Invalid address",
		"911":     "ERROR: Please try again later",
	}[word]
	switch {
	case failed:
	case word == "good":
		said = freednsUpdated(summary(results))
	case word == "nochg":
		said = "ERROR: Address " + string(appendAddrs(nil, summary(results).Addrs)) + " has not changed."
	default:
		said = "ERROR: Invalid request"
	}
	write(w, lenient(status), "text/plain", []byte(said+"\n"))
}

// freednsUpdated is what clients look for: host and address. FreeDNS says how long
// it took, too.
func freednsUpdated(result update.Result) string {
	return "Updated " + printable(result.Host) + " to " + string(appendAddrs(nil, result.Addrs)) + " in 0.001 seconds"
}

// freedns2 is the second interface of FreeDNS. The token is part of the path, or
// user name, password and host stand in the query:
//
//	GET /u/TOKEN/?ip=203.0.113.9
//	GET /u/?u=alice&p=…&h=home.dyn.example.org
type freedns2 struct{ dyndns2 }

// Parse implements Dialect.
func (d freedns2) Parse(r *http.Request) (update.Request, error) {
	req, err := d.dyndns2.Parse(r)
	req.Via = "freedns"
	if token := strings.Trim(strings.TrimPrefix(r.URL.Path, "/u"), "/"); token != "" {
		req.Username, req.Secret, req.OtherSecrets = "", token, nil
	}
	return req, err
}

// Reply implements Dialect.
func (d freedns2) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := d.verdict(r, results, err)
	said := "Couldn't make sense of this request"
	switch word {
	case "good":
		said = freednsUpdated(summary(results))
	case "nochg":
		result := summary(results)
		said = "No IP change detected for " + printable(result.Host) + " with IP " + string(appendAddrs(nil, result.Addrs)) + ", skipping update"
	case "badauth":
		said = "Couldn't log in"
	case "nohost", "notfqdn":
		said = "Couldn't find this host"
	case "badip":
		said = "Couldn't read this address"
	case "911":
		said = "Couldn't do it now, please try again later"
	}
	d.challenge(w, status)
	write(w, status, "text/plain", []byte(said+"\n"))
}

// freednsList is the list of hosts that some clients of FreeDNS fetch first:
//
//	GET /api/?action=getdyndns&v=2&sha=SHA1(user|password)
//	home.dyn.example.org|203.0.113.9|https://update.example.org/dynamic/update.php?…
//
// The key must have been made with digests. No secret is known here that could stand
// in the update URLs, so the sum itself does, which says no more than the client said.
type freednsList struct{}

func isFreednsList(_ *http.Request, q query) bool { return q.value("action") == "getdyndns" }

// Parse implements Dialect. The request changes nothing.
func (freednsList) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	return update.Request{Secret: strings.ToLower(q.value("sha")), All: true, Source: clientAddr(r), Via: "freedns"}, err
}

// Reply implements Dialect. A host has a line for each family, since clients change
// what they find in the list.
func (freednsList) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	if err != nil {
		status, word := say(err)
		said := "ERROR: Please try again later"
		if word == "badauth" {
			said = "ERROR: Could not authenticate."
		}
		write(w, lenient(status), "text/plain", []byte(said+"\n"))
		return
	}
	q, _ := readQuery(r)
	var body []byte
	for _, result := range results {
		if result.Outcome.IsSuccess() {
			body = appendFreednsHost(body, result, updateURL(r)+"?"+strings.ToLower(q.value("sha"))+"&hostname="+result.Host)
		}
	}
	if len(body) == 0 {
		body = []byte("ERROR: There are no hosts\n")
	}
	write(w, http.StatusOK, "text/plain", body)
}

// appendFreednsHost appends the lines of a host, where a family without an address
// has the unspecified one.
func appendFreednsHost(body []byte, result update.Result, url string) []byte {
	v4, v6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, a := range result.Addrs {
		if a.Is4() {
			v4 = a
		} else {
			v6 = a
		}
	}
	for _, a := range [...]netip.Addr{v4, v6} {
		body = append(body, result.Host+"|"+a.String()+"|"+url+"\n"...)
	}
	return body
}

// updateURL returns where the client finds the first interface of FreeDNS.
func updateURL(r *http.Request) string {
	scheme := "http"
	if !isPlain(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/dynamic/update.php"
}
