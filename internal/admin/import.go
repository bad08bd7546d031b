package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// ZoneFile is a zone as a master file (RFC 1035 §5).
type ZoneFile struct {
	Zone    zone.Name
	File    string // its name, for messages; may be empty
	Content io.Reader
}

// Imported is what became of a ZoneFile.
type Imported struct {
	Zone     zone.Name
	Names    int             // that have records
	Warnings []phrase.Phrase // of what is odd but valid, with file and line
}

// Import makes the zones of the files, or puts their content in the place of
// what there was, all in one commit. The files are read one after the other, as
// they are yielded; an error that is yielded ends the import. Invalid content is
// ErrInvalid, with file and line.
//
// Hosts stay hosts: their addresses are those of the file, and a host that the
// file does not name keeps its name without an address. Import fails with
// ErrConflict where a file hides a host below a delegation, or where a new zone
// hides hosts of a zone above that is not imported along with it.
func (s *Service) Import(ctx context.Context, files iter.Seq2[ZoneFile, error]) ([]Imported, error) {
	var zones []*zone.Zone
	var report []Imported
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(zones, func(z *zone.Zone) bool { return z.Origin() == f.Zone }) {
			return nil, invalid("zone %s is given twice", f.Zone)
		}
		z, warnings, err := f.read()
		if err != nil {
			return nil, err
		}
		zones = append(zones, z)
		report = append(report, Imported{Zone: f.Zone, Names: z.Names(), Warnings: warnings})
	}
	if len(zones) == 0 {
		return nil, invalid("no zone to import")
	}
	err := s.edit(ctx, func(d *draft) error { return d.replace(zones) })
	if err != nil {
		return nil, err
	}
	return report, nil
}

func (f ZoneFile) read() (*zone.Zone, []phrase.Phrase, error) {
	if f.Zone == zone.Root {
		return nil, nil, invalid("the root cannot be a zone of ours")
	}
	where := f.File
	if where == "" {
		where = f.Zone.String()
	}
	z, warnings, err := zone.ReadMaster(f.Content, f.Zone, zone.MasterOptions{})
	if fault, ok := errors.AsType[*zone.LineError](err); ok {
		return nil, nil, invalid("%s: %v", where, fault)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", where, err)
	}
	for i, w := range warnings {
		warnings[i] = phrase.New("%s: %s", where, w)
	}
	return z, warnings, nil
}

// replace puts the zones in the place of what there is.
func (d *draft) replace(zones []*zone.Zone) error {
	given := map[zone.Name]bool{}
	after := *d.state
	for _, z := range zones {
		given[z.Origin()] = true
		after.Zones = after.Zones.With(z)
	}
	d.changes.Replaced = slices.Clone(zones)
	for _, z := range zones {
		if err := d.checkAbove(z.Origin(), given); err != nil {
			return err
		}
	}
	for _, z := range zones {
		if err := d.settle(&after, z); err != nil {
			return err
		}
	}
	return d.delegate(after.Zones, given)
}

// checkAbove makes sure that a new zone hides no hosts of the zone above.
func (d *draft) checkAbove(name zone.Name, given map[zone.Name]bool) error {
	above := d.state.Zones.Find(name.Parent())
	if above == nil || given[above.Origin()] || d.state.Zones.Get(name) != nil {
		return nil
	}
	if hosts := d.hiddenHosts(above, name); len(hosts) > 0 {
		return conflict("zone %s would hide hosts of %s: %s", name, above.Origin(), someNames(hosts)).
			but("delete these hosts first, or import %s along with it", above.Origin())
	}
	return nil
}

// settle gives the hosts of a zone the addresses that its new content has for
// them.
func (d *draft) settle(after *registry.State, z *zone.Zone) error {
	silent := map[uint32]bool{} // by account: most hosts share theirs with others
	for h := range hostsIn(after, z.Origin()) {
		quiet, known := silent[h.Account]
		if !known {
			owner, _ := d.state.Accounts.AccountByID(h.Account)
			quiet = owner.Suspended
			silent[h.Account] = quiet
		}
		if err := d.settleHost(after, z, h, quiet); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) settleHost(after *registry.State, z *zone.Zone, h account.Host, silent bool) error {
	if err := checkPlace(z, h.Name); err != nil {
		return err.but("%s is a host: delete it first, or leave its name out of the delegation", h.Name)
	}
	addrs := addresses(z.Node(h.Name))
	more := adopt(&h, z.Node(h.Name), silent)
	sources := d.sources(h, addrs)
	switch {
	case silent && len(addrs) == 0:
		d.place(after, h, h.Sources, true) // what it had before its account was suspended
	case silent || len(addrs) == 0 || more:
		d.place(after, h, sources, silent)
	case !slices.Equal(sourceAddrs(h.Sources), addrs): // the records have the TTL of the file
		h.Sources = sources
		d.changes.Accounts.Hosts = append(d.changes.Accounts.Hosts, h)
	}
	return nil
}
