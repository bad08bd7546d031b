package dnsserver_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// Whoever has the key of a zone may have it whole, from anywhere; each message is signed,
// and others get none.
func TestSignedTransfer(t *testing.T) {
	t.Parallel()
	state := streetState(t)
	var text strings.Builder
	text.WriteString(street)
	for i := range 2000 {
		fmt.Fprintf(&text, "h%d A 192.0.2.1\n", i)
	}
	state.Zones = setOf(readZone(t, "example.org", text.String()), readZone(t, "example.net", street))
	secondary := tsigKey(t, "secondary")
	secondary.Transfers = []zone.Name{zone.MustName("example.org")}
	state.TSIG = ringOf(secondary, tsigKey(t, "operator", "subdomain example.org ANY"))
	u := serveUpdates(t, state, update.Options{})
	for _, tt := range []struct {
		key, zone, secret string
		query             *dns.Msg
		messages, records int
	}{
		{"secondary.", "example.org.", tsigSecret, axfr("example.org."), 3, 2000},
		{"secondary.", "example.org.", tsigSecret, ixfr("example.org.", 6), 3, 2000},
		{"secondary.", "example.org.", tsigSecret, ixfr("example.org.", 7), 1, 1},
		{"secondary.", "example.net.", tsigSecret, axfr("example.net."), 0, 0},
		{"operator.", "example.org.", tsigSecret, axfr("example.org."), 0, 0},
		{"secondary.", "example.org.", "bm90IHRoZSBzZWNyZXQ=", axfr("example.org."), 0, 0},
		{"", "example.org.", "", axfr("example.org."), 0, 0},
	} {
		transfer := rig.NewTransfer()
		if tt.key != "" {
			transfer.TsigSecret = map[string]string{tt.key: tt.secret}
			tt.query.SetTsig(tt.key, dns.HmacSHA256, 300, time.Now().Unix())
		}
		in, err := transfer.In(tt.query, u.tcp)
		if err != nil {
			t.Fatal(err)
		}
		messages, records := 0, 0
		for m := range in {
			if m.Error != nil {
				messages, records = 0, 0
				break
			}
			messages++
			records += len(m.RR)
		}
		if messages < tt.messages || records < tt.records || tt.records == 0 && records > 0 {
			t.Errorf("%s for %s: %d messages, %d records", tt.key, tt.query.Question[0].String(), messages, records)
		}
	}
}

// The longest set that a zone takes goes out, also at the longest name and signed with the
// longest key.
func TestLongestSetSigned(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("x", 63)+".", 3) + strings.Repeat("x", 49)
	key := tsigKey(t, long+".example.net", "subdomain example.org ANY")
	scheme, err := tsig.ParseScheme("hmac-sha512")
	if err != nil {
		t.Fatal(err)
	}
	key.Schemes = []tsig.Scheme{scheme}
	key.Transfers = []zone.Name{zone.MustName("example.org")}
	longest := zone.RRset{
		Name: zone.MustName(long + ".example.org"), Type: zone.Type(65280), TTL: 60,
		Data: []zone.Rdata{zone.Rdata(strings.Repeat("x", zone.MaxRdata))},
	}
	state := &registry.State{Zones: setOf(newZone(t, "example.org", longest)), TSIG: ringOf(key)}
	s := serve(t, dnsserver.Options{}, func() *registry.State { return state })
	transfer := rig.NewTransfer()
	transfer.TsigSecret = map[string]string{key.Name.FQDN(): tsigSecret}
	query := axfr("example.org.")
	query.SetTsig(key.Name.FQDN(), dns.HmacSHA512, 300, time.Now().Unix())
	in, err := transfer.In(query, s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for m := range in {
		if m.Error != nil {
			t.Fatal(m.Error)
		}
		records += len(m.RR)
	}
	if records != 3 {
		t.Errorf("%d records, want 3", records)
	}
}

