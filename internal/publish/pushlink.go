package publish

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/tsig"
)

// A link is a TCP connection to a target, on which everything is signed. It is not
// safe for concurrent use, and of no use after an error.
type link struct {
	conn net.Conn
	key  *tsig.Key
}

// linkTimeout bounds how long a target may take for what it is asked at once, with
// recordPatience for each record that it is to change: what was given up is sent again,
// and a slow target would do it all twice.
const (
	linkTimeout    = 5 * time.Second
	recordPatience = 15 * time.Millisecond
)

func dialTarget(ctx context.Context, to netip.AddrPort, key *tsig.Key) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, phrase.Errorf("connecting: %w", err)
	}
	return &link{conn, key}, nil
}

func (l *link) close() { _ = l.conn.Close() }

// exchange sends messages one behind the other and returns the replies in the same
// order, all of them signed by the target.
func (l *link) exchange(ctx context.Context, messages ...*dns.Msg) ([]*dns.Msg, error) {
	patience := linkTimeout
	for _, m := range messages {
		patience += time.Duration(len(m.Ns)) * recordPatience
	}
	_ = l.conn.SetDeadline(time.Now().Add(patience))
	defer context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })()
	open := map[uint16]asked{}
	for i, m := range messages {
		m.Id = uint16(i + 1) // signed, and on a connection of its own: nothing to guess
		wire, mac, err := l.sign(m)
		if err != nil {
			return nil, err
		}
		open[m.Id] = asked{i, mac}
		if _, err := l.conn.Write(wire); err != nil {
			return nil, phrase.Errorf("sending: %w", err)
		}
	}
	replies := make([]*dns.Msg, len(messages))
	for len(open) > 0 {
		reply, wire, err := l.read()
		if err != nil {
			return nil, err
		}
		q, ok := open[reply.Id]
		if !ok || !reply.Response {
			return nil, phrase.Errorf("it answers what nobody asked")
		}
		delete(open, reply.Id)
		if err := l.verify(reply, wire, q.mac); err != nil {
			return nil, err
		}
		replies[q.place] = reply
	}
	return replies, nil
}

// asked is a message whose reply is still to come.
type asked struct {
	place int
	mac   string
}

// errTooLong says that a message is longer than messages can be. Nothing of it was sent.
var errTooLong = phrase.Errorf("a message is too long")

// sign returns the message as it goes over TCP, signed, and its MAC. It fails with
// errTooLong.
func (l *link) sign(m *dns.Msg) (wire []byte, mac string, err error) {
	m.SetTsig(fqdn(l.key.Name), fqdn(l.key.Algorithm()), tsig.Fudge, time.Now().Unix())
	signed, mac, err := dns.TsigGenerateWithProvider(m, signer{l.key}, "", false)
	if err != nil {
		return nil, "", phrase.Errorf("signing: %w", err)
	}
	if len(signed) > dns.MaxMsgSize {
		return nil, "", errTooLong
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(signed))), signed...), mac, nil
}

func (l *link) read() (*dns.Msg, []byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(l.conn, size[:]); err != nil {
		return nil, nil, phrase.Errorf("waiting for an answer: %w", err)
	}
	wire := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(l.conn, wire); err != nil {
		return nil, nil, phrase.Errorf("reading an answer: %w", err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return nil, nil, phrase.Errorf("reading an answer: %w", err)
	}
	return m, wire, nil
}

// verify fails unless the owner of our key sent the reply. Errors of signatures come
// without one, from whomever (RFC 8945 §5.3.2): they are good enough for a fault.
func (l *link) verify(reply *dns.Msg, wire []byte, mac string) error {
	t := reply.IsTsig()
	switch {
	case t == nil:
		return phrase.Errorf("it answers %s without a signature", dns.RcodeToString[reply.Rcode])
	case t.Error != dns.RcodeSuccess:
		return phrase.Errorf("it answers %s, and %s of key %s", dns.RcodeToString[reply.Rcode], dns.RcodeToString[int(t.Error)], l.key.Name)
	}
	if err := dns.TsigVerifyWithProvider(wire, signer{l.key}, mac, false); err != nil {
		return phrase.Errorf("its signature: %w", err)
	}
	return nil
}
