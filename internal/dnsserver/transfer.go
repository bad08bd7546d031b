package dnsserver

import (
	"encoding/binary"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Secondary is who may have all zones whole.
type Secondary struct {
	From []netip.Prefix // addresses that it asks from
	At   netip.AddrPort // where it hears of changes; the zero AddrPort for who does not. One of a single zone there takes its place for that zone
	Key  zone.Name      // the TSIG key that it signs with; "": it need not
}

// asksFrom tells whether the secondary may be the one that asks from an address.
func (s *Secondary) asksFrom(addr netip.Addr) bool {
	return slices.ContainsFunc(s.From, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// mayTransferAs tells whether who signs with a key, or with none, may have a zone whole:
// because of the options, or of what is settled for the zone. Where a secondary has a
// key, nothing is given to its address without one.
func (r *Responder) mayTransferAs(key, origin zone.Name) bool {
	open, locked := false, false
	for needs := range r.keysOf(origin) {
		switch needs {
		case "":
			open = true
		case key:
			return true
		default:
			locked = true
		}
	}
	return open && !locked
}

// keysOf yields the keys of the secondaries of a zone that are where the client is; ""
// for one that has none.
func (r *Responder) keysOf(origin zone.Name) iter.Seq[zone.Name] {
	return func(yield func(zone.Name) bool) {
		settled := r.policy.Of(origin)
		for i := range r.opts.Secondaries {
			s := &r.opts.Secondaries[i]
			if _, replaced := settled.Find(s.At); !replaced && s.asksFrom(r.client.Addr) && !yield(s.Key) {
				return
			}
		}
		for _, s := range settled.Secondaries {
			if s.Addr.Addr() == r.client.Addr.WithZone("") && !yield(s.Key) {
				return
			}
		}
	}
}

// asksTransfer tells whether the query that was read asks for a zone, or what
// changed in it, and comes from someone who may have it.
func (r *Responder) asksTransfer() bool {
	q := &r.query
	return isTransfer(q.typ) && q.class == classIN && !q.sig0 && r.mayTransfer(q.name)
}

// mayTransfer tells whether who sent the query that was read may have a zone whole,
// because of his address or his key.
func (r *Responder) mayTransfer(origin zone.Name) bool {
	if !r.query.signed {
		return r.mayTransferAs("", origin)
	}
	if !r.isTrusted() {
		return false
	}
	key := r.session.Key()
	return key.MayTransfer(origin) || r.mayTransferAs(key.Name, origin)
}

// readKnown reads the serial of the zone that the client of an IXFR query has (RFC
// 1995 §3).
func (q *query) readKnown(soa record) {
	const numbers = 20 // octets behind the two names, the serial first
	if q.typ == zone.TypeIXFR && soa.typ == zone.TypeSOA && len(soa.data) >= numbers {
		q.known, q.serial = true, binary.BigEndian.Uint32(soa.data[len(soa.data)-numbers:])
	}
}

// transfer answers a message that asks for a zone with as many messages as that
// takes (RFC 5936, RFC 1995). It returns false when the message asks for something
// else, or for what its sender may not have.
func (s *Server) transfer(c *conn, m incoming) (done bool) {
	w := s.crew.get(true)
	defer s.crew.put(w, true)
	defer w.catch()
	state := w.state()
	if state == nil || !w.readTransfer(state, m.packet, c.client) || c.isWeak() {
		return false
	}
	w.counters.queries[c.client.Via].Add(1)
	defer s.conns.release(c, m.held)

	r := w.responder
	out := outgoing{r: r, packet: m.packet, buf: w.buf[tcpPrefix:], send: func(message []byte, last bool) error {
		return s.sendPart(c, w.buf[:tcpPrefix+len(message)], last)
	}}
	z := state.Zones.Get(r.query.name)
	if z == nil {
		r.code = rcodeNotAuth // RFC 5936 §2.2.1
	} else {
		r.origin = z.Origin()
		out.recall = func(serial uint32) *zone.Zone { return s.recall(state, z.Origin(), serial, c.client.Addr) }
	}
	err := out.run(z)
	w.count(w.buf[:0])
	switch {
	case err != nil:
		s.streams.unsent.Add(1)
		c.drop()
		s.endQueries(c, 1)
	case z == nil:
	case out.same:
		w.counters.nothing.Add(1)
	default:
		out.count(w.counters)
		s.given.note(z, out.before, c.client.Addr, time.Now())
	}
	return true
}

// count counts a transfer that ended well.
func (o *outgoing) count(c *counters) {
	if o.whole {
		c.whole.Add(1)
	} else {
		c.difference.Add(1)
	}
}

// readTransfer reads a message and tells whether it asks for a zone and is from
// someone who may have it.
func (w *worker) readTransfer(state *registry.State, packet []byte, from Client) bool {
	r := w.responder
	r.opts = w.server.opts.Load()
	if len(packet) < headerSize || packet[2]&bitQR != 0 {
		return false
	}
	r.client, r.via, r.ede, r.origin, r.wildcard = from, from.Via, 0, "", false
	r.code = r.query.read(packet, false)
	r.policy = state.Policy
	r.verify(state, packet)
	r.readCookie()
	_, refused := r.respondEDNS()
	return r.code == rcodeNoError && !refused && r.asksTransfer()
}

// Why a transfer ended early.
var (
	errGone    = errors.New("the client is gone")
	errTooLong = errors.New("too long for a message")
)

// sendPart puts one message of a reply on its way, with its length before it, and
// waits when the client takes nothing.
func (s *Server) sendPart(c *conn, out []byte, last bool) error {
	binary.BigEndian.PutUint16(out, uint16(len(out)-tcpPrefix))
	c.out.awaitRoom()
	if c.gone.Load() || s.stopping.Err() != nil {
		return errGone
	}
	_, held := c.out.put(out, last)
	s.conns.hold(c, held)
	s.flush(c)
	return nil
}

// outgoing is a transfer on its way: records become messages, which are sent when
// they are full.
type outgoing struct {
	r      *Responder // has read the query
	packet []byte     // the query
	buf    []byte
	send   func(message []byte, last bool) error // called with what is in buf; nil when there is but one message
	recall func(serial uint32) *zone.Zone        // finds what was not given away lately; nil when there is no time for that
	sent   bool                                  // some message, with the question
	before *zone.Zone                            // what the client has; nil when that is not known
	same   bool                                  // it has all
	whole  bool                                  // it gets the whole zone

	names names
}

// names is where names of a transfer stand in its message, for others to point to.
type names struct {
	origin int // that of the zone; 0 while it stands nowhere
	last   struct {
		name zone.Name // the owner of the record before; "" for none
		at   int
	}
}

// partSize is the size of a message of a transfer in octets: as far as compression
// reaches.
const partSize = maxPointer + 1

// run sends what the query asks for of a zone; nil for a zone that is not ours.
func (o *outgoing) run(z *zone.Zone) error {
	o.begin()
	if z == nil {
		return o.end()
	}
	if err := o.putZone(z); err != nil {
		return err
	}
	return o.end()
}

// putZone puts all of the zone, or what the client of an IXFR query lacks.
func (o *outgoing) putZone(z *zone.Zone) error {
	q := &o.r.query
	if !q.known {
		return o.putAll(z)
	}
	if o.same = !zone.SerialLess(q.serial, z.Serial()); o.same { // RFC 1995 §2
		return o.putSOA(z)
	}
	o.before = o.r.opts.given.find(z.Origin(), q.serial, o.r.client.Addr, time.Now())
	if o.before == nil && o.recall != nil {
		o.before = o.recall(q.serial)
	}
	if o.before == nil || !isSmall(o.before, z) {
		return o.putAll(z)
	}
	return o.putDifference(o.before, z)
}

// answerIXFR answers an IXFR query over UDP: with what the client lacks, or where
// that is too much, with the SOA record alone, so that it asks over TCP (RFC 1995
// §2).
func (r *Responder) answerIXFR(zones zone.Set) rcode {
	z := zones.Get(r.query.name)
	if z == nil {
		return rcodeNotAuth
	}
	r.origin, r.reply.aa = z.Origin(), true
	out := outgoing{r: r, names: names{origin: headerSize}}
	if out.putZone(z) != nil {
		r.reply.clear()
		out.names = names{origin: headerSize}
		_ = out.putSOA(z)
	}
	return rcodeNoError
}

// isSmall tells whether the difference between two versions of a zone takes fewer
// records than the later one has.
func isSmall(before, after *zone.Zone) bool {
	left := after.Names() / 2 // of each, something goes and something comes
	for range zone.ChangedNodes(before, after) {
		if left--; left < 0 {
			return after.Names() < 2
		}
	}
	return true
}

// putAll puts a zone as AXFR has it (RFC 5936 §2.2).
func (o *outgoing) putAll(z *zone.Zone) error {
	o.whole = true
	if err := o.putSOA(z); err != nil {
		return err
	}
	for name, node := range z.Nodes() {
		for set := range node.All() {
			if set.Type() == zone.TypeSOA {
				continue
			}
			if err := o.putSet(name, set); err != nil {
				return err
			}
		}
	}
	return o.putSOA(z)
}

// putDifference puts what makes one version of a zone out of another, as one step of
// IXFR (RFC 1995 §4).
func (o *outgoing) putDifference(before, after *zone.Zone) error {
	for _, put := range [...]func() error{
		func() error { return o.putSOA(after) },
		func() error { return o.putSOA(before) },
		func() error { return o.putMissing(before, after, false) },
		func() error { return o.putSOA(after) },
		func() error { return o.putMissing(before, after, true) },
		func() error { return o.putSOA(after) },
	} {
		if err := put(); err != nil {
			return err
		}
	}
	return nil
}

// putMissing puts the records of the earlier version that the later one lacks, or
// with added, the other way round.
func (o *outgoing) putMissing(before, after *zone.Zone, added bool) error {
	for c := range zone.ChangedNodes(before, after) {
		has, lacks := c.Old, c.New
		if added {
			has, lacks = c.New, c.Old
		}
		for set := range has.All() {
			if set.Type() == zone.TypeSOA {
				continue
			}
			if err := o.putLacking(c.Name, set, lacks.Lookup(set.Type())); err != nil {
				return err
			}
		}
	}
	return nil
}

// putLacking puts the records of a set that another one lacks: all, where the
// TTL differs.
func (o *outgoing) putLacking(owner zone.Name, set, other zone.Records) error {
	for data := range set.All() {
		if set.TTL() == other.TTL() && other.Has(data) {
			continue
		}
		if err := o.put(owner, set.Type(), set.TTL(), data); err != nil {
			return err
		}
	}
	return nil
}

func (o *outgoing) putSOA(z *zone.Zone) error {
	return o.putSet(z.Origin(), z.Node(z.Origin()).Lookup(zone.TypeSOA))
}

func (o *outgoing) putSet(owner zone.Name, set zone.Records) error {
	t, ttl := set.Type(), set.TTL()
	for data := range set.All() {
		if err := o.put(owner, t, ttl, data); err != nil {
			return err
		}
	}
	return nil
}

// put puts one record into the message, for which that may have to go first.
func (o *outgoing) put(owner zone.Name, t zone.Type, ttl uint32, data []byte) error {
	if o.fits(owner, t, ttl, data) {
		return nil
	}
	if o.send == nil {
		return errTooLong
	}
	if err := o.dispatch(false); err != nil {
		return err
	}
	o.begin()
	if o.fits(owner, t, ttl, data) {
		return nil
	}
	o.r.reply.limit = maxMessage - o.r.signRoom() // a record that is longer than others' messages
	if o.fits(owner, t, ttl, data) {
		return nil
	}
	return errTooLong
}

func (o *outgoing) fits(owner zone.Name, t zone.Type, ttl uint32, data []byte) bool {
	m := &o.r.reply
	if len(m.b)+len(data) > m.limit+shrinkage { // nor may the buffer have room
		return false
	}
	before, names := m.mark(), o.names
	o.putOwner(owner)
	m.putData(t, ttl, data)
	if !m.keep(answer, 1, before) {
		o.names = names
		return false
	}
	return true
}

// putOwner appends the owner of a record: a pointer, if it is that of the record
// before, and otherwise its own labels and a pointer to those of the origin, if the
// message has them. Looking for other names to point to would take longer than all
// the rest.
func (o *outgoing) putOwner(owner zone.Name) {
	m := &o.r.reply
	at := len(m.b)
	switch own := len(owner) - len(o.r.origin); {
	case o.names.last.name == owner:
		m.putPointer(o.names.last.at)
		return
	case o.names.origin > 0:
		m.b = append(m.b, owner[:own]...)
		m.putPointer(o.names.origin)
	default:
		m.putName(owner)
		o.names.origin = at + own
	}
	if at <= maxPointer {
		o.names.last.name, o.names.last.at = owner, at
	}
}

// begin begins a message. The first has the question, and EDNS if the query had it.
func (o *outgoing) begin() {
	var question []byte
	limit := partSize - o.r.signRoom()
	o.names = names{}
	if !o.sent {
		question, o.names.origin = o.r.query.question, headerSize
		limit -= o.r.optRoom()
	}
	o.r.reply.start(o.buf, limit, question)
	o.r.reply.aa = o.r.code == rcodeNoError
}

// dispatch sends the message.
func (o *outgoing) dispatch(last bool) error {
	if !o.sent {
		o.sent = true
		return o.send(o.r.finish(o.packet), last)
	}
	return o.send(o.r.sign(o.r.reply.finish(o.packet, o.r.code)), last)
}

// end sends the last message.
func (o *outgoing) end() error { return o.dispatch(true) }
