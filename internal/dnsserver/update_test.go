package dnsserver_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/history"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

const street = `
$TTL 60
@     SOA ns1 hostmaster 7 300 60 1209600 30
@     NS ns1
ns1   A 192.0.2.1
home  A 192.0.2.7
nas   TXT "` + update.Placeholder + `"
bobs  A 192.0.2.77
gone  TXT "` + update.Placeholder + `"
`

// streetState is a zone with hosts: home and nas of alice, bobs of bob, gone of carol,
// who is suspended; and a key for each.
func streetState(t testing.TB) *registry.State {
	t.Helper()
	host := func(id uint32, name string, owner uint32) account.Host {
		return account.Host{ID: id, Name: zone.MustName(name + ".example.org"), Account: owner, TTL: 60}
	}
	d := account.Directory{}.Edit()
	d.Apply(&account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice"}, {ID: 2, Name: "bob"}, {ID: 3, Name: "carol", Suspended: true}},
		Hosts:    []account.Host{host(1, "home", 1), host(2, "nas", 1), host(3, "bobs", 2), host(4, "gone", 3)},
	})
	of := func(owner uint32, k tsig.Key) tsig.Key {
		k.Account = owner
		return k
	}
	return &registry.State{
		Zones:    setOf(readZone(t, "example.org", street)),
		Accounts: d.Freeze(),
		TSIG: ringOf(
			of(1, tsigKey(t, "home", "name home.example.org A AAAA")),
			of(1, tsigKey(t, "nas", "subdomain nas.example.org A AAAA TXT")),
			of(2, tsigKey(t, "bob", "subdomain example.org")),
			of(3, tsigKey(t, "carol", "subdomain example.org")),
			tsigKey(t, "operator", "subdomain example.org ANY"),
			tsigKey(t, "acme", "wildcard *.example.org TXT"),
			tsigKey(t, "idle"),
		),
	}
}

// signed returns an UPDATE of the lines, as updateCase has them, signed by a key.
func signed(t testing.TB, key string, lines ...string) *dns.Msg {
	t.Helper()
	c := updateCase{about: key, origin: "example.org"}
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "prereq":
			c.prereqs = append(c.prereqs, rest)
		case "update":
			c.updates = append(c.updates, rest)
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return c.message(t).SetTsig(key+".", dns.HmacSHA256, 300, time.Now().Unix())
}

// tell sends an UPDATE and returns the response code of the reply, which must be signed.
func (u *updated) tell(t testing.TB, network string, m *dns.Msg) string {
	t.Helper()
	client := dns.Client{Net: network, TsigSecret: map[string]string{m.IsTsig().Hdr.Name: tsigSecret}, Timeout: time.Minute}
	address := u.udp
	if network == "tcp" {
		address = u.tcp
	}
	reply, _, err := client.Exchange(m, address)
	if err != nil && !errors.Is(err, dns.ErrAuth) {
		t.Fatalf("%v: %v", m, err)
	}
	if reply.IsTsig() == nil || reply.IsTsig().MAC == "" {
		t.Errorf("reply is not signed: %v", reply)
	}
	return dns.RcodeToString[reply.Rcode]
}

// records returns what stands at a name below example.org.
func (u *updated) records(name string) []string {
	full := zone.MustName(name + ".example.org")
	var out []string
	for set := range u.registry.State().Zones.Find(full).Node(full).All() {
		for data := range set.All() {
			out = append(out, fmt.Sprintf("%d %s %s", set.TTL(), set.Type(), zone.FormatData(set.Type(), zone.Rdata(data))))
		}
	}
	return out
}

// want fails the test unless these records stand at a name.
func (u *updated) want(t testing.TB, name string, want ...string) {
	t.Helper()
	if got := u.records(name); !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", name, got, want)
	}
}

const placeholder = `60 TXT "` + update.Placeholder + `"`

