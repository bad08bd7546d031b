package web

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// packable are the pages that are sent compressed: those that people look at again and
// again, and that hold no secret. How long a compressed answer is tells a little of what
// is in it to whoever may choose another part of it (BREACH), so a page with a password,
// a code or a link that lets somebody in is never compressed, and a new page is not
// unless it is named here.
var packable = map[string]bool{
	"home": true, "host": true, "devices": true, "keys": true,
	"dashboard": true, "abuse": true, "audit": true, "customers": true, "plans": true, "zones": true, "zone": true,
}

// worthPacking is from how many octets on a page is compressed: what is shorter goes in
// one packet anyway.
const worthPacking = 1400

// mayPack tells whether a page goes compressed: nothing of it is what a link of a
// stranger chose, either.
func (v *visit) mayPack(status int, name string, size int) bool {
	return packable[name] && status == http.StatusOK && v.r.Method == http.MethodGet && v.r.URL.RawQuery == "" &&
		size >= worthPacking && takesGzip(v.r)
}

// takesGzip tells whether whoever asks understands gzip (RFC 9110 §12.5.3).
func takesGzip(r *http.Request) bool {
	for _, each := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(each, ",") {
			name, weight, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(coding, " ", "")), ";")
			if name == "gzip" {
				return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
			}
		}
	}
	return false
}

// packers are writers at rest: each has a window of some hundred KiB.
var packers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is one of its own
	}
	return z
}}

// sendPacked sends what a page holds as the body of an answer whose header is complete.
func sendPacked(w http.ResponseWriter, page []byte) {
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(w)
	_, _ = z.Write(page) // it fails where the visitor has left
	_ = z.Close()
}
