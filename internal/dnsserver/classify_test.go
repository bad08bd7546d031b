package dnsserver_test

import "slices"

// The kinds of questions, after what they meet first.
const (
	kindExact          = "exact"
	kindNoData         = "no data"
	kindNXDomain       = "nxdomain"
	kindNonTerminal    = "empty non-terminal"
	kindWildcard       = "wildcard"
	kindWildcardNoData = "wildcard, no data"
	kindAlias          = "cname"
	kindAliases        = "cname chain"
	kindAliasCircle    = "cname loop"
	kindRename         = "dname"
	kindRenames        = "dname chain"
	kindReferral       = "referral"
	kindGlue           = "glue"
	kindOccluded       = "occluded"
	kindDS             = "ds at a cut"
	kindApex           = "apex"
	kindANY            = "any"
	kindOutside        = "out of zone"
)

// kinds are all kinds, and what questions of any kind may have besides.
var kinds = [...]string{
	kindExact, kindNoData, kindNXDomain, kindNonTerminal, kindWildcard, kindWildcardNoData, kindAlias, kindAliases,
	kindAliasCircle, kindRename, kindRenames, kindReferral, kindGlue, kindOccluded, kindDS, kindApex, kindANY, kindOutside,
	tagChild,
}

// tagChild is of questions that are answered by a zone below another one.
const tagChild = "child zone"

// classify tells what a question meets. It looks at the zones in its own, slow
// way, so that a fault of the server does not hide here too.
func (r *realm) classify(name, typ string) []string {
	origin := r.zoneAt(name)
	if above := r.zoneAt(parent(name)); typ == "DS" && name == origin && above != "" {
		origin = above
	}
	if origin == "" {
		return []string{kindOutside}
	}
	kind := r.follow(origin, name, typ)
	if origin != "." && r.zoneAt(parent(origin)) != "" {
		return []string{kind, tagChild}
	}
	return []string{kind}
}

// follow walks a chain of aliases to its end.
func (r *realm) follow(origin, name, typ string) string {
	first, next := r.meet(origin, name, typ)
	seen := []string{name}
	for next != "" {
		if slices.Contains(seen, next) {
			return kindAliasCircle
		}
		if !isBelow(next, origin) && next != origin || len(seen) > 20 {
			break
		}
		seen = append(seen, next)
		_, next = r.meet(origin, next, typ)
	}
	switch {
	case first == kindAlias && len(seen) > 2:
		return kindAliases
	case first == kindRename && len(seen) > 2:
		return kindRenames
	}
	return first
}

// meet tells what a name meets in a zone, and where that leads.
func (r *realm) meet(origin, name, typ string) (kind, next string) {
	zone := r.zones[origin]
	for _, at := range pathTo(name, origin) {
		sets := zone[at]
		if at != origin && sets["NS"] != nil && (at != name || typ != "DS") {
			return r.behindCut(origin, at, name), ""
		}
		if at != name && sets["DNAME"] != nil {
			return kindRename, renamed(name, at, target(sets["DNAME"]))
		}
	}
	if r.exists[origin][name] {
		return at(zone[name], name == origin, typ)
	}
	encloser := parent(name)
	for !r.exists[origin][encloser] {
		encloser = parent(encloser)
	}
	if !r.exists[origin]["*."+encloser] {
		return kindNXDomain, ""
	}
	kind, next = at(zone["*."+encloser], false, typ)
	switch kind {
	case kindExact:
		kind = kindWildcard
	case kindNoData, kindNonTerminal:
		kind = kindWildcardNoData
	}
	return kind, next
}

// at tells what a question meets at a name that is there.
func at(sets map[string][]string, apex bool, typ string) (kind, next string) {
	switch {
	case apex:
		return kindApex, ""
	case len(sets) == 0:
		return kindNonTerminal, ""
	case typ == "ANY":
		return kindANY, ""
	case typ == "DS" && sets["NS"] != nil:
		return kindDS, ""
	case sets[typ] != nil:
		return kindExact, ""
	case sets["CNAME"] != nil:
		return kindAlias, target(sets["CNAME"])
	}
	return kindNoData, ""
}

// behindCut tells what stands at a name that a zone cut hides.
func (r *realm) behindCut(origin, cut, name string) string {
	zone := r.zones[origin]
	switch {
	case slices.ContainsFunc(zone[cut]["NS"], func(data string) bool { return target([]string{data}) == name }):
		return kindGlue
	case name != cut && zone[name] != nil:
		return kindOccluded
	}
	return kindReferral
}

// target returns the name in the first record of a set, its last word.
func target(set []string) string {
	words := []byte(set[0])
	return string(words[slices.Index(words, ' ')+1:])
}

// renamed returns where a DNAME at owner leads a name.
func renamed(name, owner, to string) string {
	if to == "." {
		return name[:len(name)-len(owner)]
	}
	return name[:len(name)-len(owner)] + to
}
