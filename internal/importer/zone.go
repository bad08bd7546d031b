package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/api"
	"stayput.dev/internal/zone"
)

// Zone is the content of a zone of another server.
type Zone struct {
	Name   string // in lower case, without the last dot
	Source string // where it is from, for messages

	records  []dns.RR
	hosts    map[string]*standing // by name in lower case
	names    []string             // of hosts, in the order of their coming
	unsigned int                  // records of DNSSEC that were left out
}

// standing is what stands at a name.
type standing struct {
	addrs []string
	ttl   uint32
}

func newZone(name, source string) *Zone {
	return &Zone{Name: lowerName(name), Source: source, hosts: map[string]*standing{}}
}

// add takes in a record.
func (z *Zone) add(rr dns.RR) {
	h := rr.Header()
	switch h.Rrtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, typeSigning:
		z.unsigned++
		return
	}
	z.records = append(z.records, rr)
	var text string
	switch rr := rr.(type) {
	case *dns.A:
		text = rr.A.String()
	case *dns.AAAA:
		a, _ := netip.AddrFromSlice(rr.AAAA)
		text = a.String() // keeps ::ffff:0:0/96 apart
	default:
		return
	}
	name := lowerName(h.Name)
	if z.hosts[name] == nil {
		z.hosts[name] = &standing{ttl: h.Ttl}
		z.names = append(z.names, name)
	}
	z.hosts[name].addrs = append(z.hosts[name].addrs, text)
}

// typeSigning is BIND's note of how far it has signed a zone.
const typeSigning = 65534

// lookup returns the addresses that stand at a name, and their TTL.
func (z *Zone) lookup(name string) (addrs []string, ttl uint32) {
	if s := z.hosts[lowerName(name)]; s != nil {
		return s.addrs, s.ttl
	}
	return nil, 0
}

// text returns the zone as a master file.
func (z *Zone) text() string {
	var b strings.Builder
	for _, rr := range z.records {
		if generic := new(dns.RFC3597); rr.Header().Rrtype == dns.TypeNULL && generic.ToRFC3597(rr) == nil {
			rr = generic // which has no form of its own
		}
		b.WriteString(rr.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// ReadZone reads a zone from a master file (RFC 1035 §5).
func ReadZone(name, file string, r io.Reader) (*Zone, error) {
	z := newZone(name, file)
	origin, err := zone.ParseName(z.Name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	for rr, err := range zone.MasterRecords(r, origin, zone.MasterOptions{File: file}) {
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		z.add(rr)
	}
	return z, nil
}

// Transfer asks a server for a zone (AXFR, RFC 5936). The server is an address,
// perhaps with a port; key signs the question unless it is nil.
func Transfer(ctx context.Context, server, name string, key *Key) (*Zone, error) {
	z := newZone(name, server)
	address := server
	if _, _, err := net.SplitHostPort(server); err != nil {
		address = net.JoinHostPort(strings.Trim(server, "[]"), "53")
	}
	if err := z.transfer(ctx, address, key); err != nil {
		return nil, fmt.Errorf("asking %s for zone %s: %w", server, z.Name, err)
	}
	return z, nil
}

// silence is how long a server may take for the next message of a transfer.
const silence = 30 * time.Second

func (z *Zone) transfer(ctx context.Context, address string, key *Key) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	question := new(dns.Msg).SetAxfr(dns.Fqdn(z.Name))
	transfer := &dns.Transfer{Conn: &dns.Conn{Conn: conn}, ReadTimeout: silence, WriteTimeout: silence}
	if key != nil {
		question.SetTsig(key.name, key.algorithm, 300, time.Now().Unix())
		transfer.TsigProvider = key
	}
	envelopes, err := transfer.In(question, address)
	if err != nil {
		return err
	}
	count := 0
	for envelope := range envelopes {
		if envelope.Error != nil {
			err = envelope.Error
			continue // until the channel is closed
		}
		for _, rr := range envelope.RR {
			if _, isSOA := rr.(*dns.SOA); isSOA {
				if count++; count == 2 {
					continue // the end
				}
			}
			z.add(rr)
		}
	}
	switch {
	case err != nil:
		return err
	case count != 2:
		return errors.New("the transfer is not complete")
	}
	return nil
}

// Hosts are which names of a zone become hosts, and whose.
type Hosts struct {
	Account  string
	Patterns []string // of full names, in which a label "*" stands for any one label
}

// PlanZone takes over a zone, and those of its names that have addresses and fit
// one of the patterns as hosts.
func PlanZone(z *Zone, which Hosts) *Plan {
	p := new(Plan)
	p.AddZones([]*Zone{z})
	if which.Account == "" {
		return p
	}
	p.Accounts = []api.NewCustomer{{Name: which.Account}}
	for _, name := range z.names {
		if name == z.Name || !slices.ContainsFunc(which.Patterns, func(pattern string) bool { return matches(lowerName(pattern), name) }) {
			continue
		}
		h := api.MovedHost{Name: name, Account: which.Account}
		place(&h, []*Zone{z})
		p.Hosts = append(p.Hosts, h)
	}
	return p
}
