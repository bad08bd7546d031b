package dyndns

import (
	"net/http"
	"strings"

	"stayput.dev/internal/update"
)

// namecheap is Namecheap's way, where the name comes in two pieces:
//
//	GET /update?host=home&domain=dyn.example.org&password=…&ip=203.0.113.9
//
// The host "@" is the domain itself, "*" all below it. The reply is XML, and its
// status 200 whatever happens.
type namecheap struct{ dyndns2 }

// namecheapKeys must be there on paths that others share.
var namecheapKeys = [][]string{{"host"}, {"domain"}, {"password"}}

// Parse implements Dialect.
func (d namecheap) Parse(r *http.Request) (update.Request, error) {
	q, err := readQuery(r)
	if err != nil {
		return update.Request{}, err
	}
	req := update.Request{Source: clientAddr(r), Via: "namecheap"}
	host, domain := q.value("host"), strings.TrimSuffix(q.value("domain"), ".")
	switch {
	case host == "*":
		req.Options.Wildcard = update.On
		host = domain
	case host == "@" || strings.EqualFold(host, domain):
		host = domain
	case len(host) > len(domain) && strings.EqualFold(host[len(host)-len(domain)-1:], "."+domain):
	default:
		host += "." + domain
	}
	req.Hosts = []string{host}
	q.putAddresses(&req)
	putCredentials(&req, r, q)
	return req, nil
}

// namecheapErrors are what is told of failures, by the keyword of dyndns2: the
// number and the text.
var namecheapErrors = map[string][2]string{
	"badauth": {"304156", "Passwords do not match"},
	"nohost":  {"316153", "Domain name not found"},
	"notfqdn": {"316153", "Domain name not found"},
	"badip":   {"304155", "Invalid IP address"},
}

// Reply implements Dialect.
func (d namecheap) Reply(w http.ResponseWriter, r *http.Request, results []update.Result, err error) {
	const head = `<?xml version="1.0"?><interface-response><Command>SETDNSHOST</Command><Language>eng</Language>`
	status, word := d.verdict(r, results, err)
	if word == "good" || word == "nochg" {
		addrs := summary(results).Addrs
		body := append([]byte(head), "<IP>"...)
		body = appendAddrs(body, addrs[:min(len(addrs), 1)])
		body = append(body, "</IP><ErrCount>0</ErrCount><ResponseCount>0</ResponseCount><Done>true</Done><debug><![CDATA[]]></debug></interface-response>"...)
		write(w, http.StatusOK, "text/xml", body)
		return
	}
	fault, known := namecheapErrors[word]
	if !known {
		fault = [2]string{"380000", "Please try again later"}
	}
	write(w, lenient(status), "text/xml", []byte(head+"<ErrCount>1</ErrCount><errors><Err1>"+fault[1]+"</Err1></errors>"+
		"<ResponseCount>1</ResponseCount><responses><response><ResponseNumber>"+fault[0]+"</ResponseNumber><ResponseString>"+fault[1]+
		"</ResponseString></response></responses><Done>false</Done><debug><![CDATA[]]></debug></interface-response>"))
}
