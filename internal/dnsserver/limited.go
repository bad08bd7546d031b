package dnsserver

import (
	"net/netip"

	"stayput.dev/internal/zone"
)

// about is what the limiter wants to know of a reply over UDP.
type about struct {
	kind   kind
	name   zone.Name // that replies of the kind are counted by, in lower case
	edns   bool      // whether the client knows EDNS
	do     bool      // as in query
	proven bool      // whether a cookie shows that the client is where it says
}

// about tells of the reply to the last packet.
func (r *Responder) about() about {
	q := &r.query
	out := about{kind: kindError, edns: q.edns, do: q.do, proven: r.cookie.proven() || r.isTrusted()}
	if r.origin == "" {
		return out
	}
	out.name = r.origin
	switch {
	case r.code == rcodeNXDomain:
		out.kind = kindNXDomain
	case r.code != rcodeNoError:
	case !r.reply.aa:
		out.kind = kindReferral
	case r.wildcard:
		out.kind = kindWildcard
	default:
		out.kind, out.name = kindAnswer, q.name
	}
	return out
}

// about tells of the reply to the i-th packet of a batch.
func (u *usual) about(i int) about {
	a, f := &u.asked[i], &u.found[i]
	out := about{kind: kindNXDomain, name: f.view.origin, edns: a.edns, do: a.do, proven: a.proven.proven()}
	if f.known {
		out.kind, out.name = kindAnswer, viewName(u.names[i][:a.length])
	}
	return out
}

// limit returns how many octets of a reply are to be sent: all, none, or those of a
// truncated one that it has made of the reply.
func (w *udpWorker) limit(l *limiter, client netip.Addr, reply []byte, of about) int {
	if of.proven {
		return len(reply)
	}
	switch l.judge(client, of.kind, of.name, w.now) {
	case pass:
		return len(reply)
	case slip:
		w.counters.slipped.Add(1)
		return truncate(reply, w.server.opts.Load().UDPSize, of)
	default:
		w.counters.limited.Add(1)
		return 0
	}
}

// truncate leaves the question of a reply, and the OPT record without which the
// client would think that we know no EDNS (RFC 6891 §7). It returns the octets
// that are left.
func truncate(reply []byte, udpSize int, of about) int {
	end := headerSize
	if reply[5] == 1 {
		end += nameLength(reply[headerSize:]) + 4
	}
	reply[2] |= bitTC
	clear(reply[6:headerSize])
	if !of.edns || len(reply) < end+optSize { // an OPT record stood there
		return end
	}
	m := message{b: reply[:end]}
	start := m.putOPT(udpSize, rcodeNoError, of.do)
	m.putLength(start)
	reply[headerSize-1] = 1
	return len(m.b)
}
