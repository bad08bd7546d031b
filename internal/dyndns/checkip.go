package dyndns

import (
	"net/http"
	"net/netip"
	"strings"
)

// checkIP is a page that tells the client its address, to whoever asks.
type checkIP uint8

const (
	// checkIPClassic is the page of checkip.dyndns.org, whose bytes clients
	// count on: some skip to "Address:", some want "</body>" after the address,
	// and some try every word with a colon as an IPv6 address.
	checkIPClassic checkIP = iota
	// checkIPPlain is the address and a line end.
	checkIPPlain
	// checkIPBare is the address alone: noip2 reads what follows the last line
	// end, that of the head.
	checkIPBare
)

// ServeHTTP answers every method alike but OPTIONS; credentials are ignored.
func (p checkIP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		allow(w, "GET, HEAD, OPTIONS")
		return
	}
	client := clientAddr(r)
	if !client.IsValid() {
		write(w, http.StatusServiceUnavailable, "text/plain", []byte("911\n"))
		return
	}
	contentType, body := p.render(client, r.URL.RawQuery)
	write(w, http.StatusOK, contentType, body)
}

func (p checkIP) render(client netip.Addr, rawQuery string) (contentType string, body []byte) {
	format, _ := appendQuery(nil, rawQuery).get("format")
	switch {
	case strings.EqualFold(format, "json"):
		return "application/json", append(client.AppendTo([]byte(`{"ip":"`)), "\"}\n"...)
	case p == checkIPBare:
		return "text/plain", client.AppendTo(nil)
	case p == checkIPPlain:
		return "text/plain", append(client.AppendTo(nil), '\n')
	}
	const before = "<html><head><title>Current IP Check</title></head><body>Current IP Address: "
	return "text/html", append(client.AppendTo([]byte(before)), "</body></html>\r\n"...)
}