// An UPDATE of a host is an address update like any other. When it is answered the DNS
// shows it.
func TestUpdateOfAHost(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		u := serveUpdates(t, streetState(t), update.Options{Seen: newSeen(t)})
		steps := []struct {
			about string
			key   string
			lines []string
			code  string
			home  []string
		}{
			{"a new address", "home", []string{"update home 0 ANY A", "update home 300 IN A 192.0.2.8"}, "NOERROR", []string{"60 A 192.0.2.8"}},
			{"both families", "home", []string{"update home 300 IN AAAA 2001:db8::8"}, "NOERROR", []string{"60 A 192.0.2.8", "60 AAAA 2001:db8::8"}},
			{"the same again", "home", []string{"update home 300 IN A 192.0.2.8"}, "NOERROR", []string{"60 A 192.0.2.8", "60 AAAA 2001:db8::8"}},
			{"one that cannot be reached from outside", "home", []string{"update home 0 ANY A", "update home 60 IN A 192.168.1.2"}, "NOERROR", []string{"60 A 192.0.2.8", "60 AAAA 2001:db8::8"}},
			{"one goes", "home", []string{"update home 0 NONE AAAA 2001:db8::8"}, "NOERROR", []string{"60 A 192.0.2.8"}},
			{"all go", "home", []string{"update home 0 ANY ANY"}, "NOERROR", []string{placeholder}},
			{"the placeholder is not there", "home", []string{"prereq home 0 NONE ANY", "update home 60 IN A 192.0.2.9"}, "NOERROR", []string{"60 A 192.0.2.9"}},
			{"another type", "home", []string{"update home 60 IN TXT \"x\""}, "REFUSED", []string{"60 A 192.0.2.9"}},
			{"a text beside it", "operator", []string{"update home 60 IN TXT \"x\""}, "NOERROR", []string{"60 A 192.0.2.9", `60 TXT "x"`}},
			{"all goes but the text", "home", []string{"update home 0 ANY A"}, "NOERROR", []string{`60 TXT "x"`, placeholder}},
			{"a text, which is not the key's to delete", "home", []string{"update home 0 ANY ANY"}, "REFUSED", []string{`60 TXT "x"`, placeholder}},
			{"a text goes", "operator", []string{"update home 0 ANY TXT"}, "NOERROR", []string{placeholder}},
			{"an alias takes the place of the placeholder", "operator", []string{"update home 60 IN CNAME nas"}, "NOERROR", []string{"60 CNAME nas.example.org."}},
			{"no address beside it", "home", []string{"update home 60 IN A 192.0.2.8"}, "NOERROR", []string{"60 CNAME nas.example.org."}},
			{"nine addresses", "operator", append([]string{"update home 0 ANY CNAME"}, addresses(9)...), "REFUSED", []string{"60 CNAME nas.example.org."}},
		}
		for _, step := range steps {
			if got := u.tell(t, network, signed(t, step.key, step.lines...)); got != step.code {
				t.Errorf("%s: %s: %s, want %s", network, step.about, got, step.code)
			}
			u.want(t, "home", step.home...)
		}
		if u.seen.Last(1).IsZero() || !u.seen.Last(2).IsZero() {
			t.Error("who was seen?")
		}
	}
}

func addresses(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("update home 60 IN A 192.0.2.%d", 100+i))
	}
	return out
}

// The host's page says how an address came.
func TestUpdateNotesTheSource(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	u.tell(t, "udp", signed(t, "home", "update home 60 IN AAAA 2001:db8::8"))
	h, _ := u.registry.State().Accounts.Host(zone.MustName("home.example.org"))
	if n := len(h.Sources); n != 2 || h.Sources[1].Via != "rfc2136" || h.Sources[1].Addr.String() != "2001:db8::8" {
		t.Errorf("sources = %+v", h.Sources)
	}
}

// Every key at every name: it may change what it is granted and what is its owner's,
// and nothing else.
func TestUpdateRights(t *testing.T) {
	t.Parallel()
	may := map[string]string{
		"home":     "home/A",
		"nas":      "nas/A nas/TXT x.nas/A x.nas/TXT",
		"bob":      "bobs/A bobs/TXT x.bobs/A x.bobs/TXT",
		"carol":    "",
		"operator": "home/A home/TXT nas/A nas/TXT bobs/A bobs/TXT gone/TXT free/A free/TXT x.home/A x.home/TXT x.nas/A x.nas/TXT x.bobs/A x.bobs/TXT @/A @/TXT",
		"acme":     "home/TXT nas/TXT bobs/TXT gone/TXT free/TXT x.home/TXT x.nas/TXT x.bobs/TXT",
		"idle":     "",
	}
	u := serveUpdates(t, streetState(t), update.Options{})
	for key, list := range may {
		for _, name := range []string{"home", "nas", "bobs", "gone", "free", "x.home", "x.nas", "x.bobs", "@"} {
			for _, typ := range []string{"A 192.0.2.200", "TXT \"x\""} {
				want := "REFUSED"
				if slices.Contains(strings.Fields(list), name+"/"+strings.Fields(typ)[0]) {
					want = "NOERROR"
				}
				if got := u.tell(t, "tcp", signed(t, key, "update "+name+" 60 IN "+typ)); got != want {
					t.Errorf("%s at %s %s: %s, want %s", key, name, typ, got, want)
				}
			}
		}
	}
	u.want(t, "gone", `60 TXT "x"`, placeholder)
}

