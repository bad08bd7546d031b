package tsig

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"stayput.dev/internal/zone"
)

// Rule says which names a grant covers. The rules are those of BIND's
// update-policy that are about names; the numbers are part of the stored form of
// keys.
type Rule uint8

// The rules.
const (
	Exactly   Rule = iota + 1 // the name
	Subdomain                 // the name and all below it
	ZoneSub                   // all names of the zone
	Wildcard                  // all names for which the name, a wildcard, may stand
	Self                      // the name of the key
	SelfSub                   // the name of the key and all below it
	SelfWild                  // all names below that of the key
)

var ruleWords = [...]string{
	Exactly: "name", Subdomain: "subdomain", ZoneSub: "zonesub", Wildcard: "wildcard",
	Self: "self", SelfSub: "selfsub", SelfWild: "selfwild",
}

// Rules returns the words for the rules.
func Rules() []string { return ruleWords[1:] }

// String returns the word for the rule.
func (r Rule) String() string { return ruleWords[r] }

func (r Rule) isKnown() bool { return r > 0 && int(r) < len(ruleWords) }

// needsName tells whether a grant of the rule has a name.
func (r Rule) needsName() bool { return r == Exactly || r == Subdomain || r == Wildcard }

// Grant lets a key change records of some types at some names.
type Grant struct {
	Zone  zone.Name   // in which zone alone; "" for any, but not with ZoneSub
	Rule  Rule        // at which names
	Name  zone.Name   // that the rule is about; "" where it needs none
	Types []zone.Type // which; none: all but those that make the DNS itself, see coversType; zone.TypeANY: those too
}

// maxTypes bounds the types of a grant.
const maxTypes = 64

// ErrBadGrant says that something is no grant.
var ErrBadGrant = errors.New("bad grant")

func (g *Grant) check() error {
	switch {
	case !g.Rule.isKnown():
		return fmt.Errorf("%w: unknown rule", ErrBadGrant)
	case g.Zone != "" && !g.Zone.IsValid(), g.Name != "" && !g.Name.IsValid():
		return fmt.Errorf("%w: a name is none", ErrBadGrant)
	case g.Rule.needsName() != (g.Name != ""):
		return fmt.Errorf("%w: rule %s %s", ErrBadGrant, g.Rule, map[bool]string{true: "needs a name", false: "takes no name"}[g.Rule.needsName()])
	case g.Rule == ZoneSub && g.Zone == "":
		return fmt.Errorf("%w: rule zonesub needs a zone", ErrBadGrant)
	case g.Rule == Wildcard && g.Name.First() != "*":
		return fmt.Errorf("%w: %s is no wildcard", ErrBadGrant, g.Name)
	case g.Zone != "" && g.Name != "" && !g.Name.IsWithin(g.Zone):
		return fmt.Errorf("%w: %s is not in zone %s", ErrBadGrant, g.Name, g.Zone)
	case len(g.Types) > maxTypes:
		return fmt.Errorf("%w: more than %d types", ErrBadGrant, maxTypes)
	case slices.ContainsFunc(g.Types, func(t zone.Type) bool { return t.IsMeta() && t != zone.TypeANY }):
		return fmt.Errorf("%w: no record has such a type", ErrBadGrant)
	}
	return nil
}

// covers tells whether the grant of a key covers a name of a zone.
func (g *Grant) covers(key, origin, name zone.Name) bool {
	if g.Zone != "" && g.Zone != origin {
		return false
	}
	switch g.Rule {
	case Exactly:
		return name == g.Name
	case Subdomain:
		return name.IsWithin(g.Name)
	case ZoneSub:
		return name.IsWithin(origin)
	case Wildcard:
		return name != g.Name.Parent() && name.IsWithin(g.Name.Parent())
	case Self:
		return name == key
	case SelfSub:
		return name.IsWithin(key)
	case SelfWild:
		return name != key && name.IsWithin(key)
	}
	return false
}

// The types of NSEC records, which no UPDATE may change (RFC 3007 §3.1).
const (
	typeNSEC3 zone.Type = 50
)

// coversType tells whether the grant covers a type. As with BIND, one that names no
// types leaves out those on which the zone itself rests.
func (g *Grant) coversType(t zone.Type) bool {
	if t == zone.TypeNSEC || t == typeNSEC3 {
		return false
	}
	if len(g.Types) > 0 {
		return slices.Contains(g.Types, t) || slices.Contains(g.Types, zone.TypeANY)
	}
	return t != zone.TypeNS && t != zone.TypeSOA && t != zone.TypeRRSIG
}

// ParseGrant reads a grant as it stands in BIND's update-policy, without the word
// "grant" and the key: a rule, a name where the rule needs one, and types, with
// blanks or commas between.
func ParseGrant(text string, origin zone.Name) (Grant, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	if len(words) == 0 {
		return Grant{}, fmt.Errorf("%w: it is empty", ErrBadGrant)
	}
	g := Grant{Zone: origin, Rule: Rule(max(slices.Index(ruleWords[:], strings.ToLower(words[0])), 0))}
	if !g.Rule.isKnown() {
		return Grant{}, fmt.Errorf("%w: rule %q is none of %s", ErrBadGrant, words[0], strings.Join(Rules(), ", "))
	}
	words = words[1:]
	var err error
	if g.Rule.needsName() && len(words) > 0 {
		if g.Name, err = zone.ParseName(words[0]); err != nil {
			return Grant{}, fmt.Errorf("%w: %w", ErrBadGrant, err)
		}
		words = words[1:]
	}
	if g.Types, err = ParseTypes(words); err != nil {
		return Grant{}, err
	}
	return g, g.check()
}

// ParseTypes reads the types of a grant, each once.
func ParseTypes(words []string) ([]zone.Type, error) {
	var types []zone.Type
	for _, word := range words {
		t, err := zone.ParseType(word)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadGrant, err)
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types, nil
}

// String returns what ParseGrant reads; the zone is not part of it.
func (g Grant) String() string {
	words := []string{g.Rule.String()}
	if g.Name != "" {
		words = append(words, g.Name.String())
	}
	for _, t := range g.Types {
		words = append(words, t.String())
	}
	return strings.Join(words, " ")
}
