package dnsserver_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"stayput.dev/internal/zone"
)

// exceptions are all the cases in which we may differ from the majority. Each
// names the paragraph that allows it, and still asks for as much as can be had.
var exceptions = []struct {
	why    string
	allows func(zones zone.Set, e asked) bool
}{
	{
		"RFC 8482 §4.1: of what answers ANY each server picks what it likes; BIND follows no DNAME then",
		func(_ zone.Set, e asked) bool {
			return e.question.Question[0].Qtype == dns.TypeANY && anyOther(e, func(who int) bool {
				return maps.Equal(picked(claimsOf(e, 0)), picked(claimsOf(e, who)))
			})
		},
	},
	{
		"RFC 1034 §3.6.2: chains are to be followed, not how far: Knot breaks off after 5 links, BIND after 12, we after 16",
		func(_ zone.Set, e asked) bool { return longest(e) > 5 && oneChain(e) },
	},
	{
		"RFC 9460 §4.1: of an alias's target, its addresses and its set of the type should be told; BIND tells one of both",
		func(_ zone.Set, e asked) bool {
			targets := aliasTargets(e.full[0])
			for claim := range difference(claimsOf(e, 0), majority(e)) {
				words := strings.Fields(claim)
				if words[0] != "additional" || !slices.Contains(targets, words[1]) {
					return false
				}
			}
			return true
		},
	},
	{
		"RFC 1034 §4.3.2: an alias leads into another zone of ours; Knot goes on in the first one, NSD in the other, BIND and we leave it at that",
		func(zones zone.Set, e asked) bool {
			return leadsIntoAnother(zones, e.full[0]) && anyOther(e, func(who int) bool {
				theirs := claimsOf(e, who)
				delete(theirs, "cd") // BIND alone repeats it
				return maps.Equal(claimsOf(e, 0), theirs)
			})
		},
	},
}

// excuse returns the exception that allows us to differ, "" for none.
func excuse(zones zone.Set, e asked) string {
	for _, x := range exceptions {
		if x.allows(zones, e) {
			return x.why
		}
	}
	return ""
}

func anyOther(e asked, is func(who int) bool) bool {
	for who := 1; who < len(e.full); who++ {
		if is(who) {
			return true
		}
	}
	return false
}

// picked returns the claims without what stands in the answer but its owners,
// and without what helps with that.
func picked(c claims) claims {
	out := claims{}
	for claim := range c {
		switch words := strings.Fields(claim); words[0] {
		case "answer":
			out[fmt.Sprint(words[:3])] = true
		case "additional":
		default:
			out[claim] = true
		}
	}
	return out
}

// longest returns the number of aliases in the longest answer.
func longest(e asked) int {
	most := 0
	for _, m := range e.full {
		n := 0
		for _, rr := range m.Answer {
			if rr.Header().Rrtype == dns.TypeCNAME {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// oneChain tells whether the answers are beginnings of one another.
func oneChain(e asked) bool {
	ours := sets(e.full[0].Answer)
	return !anyOther(e, func(who int) bool {
		theirs := sets(e.full[who].Answer)
		n := min(len(ours), len(theirs))
		return !slices.Equal(ours[:n], theirs[:n])
	})
}

// aliasTargets returns where SVCB and HTTPS records in AliasMode lead.
func aliasTargets(m *dns.Msg) []string {
	var out []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.SVCB:
			if rr.Priority == 0 {
				out = append(out, strings.ToLower(rr.Target))
			}
		case *dns.HTTPS:
			if rr.Priority == 0 {
				out = append(out, strings.ToLower(rr.Target))
			}
		}
	}
	return out
}

// leadsIntoAnother tells whether the last alias leads into another zone than
// that in which it stands, and nothing more is said.
func leadsIntoAnother(zones zone.Set, m *dns.Msg) bool {
	if len(m.Answer) == 0 || len(m.Ns) > 0 {
		return false
	}
	alias, ok := m.Answer[len(m.Answer)-1].(*dns.CNAME)
	return ok && zones.Find(zone.MustName(alias.Target)) != zones.Find(zone.MustName(alias.Hdr.Name))
}
