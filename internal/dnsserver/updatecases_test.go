package dnsserver_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// updateCase is one UPDATE of testdata/updates.cases, and what comes of it. In the file,
// a case begins with what it is about behind "#", and has these lines:
//
//	zone NAME CLASS TYPE                 the zone section, if it is not the zone itself
//	prereq NAME TTL CLASS TYPE [DATA]    in the prerequisite section
//	update NAME TTL CLASS TYPE [DATA]    in the update section
//	= RCODE                              what we answer
//	- NAME TTL TYPE DATA                 a record that has gone then
//	+ NAME TTL TYPE DATA                 a record that has come
//	! PEER: REASON                       that peer does otherwise
//	? PEER: REASON                       that peer is not asked
//
// Names are relative to the zone, whose content stands at the beginning of the file.
type updateCase struct {
	about      string
	zone       []string
	prereqs    []string
	updates    []string
	want       []string          // the code, then what has gone and come
	exceptions map[string]string // reasons, by peer
	unasked    map[string]bool
	origin     string
}

func readUpdateCases(t testing.TB) (content string, cases []*updateCase) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "updates.cases"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n# ")
	content = parts[0]
	for i, part := range parts[1:] {
		c := &updateCase{origin: fmt.Sprintf("c%d.example.org", i), exceptions: map[string]string{}, unasked: map[string]bool{}}
		for n, line := range strings.Split(strings.TrimSpace(part), "\n") {
			word, rest, _ := strings.Cut(line, " ")
			switch {
			case n == 0:
				c.about = line
			case word == "zone":
				c.zone = strings.Fields(rest)
			case word == "prereq":
				c.prereqs = append(c.prereqs, rest)
			case word == "update":
				c.updates = append(c.updates, rest)
			case word == "=":
				c.want = append([]string{rest}, c.want...)
			case word == "-" || word == "+":
				c.want = append(c.want, line)
			case word == "!":
				peer, reason, _ := strings.Cut(rest, ": ")
				c.exceptions[peer] = reason
			case word == "?":
				peer, _, _ := strings.Cut(rest, ": ")
				c.unasked[peer] = true
			case line != "":
				t.Fatalf("%s: what is %q?", c.about, line)
			}
		}
		slices.Sort(c.want[1:])
		cases = append(cases, c)
	}
	return content, cases
}

// message returns the UPDATE.
func (c *updateCase) message(t testing.TB) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetUpdate(c.origin + ".")
	if c.zone != nil {
		typ, class := dns.StringToType[c.zone[2]], dns.StringToClass[c.zone[1]]
		m.Question = []dns.Question{{Name: c.absolute(c.zone[0]), Qtype: typ, Qclass: class}}
	}
	for _, line := range c.prereqs {
		m.Answer = append(m.Answer, c.record(t, line))
	}
	for _, line := range c.updates {
		m.Ns = append(m.Ns, c.record(t, line))
	}
	return m
}

// absolute returns a name of a case, which may be "@" or end in a dot.
func (c *updateCase) absolute(name string) string {
	switch {
	case name == "@":
		return c.origin + "."
	case strings.HasSuffix(name, "."):
		return name
	}
	return name + "." + c.origin + "."
}

// record reads a record of any class, which may have no data.
func (c *updateCase) record(t testing.TB, line string) dns.RR {
	t.Helper()
	words := strings.SplitN(line, " ", 5)
	if len(words) < 4 {
		t.Fatalf("%s: %q is no record", c.about, line)
	}
	class, ok := dns.StringToClass[words[2]]
	if !ok {
		t.Fatalf("%s: %q is no class", c.about, words[2])
	}
	if len(words) == 4 {
		var ttl uint32
		_, err := fmt.Sscan(words[1], &ttl)
		typ, known := dns.StringToType[words[3]]
		if err != nil || !known {
			t.Fatalf("%s: %q is no record", c.about, line)
		}
		return &dns.ANY{Hdr: dns.RR_Header{Name: c.absolute(words[0]), Rrtype: typ, Class: class, Ttl: ttl}}
	}
	p := dns.NewZoneParser(strings.NewReader(fmt.Sprintf("%s %s IN %s %s\n", c.absolute(words[0]), words[1], words[3], words[4])), c.origin+".", "")
	rr, _ := p.Next()
	if err := p.Err(); err != nil {
		t.Fatalf("%s: %q: %v", c.about, line, err)
	}
	rr.Header().Class = class
	return rr
}

// difference returns what has gone and come between two contents of the zone.
func (c *updateCase) difference(before, after []string) []string {
	var out []string
	for sign, pair := range map[string][2][]string{"- ": {before, after}, "+ ": {after, before}} {
		for _, line := range pair[0] {
			if !slices.Contains(pair[1], line) {
				out = append(out, sign+line)
			}
		}
	}
	slices.Sort(out)
	return out
}

// relative writes a record as the cases do; of the SOA record, without its serial.
func (c *updateCase) relative(rr dns.RR) string {
	if soa, ok := rr.(*dns.SOA); ok {
		soa.Serial = 0
	}
	h := rr.Header()
	data := strings.TrimPrefix(rr.String(), h.String())
	if unknown, ok := rr.(*dns.RFC3597); ok {
		data = fmt.Sprintf(`\# %d %s`, len(unknown.Rdata)/2, unknown.Rdata)
	}
	data = strings.ReplaceAll(data, c.origin+".", "@")
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(h.Name), c.origin+"."), ".")
	if name == "" {
		name = "@"
	}
	return fmt.Sprintf("%s %d %s %s", name, h.Ttl, zone.Type(h.Rrtype), strings.ToLower(data))
}

