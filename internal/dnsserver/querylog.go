package dnsserver

import (
	"context"
	"log/slog"
	"strconv"
	"time"
)

// logs tells whether the n-th query of a worker goes into the log.
func (o *Options) logs(n uint64) bool {
	return o.QueryLogSample > 0 && n%uint64(o.QueryLogSample) == 0
}

// logQuery logs the query that r has answered, with the size of the reply in octets
// and the time that it took.
func (r *Responder) logQuery(reply []byte, took time.Duration) {
	q := &r.query
	name, typ, class := "", "", ""
	if q.question != nil {
		name, typ, class = q.name.String(), q.typ.String(), className(q.class)
	}
	r.opts.Logger.LogAttrs(context.Background(), slog.LevelInfo, "DNS query",
		slog.String("name", name), slog.String("type", typ), slog.String("class", class),
		slog.String("rcode", r.code.String()), slog.String("transport", r.via.String()),
		slog.String("client", clientName(r.client)), slog.Int("size", len(reply)), slog.Duration("took", took))
}

func clientName(c Client) string {
	if !c.Addr.IsValid() {
		return ""
	}
	return c.Addr.String()
}

// className returns the mnemonic of a class (RFC 6895 §3.2).
func className(class uint16) string {
	switch class {
	case classIN:
		return "IN"
	case classCH:
		return "CH"
	case classANY:
		return "ANY"
	}
	return "CLASS" + strconv.Itoa(int(class))
}
