package publish

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// The fence is a TXT record in the target's zone that every UPDATE expects to be what
// the one before it made it, and makes anew (RFC 2136 §2.4.2). So of two that push into
// one zone only one can, and an UPDATE whose fate was unknown and that the target finds
// later, when others came after it, does nothing any more.

// A fence is what the record says.
type fence struct {
	lineage  string            // of the data of who made it
	revision registry.Revision // that it pushed
	nonce    string            // unlike any other
}

// ErrForeignFence says that somebody else pushes into the zone.
var ErrForeignFence = phrase.Errorf("somebody else pushes into this zone")

// errAhead says that another node of ours has pushed what we do not have yet.
var errAhead = phrase.Errorf("another node has pushed a later state")

func newFence(s *registry.State) fence {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return fence{s.Lineage, s.Revision, hex.EncodeToString(b[:])}
}

// data returns the fence as the data of the record.
func (f fence) data() zone.Rdata {
	return zone.TextData(fmt.Sprintf("stayput lineage=%s revision=%d nonce=%s", f.lineage, f.revision, f.nonce))
}

// parseFence reads what data returns.
func parseFence(data zone.Rdata) (f fence, ok bool) {
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		return f, false
	}
	words := strings.Fields(string(data[1:]))
	if len(words) != 4 || words[0] != "stayput" {
		return f, false
	}
	var ok1, ok2, ok3 bool
	var revision string
	f.lineage, ok1 = strings.CutPrefix(words[1], "lineage=")
	revision, ok2 = strings.CutPrefix(words[2], "revision=")
	f.nonce, ok3 = strings.CutPrefix(words[3], "nonce=")
	r, err := strconv.ParseUint(revision, 10, 64)
	f.revision = registry.Revision(r)
	return f, ok1 && ok2 && ok3 && err == nil
}

// readFence asks for the data of the fence; "" is for none.
func readFence(ctx context.Context, l *link, origin zone.Name) (zone.Rdata, error) {
	name := fenceName(origin)
	m := new(dns.Msg).SetQuestion(fqdn(name), dns.TypeTXT)
	m.RecursionDesired = false
	replies, err := l.exchange(ctx, m)
	if err != nil {
		return "", err
	}
	reply := replies[0]
	switch {
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return "", phrase.Errorf("%s to a question for %s", &refusal{reply.Rcode}, name)
	case !reply.Authoritative:
		return "", phrase.Errorf("it does not serve the zone")
	}
	set, ok := recordSet(reply.Answer, name, zone.TypeTXT)
	switch {
	case !ok || len(set.Data) > 1:
		return "", phrase.Errorf("%w: %s has other records", ErrForeignFence, name)
	case len(set.Data) == 0:
		return "", nil
	}
	return set.Data[0], nil
}

// judge tells whether a push of the state may follow the fence that stands there.
func judge(data zone.Rdata, s *registry.State) error {
	f, ok := parseFence(data)
	switch {
	case data == "":
		return nil
	case !ok || f.lineage != s.Lineage:
		return phrase.Errorf("%w: its record %q is not ours", ErrForeignFence, string(data[1:]))
	case f.revision > s.Revision:
		return phrase.Errorf("%w: revision %d, we are at %d", errAhead, f.revision, s.Revision)
	}
	return nil
}

// appendFence lets an UPDATE expect the fence was, and make it next. The new one comes
// before the old one goes: the name is never empty, which PowerDNS would look into.
func appendFence(m *dns.Msg, origin zone.Name, was, next zone.Rdata) {
	name := fenceName(origin)
	m.Ns = append(m.Ns, record(name, zone.TypeTXT, dns.ClassINET, 0, next))
	if was == "" {
		m.Answer = append(m.Answer, record(name, zone.TypeTXT, dns.ClassNONE, 0, ""))
		return
	}
	m.Answer = append(m.Answer, record(name, zone.TypeTXT, dns.ClassINET, 0, was))
	m.Ns = append(m.Ns, record(name, zone.TypeTXT, dns.ClassNONE, 0, was))
}

// A refusal is a reply that says no.
type refusal struct{ rcode int }

func (r *refusal) Error() string { return r.Phrase().String() }

// Phrase returns what the reply says, and why it may.
func (r *refusal) Phrase() phrase.Phrase {
	said := dns.RcodeToString[r.rcode]
	switch r.rcode {
	case dns.RcodeRefused:
		return phrase.New("it answers %s: the zone may be frozen, or the key may not change these names", said)
	case dns.RcodeNotAuth:
		return phrase.New("it answers %s: it is not the primary of the zone, or does not know the key", said)
	}
	return phrase.New("it answers %s", said)
}
