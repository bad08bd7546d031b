package routeros

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// dnsUpdateParameters are those of /tool dns-update (manual.mikrotik.com/docs,
// "Dynamic DNS"; the same since the manual of 2.7).
var dnsUpdateParameters = map[string]Version{
	"address": always, "dns-server": always, "key": always, "key-name": always, "name": always, "ttl": always, "zone": always,
}

// dnsUpdate lets a name have an address, by an UPDATE over UDP that is signed with
// HMAC-MD5 if there is a key.
//
// The manual says of the message that the name is associated with the address, which
// RFC 2136 does by deleting the set of addresses and adding one (§2.5.2, §2.5.1), and
// that a TTL of 0 deletes it. Nobody has published what a router says to the script
// when the server refuses; here that is an error.
func (f *frame) dnsUpdate(c *command) (value, error) {
	if err := f.need("test"); err != nil {
		return nil, err
	}
	given := map[string]string{"ttl": "0"}
	for name, e := range c.named {
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		given[name] = text(v)
	}
	m, err := updateMessage(given)
	if err != nil {
		return nil, err
	}
	client := &dns.Client{Timeout: rig.Patience}
	if key := given["key-name"]; key != "" {
		m.SetTsig(dns.CanonicalName(key), dns.HmacMD5, 300, time.Now().Unix())
		client.TsigProvider = rig.HMACMD5(given["key"])
	}
	f.router.Requests = append(f.router.Requests, "UPDATE "+m.Ns[0].Header().Name)
	reply, _, err := client.Exchange(m, f.router.nameServer(given["dns-server"]))
	if err != nil {
		return nil, fmt.Errorf("failure: dns server failure: %w", err)
	}
	if reply.Rcode != dns.RcodeSuccess {
		return nil, fmt.Errorf("failure: dns server failure: %s", dns.RcodeToString[reply.Rcode])
	}
	return nil, nil
}

// updateMessage returns the UPDATE that the parameters ask for. The name is relative
// to the zone; without one it is the zone itself.
func updateMessage(given map[string]string) (*dns.Msg, error) {
	address, err := netip.ParseAddr(given["address"])
	if err != nil || !address.Is4() {
		return nil, fmt.Errorf("invalid value %q for argument address: an IPv4 address is wanted, without a length", given["address"])
	}
	if _, err := netip.ParseAddr(given["dns-server"]); err != nil {
		return nil, fmt.Errorf("invalid value %q for argument dns-server: an address is wanted, not a name", given["dns-server"])
	}
	ttl, err := strconv.ParseUint(given["ttl"], 10, 31)
	if err != nil {
		return nil, fmt.Errorf("invalid value %q for argument ttl: a number of seconds is wanted", given["ttl"])
	}
	zone := dns.Fqdn(given["zone"])
	name := zone
	if given["name"] != "" {
		name = given["name"] + "." + zone
	}
	m := new(dns.Msg).SetUpdate(zone)
	rr := &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: uint32(ttl)}, A: net.IP(address.AsSlice())}
	m.RemoveRRset([]dns.RR{rr})
	if ttl > 0 {
		m.Insert([]dns.RR{rr})
	}
	return m, nil
}

// nameServer returns where a DNS server with this address listens.
func (r *Router) nameServer(address string) string {
	if r.DNSPort == "" {
		return net.JoinHostPort(address, "53")
	}
	return net.JoinHostPort(address, r.DNSPort)
}
