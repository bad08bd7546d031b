package admin

import (
	"crypto/sha256"
	"encoding/hex"

	"stayput.dev/internal/zone"
)

// Names in a catalog zone (RFC 9432 §4).
const (
	catalogVersion = "version" // TXT "2"
	catalogMembers = "zones"
	nobody         = "invalid" // what stands where a zone has its servers
)

// buildCatalog makes a catalog zone without members.
func (n NewZone) buildCatalog(serial uint32) (*zone.Zone, error) {
	if len(n.NameServers) > 0 || n.MName != "" || n.RName != "" {
		return nil, invalid("a catalog zone has no name servers").but("secondaries are told to fetch it, nobody asks for it")
	}
	none := zone.MustName(nobody)
	n.NameServers, n.MName, n.RName = []NameServer{{Name: none}}, none, none
	z, err := n.buildUsual(serial)
	if err != nil {
		return nil, err
	}
	version, err := n.Name.Child(catalogVersion)
	if err != nil {
		return nil, invalid("%s is too long for a catalog zone", n.Name)
	}
	d := z.Edit()
	if err := d.Put(zone.RRset{Name: version, Type: zone.TypeTXT, Data: []zone.Rdata{zone.TextData("2")}}); err != nil {
		return nil, invalid("%v", err)
	}
	z, _, err = d.Finish()
	return z, err
}

// keepCatalogs makes the catalog zones list the zones that there will be, when
// some are made or dropped.
func (d *draft) keepCatalogs() error {
	if len(d.changes.Removed)+len(d.changes.Replaced) == 0 {
		return nil
	}
	after := d.state.Zones
	for _, origin := range d.changes.Removed {
		after = after.Without(origin)
	}
	for _, z := range d.changes.Replaced {
		after = after.With(z)
	}
	for z := range after.All() {
		if z.IsCatalog() {
			if err := d.keepCatalog(z, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepCatalog makes one catalog zone list the zones of a set.
func (d *draft) keepCatalog(catalog *zone.Zone, zones zone.Set) error {
	members, err := catalog.Origin().Child(catalogMembers)
	if err != nil {
		return invalid("%s is too long for a catalog zone", catalog.Origin())
	}
	for name, node := range catalog.NodesBelow(members) {
		for data := range node.Lookup(zone.TypePTR).All() {
			if m := zones.Get(zone.Name(data)); m == nil || m.IsCatalog() {
				d.clear(catalog.Origin(), name, node)
			}
		}
	}
	for z := range zones.All() {
		if z.IsCatalog() {
			continue
		}
		member, err := members.Child(memberLabel(z.Origin()))
		if err != nil {
			return invalid("%s is too long for a catalog zone", catalog.Origin())
		}
		if catalog.Node(member).Lookup(zone.TypePTR).Len() == 0 {
			d.put(catalog.Origin(), zone.RRset{Name: member, Type: zone.TypePTR, Data: []zone.Rdata{zone.Rdata(z.Origin())}})
		}
	}
	return nil
}

// memberLabel returns the label that stands for a zone, the same in every catalog.
func memberLabel(origin zone.Name) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:16])
}
