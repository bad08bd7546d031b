//go:build linux

package test

import (
	wire "encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// A forge makes packets that nobody should send, and some that anybody might.
type forge struct {
	*rand.Rand
	hosts   hosts
	queries [][]byte // well-formed

	buf  []byte // of the packet at hand
	from [4]byte
}

func newForge(r *rand.Rand, h hosts) *forge {
	f := &forge{Rand: r, hosts: h, buf: make([]byte, 0, 4096)}
	for i := range 100 {
		f.queries = append(f.queries, wellFormed(i, h.names[i])...)
	}
	return f
}

// next returns the next packet, which is good until the one after it, and where it
// comes from.
func (f *forge) next() (from [4]byte, packet []byte) {
	f.from = f.source()
	f.buf = append(f.buf[:0], f.queries[f.IntN(len(f.queries))]...)
	wire.BigEndian.PutUint16(f.buf, uint16(f.Uint32()))
	f.buf = forgeries[f.IntN(len(forgeries))](f, f.buf)
	return f.from, f.buf
}

// source returns an address of this machine that is nobody's.
func (f *forge) source() [4]byte {
	return [4]byte{127, byte(2 + f.IntN(253)), byte(f.IntN(256)), byte(1 + f.IntN(254))}
}

// forgeries make other packets of well-formed queries.
var forgeries = []func(f *forge, p []byte) []byte{
	(*forge).noise, (*forge).headless, (*forge).bitFlips, (*forge).cut, (*forge).counts, (*forge).pointers,
	(*forge).labels, (*forge).opcode, (*forge).appended, (*forge).options,
	(*forge).unknownName, (*forge).unknownName, (*forge).unknownName, (*forge).knownName, (*forge).asVisitor, (*forge).asItIs,
}

func (f *forge) asItIs(p []byte) []byte { return p }

// fill makes all octets of p random.
func (f *forge) fill(p []byte) []byte {
	for i := range p {
		p[i] = byte(f.Uint32())
	}
	return p
}

// noise is random from the first octet to the last.
func (f *forge) noise(p []byte) []byte { return f.fill(p[:f.IntN(200)]) }

// headless has a good header and nothing good behind it.
func (f *forge) headless(p []byte) []byte {
	p = p[:12+f.IntN(500)]
	f.fill(p[12:])
	return p
}

func (f *forge) bitFlips(p []byte) []byte {
	for range 1 + f.IntN(8) {
		p[f.IntN(len(p))] ^= 1 << f.IntN(8)
	}
	return p
}

func (f *forge) cut(p []byte) []byte { return p[:f.IntN(len(p))] }

// counts promises records that are not there, or conceals those that are.
func (f *forge) counts(p []byte) []byte {
	at := 4 + 2*f.IntN(4)
	wire.BigEndian.PutUint16(p[at:], []uint16{0, 1, 2, 255, 65535, uint16(f.Uint32())}[f.IntN(6)])
	return p
}

// pointers compresses the name of the question, often in a circle.
func (f *forge) pointers(p []byte) []byte {
	p = p[:12]
	for range 1 + f.IntN(4) {
		if f.IntN(2) == 0 {
			p = append(p, 1, 'a')
		}
		p = append(p, 0xc0|byte(f.IntN(8)/7), byte(f.IntN(40)))
	}
	return append(p, 0, byte(dns.TypeA), 0, 1)
}

// labels makes names that are too long, of labels that are too long, or as long as
// may be.
func (f *forge) labels(p []byte) []byte {
	p = p[:12]
	size := []int{1, 2, 62, 63, 64, 127, 191, 255}[f.IntN(8)]
	for range 1 + f.IntN(260/(size+1)+1) {
		p = append(p, byte(size))
		p = append(p, strings.Repeat("a", size)...)
	}
	return append(p, 0, 0, byte(dns.TypeA), 0, 1)
}

// opcode sends what is no query: NOTIFY, UPDATE, replies and what nobody knows.
func (f *forge) opcode(p []byte) []byte {
	p[2], p[3] = byte(f.Uint32()), byte(f.Uint32())
	return p
}

// appended has something behind its end.
func (f *forge) appended(p []byte) []byte {
	n := len(p)
	p = p[:n+1+f.IntN(1000)]
	f.fill(p[n:])
	return p
}

// options has an OPT record whose options are random, and whose length may be
// wrong.
func (f *forge) options(p []byte) []byte {
	p = f.unknownName(p)
	p[11] = 1
	size := f.IntN(60)
	p = append(p, 0, 0, byte(dns.TypeOPT), byte(f.Uint32()), byte(f.Uint32()), 0, byte(f.IntN(10)/9), byte(f.Uint32()), 0,
		0, byte(size+f.IntN(10)/9))
	for end := len(p) + size; len(p)+4 < end; {
		n := f.IntN(24)
		p = append(p, 0, byte(f.IntN(16)), 0, byte(n))
		p = append(p, f.fill(make([]byte, min(n, end-len(p))))...)
	}
	return p
}

// unknownName asks for a name of the zone that does not exist, with a question
// that is usual in all else.
func (f *forge) unknownName(p []byte) []byte {
	clear(p[2:12])
	p[5] = 1
	p = p[:12]
	for range 1 + f.IntN(10)/9 {
		n := 1 + f.IntN(12)
		p = append(p, byte(n))
		for range n {
			p = append(p, "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEF"[f.IntN(44)])
		}
	}
	p = append(p, "\x03dyn\x07example\x03org\x00"...)
	return append(p, 0, []byte{1, 1, 1, 28, 28, 16, 255, 65}[f.IntN(8)], 0, 1)
}

// asVisitor asks what the visitors ask, and says that it comes from their network,
// which has had its share of replies soon.
func (f *forge) asVisitor(p []byte) []byte {
	f.from = [4]byte{127, 0, 0, byte(1 + f.IntN(254))}
	return f.host(p, f.hosts.names[f.IntN(favourites)])
}

// knownName asks for a host.
func (f *forge) knownName(p []byte) []byte {
	return f.host(p, f.hosts.names[f.IntN(len(f.hosts.names))])
}

// host asks for a host, as most clients would.
func (f *forge) host(p []byte, name string) []byte {
	clear(p[2:12])
	p[5] = 1
	p = p[:12]
	for label := range strings.SplitSeq(name, ".") {
		p = append(append(p, byte(len(label))), label...)
	}
	return append(p, 0, []byte{1, 28}[f.IntN(2)], 0, 1)
}

// wellFormed returns queries of many kinds, about a host.
func wellFormed(i int, name string) (out [][]byte) {
	const zone = "dyn.example.org."
	edns := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(4096, true)
	signed := new(dns.Msg).SetQuestion(name, dns.TypeSOA)
	signed.SetTsig("key.example.org.", dns.HmacSHA256, 300, int64(i))
	chaos := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	for _, m := range []*dns.Msg{
		new(dns.Msg).SetQuestion(name, dns.TypeA), new(dns.Msg).SetQuestion(name, dns.TypeAAAA),
		new(dns.Msg).SetQuestion(name, dns.TypeANY), new(dns.Msg).SetQuestion(zone, dns.TypeNS),
		new(dns.Msg).SetQuestion("a.b.c."+name, dns.TypeHTTPS), new(dns.Msg).SetQuestion("elsewhere.example.net.", dns.TypeA),
		edns, withCookie(new(dns.Msg).SetQuestion(name, dns.TypeA), strings.Repeat("5a", 8+8*(i%4))), signed, chaos,
		new(dns.Msg).SetAxfr(zone), new(dns.Msg).SetIxfr(zone, uint32(i), "ns1."+zone, "hostmaster."+zone),
		new(dns.Msg).SetNotify(zone), new(dns.Msg).SetUpdate(zone),
	} {
		packet, err := m.Pack()
		if err != nil {
			panic(err)
		}
		out = append(out, packet)
	}
	return out
}