// Where a secondary has a key, its address alone opens nothing; where it has none, it
// needs none. Over UDP a difference is signed, too.
func TestSecondariesWithKeys(t *testing.T) {
	t.Parallel()
	here, elsewhere := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")
	open := dnsserver.Secondary{From: []netip.Prefix{here}}
	one := dnsserver.Secondary{From: []netip.Prefix{here}, Key: zone.MustName("one")}
	two := dnsserver.Secondary{From: []netip.Prefix{here}, Key: zone.MustName("two")}
	away := dnsserver.Secondary{From: []netip.Prefix{elsewhere}, Key: zone.MustName("one")}
	state := &registry.State{
		Zones: setOf(readZone(t, "example.org", street)), TSIG: ringOf(tsigKey(t, "one"), tsigKey(t, "two"), tsigKey(t, "three")),
	}
	for _, tt := range []struct {
		name        string
		secondaries []dnsserver.Secondary
		keys        []string // that get the zone, "" for none
	}{
		{"an address", []dnsserver.Secondary{open}, []string{"", "one.", "two.", "three."}},
		{"a key", []dnsserver.Secondary{one}, []string{"one."}},
		{"two keys at one address", []dnsserver.Secondary{one, two}, []string{"one.", "two."}},
		{"an address that has a key somewhere else in the list", []dnsserver.Secondary{open, one}, []string{"one."}},
		{"a key at another address", []dnsserver.Secondary{away}, nil},
		{"a key at another address, and ours", []dnsserver.Secondary{away, open}, []string{"", "one.", "two.", "three."}},
	} {
		s := serve(t, dnsserver.Options{Secondaries: tt.secondaries}, func() *registry.State { return state })
		for _, key := range []string{"", "one.", "two.", "three."} {
			for _, network := range []string{"udp", "tcp"} {
				query := ixfr("example.org.", 7)
				client := dns.Client{Net: network, TsigSecret: map[string]string{"one.": tsigSecret, "two.": tsigSecret, "three.": tsigSecret}, Timeout: rig.Patience}
				if key != "" {
					query.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
				}
				reply, _, err := client.Exchange(query, map[string]string{"udp": s.udp, "tcp": s.tcp}[network])
				if err != nil {
					t.Fatalf("%s: key %q over %s: %v", tt.name, key, network, err)
				}
				if got, want := reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 1, slices.Contains(tt.keys, key); got != want {
					t.Errorf("%s: key %q over %s = %v, want %v", tt.name, key, network, got, want)
				}
				if (reply.IsTsig() != nil) != (key != "") {
					t.Errorf("%s: the reply to key %q over %s is not signed as the query is", tt.name, key, network)
				}
			}
		}
	}
}

// What is settled for one zone lets its secondaries have that zone alone, from then on
// until it is settled otherwise, beside those of all zones.
func TestSecondariesOfOneZone(t *testing.T) {
	t.Parallel()
	at := func(addr, key string) (s policy.Secondary) {
		s.Addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 5353)
		if key != "" {
			s.Key = zone.MustName(key)
		}
		return s
	}
	origin, child := zone.MustName("example.org"), zone.MustName("child.example.org")
	var state moving
	state.set()
	s := serve(t, dnsserver.Options{Secondaries: []dnsserver.Secondary{
		{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}},
		{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.4/32")}, At: netip.MustParseAddrPort("127.0.0.4:5353"), Key: zone.MustName("one")},
	}}, state.Load)
	for _, tt := range []struct {
		name    string
		settled []policy.Secondary // for the zone
		from    string
		keys    []string // that get the zone, "" for none
		others  []string // that get the other zone
	}{
		{"nothing", nil, "127.0.0.1", nil, nil},
		{"an address", []policy.Secondary{at("127.0.0.1", "")}, "127.0.0.1", []string{"", "one.", "two."}, nil},
		{"another address", []policy.Secondary{at("127.0.0.3", "")}, "127.0.0.1", nil, nil},
		{"a key", []policy.Secondary{at("127.0.0.1", "one")}, "127.0.0.1", []string{"one."}, nil},
		{"nothing for who has all zones", nil, "127.0.0.2", []string{"", "one.", "two."}, []string{"", "one.", "two."}},
		{"a key for who has all zones", []policy.Secondary{at("127.0.0.2", "two")}, "127.0.0.2", []string{"two."}, []string{"", "one.", "two."}},
		{"nothing for who has all zones with a key", nil, "127.0.0.4", []string{"one."}, []string{"one."}},
		{"another key in its place", []policy.Secondary{at("127.0.0.4", "two")}, "127.0.0.4", []string{"two."}, []string{"one."}},
		{"none in its place", []policy.Secondary{at("127.0.0.4", "")}, "127.0.0.4", []string{"", "one.", "two."}, []string{"one."}},
	} {
		book := policy.Book{}.With(&policy.Changes{Zones: []policy.Zone{{Origin: origin, Secondaries: tt.settled}}})
		state.Store(&registry.State{
			Zones: setOf(readZone(t, "example.org", street), readZone(t, "child.example.org", street)), Policy: book,
			TSIG: ringOf(tsigKey(t, "one"), tsigKey(t, "two")),
		})
		for _, of := range []struct {
			zone zone.Name
			keys []string
		}{{origin, tt.keys}, {child, tt.others}} {
			for _, key := range []string{"", "one.", "two."} {
				query := ixfr(of.zone.String()+".", 7)
				if key != "" {
					query.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
				}
				client := dns.Client{
					Net: "tcp", TsigSecret: map[string]string{"one.": tsigSecret, "two.": tsigSecret}, Timeout: rig.Patience,
					Dialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(tt.from)}},
				}
				reply, _, err := client.Exchange(query, s.tcp)
				if err != nil {
					t.Fatalf("%s: %s for key %q: %v", tt.name, of.zone, key, err)
				}
				if got, want := reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 1, slices.Contains(of.keys, key); got != want {
					t.Errorf("%s: %s for key %q = %v, want %v", tt.name, of.zone, key, got, want)
				}
			}
		}
	}
}

