package dnsserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// claims are what a reply says, each as one line: "rcode NOERROR", "aa",
// "answer home.example.org. 60 IN A 192.0.2.7". An RRset is one claim. Neither
// the order of its records nor case counts for anything, and of the order of
// RRsets only that of a chain of aliases does.
type claims map[string]bool

// claimsOf returns what one of the panel says.
func claimsOf(e asked, who int) claims {
	c := claims{}
	udp, full := e.udp[who], e.full[who]
	c["rcode "+rcodeName(full.Rcode)] = true
	for name, set := range map[string]bool{
		"aa": full.Authoritative, "tc": udp.Truncated, "rd": udp.RecursionDesired, "ra": udp.RecursionAvailable,
		"ad": udp.AuthenticatedData, "cd": udp.CheckingDisabled, "z": udp.Zero,
	} {
		if set {
			c[name] = true
		}
	}
	for _, q := range udp.Question {
		c[fmt.Sprintf("question %s %d %d", q.Name, q.Qtype, q.Qclass)] = true // case and all
	}
	if opt := udp.IsEdns0(); opt != nil {
		c[fmt.Sprintf("edns version=%d do=%t", opt.Version(), opt.Do())] = true
	}
	for _, set := range sets(full.Answer) {
		c["answer "+set] = true
	}
	for i, alias := range aliases(full) {
		c[fmt.Sprintf("link %d %s", i, alias)] = true
	}
	if who > 0 && hasCourtesy(full) {
		full = withoutCourtesy(full)
	}
	for _, set := range sets(full.Ns) {
		c["authority "+set] = true
	}
	for _, set := range sets(full.Extra) {
		c["additional "+set] = true
	}
	return c
}

// hasCourtesy tells whether a reply names the servers of the zone though it
// answers the question, as NSD does.
func hasCourtesy(m *dns.Msg) bool {
	return m.Authoritative && len(m.Answer) > 0 && len(m.Ns) > 0 && m.Ns[0].Header().Rrtype == dns.TypeNS &&
		dns.IsSubDomain(m.Ns[0].Header().Name, m.Answer[len(m.Answer)-1].Header().Name)
}

// withoutCourtesy returns the reply without those servers, and with only the
// addresses of hosts that the answer names.
func withoutCourtesy(m *dns.Msg) *dns.Msg {
	named := strings.ToLower(fmt.Sprint(m.Answer))
	m = m.Copy()
	m.Ns = nil
	m.Extra = slices.DeleteFunc(m.Extra, func(rr dns.RR) bool {
		return !strings.Contains(named, " "+strings.ToLower(rr.Header().Name))
	})
	return m
}

// aliases returns the owners of the CNAME records in an answer, each once: in
// circles, Knot and NSD repeat themselves.
func aliases(m *dns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		owner := strings.ToLower(rr.Header().Name)
		if rr.Header().Rrtype == dns.TypeCNAME && !slices.Contains(out, owner) {
			out = append(out, owner)
		}
	}
	return out
}

// sets writes the RRsets of a section in the order of their first records.
func sets(records []dns.RR) []string {
	var order []string
	lines := map[string][]string{}
	for _, rr := range records {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		line := strings.Join(strings.Fields(strings.ToLower(rr.String())), " ")
		key := fmt.Sprintf("%s %d", strings.ToLower(rr.Header().Name), rr.Header().Rrtype)
		if lines[key] == nil {
			order = append(order, key)
		}
		lines[key] = append(lines[key], line)
	}
	for i, key := range order {
		slices.Sort(lines[key])
		order[i] = strings.Join(slices.Compact(lines[key]), "; ") // Knot repeats itself
	}
	return order
}

// majority returns what more than half of the others say.
func majority(e asked) claims {
	votes := map[string]int{}
	others := len(e.full) - 1
	for who := 1; who <= others; who++ {
		for claim := range claimsOf(e, who) {
			votes[claim]++
		}
	}
	c := claims{}
	for claim, n := range votes {
		if 2*n > others {
			c[claim] = true
		}
	}
	return c
}

// lines returns the claims that start with prefix in order.
func (c claims) lines(prefix string) []string {
	var out []string
	for claim := range c {
		if strings.HasPrefix(claim, prefix) {
			out = append(out, claim)
		}
	}
	slices.Sort(out)
	return out
}

// difference returns the claims that only one of both holds.
func difference(a, b claims) claims {
	c := claims{}
	for claim := range a {
		if !b[claim] {
			c[claim] = true
		}
	}
	for claim := range b {
		if !a[claim] {
			c[claim] = true
		}
	}
	return c
}

// disagreement tells all about a question.
func disagreement(p panel, e asked) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (-majority +ours):\n%s", strings.TrimSpace(e.question.String()),
		cmp.Diff(majority(e).lines(""), claimsOf(e, 0).lines("")))
	for who := range p {
		fmt.Fprintf(&b, "\n%s says\n\t%s", p[who].name, strings.Join(claimsOf(e, who).lines(""), "\n\t"))
	}
	return b.String()
}

// checkNoDuplicates makes sure that a reply of ours says nothing twice.
func checkNoDuplicates(t testing.TB, reply *dns.Msg) {
	t.Helper()
	seen := map[string]bool{}
	for _, rr := range slices.Concat(reply.Answer, reply.Ns, reply.Extra) {
		line := strings.ToLower(rr.String())
		if seen[line] {
			t.Errorf("reply to %s says twice: %s", reply.Question[0].String(), line)
		}
		seen[line] = true
	}
}