// The operator may put records at a host whose account is suspended. What the directory
// keeps of it for the day when it is resumed stays, and nothing of that is shown.
func TestUpdateOfASuspendedHost(t *testing.T) {
	t.Parallel()
	state := streetState(t)
	gone := zone.MustName("gone.example.org")
	before, _ := state.Accounts.Host(gone)
	before.Sources = []account.Source{{Addr: netip.MustParseAddr("192.0.2.99"), Via: "dyndns2"}}
	before.Text, before.Options.MX = "of its device", zone.MustName("mail.example.net")
	d := state.Accounts.Edit()
	d.Apply(&account.Changes{Hosts: []account.Host{before}})
	state.Accounts = d.Freeze()
	u := serveUpdates(t, state, update.Options{})
	for _, step := range []struct {
		line string
		want []string
	}{
		{`update gone 60 IN TXT "x"`, []string{placeholder, `60 TXT "x"`}},
		{"update gone 0 ANY TXT", []string{placeholder}},
	} {
		if got := u.tell(t, "udp", signed(t, "operator", step.line)); got != "NOERROR" {
			t.Errorf("%s: %s", step.line, got)
		}
		slices.Sort(step.want)
		got := u.records("gone")
		slices.Sort(got)
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: the host shows %q, want %q", step.line, got, step.want)
		}
		if after, _ := u.registry.State().Accounts.Host(gone); !after.Equal(&before) {
			t.Errorf("%s: the directory has %+v, want %+v", step.line, after, before)
		}
	}
}

// Who owns a host may have many names below it, and not all the memory there is: past the
// limit, one must go for another to come. The operator may have more.
func TestUpdateCrowdsNoZone(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	names := func(from, to int) (lines []string) {
		for i := from; i < to; i++ {
			lines = append(lines, fmt.Sprintf("update x%d.nas 60 IN A 192.0.2.1", i))
		}
		return lines
	}
	for _, step := range []struct {
		about, key string
		lines      []string
		code       string
	}{
		{"nearly all that may be", "nas", names(0, update.MaxBelow-1), "NOERROR"},
		{"two more", "nas", names(2000, 2002), "REFUSED"},
		{"the last", "nas", names(2000, 2001), "NOERROR"},
		{"one too many", "nas", names(2001, 2002), "REFUSED"},
		{"a record at a name that is there", "nas", []string{"update x1.nas 60 IN TXT \"x\""}, "NOERROR"},
		{"one in the place of another", "nas", append(names(2001, 2002), "update x1.nas 0 ANY ANY"), "NOERROR"},
		{"one below another host", "bob", []string{"update x.bobs 60 IN A 192.0.2.1"}, "NOERROR"},
		{"one of the operator's", "operator", names(3000, 3001), "NOERROR"},
	} {
		if got := u.tell(t, "tcp", signed(t, step.key, step.lines...)); got != step.code {
			t.Errorf("%s: %s, want %s", step.about, got, step.code)
		}
	}
}