// A transfer over TLS is the one over TCP, and every message of it is signed; TLS 1.2
// will not do (RFC 9103 §7.2).
func TestTransferOverTLS(t *testing.T) {
	t.Parallel()
	z, key := largeZone(t, 3000), zone.MustName("one")
	state := registry.State{Zones: setOf(z), TSIG: ringOf(tsigKey(t, "one"))}
	t.Run("all zones", func(t *testing.T) {
		t.Parallel()
		one := dnsserver.Secondary{From: everybody[0].From, Key: key}
		testTransferOverTLS(t, z, dnsserver.Options{Secondaries: []dnsserver.Secondary{one}}, &state)
	})
	t.Run("one zone", func(t *testing.T) {
		t.Parallel()
		settled := state
		one := policy.Zone{Origin: z.Origin()}.With(policy.Secondary{Addr: netip.MustParseAddrPort("127.0.0.1:53"), Key: key})
		settled.Policy = policy.Book{}.With(&policy.Changes{Zones: []policy.Zone{one}})
		testTransferOverTLS(t, z, dnsserver.Options{}, &settled)
	})
}

func testTransferOverTLS(t *testing.T, z *zone.Zone, opts dnsserver.Options, state *registry.State) {
	t.Helper()
	s := serveTLS(t, opts, func() *registry.State { return state })
	for _, tt := range []struct {
		version uint16
		want    int
	}{{tls.VersionTLS13, len(recordsOf(t, z)) + 1}, {tls.VersionTLS12, 0}} {
		config := s.client.Clone()
		config.MaxVersion = tt.version
		transfer := rig.NewTransfer()
		transfer.TLS, transfer.TsigSecret = config, map[string]string{"one.": tsigSecret}
		query := axfr("dyn.example.org.").SetTsig("one.", dns.HmacSHA256, 300, time.Now().Unix())
		messages, err := transfer.In(query, s.tls)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for m := range messages {
			got += len(m.RR)
			if (m.Error != nil) != (tt.want == 0) {
				t.Fatalf("%s: %v", tls.VersionName(tt.version), m.Error)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %d records, want %d", tls.VersionName(tt.version), got, tt.want)
		}
	}
}

// Padding leaves the signature its room, in a reply that is as long as replies can be.
func TestPaddingOfALongSignedReply(t *testing.T) {
	t.Parallel()
	var data []zone.Rdata
	for i := range 257 { // 253 octets each, with the owner and the rest
		data = append(data, zone.TextData(fmt.Sprintf("%0240d", i)))
	}
	long := zone.RRset{Name: zone.MustName("long.example.org"), Type: zone.TypeTXT, TTL: 60, Data: data}
	state := &registry.State{Zones: setOf(newZone(t, "example.org", long)), TSIG: ringOf(tsigKey(t, "key"))}
	m := question("long.example.org", dns.TypeTXT).SetEdns0(4096, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 10)}}
	packet, mac, err := dns.TsigGenerate(m.SetTsig("key.", dns.HmacSHA256, 300, time.Now().Unix()), tsigSecret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	out := dnsserver.NewResponder(dnsserver.Options{}).AnswerFrom(state, dnsserver.Client{Via: dnsserver.TLS}, packet, nil)
	if len(out) > dns.MaxMsgSize {
		t.Fatalf("%d octets, want %d at most", len(out), dns.MaxMsgSize)
	}
	if err := dns.TsigVerify(out, tsigSecret, mac, false); err != nil {
		t.Error(err)
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(out); err != nil || len(reply.Answer) != len(data) {
		t.Errorf("%d records, %v, want %d", len(reply.Answer), err, len(data))
	}
}
