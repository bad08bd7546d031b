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
		func(_ zone.Set, e asked) bool { return longest(e) >= 5 && oneChain(e) },
	},
	{
		"RFC 9460 §4.1: of an alias's target, its addresses and its set of the type should be told; BIND tells one, and what that leads to",
		func(_ zone.Set, e asked) bool {
			return hasServiceAlias(e.full[0]) && onlyIn("additional", difference(claimsOf(e, 0), majority(e))) && isTold(e, "additional ")
		},
	},
	{
		"RFC 1034 §4.3.2 step 3b: glue is what stands below the cut; wildcards there, which Knot and NSD heed, come with step 3c",
		func(zones zone.Set, e asked) bool {
			apart := difference(claimsOf(e, 0), majority(e))
			return onlyIn("additional", apart) && isSynthetic(zones, apart)
		},
	},
	{
		"RFC 1034 §4.3.2: an alias leads into another zone of ours; Knot goes on in the first one, NSD in the other, BIND and we leave it at that",
		func(zones zone.Set, e asked) bool {
			apart := difference(claimsOf(e, 0), majority(e))
			return leadsIntoAnother(zones, e.full[0]) && len(apart.lines("answer ")) == 0 && isTold(e, "")
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
			out[fmt.Sprint(words[:2])] = true
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
		most = max(most, len(aliases(m)))
	}
	return most
}

// oneChain tells whether of two answers one always says what the other does, and
// goes on from there.
func oneChain(e asked) bool {
	ours := e.full[0]
	return !anyOther(e, func(who int) bool {
		theirs := e.full[who]
		links, n := aliases(ours), min(len(aliases(ours)), len(aliases(theirs)))
		return !slices.Equal(links[:n], aliases(theirs)[:n]) || !holds(ours, theirs) && !holds(theirs, ours)
	})
}

// holds tells whether the answer of m has all RRsets of the other's.
func holds(m, other *dns.Msg) bool {
	all := sets(m.Answer)
	return !slices.ContainsFunc(sets(other.Answer), func(set string) bool { return !slices.Contains(all, set) })
}

// hasServiceAlias tells whether the answer has a SVCB or HTTPS record in
// AliasMode.
func hasServiceAlias(m *dns.Msg) bool {
	return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool {
		switch rr := rr.(type) {
		case *dns.SVCB:
			return rr.Priority == 0
		case *dns.HTTPS:
			return rr.Priority == 0
		}
		return false
	})
}

// onlyIn tells whether the claims are all about one section.
func onlyIn(section string, c claims) bool { return len(c.lines(section+" ")) == len(c) }

// isTold tells whether whatever we say, as far as it starts with prefix, is said
// by another too.
func isTold(e asked, prefix string) bool {
	for _, claim := range claimsOf(e, 0).lines(prefix) {
		if !anyOther(e, func(who int) bool { return claimsOf(e, who)[claim] }) {
			return false
		}
	}
	return true
}

// isSynthetic tells whether none of the owners in the claims stands in a zone of
// ours, but a wildcard for it does.
func isSynthetic(zones zone.Set, c claims) bool {
	for claim := range c {
		name := zone.MustName(strings.Fields(claim)[1])
		z := zones.Find(name)
		if !z.Node(name).IsEmpty() {
			return false
		}
		for !hasWildcard(z, name) {
			if name == z.Origin() {
				return false
			}
			name = name.Parent()
		}
	}
	return true
}

func hasWildcard(z *zone.Zone, encloser zone.Name) bool {
	wildcard, err := encloser.Child("*")
	return err == nil && !z.Node(wildcard).IsEmpty()
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
