package publish

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// peer is a server that is asked over UDP.
type peer struct {
	addr    netip.AddrPort
	keyName zone.Name // of the key that signs; "" for none
	key     *tsig.Key // nil when there is none, or none with the name
}

// notify tells the peer which version of a zone there is (RFC 1996 §3) and
// waits until it says that it heard.
func (p peer) notify(ctx context.Context, z *zone.Zone) error {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	origin, soa := fqdn(z.Origin()), z.SOA()
	m := new(dns.Msg).SetNotify(origin)
	m.Answer = []dns.RR{&dns.SOA{
		Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: soa.TTL},
		Ns:  fqdn(soa.MName), Mbox: fqdn(soa.RName),
		Serial: soa.Serial, Refresh: soa.Refresh, Retry: soa.Retry, Expire: soa.Expire, Minttl: soa.Minimum,
	}}
	_, err := p.exchange(ctx, m)
	return err
}

// serial asks the peer which version of a zone it has.
func (p peer) serial(ctx context.Context, origin zone.Name) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	m := new(dns.Msg).SetQuestion(fqdn(origin), dns.TypeSOA)
	m.RecursionDesired = false
	reply, err := p.exchange(ctx, m)
	if err != nil {
		return 0, err
	}
	if len(reply.Answer) == 1 && reply.Authoritative {
		if soa, ok := reply.Answer[0].(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, phrase.Errorf("it does not serve the zone")
}

func fqdn(name zone.Name) string { return dns.Fqdn(name.String()) }

// exchange sends a message and returns the reply to it, which says that all is well.
// What else comes is passed over.
func (p peer) exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	if p.keyName != "" && p.key == nil {
		return nil, phrase.Errorf("there is no TSIG key %s", p.keyName)
	}
	nc, err := new(net.Dialer).DialContext(ctx, "udp", p.addr.String())
	if err != nil {
		return nil, phrase.Errorf("sending to %s: %w", p.addr, err)
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })()
	conn := dns.Conn{Conn: nc, UDPSize: dns.DefaultMsgSize, TsigProvider: signer{p.key}}
	if p.key != nil {
		m.SetTsig(fqdn(p.key.Name), fqdn(p.key.Algorithm()), tsig.Fudge, time.Now().Unix())
	}
	if err := conn.WriteMsg(m); err != nil {
		return nil, phrase.Errorf("sending to %s: %w", p.addr, err)
	}
	for {
		reply, err := conn.ReadMsg()
		if reply != nil && reply.Id == m.Id && reply.Response && reply.Opcode == m.Opcode {
			if done, fault := p.judge(reply, err == nil); done {
				return reply, fault
			}
		}
		if ctx.Err() != nil {
			return nil, phrase.Errorf("no answer from %s", p.addr)
		}
		if _, broken := err.(net.Error); broken { //nolint:errorlint // what cannot be parsed is none
			return nil, phrase.Errorf("asking %s: %w", p.addr, err)
		}
	}
}

// judge returns what a reply comes to, whose form and MAC are good or not. Done is
// false for one that anybody may have sent: faults of keys come without a MAC (RFC 8945
// §5.3.2), and are good enough for an error.
func (p peer) judge(reply *dns.Msg, good bool) (done bool, err error) {
	t := reply.IsTsig()
	switch {
	case p.key != nil && t != nil && t.Error != dns.RcodeSuccess:
		return true, phrase.Errorf("it answers %s to key %s", dns.RcodeToString[int(t.Error)], p.key.Name)
	case !good:
		return false, nil
	case p.key != nil && t == nil:
		return true, phrase.Errorf("it answers %s without a signature", dns.RcodeToString[reply.Rcode])
	case reply.Rcode != dns.RcodeSuccess:
		return true, phrase.Errorf("it answers %s", dns.RcodeToString[reply.Rcode])
	}
	return true, nil
}
