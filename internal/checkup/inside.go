package checkup

import (
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// What timers may be, in seconds. RFC 1912 §2.2 has the reasons, and RFC 2308 §5 those
// for negative answers.
const (
	minExpire   = 7 * 86400
	maxNegative = 3600
	minServer   = 3600      // TTL of NS records: they change with the zone above, seldom
	maxTTL      = 7 * 86400 // what stands longer in caches is wrong for as long
)

func (c *checker) checkTimers() {
	soa, before := c.zone.SOA(), len(c.findings)
	bad := func(level Level, text, hint phrase.Phrase) { c.find(Finding{level, Timers, text, hint}) }
	if soa.Retry >= soa.Refresh {
		bad(Warn, say("retry %d is not below refresh %d: a secondary that fails to ask waits no less than one that does not", soa.Retry, soa.Refresh), nothing)
	}
	if soa.Expire <= soa.Refresh+soa.Retry {
		bad(Fail, say("expire %d is not over refresh %d and retry %d together: secondaries stop to answer as soon as they miss us once", soa.Expire, soa.Refresh, soa.Retry), nothing)
	} else if soa.Expire < minExpire {
		bad(Warn, say("expire %d is less than a week: secondaries stop to answer when we are away for longer", soa.Expire), nothing)
	}
	if n := soa.NegativeTTL(); n > maxNegative {
		bad(Warn, say("what does not exist is remembered for %d seconds: a new host stays unknown for as long", n), say("`stayput zone set %s --ttl 60` makes it shorter", c.zone.Origin()))
	}
	for set := range c.zone.Node(c.zone.Origin()).All() {
		if set.Type() == zone.TypeNS && set.TTL() < minServer {
			bad(Warn, say("the NS records have a TTL of %d: every resolver asks for them again and again", set.TTL()), nothing)
		}
	}
	if len(c.findings) == before {
		c.find(Finding{Level: OK, Topic: Timers, Text: say("the timers suit a zone that changes")})
	}
}

// maxAlike bounds the findings of one kind; of the others, their number is told.
const maxAlike = 10

// oddities counts findings about records by their kinds.
type oddities struct {
	c      *checker
	counts map[string]int // by kind in English
	order  []phrase.Phrase
}

func (o *oddities) find(level Level, kind, text, hint phrase.Phrase) {
	if o.counts[kind.String()]++; o.counts[kind.String()] == 1 {
		o.order = append(o.order, kind)
	}
	if o.counts[kind.String()] <= maxAlike {
		o.c.find(Finding{level, Records, text, hint})
	}
}

// tellMore tells how many were passed over.
func (o *oddities) tellMore() {
	for _, kind := range o.order {
		if n := o.counts[kind.String()] - maxAlike; n > 0 {
			o.c.find(Finding{Warn, Records, say("%d more: %s", n, kind), nothing})
		}
	}
}

// checkRecords looks at every record for what is odd.
func (c *checker) checkRecords() {
	o := &oddities{c: c, counts: map[string]int{}}
	if c.zone.Node(c.zone.Origin()).Lookup(zone.TypeNS).Len() < 2 {
		o.find(Warn, say("name servers"), say("the zone has no second name server, which would answer while this one cannot"),
			say("let a second one follow with `stayput zone set --secondary`, and give it an NS record (RFC 2182)"))
	}
	cut := zone.Name("")
	for name, node := range c.zone.Nodes() {
		if cut != "" && name != cut && name.IsWithin(cut) {
			continue // another zone's, or glue
		}
		if name != c.zone.Origin() && node.Lookup(zone.TypeNS).Len() > 0 {
			cut = name
		}
		o.checkNode(name, node)
	}
	if len(o.order) == 0 {
		c.find(Finding{Level: OK, Topic: Records, Text: say("nothing is odd about the records of %d names", c.zone.Names())})
	}
	o.tellMore()
}

func (o *oddities) checkNode(name zone.Name, node zone.Node) {
	others := 0
	for set := range node.All() {
		switch set.Type() {
		case zone.TypeCNAME, zone.TypeRRSIG, zone.TypeNSEC:
		default:
			others++
		}
		if ttl := set.TTL(); ttl == 0 {
			o.find(Warn, say("TTL 0"), say("%s %s has a TTL of 0: it is asked for again for every use", name, set.Type()), nothing)
		} else if ttl > maxTTL {
			o.find(Warn, say("TTL over a week"), say("%s %s has a TTL of %d, more than a week: what changes is not seen for as long", name, set.Type(), ttl), nothing)
		}
		o.checkTargets(name, set)
	}
	if others > 0 && node.Lookup(zone.TypeCNAME).Len() > 0 {
		o.find(Fail, say("CNAME beside others"), say("%s has a CNAME beside other records", name), say("take away the one or the other (RFC 1034 §3.6.2)"))
	}
}

// before is how many octets stand before the name that a record points to.
var before = map[zone.Type]int{zone.TypeNS: 0, zone.TypeCNAME: 0, zone.TypeMX: 2, zone.TypeSRV: 6}

// checkTargets looks whether what records point to is there.
func (o *oddities) checkTargets(name zone.Name, set zone.Records) {
	skip, points := before[set.Type()]
	if !points {
		return
	}
	for data := range set.All() {
		target, _, err := zone.NameFromWire(data[min(skip, len(data)):])
		if err != nil || target == zone.Root || !target.IsWithin(o.c.zone.Origin()) {
			continue
		}
		o.checkTarget(name, set.Type(), target)
	}
}

func (o *oddities) checkTarget(name zone.Name, t zone.Type, target zone.Name) {
	found := o.c.zone.Lookup(target, zone.TypeA)
	has := len(addressesOf(o.c.zone.Node(target))) > 0 || len(addressesOf(found.Node)) > 0
	switch {
	case found.Outcome == zone.Alias && t != zone.TypeCNAME:
		o.find(Warn, say("pointers to aliases"), say("%s %s points to %s, which is an alias", name, t, target), say("name what the alias stands for (RFC 2181 §10.3)"))
	case found.Outcome == zone.Delegation && t == zone.TypeNS && !has:
		o.find(Fail, say("delegations without glue"), say("%s NS %s has no address here, and cannot be found without", name, target), say("put its addresses beside the delegation"))
	case found.Outcome == zone.Delegation, found.Outcome == zone.Redirect, found.Outcome == zone.Alias, has:
	case t == zone.TypeNS:
		o.find(Fail, say("name servers without an address"), say("%s NS %s has no address", name, target), say("give it an address, or take it from the NS records"))
	case found.Outcome == zone.NXDomain:
		o.find(Warn, say("pointers to nothing"), say("%s %s points to %s, which does not exist", name, t, target), nothing)
	case t != zone.TypeCNAME:
		o.find(Warn, say("pointers to names without an address"), say("%s %s points to %s, which has no address at present", name, t, target), nothing)
	}
}
