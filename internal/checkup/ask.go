package checkup

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

const (
	timeout = 2 * time.Second // for one answer
	tries   = 2
	udpSize = 1232
)

// errNoWay says that a server cannot be asked from here, which says nothing of it.
var errNoWay = phrase.Errorf("it cannot be reached from here")

// ask asks one server over UDP, and over TCP when the answer does not fit.
func ask(ctx context.Context, server netip.AddrPort, name zone.Name, t zone.Type, recursive bool) (reply *dns.Msg, err error) {
	for range tries {
		if reply, err = exchange(ctx, "udp", server, name, t, recursive); err == nil || ctx.Err() != nil || errors.Is(err, errNoWay) {
			break
		}
	}
	if err == nil && reply.Truncated {
		return exchange(ctx, "tcp", server, name, t, recursive)
	}
	return reply, err
}

// exchange sends one question and returns the answer.
func exchange(ctx context.Context, network string, server netip.AddrPort, name zone.Name, t zone.Type, recursive bool) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(name.FQDN(), uint16(t))
	m.RecursionDesired = recursive
	m.SetEdns0(udpSize, false)
	client := dns.Client{Net: network, Timeout: timeout}
	reply, _, err := client.ExchangeContext(ctx, m, server.String())
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return nil, errNoWay
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, phrase.Errorf("nothing answers there")
	case isTimeout(err):
		return nil, phrase.Errorf("no answer")
	}
	return nil, err
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if e, ok := errors.AsType[net.Error](err); ok {
		return e.Timeout()
	}
	return false
}

// resolve asks the resolvers, one after the other, until one has an answer or knows that
// there is none.
func (c *checker) resolve(ctx context.Context, name zone.Name, t zone.Type) (*dns.Msg, error) {
	err := phrase.Errorf("there is no resolver")
	for _, server := range c.Resolvers {
		var reply *dns.Msg
		reply, err = ask(ctx, server, name, t, true)
		if err == nil && (reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError) {
			return reply, nil
		}
		if err == nil {
			err = phrase.Errorf("it answers %s", dns.RcodeToString[reply.Rcode])
		}
		err = phrase.Errorf("asking resolver %s for %s %s: %w", server, name, t, err)
	}
	return nil, err
}

// addresses returns those of a name: ours where the name is ours, and what the
// resolvers say elsewhere.
func (c *checker) addresses(ctx context.Context, name zone.Name) ([]netip.Addr, error) {
	if z := c.zones.Find(name); z != nil && z.Lookup(name, zone.TypeA).Outcome != zone.Delegation {
		return addressesOf(z.Node(name)), nil
	}
	var all []netip.Addr
	for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
		reply, err := c.resolve(ctx, name, t)
		if err != nil {
			return nil, err
		}
		for _, addr := range addressesIn(reply.Answer) {
			all = append(all, addr.addr)
		}
	}
	return all, nil
}

// addressesOf returns the addresses at a node.
func addressesOf(node zone.Node) (all []netip.Addr) {
	for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
		all = append(all, node.Lookup(t).RRset("").Addresses()...)
	}
	return all
}

// owned is an address and the name that has it.
type owned struct {
	name zone.Name
	addr netip.Addr
}

func addressesIn(records []dns.RR) (all []owned) {
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		default:
			continue
		}
		name, err := zone.ParseName(rr.Header().Name)
		addr, ok := netip.AddrFromSlice(ip)
		if err == nil && ok {
			all = append(all, owned{name, addr.Unmap()})
		}
	}
	return all
}

// serversIn returns the targets of the NS records of a name.
func serversIn(records []dns.RR, of zone.Name) (all []zone.Name) {
	for _, rr := range records {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		owner, err := zone.ParseName(ns.Hdr.Name)
		target, targetErr := zone.ParseName(ns.Ns)
		if err == nil && targetErr == nil && owner == of && !slices.Contains(all, target) {
			all = append(all, target)
		}
	}
	return all
}

// SystemResolvers returns the resolvers of this machine, none where it names none.
func SystemResolvers() []netip.AddrPort {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	port, err := strconv.ParseUint(config.Port, 10, 16)
	if err != nil {
		return nil
	}
	var all []netip.AddrPort
	for _, text := range config.Servers {
		if addr, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.AddrPortFrom(addr, uint16(port)))
		}
	}
	return all
}