// transfer returns the content of the zone at a peer.
func (c *updateCase) transfer(t testing.TB, address string) []string {
	t.Helper()
	messages, err := rig.NewTransfer().In(new(dns.Msg).SetAxfr(c.origin+"."), address)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for m := range messages {
		if m.Error != nil {
			t.Fatal(m.Error)
		}
		for _, rr := range m.RR {
			out = append(out, c.relative(rr))
		}
	}
	slices.Sort(out)
	return slices.Compact(out) // the SOA record comes twice
}

// content returns the content of the zone in a state of ours.
func (c *updateCase) content(t testing.TB, state *registry.State) []string {
	t.Helper()
	var out []string
	for set := range state.Zones.Get(zone.MustName(c.origin)).All() {
		for _, data := range set.Data {
			rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", set.Name.FQDN(), set.TTL, set.Type, zone.FormatData(set.Type, data)))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, c.relative(rr))
		}
	}
	slices.Sort(out)
	return out
}

// send sends the UPDATE and returns the response code, or that there was no reply.
func (c *updateCase) send(t testing.TB, address string) (code string, signed bool) {
	t.Helper()
	m := c.message(t)
	m.SetTsig("updater.", dns.HmacSHA256, 300, time.Now().Unix())
	client := dns.Client{Net: "tcp", TsigSecret: map[string]string{"updater.": tsigSecret}, Timeout: rig.Patience}
	reply, _, err := client.Exchange(m, address)
	if err != nil && !errors.Is(err, dns.ErrAuth) { // that is a good signature, and NOTAUTH
		return "no reply: " + err.Error(), false
	}
	return dns.RcodeToString[reply.Rcode], reply.IsTsig() != nil
}

// bindUpdates and knotUpdates are peers that take UPDATEs signed by the key "updater".
var bindUpdates = withConfig(bind, func(config string) string {
	return fmt.Sprintf("key \"updater\" { algorithm hmac-sha256; secret %q; };\n", tsigSecret) +
		strings.ReplaceAll(config, "type primary;", "type primary; allow-update { key updater; }; allow-transfer { any; };")
})

var knotUpdates = withConfig(knot, func(config string) string {
	acl := fmt.Sprintf(`
key:
  - id: updater
    algorithm: hmac-sha256
    secret: %s
acl:
  - id: update
    key: updater
    action: update
  - id: transfer
    action: transfer
template:`, tsigSecret)
	config = strings.Replace(config, "\ntemplate:", acl, 1)
	return strings.Replace(config, "journal-content: none", "journal-content: changes\n    acl: [update, transfer]", 1)
})

func withConfig(p peer, change func(string) string) peer {
	original := p.config
	p.config = func(dir string, port uint16, zones []string) string { return change(original(dir, port, zones)) }
	return p
}

// TestUpdateCases gives each UPDATE to us, to BIND and to Knot, each for a zone of its
// own. We answer and do what the file says, and so do they but for the exceptions that
// it names.
func TestUpdateCases(t *testing.T) {
	t.Parallel()
	content, cases := readUpdateCases(t)
	masters := map[string]string{}
	for _, c := range cases {
		masters[c.origin] = content
	}
	key := tsigKey(t, "updater", "subdomain example.org ANY")
	ours := serveUpdates(t, &registry.State{Zones: readZones(t, masters), TSIG: ringOf(key)}, update.Options{})
	peers := map[string]string{"bind": bindUpdates.start(t, masters), "knot": knotUpdates.start(t, masters)}
	for _, c := range cases {
		before := c.content(t, ours.registry.State())
		serial := ours.registry.State().Zones.Get(zone.MustName(c.origin)).Serial()
		code, signed := c.send(t, ours.tcp)
		if !signed {
			t.Errorf("%s: the reply is not signed", c.about)
		}
		got := append([]string{code}, c.difference(before, c.content(t, ours.registry.State()))...)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s (%s): got\n\t%s\nwant\n\t%s", c.about, c.origin, strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
		}
		if risen := ours.registry.State().Zones.Get(zone.MustName(c.origin)).Serial() != serial; risen != (len(got) > 1) {
			t.Errorf("%s: the serial has risen: %v, with %d changes", c.about, risen, len(got)-1)
		}
		for name, address := range peers {
			if c.unasked[name] {
				continue
			}
			before := c.transfer(t, address)
			code, _ := c.send(t, address) // they do not sign what they cannot read
			theirs := append([]string{code}, c.difference(before, c.transfer(t, address))...)
			reason, excepted := c.exceptions[name]
			if slices.Equal(theirs, c.want) == excepted {
				t.Errorf("%s: %s\n\t%s\nwant\n\t%s\nexception: %q", c.about, name, strings.Join(theirs, "\n\t"), strings.Join(c.want, "\n\t"), reason)
			}
		}
	}
	if len(cases) < 90 {
		t.Errorf("%d cases, want 90 at least", len(cases))
	}
}
