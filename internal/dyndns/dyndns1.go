package dyndns

import (
	"net/http"
	"strings"

	"stayput.dev/internal/update"
)

// dyndns1 is what came before dyndns2. Old devices and ddclient still know it:
//
//	GET /nic/dyndns?action=edit&started=1&hostname=YES&host_id=home.dyn.example.org&myip=203.0.113.9
//	Authorization: Basic …
//
// The reply is a page with a title and two lines that clients read.
type dyndns1 struct{ dyndns2 }

// Parse implements Dialect.
func (d dyndns1) Parse(r *http.Request) (update.Request, error) {
	req, err := d.dyndns2.Parse(r)
	req.Whole, req.Via = true, "dyndns1"
	return req, err
}

// titles are what people read of failures, by the keyword of dyndns2.
var titles = map[string]string{
	"badauth":  "User name or password is wrong",
	"nohost":   "There is no such host here",
	"notfqdn":  "A full host name is missing",
	"numhost":  "These are too many hosts",
	"badip":    "This is not an address",
	"badagent": "This request makes no sense",
}

// Reply implements Dialect.
func (d dyndns1) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	status, word := d.verdict(r, results, err)
	title, outcome, code := word, "NOERROR", "NOERROR"
	if word != "good" && word != "nochg" {
		title, outcome, code = "Please try again later", "ERROR", strings.ToUpper(word)
		if known := titles[word]; known != "" {
			title = known
		}
	}
	d.challenge(w, status)
	write(w, status, "text/html", []byte("<HTML>\n<HEAD>\n<TITLE>"+title+"</TITLE>\n</HEAD>\n<BODY>\n"+
		"return code: "+outcome+"\nerror code: "+code+"\n</BODY>\n</HTML>\n"))
}
