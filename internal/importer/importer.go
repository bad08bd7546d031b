// Package importer reads what other installations keep, into one wish that the
// daemon's API carries out: flat files of nicokaiser/Dyndns, lists of customers,
// and zones, from a master file or from the server that has them. It also writes
// the flat files again, for the way back.
//
// It serves the command line. It decides whose a host is to be, where the other
// installation says so in its own words, and nothing else: what may be, the daemon
// judges.
package importer

import (
	"fmt"
	"slices"
	"strings"

	"stayput.dev/internal/api"
)

// Plan is what was read, and what could not be made sense of.
type Plan struct {
	api.MoveIn
	Problems []Problem
}

// Problem is a part of what was read that is left out.
type Problem struct {
	Where string `json:"where"` // file and line, or the name of what is meant
	What  string `json:"what"`
}

func (p *Plan) problem(where, what string, args ...any) {
	p.Problems = append(p.Problems, Problem{where, fmt.Sprintf(what, args...)})
}

// place gives a host the addresses and the TTL that it has in one of the zones.
func place(h *api.MovedHost, zones []*Zone) {
	for _, z := range zones {
		if addrs, ttl := z.lookup(h.Name); len(addrs) > 0 {
			h.Addresses, h.TTL = addrs, ttl
			return
		}
	}
}

// AddZones takes over zones, and gives hosts that have no address those that they
// have there.
func (p *Plan) AddZones(zones []*Zone) {
	for i := range p.Hosts {
		if h := &p.Hosts[i]; len(h.Addresses) == 0 {
			place(h, zones)
		}
	}
	for _, z := range zones {
		p.Zones = append(p.Zones, api.ZoneText{Zone: z.Name, File: z.Source, Content: z.text()})
		if z.unsigned > 0 {
			p.problem(z.Name, "%d records of DNSSEC are left out: the signatures would soon be out of date", z.unsigned)
		}
	}
}

// lowerName returns a domain name as it is compared.
func lowerName(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
}

// matches tells whether a name fits a pattern, in which a label "*" stands for any
// one label.
func matches(pattern, name string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(name, ".")
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == "*" || w == h })
}
