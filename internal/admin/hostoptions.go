package admin

import (
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// HostOptions are what to choose for a host, see account.Options; nil fields stay.
type HostOptions struct {
	Wildcard    *bool
	MX          *zone.Name // empty for none, and then no BackupMX either
	BackupMX    *bool
	WhenOffline *account.WhenOffline
	Expiry      *account.Expiry
	Devices     *account.DeviceOptions
}

func (o *HostOptions) normalise() error {
	if o.WhenOffline == nil {
		return nil
	}
	addrs, err := checkAddresses(o.WhenOffline.Addrs)
	if err != nil {
		return err
	}
	when := *o.WhenOffline
	if when.Addrs = nil; len(addrs) > 0 {
		when.Addrs = addrs
	}
	o.WhenOffline = &when
	return nil
}

// choose changes the options of h, which is in the zone z. z may be nil.
func (o *HostOptions) choose(d *draft, z *zone.Zone, h *account.Host) error {
	if err := d.checkOptions(h.Account, o); err != nil {
		return err
	}
	to := &h.Options
	set(&to.Wildcard, o.Wildcard)
	set(&to.MX, o.MX)
	set(&to.BackupMX, o.BackupMX)
	set(&to.WhenOffline, o.WhenOffline)
	set(&to.Expiry, o.Expiry)
	set(&to.Devices, o.Devices)
	if o.Wildcard != nil && to.Wildcard {
		if _, err := h.Name.Child("*"); err != nil {
			return invalid("%s is too long for a wildcard below it", h.Name)
		}
	}
	if to.BackupMX && to.MX == "" {
		if o.BackupMX != nil && *o.BackupMX {
			return invalid("no mail exchanger for %s to back up", h.Name).but("name it as well")
		}
		to.BackupMX = false
	}
	if o.WhenOffline == nil {
		return nil
	}
	return d.checkAlias(z, h, to.WhenOffline.Alias)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// checkAlias makes sure that h may be an alias of target, which may be empty: an
// alias stands alone (RFC 1034 §3.6.2).
func (d *draft) checkAlias(z *zone.Zone, h *account.Host, target zone.Name) error {
	switch {
	case target == "" || z == nil:
		return nil
	case h.Name == z.Origin():
		return invalid("%s is the name of a zone, which cannot be an alias", h.Name).but("give it addresses")
	case h.Name == target:
		return invalid("%s would be an alias of itself", h.Name)
	}
	was, _ := d.state.Accounts.Host(h.Name)
	was.Name = h.Name // also where it is a new one
	var names []string
	for _, t := range update.OtherTypes(d.state, was) {
		names = append(names, t.String())
	}
	if len(names) > 0 {
		return conflict("%s has other records (%s), and an alias stands alone", h.Name, strings.Join(names, ", ")).
			but("delete them first")
	}
	return nil
}

// makeAlias makes h an alias of target, or no longer one when that is empty.
func (d *draft) makeAlias(z *zone.Zone, h *account.Host, target zone.Name) error {
	if err := d.checkAlias(z, h, target); err != nil {
		return err
	}
	h.Alias = target
	return nil
}

// takeOffline takes h offline, now.
func (d *draft) takeOffline(h *account.Host) {
	if !h.IsOffline() {
		h.Offline = account.Source{Via: via, At: d.now}
	}
}

// adopt makes of h what stands at its name after its zone got other content. It
// says whether there is more to it than addresses.
func adopt(h *account.Host, node zone.Node, silent bool) bool {
	addrs, alias := addresses(node), aliasOf(node)
	o := &h.Options
	if h.IsOffline() && !silent && (len(addrs) > 0 || alias != "") &&
		(!slices.Equal(addrs, o.WhenOffline.Addrs) || alias != o.WhenOffline.Alias) {
		h.Offline = account.Source{}
	}
	if !h.IsOffline() && (alias != "" || !silent) {
		h.Alias = alias
	}
	return h.IsOffline() || h.Alias != "" || o.Wildcard || o.MX != ""
}

// rememberAlias makes the alias that stands at the name of h one that h knows of,
// also where it was not given to it.
func rememberAlias(st *registry.State, h *account.Host) {
	if z := st.Zones.Find(h.Name); z != nil && !h.IsOffline() && h.Alias == "" {
		h.Alias = aliasOf(z.Node(h.Name))
	}
}

// aliasOf returns what the CNAME record at a node leads to; empty for none.
func aliasOf(node zone.Node) zone.Name {
	for data := range node.Lookup(zone.TypeCNAME).All() {
		if target, _, err := zone.NameFromWire(data); err == nil {
			return target
		}
	}
	return ""
}
