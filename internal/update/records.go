package update

import (
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Preferences of mail exchangers (RFC 5321 §5.1): the lower is tried first.
const (
	firstMX  = "\x00\x05"
	backupMX = "\x00\x0a"
)

// presence says how much of a host is to be seen.
type presence uint8

const (
	present   presence = iota
	withdrawn          // its name alone: the placeholder
	gone               // nothing
)

// Withdraw returns what leaves nothing of h to be seen in st but the placeholder,
// as while its account is suspended; an alias goes that it was not given, too. The directory stays as it is, so that
// SetAddresses can undo it. The name of h must be in a zone of st.
func Withdraw(st *registry.State, h account.Host) registry.Changes { return reduce(st, h, withdrawn) }

// Erase returns what removes all that its addresses and options have put at h, and
// at the wildcard below, from its zone in st. What others put there stays, and the
// directory as it is. The name of h must be in a zone of st.
func Erase(st *registry.State, h account.Host) registry.Changes { return reduce(st, h, gone) }

func reduce(st *registry.State, h account.Host, p presence) registry.Changes {
	z := st.Zones.Find(h.Name)
	was, _ := st.Accounts.Host(h.Name)
	v4, v6 := zone.AddressSets(h.Name, h.TTL, nil)
	var c registry.Changes
	if sets := recordChanges(z, z.Node(h.Name), &was, &h, v4, v6, p); len(sets) > 0 {
		c.Records = []registry.ZoneRecords{{Zone: z.Origin(), Sets: sets}}
	}
	return c
}

// face is what a host shows.
type face struct {
	v4, v6      zone.RRset
	alias       zone.Name // empty for none
	placeholder bool
	text        bool // that of its devices, if it has one
	mx          bool // its mail exchanger, if it has one
}

// recordChanges returns those sets at the host's name, and at the wildcard below,
// that are to differ when was becomes h, with v4 and v6 as addresses.
func recordChanges(z *zone.Zone, node zone.Node, was, h *account.Host, v4, v6 zone.RRset, p presence) []zone.RRset {
	f := faceOf(z, node, was, h, v4, v6, p)
	want := []zone.RRset{f.v4, f.v6, textSet(node, was, h, f.text, f.placeholder)}
	if f.alias != "" || node.Lookup(zone.TypeCNAME).Len() > 0 && (p != present || !f.keepsAlias(node, was)) {
		want = append(want, aliasSet(h.Name, h.TTL, f.alias)) // RFC 1034 §3.6.2
	}
	if was.Options.MX != "" || h.Options.MX != "" {
		want = append(want, mxSet(h, f.mx))
	}
	want = slices.DeleteFunc(want, func(s zone.RRset) bool { return stands(node, s) })
	if was.Options.Wildcard || h.Options.Wildcard {
		want = append(want, wildcardChanges(z, h, f)...)
	}
	return want
}

// stands tells whether the set is so at the node already.
func stands(node zone.Node, s zone.RRset) bool {
	r := node.Lookup(s.Type)
	return len(s.Data) == 0 && r.Len() == 0 || s.Equal(r.RRset(s.Name))
}

func faceOf(z *zone.Zone, node zone.Node, was, h *account.Host, v4, v6 zone.RRset, p presence) face {
	if p != present {
		return face{v4: v4, v6: v6, placeholder: p == withdrawn}
	}
	f := face{v4: v4, v6: v6, mx: true}
	nothing := false
	if h.IsOffline() {
		o := &h.Options.WhenOffline
		f.v4, f.v6 = zone.AddressSets(h.Name, h.TTL, o.Addrs)
		f.alias, nothing = o.Alias, o.NXDOMAIN
	} else if f.isEmpty() {
		f.alias = h.Alias
	}
	if f.alias != "" && (h.Name == z.Origin() || len(others(node, was)) > 0) {
		f.alias = ""
	}
	f.placeholder = f.isEmpty() && f.alias == "" && !nothing && !f.keepsAlias(node, was)
	f.mx = f.alias == "" && !nothing
	f.text = f.mx && !f.keepsAlias(node, was)
	return f
}

// isEmpty tells whether there are no addresses.
func (f *face) isEmpty() bool { return len(f.v4.Data)+len(f.v6.Data) == 0 }

// keepsAlias tells whether an alias that is not of our making stays, because
// nothing takes its place.
func (f *face) keepsAlias(node zone.Node, was *account.Host) bool {
	return f.isEmpty() && f.alias == "" && hasForeignAlias(node, was)
}

// hasForeignAlias tells whether an alias stands at the host that it was not given.
func hasForeignAlias(node zone.Node, was *account.Host) bool {
	return node.Lookup(zone.TypeCNAME).Len() > 0 && was.Alias == "" && !was.IsOffline()
}

// OtherTypes returns the types of what stands at the name of h in st and came
// neither of its addresses nor of its options, so that no alias can stand there
// (RFC 1034 §3.6.2). It returns none when the name is in no zone of st.
func OtherTypes(st *registry.State, h account.Host) []zone.Type {
	z := st.Zones.Find(h.Name)
	if z == nil {
		return nil
	}
	return others(z.Node(h.Name), &h)
}

func others(node zone.Node, h *account.Host) []zone.Type {
	var types []zone.Type
	for r := range node.All() {
		switch t := r.Type(); t {
		case zone.TypeA, zone.TypeAAAA, zone.TypeCNAME, zone.TypeRRSIG, zone.TypeNSEC:
		case zone.TypeMX:
			if h.Options.MX == "" {
				types = append(types, t)
			}
		case zone.TypeTXT:
			if len(customersTexts(r.RRset(h.Name).Data, h.Text)) > 0 {
				types = append(types, t)
			}
		default:
			types = append(types, t)
		}
	}
	return types
}

// wildcard returns the name that stands for all below the host's that do not
// exist (RFC 4592). It returns false when that would be too long.
func wildcard(name zone.Name) (zone.Name, bool) {
	w, err := name.Child("*")
	return w, err == nil
}

// wildcardChanges returns those sets at the wildcard that are to differ, so that
// it has the addresses of the host, or its alias.
func wildcardChanges(z *zone.Zone, h *account.Host, f face) []zone.RRset {
	name, ok := wildcard(h.Name)
	if !ok {
		return nil
	}
	if !h.Options.Wildcard {
		f = face{v4: zone.RRset{Type: zone.TypeA}, v6: zone.RRset{Type: zone.TypeAAAA}}
	}
	node := z.Node(name)
	if len(others(node, &account.Host{})) > 0 {
		f.alias = ""
	}
	f.v4.Name, f.v6.Name = name, name
	want := []zone.RRset{f.v4, f.v6, aliasSet(name, h.TTL, f.alias)}
	return slices.DeleteFunc(want, func(s zone.RRset) bool { return stands(node, s) })
}

// aliasSet returns the CNAME set to the target, without data for none.
func aliasSet(name zone.Name, ttl uint32, target zone.Name) zone.RRset {
	s := zone.RRset{Name: name, Type: zone.TypeCNAME, TTL: ttl}
	if target != "" {
		s.Data = []zone.Rdata{zone.Rdata(target)}
	}
	return s
}

// mxSet returns the MX set at the host: its mail exchanger, behind the host itself
// where it is a backup.
func mxSet(h *account.Host, with bool) zone.RRset {
	s := zone.RRset{Name: h.Name, Type: zone.TypeMX, TTL: h.TTL}
	switch o := &h.Options; {
	case !with || o.MX == "":
	case o.BackupMX:
		s.Data = []zone.Rdata{firstMX + zone.Rdata(h.Name), backupMX + zone.Rdata(o.MX)}
	default:
		s.Data = []zone.Rdata{firstMX + zone.Rdata(o.MX)}
	}
	return s
}