// What would keep hosts from being found is refused, whoever asks.
func TestUpdateHidesNoHost(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	for line, want := range map[string]string{
		"update home 60 IN NS ns.example.net.":      "REFUSED",
		"update home 60 IN DNAME example.net.":      "NOERROR", // below it there is none
		"update @ 60 IN DNAME example.net.":         "REFUSED",
		"update other 60 IN NS ns.example.net.":     "NOERROR",
		"update other.home 60 IN NS ns.example.net": "NOERROR",
	} {
		if got := u.tell(t, "udp", signed(t, "operator", line)); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

// Who does not sign is refused, and who signs with what we do not know is told so.
func TestUpdateUnsigned(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	plain := new(dns.Msg).SetUpdate("example.org.")
	rr, _ := dns.NewRR("home.example.org. 60 IN A 192.0.2.99")
	plain.Insert([]dns.RR{rr})
	plain.SetEdns0(1232, false)
	stranger := signed(t, "stranger", "update home 60 IN A 192.0.2.99")
	for network, address := range map[string]string{"udp": u.udp, "tcp": u.tcp} {
		reply := exchange(t, network, address, plain)
		ede, _ := reply.IsEdns0().Option[0].(*dns.EDNS0_EDE)
		if reply.Rcode != dns.RcodeRefused || reply.IsTsig() != nil || ede == nil || ede.InfoCode != dns.ExtendedErrorCodeProhibited {
			t.Errorf("%s: unsigned: %v", network, reply)
		}
		client := dns.Client{Net: network, TsigSecret: map[string]string{"stranger.": tsigSecret}, Timeout: rig.Patience}
		reply, _, _ = client.Exchange(stranger.Copy(), address) // its error is that the reply is not signed
		if reply == nil || reply.Rcode != dns.RcodeNotAuth || reply.IsTsig() == nil || reply.IsTsig().Error != dns.RcodeBadKey {
			t.Errorf("%s: unknown key: %v", network, reply)
		}
	}
	u.want(t, "home", "60 A 192.0.2.7")
	if u.store.writes() != 0 {
		t.Error("something was written")
	}
}

// What changes nothing costs no write.
func TestUpdateWithoutChange(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	for _, m := range []*dns.Msg{
		signed(t, "operator"),
		signed(t, "home", "update home 60 IN A 192.0.2.7"),
		signed(t, "home", "update home 0 ANY A", "update home 60 IN A 192.0.2.7"),
		signed(t, "operator", "prereq free 0 NONE ANY", "update free 0 ANY ANY"),
	} {
		if got := u.tell(t, "udp", m); got != "NOERROR" {
			t.Errorf("%v: %s", m, got)
		}
	}
	if n := u.store.writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// NOERROR means that it is on disk. Otherwise nothing has changed, and the same message
// may be sent again.
func TestUpdateWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	u.store.fail(errors.New("disk full"))
	m := signed(t, "home", "update home 0 ANY A", "update home 60 IN A 192.0.2.8")
	if got := u.tell(t, "udp", m.Copy()); got != "SERVFAIL" {
		t.Errorf("with a store that fails: %s", got)
	}
	u.want(t, "home", "60 A 192.0.2.7")
	u.store.fail(nil)
	if got := u.tell(t, "udp", m.Copy()); got != "NOERROR" {
		t.Errorf("with a store that works again: %s", got)
	}
	u.want(t, "home", "60 A 192.0.2.8")
}

// An UPDATE that somebody overheard and sends again does nothing, and who sends it again
// because the reply was lost gets it.
func TestUpdateAgain(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	first := signed(t, "home", "update home 0 ANY A", "update home 60 IN A 192.0.2.8")
	failed := signed(t, "home", "prereq home 0 NONE A", "update home 60 IN A 192.0.2.9")
	if a, b := u.tell(t, "udp", first.Copy()), u.tell(t, "udp", failed.Copy()); a != "NOERROR" || b != "YXRRSET" {
		t.Fatalf("%s, %s", a, b)
	}
	u.tell(t, "udp", signed(t, "home", "update home 0 ANY A"))
	for _, network := range []string{"udp", "tcp"} {
		if a, b := u.tell(t, network, first.Copy()), u.tell(t, network, failed.Copy()); a != "NOERROR" || b != "YXRRSET" {
			t.Errorf("again over %s: %s, %s", network, a, b)
		}
	}
	u.want(t, "home", placeholder)
}

// A message that is too old is not heeded. The reply is signed, and says what time it
// is here.
func TestUpdateTooLate(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	for _, off := range []time.Duration{-time.Hour, time.Hour, -301 * time.Second, 310 * time.Second} {
		m := signed(t, "home", "update home 60 IN A 192.0.2.8")
		m.IsTsig().TimeSigned = uint64(time.Now().Add(off).Unix())
		packet, _, err := dns.TsigGenerate(m, tsigSecret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		var reply dns.Msg
		if err := reply.Unpack(raw(t, u.udp, packet)); err != nil {
			t.Fatal(err)
		}
		r := reply.IsTsig()
		if reply.Rcode != dns.RcodeNotAuth || r == nil || r.Error != dns.RcodeBadTime || r.OtherLen != 6 || r.MAC == "" {
			t.Errorf("signed %v from now: %v", off, reply)
		}
	}
	u.want(t, "home", "60 A 192.0.2.7")
}

// raw sends a packet over UDP and returns the reply.
func raw(t testing.TB, address string, packet []byte) []byte {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// Signed queries get signed replies, also when they are truncated: nsupdate begins with
// one.
func TestSignedQuery(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	u.tell(t, "tcp", signed(t, "operator", "update big 60 IN TXT \""+strings.Repeat("x", 250)+"\"", "update big 60 IN TXT \""+strings.Repeat("y", 250)+"\""))
	for _, tt := range []struct {
		network, name string
		typ           uint16
		edns          bool
		answers       int
		truncated     bool
	}{
		{"udp", "example.org", dns.TypeSOA, false, 1, false},
		{"udp", "example.org", dns.TypeSOA, true, 1, false},
		{"tcp", "example.org", dns.TypeSOA, false, 1, false},
		{"udp", "nowhere.example.org", dns.TypeSOA, false, 0, false},
		{"udp", "big.example.org", dns.TypeTXT, false, 0, true},
		{"tcp", "big.example.org", dns.TypeTXT, false, 2, false},
	} {
		for _, algorithm := range []string{dns.HmacSHA256, dns.HmacSHA512} {
			q := question(tt.name, tt.typ)
			if tt.edns {
				q.SetEdns0(1232, false)
			}
			q.SetTsig("home.", algorithm, 300, time.Now().Unix())
			client := dns.Client{Net: tt.network, TsigSecret: map[string]string{"home.": tsigSecret}, Timeout: rig.Patience}
			reply, _, err := client.Exchange(q, map[string]string{"udp": u.udp, "tcp": u.tcp}[tt.network])
			if err != nil || reply.IsTsig() == nil || !reply.Authoritative || len(reply.Answer) != tt.answers || reply.Truncated != tt.truncated || (reply.IsEdns0() != nil) != tt.edns {
				t.Errorf("%s %s: %v, %v", tt.network, tt.name, reply, err)
			}
		}
	}
}

// A MAC that is truncated more than the key allows, and as much.
func TestUpdateTruncatedMAC(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	for _, tt := range []struct {
		algorithm string
		octets    int
		code      int
		fault     uint16
	}{
		{dns.HmacSHA512, 32, dns.RcodeSuccess, 0}, // the key has hmac-sha512-256
		{dns.HmacSHA512, 48, dns.RcodeSuccess, 0},
		{dns.HmacSHA512, 31, dns.RcodeFormatError, 0},
		{dns.HmacSHA256, 16, dns.RcodeNotAuth, dns.RcodeBadTrunc},
		{dns.HmacSHA256, 9, dns.RcodeFormatError, 0},
	} {
		m := signed(t, "operator", fmt.Sprintf("update t%d 60 IN A 192.0.2.99", tt.octets))
		m.IsTsig().Algorithm = tt.algorithm
		packet, _, err := dns.TsigGenerate(m, tsigSecret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Unpack(packet); err != nil {
			t.Fatal(err)
		}
		r := m.IsTsig()
		mac, err := hex.DecodeString(r.MAC)
		if err != nil {
			t.Fatal(err)
		}
		r.MAC, r.MACSize = hex.EncodeToString(mac[:tt.octets]), uint16(tt.octets)
		if packet, err = m.Pack(); err != nil {
			t.Fatal(err)
		}
		var reply dns.Msg
		if err := reply.Unpack(raw(t, u.udp, packet)); err != nil {
			t.Fatal(err)
		}
		var fault uint16
		if r := reply.IsTsig(); r != nil {
			fault = r.Error
		}
		if reply.Rcode != tt.code || fault != tt.fault {
			t.Errorf("%s of %d octets: %v", tt.algorithm, tt.octets, reply)
		}
	}
}

// A key that was revoked or changed while the UPDATE was under way does nothing.
func TestUpdateRevoked(t *testing.T) {
	t.Parallel()
	state := streetState(t)
	u := serveUpdates(t, state, update.Options{})
	_, err := u.registry.Apply(t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		return registry.Changes{TSIG: tsig.Changes{Deleted: []zone.Name{zone.MustName("home")}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	packet, _, err := dns.TsigGenerate(signed(t, "home", "update home 60 IN A 192.0.2.8"), tsigSecret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	// A responder that has not heard of it, over the registry that has.
	r := dnsserver.NewResponder(dnsserver.Options{Updates: update.New(u.registry, update.Options{Logger: quiet})})
	var reply dns.Msg
	if err := reply.Unpack(r.AnswerFrom(state, dnsserver.Client{Via: dnsserver.TCP}, packet, nil)); err != nil {
		t.Fatal(err)
	}
	if reply.Rcode != dns.RcodeRefused {
		t.Errorf("reply: %v", &reply)
	}
	u.want(t, "home", "60 A 192.0.2.7")
}

// While UPDATEs are held they wait, and queries do not.
func TestHoldUpdates(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	if err := u.HoldUpdates(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for _, network := range []string{"udp", "tcp"} {
		m := signed(t, "operator", "update "+network+" 60 IN A 192.0.2.8")
		go func() { done <- u.tell(t, network, m) }()
	}
	exchange(t, "udp", u.udp, question("home.example.org", dns.TypeA))
	if u.store.writes() != 0 {
		t.Error("something was written")
	}
	u.ResumeUpdates()
	if a, b := <-done, <-done; a != "NOERROR" || b != "NOERROR" {
		t.Errorf("%s, %s", a, b)
	}
	u.want(t, "udp", "60 A 192.0.2.8")
	u.want(t, "tcp", "60 A 192.0.2.8")
}

// Those that wait when the server leaves get no reply, and do nothing.
func TestLeaveWithUpdates(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	if err := u.HoldUpdates(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("udp", u.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet, _, err := dns.TsigGenerate(signed(t, "home", "update home 60 IN A 192.0.2.8"), tsigSecret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	exchange(t, "udp", u.udp, question("home.example.org", dns.TypeA)) // so that it was read before
	if err := u.Leave(context.Background(), nil); err != nil {
		t.Error(err)
	}
	if err := u.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	u.want(t, "home", "60 A 192.0.2.7")
}

// An UPDATE that waits for the disk keeps nobody else waiting.
func TestUpdateDelaysNoQuery(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	u.store.mu.Lock()
	u.store.wait = make(chan struct{})
	u.store.mu.Unlock()
	done := make(chan string)
	go func() { done <- u.tell(t, "udp", signed(t, "home", "update home 60 IN A 192.0.2.8")) }()
	for range 20 {
		exchange(t, "udp", u.udp, question("home.example.org", dns.TypeA))
		exchange(t, "tcp", u.tcp, question("home.example.org", dns.TypeA))
	}
	select {
	case code := <-done:
		t.Errorf("%s before it was on disk", code)
	default:
	}
	u.store.mu.Lock()
	close(u.store.wait)
	u.store.wait = nil
	u.store.mu.Unlock()
	if code := <-done; code != "NOERROR" {
		t.Error(code)
	}
}

// noted keeps what a Recorder hears.
type noted struct {
	mu   sync.Mutex
	told []string
}

func (n *noted) Record(x *history.Exchange) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, fmt.Sprintf("%s: %s -> %s by %s", x.Asked.Hosts[0], x.Request, x.Reply, x.Agent))
}

// The history of a host has its UPDATEs, those that were refused too, and nothing of
// others that stood in the same message.
func TestUpdateHistory(t *testing.T) {
	t.Parallel()
	u := serveUpdates(t, streetState(t), update.Options{})
	n := new(noted)
	u.SetOptions(dnsserver.Options{Logger: quiet, Updates: update.New(u.registry, update.Options{Logger: quiet}), Recorder: n})
	home := tsigKey(t, "bound", "name home.example.org A AAAA")
	home.Account, home.Host = 1, zone.MustName("home.example.org")
	_, err := u.registry.Apply(t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		return registry.Changes{TSIG: tsig.Changes{Keys: []tsig.Key{home}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*dns.Msg{
		signed(t, "bound", "prereq home 0 NONE AAAA", "update home 0 ANY A", "update home 60 IN A 192.0.2.8"),
		signed(t, "bound", "update home 60 IN TXT \"not told\""),
		signed(t, "operator", "update home 0 ANY ANY", "update bobs 60 IN A 192.0.2.78", "update free 60 IN A 192.0.2.99"),
	} {
		u.tell(t, "udp", m)
	}
	want := []string{
		"home.example.org: UPDATE example.org, if there is no AAAA, delete A, add A 192.0.2.8 -> NOERROR by TSIG key bound",
		"home.example.org: UPDATE example.org, add TXT -> REFUSED by TSIG key bound",
		"home.example.org: UPDATE example.org, delete ANY -> NOERROR by TSIG key operator",
		"bobs.example.org: UPDATE example.org, add A 192.0.2.78 -> NOERROR by TSIG key operator",
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.told)
	slices.Sort(want)
	if !slices.Equal(n.told, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(n.told, "\n"), strings.Join(want, "\n"))
	}
}
