package dnsserver

import (
	"context"
	"net/netip"

	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// Transport is how a packet came, and how its reply goes.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	TLS
	transports // all are below
)

// String returns "udp", "tcp" or "tls".
func (t Transport) String() string { return [...]string{"udp", "tcp", "tls"}[t] }

// maxMessage is the size of the greatest message in octets (RFC 1035 §4.2.2).
const maxMessage = 1<<16 - 1

// Slack is the room that Answer wants in a buffer beyond the longest reply: it
// notices that a record does not fit when it has written it. In a smaller buffer,
// that costs an allocation.
const Slack = 1024

// BufferSize is the room that Answer wants for a reply over any transport.
const BufferSize = maxMessage + Slack

// Client is who sent a packet. The zero Addr is someone of whom nothing is known.
type Client struct {
	Via  Transport
	Addr netip.Addr
}

// Responder turns packets into replies: octets in, octets out, from one version
// of the zones. It is not safe for concurrent use: it holds memory that it uses
// again for each packet, so that it need not allocate any.
type Responder struct {
	opts   *Options
	client Client
	via    Transport // of client
	query  query
	reply  message
	code   rcode       // of the reply
	ede    uint16      // extended error of the reply; 0 for what the code tells
	cookie cookieState // of the query
	now    uint32      // when that was looked at, as unixTime has it
	origin zone.Name   // of the zone that answers; "" for none

	wildcard bool // whether one stood in for the name, or one that an alias led to

	policy    policy.Book   // of the state that is answered from
	session   *tsig.Session // of a signed query; nil for others
	updates   *updates
	hasty     bool // may not wait: an UPDATE that is in order is postponed
	postponed bool // the last packet was
	doubtful  bool // the last one was an UPDATE, refused for what another node may have made

	chain  chain
	target [zone.MaxName]byte // where a name from a record is put in lower case
}

// NewResponder returns a responder. Of the options, it heeds those about what
// is said, not those about connections and logs.
func NewResponder(opts Options) *Responder {
	opts = opts.withDefaults()
	return newResponder(&opts)
}

func newResponder(opts *Options) *Responder {
	r := &Responder{opts: opts, updates: newUpdates(context.Background())}
	r.query.lowered = new([zone.MaxName]byte)
	r.reply.known = make([]suffix, 0, maxKnown)
	return r
}

// Answer is AnswerTo for a client of whom nothing is known but how it came: it
// gets no cookies, and is not told its address.
func (r *Responder) Answer(zones zone.Set, packet, buf []byte, via Transport) []byte {
	return r.AnswerTo(Client{Via: via}, zones, packet, buf)
}

// AnswerTo returns the reply to packet, which stands in buf as far as that has
// room, or nil when the packet deserves none. Over UDP the reply is at most 512
// octets, or what the client's EDNS and our own limit allow; one that had to
// leave out something is marked as truncated and holds no records (RFC 2181
// §9). Over TCP and TLS a reply is never truncated. Packet is not changed and
// must not overlap buf. For the usual questions, AnswerTo does not allocate.
func (r *Responder) AnswerTo(client Client, zones zone.Set, packet, buf []byte) []byte {
	return r.answer(&registry.State{Zones: zones}, client, packet, buf)
}

// AnswerFrom is AnswerTo for a state that may have TSIG keys. Who signs with one gets
// signed replies, and changes what an UPDATE may change with it, if Options.Updates says
// so; AnswerFrom returns when that is durable.
func (r *Responder) AnswerFrom(state *registry.State, client Client, packet, buf []byte) []byte {
	reply := r.answer(state, client, packet, buf)
	if !r.doubtful || !r.opts.Updates.MayDoubt(client.Addr) {
		return reply
	}
	return r.reconsider(state, client, packet, buf, reply)
}

