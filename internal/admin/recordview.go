package admin

import (
	"slices"
	"strings"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// RecordQuery asks for what stands in a zone.
type RecordQuery struct {
	Zone   zone.Name
	Prefix string    // with which names begin, below the zone or below what follows its first dot
	Start  zone.Name // where the page begins; empty: at the beginning
	Limit  int       // names on the page; 0: DefaultPage
}

// NameView is what stands at one name of a zone.
type NameView struct {
	Name zone.Name
	Host bool // it is the name of a host
	Cut  bool // it belongs to a zone below, and this one only tells where that is
	Sets []SetView
}

// SetView is the records of one type at a name.
type SetView struct {
	Type  zone.Type
	TTL   uint32
	Data  []string // as in a master file, names in full
	Fixed bool     // it is no matter of records: SOA, addresses and options of hosts
}

// Records returns a page of the names of a zone in canonical order, and where the next
// page begins: empty after the last one.
func (s *Service) Records(q RecordQuery) ([]NameView, zone.Name, error) {
	st := s.State()
	z, err := findZone(st, q.Zone)
	if err != nil {
		return nil, "", err
	}
	label, top, start, err := q.bounds()
	if err != nil {
		return nil, "", nil // no name begins like that
	}
	limit := pageSize(q.Limit)
	var page []NameView
	for name, node := range z.NodesFrom(start) {
		if !beginsBelow(name, top, label) {
			break
		}
		if len(page) == limit {
			return page, name, nil
		}
		page = append(page, viewName(st, z, name, node))
	}
	return page, "", nil
}

// bounds returns the name below which the query looks, what the label after it begins
// with, and where the page begins.
func (q *RecordQuery) bounds() (label string, top, start zone.Name, err error) {
	label, rest, _ := strings.Cut(strings.ToLower(strings.TrimSpace(q.Prefix)), ".")
	if top, err = ParseOwner(rest, q.Zone); err != nil || !top.IsWithin(q.Zone) {
		return "", "", "", invalid("%q is not the beginning of a name in %s", q.Prefix, q.Zone)
	}
	start = top
	if label != "" {
		if start, err = top.Child(label); err != nil {
			return "", "", "", invalid("%v", err)
		}
	}
	if q.Start != "" {
		start = q.Start
	}
	return label, top, start, nil
}

// beginsBelow tells whether the label after top of a name begins so.
func beginsBelow(name, top zone.Name, label string) bool {
	if !name.IsWithin(top) || label == "" {
		return name.IsWithin(top)
	}
	labels := slices.Collect(name.Labels())
	i := len(labels) - top.CountLabels() - 1
	return i >= 0 && strings.HasPrefix(labels[i], label)
}

// RecordsAt returns what stands at one name of a zone; without sets if nothing does.
func (s *Service) RecordsAt(origin, name zone.Name) (NameView, error) {
	st := s.State()
	z, err := findZone(st, origin)
	if err != nil {
		return NameView{}, err
	}
	return viewName(st, z, name, z.Node(name)), nil
}

// RecordSetAt returns the records of one type at a name of a zone. Where there are none
// it fails with a *RecordError that is ErrNotFound.
func (s *Service) RecordSetAt(origin, name zone.Name, t zone.Type) (SetView, error) {
	at, err := s.RecordsAt(origin, name)
	if err != nil {
		return SetView{}, err
	}
	for _, set := range at.Sets {
		if set.Type == t {
			return set, nil
		}
	}
	return SetView{}, breaks(RuleNoRecord, notFound("%s has no %s record", name, t))
}

func viewName(st *registry.State, z *zone.Zone, name zone.Name, node zone.Node) NameView {
	at := update.Records{State: st}
	view := NameView{Name: name, Host: at.IsHost(z, name), Cut: st.Zones.Find(name) != z}
	for r := range node.All() {
		texts := dataTexts(st, z, name, r.Type())
		if len(texts) == 0 {
			continue
		}
		empty := zone.RRset{Name: name, Type: r.Type()}
		fixed := r.Type() == zone.TypeSOA || z.IsCatalog() || checkOwner(st, z, empty) != nil
		view.Sets = append(view.Sets, SetView{Type: r.Type(), TTL: r.TTL(), Data: texts, Fixed: fixed})
	}
	return view
}
