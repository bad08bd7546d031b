package admin

import (
	"context"
	"slices"
	"strings"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// RecordSet is what is to stand at a name of a zone under one type.
type RecordSet struct {
	Zone zone.Name
	Name zone.Name
	Type zone.Type
	TTL  *uint32 // seconds; nil: as it stands there, and RecordTTL where nothing does

	// Data is that of each record, as in a master file (RFC 1035 §5.1). Names in it
	// that do not end in a dot are below the zone, and a TXT record without quotes is one
	// text, as it stands. Without any, the set goes.
	Data []string

	// Was is what stood there, as RecordsAt shows it, when somebody began to change
	// it; nil where nobody looked. SetRecords fails when it is something else now.
	Was *[]string
}

// RecordTTL is the TTL in seconds of new sets of records that are given none.
const RecordTTL = 3600

// A RecordRule is what a set of records would break.
type RecordRule string

// The rules. Their texts are for programs; people read the error.
const (
	RuleData     RecordRule = "data"     // the data is not of the type, or a limit is passed
	RuleName     RecordRule = "name"     // the name is outside the zone, or in another one of ours
	RuleSOA      RecordRule = "soa"      // the SOA record is changed with the zone
	RuleCatalog  RecordRule = "catalog"  // a catalog zone is written by the house
	RuleHost     RecordRule = "host"     // the addresses of a host are changed with the host
	RuleOption   RecordRule = "option"   // the options of a host put it there
	RuleAlias    RecordRule = "alias"    // a CNAME stands alone (RFC 1034 §3.6.2)
	RuleSingle   RecordRule = "single"   // of some types there is one record at most
	RuleServers  RecordRule = "servers"  // a zone has name servers
	RuleHides    RecordRule = "hides"    // hosts or records would no longer be found
	RuleHidden   RecordRule = "hidden"   // nobody would find it below a delegation or DNAME
	RuleChanged  RecordRule = "changed"  // somebody else has changed it meanwhile
	RuleNoRecord RecordRule = "norecord" // there is no such set to delete
)

// RecordError says which rule a set of records would break. It is ErrInvalid,
// ErrConflict or ErrNotFound, too, and may have a hint.
type RecordError struct {
	Rule RecordRule
	Line int // of Data that is wrong, from 1; 0 for none
	*fault
}

// Unwrap returns what kind of fault it is.
func (e *RecordError) Unwrap() error { return e.fault }

func breaks(rule RecordRule, f *fault) *RecordError { return &RecordError{Rule: rule, fault: f} }

// SetRecords makes the set stand at its name, in the place of those of its type, or
// removes them. It fails with a *RecordError where that would make the zone wrong, or is
// not a matter of records: addresses of hosts are changed by SetHost, the SOA record by
// SetZone.
func (s *Service) SetRecords(ctx context.Context, r RecordSet) error {
	set, err := r.read()
	if err != nil {
		return err
	}
	return s.edit(ctx, func(d *draft) error {
		z, err := findZone(d.state, r.Zone)
		if err != nil {
			return err
		}
		if r.Was != nil && !slices.Equal(*r.Was, dataTexts(d.state, z, r.Name, r.Type)) {
			return breaks(RuleChanged, conflict("%s %s was changed meanwhile", r.Name, r.Type).but("look at it again"))
		}
		if err := checkRecords(d.state, z, set); err != nil {
			return err
		}
		if r.TTL == nil {
			set.TTL = standingTTL(z, set)
		}
		d.put(r.Zone, keepPlaceholder(d.state, z, set))
		if !isOfServers(z, set) {
			return nil
		}
		return d.delegate(d.state.Zones.With(d.preview(z)), map[zone.Name]bool{r.Zone: true})
	})
}

// standingTTL returns the TTL of the set that stands where this one is to stand.
func standingTTL(z *zone.Zone, set zone.RRset) uint32 {
	if there := z.Node(set.Name).Lookup(set.Type); there.Len() > 0 {
		return there.TTL()
	}
	return RecordTTL
}

// isOfServers tells whether the set says who serves the zone, which a zone of ours above
// it tells, too.
func isOfServers(z *zone.Zone, set zone.RRset) bool {
	if set.Type != zone.TypeA && set.Type != zone.TypeAAAA {
		return set.Type == zone.TypeNS && set.Name == z.Origin()
	}
	for target := range targets(z.Node(z.Origin()).Lookup(zone.TypeNS), set.Name) {
		if target == set.Name {
			return true
		}
	}
	return false
}

// read returns the set as it is stored.
func (r *RecordSet) read() (zone.RRset, error) {
	set := zone.RRset{Name: r.Name, Type: r.Type}
	if r.TTL != nil {
		set.TTL = *r.TTL
	}
	switch {
	case r.Type == zone.TypeSOA:
		return set, breaks(RuleSOA, conflict("the SOA record of %s is not changed as a record", r.Zone).but("`stayput zone set` changes it"))
	case !r.Name.IsWithin(r.Zone):
		return set, breaks(RuleName, invalid("%s is not in zone %s", r.Name, r.Zone))
	}
	for i, text := range r.Data {
		if r.Type == zone.TypeTXT && !strings.ContainsRune(text, '"') && !strings.HasPrefix(text, `\#`) {
			text = quoteText(text)
		}
		data, err := zone.ParseData(r.Type, text, r.Zone)
		if err != nil {
			return set, &RecordError{RuleData, i + 1, invalid("%v", err)}
		}
		set.Data = append(set.Data, data)
	}
	if len(set.Data) > 1 && (r.Type == zone.TypeCNAME || r.Type == zone.TypeDNAME) {
		return set, breaks(RuleSingle, invalid("%s: there is one %s record at most", r.Name, r.Type))
	}
	if err := set.Check(r.Zone); err != nil {
		return set, breaks(RuleData, invalid("%v", err))
	}
	return set, nil
}

// quoteText writes a text as strings of a master file, none of which is too long
// (RFC 1035 §3.3).
func quoteText(text string) string {
	const most = 255
	var parts []string
	for part := range slices.Chunk([]byte(text), most) {
		parts = append(parts, `"`+strings.ReplaceAll(string(part), `\`, `\\`)+`"`)
	}
	return strings.Join(parts, " ")
}

// checkRecords tells which rule the set would break in the zone.
func checkRecords(st *registry.State, z *zone.Zone, set zone.RRset) error {
	if z.IsCatalog() {
		return breaks(RuleCatalog, conflict("zone %s is a catalog, which follows the other zones", z.Origin()))
	}
	if err := checkOwner(st, z, set); err != nil {
		return err
	}
	if len(set.Data) == 0 {
		return checkRemoval(st, z, set)
	}
	if err := checkBeside(st, z, set); err != nil {
		return err
	}
	return checkReach(st, z, set)
}

// checkOwner makes sure that the set is a matter of the zone, and not of a host.
func checkOwner(st *registry.State, z *zone.Zone, set zone.RRset) error {
	if other := st.Zones.Find(set.Name); other != z && (set.Type != zone.TypeDS || other.Origin() != set.Name) {
		return breaks(RuleName, conflict("%s is in zone %s", set.Name, other.Origin()).but("change it there"))
	}
	at := update.Records{State: st}
	switch {
	case at.IsHost(z, set.Name) && (set.Type == zone.TypeA || set.Type == zone.TypeAAAA || set.Type == zone.TypeCNAME):
		return breaks(RuleHost, conflict("%s is a host, whose addresses are no records of the zone", set.Name).but("`stayput host set` changes them"))
	case at.IsMade(z, set.Name, set.Type):
		return breaks(RuleOption, conflict("%s %s is made of the options of a host", set.Name, set.Type).but("`stayput host set` changes them"))
	}
	return nil
}

// checkRemoval makes sure that the zone can do without a set.
func checkRemoval(st *registry.State, z *zone.Zone, set zone.RRset) error {
	switch {
	case len(standingData(st, z, set.Name, set.Type)) == 0:
		return breaks(RuleNoRecord, notFound("%s has no %s record", set.Name, set.Type))
	case set.Type == zone.TypeNS && set.Name == z.Origin():
		return breaks(RuleServers, conflict("zone %s must have name servers", z.Origin()))
	}
	return nil
}

// checkBeside makes sure that the set may stand beside what stands at its name.
func checkBeside(st *registry.State, z *zone.Zone, set zone.RRset) error {
	for r := range z.Node(set.Name).All() {
		other := r.Type()
		if other == set.Type || len(standingData(st, z, set.Name, other)) == 0 {
			continue
		}
		if set.Type == zone.TypeCNAME && !isSecurity(other) || other == zone.TypeCNAME && !isSecurity(set.Type) {
			return breaks(RuleAlias, conflict("%s: a CNAME stands alone, and there are %s and %s", set.Name, set.Type, other))
		}
		if below := set.Name != z.Origin(); below && (set.Type == zone.TypeDNAME && other == zone.TypeNS || set.Type == zone.TypeNS && other == zone.TypeDNAME) {
			return breaks(RuleHidden, conflict("%s: a DNAME beside NS below the apex", set.Name))
		}
	}
	return nil
}

// isSecurity tells whether the type may stand beside a CNAME (RFC 4035 §2.5).
func isSecurity(t zone.Type) bool { return t == zone.TypeRRSIG || t == zone.TypeNSEC }

// checkReach makes sure that the set is found, and hides nothing.
func checkReach(st *registry.State, z *zone.Zone, set zone.RRset) error {
	isGlue := set.Type == zone.TypeA || set.Type == zone.TypeAAAA
	r := z.Lookup(set.Name, zone.TypeA)
	isCut := r.Outcome == zone.Delegation && r.Owner == set.Name && (set.Type == zone.TypeNS || set.Type == zone.TypeDS)
	if err := checkPlace(z, set.Name); err != nil && !isCut && (r.Outcome != zone.Delegation || !isGlue) {
		return breaks(RuleHidden, err)
	}
	at := update.Records{State: st}
	if at.Hides(z, set.Name, set.Type) {
		return breaks(RuleHides, conflict("%s %s would hide hosts", set.Name, set.Type).but("delete these hosts first, or choose another name"))
	}
	if set.Type == zone.TypeDNAME {
		for name := range z.NodesBelow(set.Name) {
			if name != set.Name {
				return breaks(RuleHides, conflict("%s: there are names below the DNAME, such as %s", set.Name, name).but("delete them first"))
			}
		}
	}
	return nil
}

// placeholder is the data of the record that stands at a host without addresses.
var placeholder = zone.TextData(update.Placeholder)

// keepPlaceholder returns the set with the placeholder that stands there.
func keepPlaceholder(st *registry.State, z *zone.Zone, set zone.RRset) zone.RRset {
	if hasPlaceholder(st, z, set.Name, set.Type) {
		set.Data = append(slices.Clip(set.Data), placeholder)
	}
	return set
}

func hasPlaceholder(st *registry.State, z *zone.Zone, name zone.Name, t zone.Type) bool {
	at := update.Records{State: st}
	return t == zone.TypeTXT && at.IsHost(z, name) && z.Node(name).Lookup(t).Has([]byte(placeholder))
}

// standingData returns the data of a set, but for the placeholder.
func standingData(st *registry.State, z *zone.Zone, name zone.Name, t zone.Type) []zone.Rdata {
	data := z.Node(name).Lookup(t).RRset(name).Data
	if hasPlaceholder(st, z, name, t) {
		data = slices.DeleteFunc(data, func(d zone.Rdata) bool { return d == placeholder })
	}
	return data
}

func dataTexts(st *registry.State, z *zone.Zone, name zone.Name, t zone.Type) []string {
	texts := []string{}
	for _, data := range standingData(st, z, name, t) {
		texts = append(texts, zone.FormatData(t, data))
	}
	return texts
}

// ParseOwner reads a name of a zone as it stands in a master file: "@" is the zone's
// own, what ends in a dot or in the zone's name is complete, and all else is below the
// zone. Its error is ErrInvalid.
func ParseOwner(text string, origin zone.Name) (zone.Name, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	switch {
	case text == "" || text == "@":
		return origin, nil
	case strings.HasSuffix(text, ".") || text == origin.String() || strings.HasSuffix(text, "."+origin.String()):
		return ParseName(text)
	}
	return ParseName(text + "." + origin.String())
}