// answer is AnswerFrom by what the state shows alone.
func (r *Responder) answer(state *registry.State, client Client, packet, buf []byte) []byte {
	r.postponed, r.doubtful = false, false
	if len(packet) < headerSize || packet[2]&bitQR != 0 {
		return nil
	}
	r.client, r.via, r.ede, r.origin, r.wildcard = client, client.Via, 0, "", false
	r.code = r.query.read(packet, r.opts.Updates != nil)
	r.policy = state.Policy
	r.verify(state, packet)
	r.readCookie()
	r.start(buf)
	if r.code == rcodeNoError {
		code, ok := r.respond(state.Zones, packet)
		if !ok {
			return nil
		}
		r.code = code
	}
	return r.finish(packet)
}

// start begins the reply, and sets aside the room that finish needs.
func (r *Responder) start(buf []byte) {
	limit := maxMessage
	if r.via == UDP {
		limit = r.query.udpLimit(r.opts.UDPSize)
	}
	if r.query.edns {
		limit -= r.optRoom()
	}
	limit -= r.signRoom()
	r.reply.start(buf, limit, r.query.question)
}

// finish appends what stands at the end of a reply, and writes its header.
func (r *Responder) finish(packet []byte) []byte {
	m, q := &r.reply, &r.query
	if q.edns {
		r.putEDNS()
	}
	return r.sign(m.finish(packet, r.code))
}

// respond answers a query that could be read. Ok is false when there is no reply.
func (r *Responder) respond(zones zone.Set, packet []byte) (code rcode, ok bool) {
	if code, done := r.respondEDNS(); done {
		return code, true
	}
	if r.query.opcode == opcodeUpdate {
		return r.respondUpdate(zones, packet)
	}
	return r.respondQuery(zones), true
}

// respondQuery answers a query in which nothing but the question is unusual.
func (r *Responder) respondQuery(zones zone.Set) rcode {
	q := &r.query
	switch {
	case q.sig0: // no work for it, and no state (RFC 2931)
		return rcodeRefused
	case q.class == classCH:
		return r.answerChaos()
	case q.class != classIN:
		return rcodeRefused
	}
	if q.typ == zone.TypeIXFR && r.via == UDP && r.asksTransfer() {
		return r.answerIXFR(zones)
	}
	if code := refusal(q.typ); code != rcodeNoError {
		return code
	}
	z := zoneFor(zones, q.name, q.typ)
	if z == nil {
		r.ede = edeNotAuthoritative
		return rcodeRefused
	}
	if z.IsCatalog() && !r.mayTransfer(z.Origin()) { // RFC 9432 §7
		r.ede = edeProhibited
		return rcodeRefused
	}
	r.origin = z.Origin()
	code, fits := r.answerIn(zones, z)
	if fits {
		return code
	}
	return r.overflow(code)
}

// overflow empties a reply that did not fit and marks it as truncated. There is
// no way to ask again for what is too much for TCP.
func (r *Responder) overflow(code rcode) rcode {
	r.reply.clear()
	if r.via != UDP {
		r.reply.aa = false
		return rcodeServFail
	}
	r.reply.tc = true
	return code
}

// refusal returns what is answered to a question for a type that no zone holds,
// whatever the name; rcodeNoError when the question can be asked.
func refusal(t zone.Type) rcode {
	switch t {
	case zone.TypeAXFR, zone.TypeIXFR, typeTKEY:
		return rcodeRefused
	case typeMAILA, typeMAILB: // obsolete (RFC 1035 §3.2.3)
		return rcodeNotImp
	case zone.TypeANY:
		return rcodeNoError
	}
	if t != 0 && t.IsMeta() {
		return rcodeFormErr
	}
	return rcodeNoError
}

// zoneFor returns the zone that answers for name, nil when there is none. DS
// records stand above the cut, so that the parent answers for them if it is
// here (RFC 4035 §3.1.4.1).
func zoneFor(zones zone.Set, name zone.Name, t zone.Type) *zone.Zone {
	z := zones.Find(name)
	if z == nil || t != zone.TypeDS || name != z.Origin() || name == zone.Root {
		return z
	}
	if parent := zones.Find(name.Parent()); parent != nil {
		return parent
	}
	return z
}
