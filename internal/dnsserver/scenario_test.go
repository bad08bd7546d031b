package dnsserver_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/txtar"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// TestScenarios asks the questions in testdata/*.txt. Each file tells what it
// shows, then has one or more "-- zone NAME --" with master files and
// "-- questions --": a line that starts with > is a question, the lines below it
// are the reply. What may stand in a question besides name and type:
//
//	+tcp +tls    asked over TCP or TLS
//	+edns=N      with EDNS, and N as the octets that the client takes
//	+version=N   EDNS version
//	+option=N    an EDNS option; +option=N:00 has data
//	+do +rd +cd  flags
//	CH ANY       a class that is not IN
//
// The first line of a reply has the response code, the flags, and what EDNS
// says. It is followed by the records, each after the name of its section.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			testScenario(t, file)
		})
	}
}

func testScenario(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var zones zone.Set
	asked := 0
	for _, part := range archive.Files {
		if origin, ok := strings.CutPrefix(part.Name, "zone "); ok {
			zones = zones.With(readZone(t, origin, string(part.Data)))
			continue
		}
		for block := range strings.SplitSeq(string(part.Data), "\n\n") {
			line, want, ok := cutQuestion(block)
			if !ok {
				continue
			}
			asked++
			if diff := cmp.Diff(want, replyTo(t, zones, line)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", line, diff)
			}
		}
	}
	if asked == 0 {
		t.Error("no questions in the file")
	}
}

// cutQuestion parts a block into the question and the lines of its reply. Lines
// that start with # are comments.
func cutQuestion(block string) (line string, want []string, ok bool) {
	for l := range strings.SplitSeq(block, "\n") {
		switch l = strings.Join(strings.Fields(l), " "); {
		case l == "" || l[0] == '#':
		case l[0] == '>':
			line, ok = l[1:], true
		default:
			want = append(want, l)
		}
	}
	return line, want, ok
}

func replyTo(t *testing.T, zones zone.Set, line string) []string {
	t.Helper()
	query, via := parseQuestion(t, line)
	opts := dnsserver.Options{Version: "Stayput", Identity: "ns1.example.org"}
	reply := ask(t, opts, zones, query, via)
	if reply == nil {
		return []string{"no reply"}
	}
	if !cmp.Equal(reply.Question, query.Question) || reply.Id != query.Id {
		t.Errorf("%s: the question comes back as %v", line, reply.Question)
	}
	return render(reply)
}

func parseQuestion(t *testing.T, line string) (*dns.Msg, dnsserver.Transport) {
	t.Helper()
	words := strings.Fields(line)
	query, via := question(words[0], typeNamed(t, words[1])), dnsserver.UDP
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return n
	}
	for _, w := range words[2:] {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "+tcp":
			via = dnsserver.TCP
		case "+tls":
			via = dnsserver.TLS
		case "+option":
			code, data, _ := strings.Cut(value, ":")
			opt := query.IsEdns0()
			opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: uint16(number(code)), Data: []byte(unhex(data))})
		case "+edns":
			query.SetEdns0(uint16(number(value)), false)
		case "+version":
			query.IsEdns0().SetVersion(uint8(number(value)))
		case "+do":
			query.IsEdns0().SetDo()
		case "+rd":
			query.RecursionDesired = true
		case "+cd":
			query.CheckingDisabled = true
		default:
			class, ok := dns.StringToClass[w]
			if !ok {
				t.Fatalf("%s: what is %s?", line, w)
			}
			query.Question[0].Qclass = class
		}
	}
	return query, via
}

func typeNamed(t testing.TB, name string) uint16 {
	t.Helper()
	typ, err := zone.ParseType(name)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(typ)
}

// render writes a reply as the scenarios have it.
func render(m *dns.Msg) []string {
	var b strings.Builder
	b.WriteString(rcodeName(m.Rcode))
	for _, f := range []struct {
		set  bool
		name string
	}{
		{m.Authoritative, "aa"},
		{m.Truncated, "tc"},
		{m.RecursionDesired, "rd"},
		{m.RecursionAvailable, "ra"},
		{m.AuthenticatedData, "ad"},
		{m.CheckingDisabled, "cd"},
		{m.Zero, "z"},
	} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	lines := renderSection(nil, "answer", m.Answer)
	lines = renderSection(lines, "authority", m.Ns)
	var others []dns.RR
	for _, rr := range m.Extra {
		if opt, ok := rr.(*dns.OPT); ok {
			renderOPT(&b, opt)
		} else {
			others = append(others, rr)
		}
	}
	return append([]string{b.String()}, renderSection(lines, "additional", others)...)
}

func renderOPT(b *strings.Builder, opt *dns.OPT) {
	fmt.Fprintf(b, " edns=%d", opt.UDPSize())
	if opt.Do() {
		b.WriteString(" do")
	}
	if opt.Version() != 0 {
		fmt.Fprintf(b, " version=%d", opt.Version())
	}
	for _, o := range opt.Option {
		switch o := o.(type) {
		case *dns.EDNS0_EDE:
			fmt.Fprintf(b, " ede=%d", o.InfoCode)
		case *dns.EDNS0_NSID:
			fmt.Fprintf(b, " nsid=%s", unhex(o.Nsid))
		case *dns.EDNS0_TCP_KEEPALIVE:
			fmt.Fprintf(b, " keepalive=%d", o.Timeout)
		case *dns.EDNS0_PADDING:
			fmt.Fprintf(b, " padding=%d", len(o.Padding))
		default:
			fmt.Fprintf(b, " option=%d", o.Option())
		}
	}
}

func renderSection(lines []string, name string, records []dns.RR) []string {
	for _, rr := range records {
		lines = append(lines, name+" "+strings.Join(strings.Fields(rr.String()), " "))
	}
	return lines
}

// rcodeName knows that without a TSIG record 16 is EDNS's (RFC 6891 §9).
func rcodeName(code int) string {
	if code == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[code]
}
