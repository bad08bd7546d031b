package admin_test

import (
	"slices"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// members returns the zones that a catalog lists.
func (w *world) members(catalog string) []string {
	w.t.Helper()
	z := w.State().Zones.Get(zone.MustName(catalog))
	var all []string
	for _, node := range z.NodesBelow(zone.MustName("zones." + catalog)) {
		for data := range node.Lookup(zone.TypePTR).All() {
			all = append(all, zone.Name(data).String())
		}
	}
	slices.Sort(all)
	return all
}

// A catalog lists the zones that there are, in the commit that makes or drops one,
// and no catalog.
func TestCatalog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	add := func(z admin.NewZone) {
		t.Helper()
		_, err := w.AddZone(t.Context(), z)
		w.ok(nil, err)
	}
	want := func(catalog string, names ...string) {
		t.Helper()
		if got := w.members(catalog); !slices.Equal(got, names) {
			t.Errorf("%s lists %v, want %v", catalog, got, names)
		}
	}
	add(newZone("a.example.org"))
	add(admin.NewZone{Name: zone.MustName("catalog.example.org"), Catalog: true})
	want("catalog.example.org", "a.example.org")
	revision := w.State().Revision
	add(newZone("b.example.org"))
	if got := w.State().Revision; got != revision+1 {
		t.Errorf("a zone took %d commits, want 1", got-revision)
	}
	add(admin.NewZone{Name: zone.MustName("catalog.example.net"), Catalog: true})
	want("catalog.example.org", "a.example.org", "b.example.org")
	want("catalog.example.net", "a.example.org", "b.example.org")
	w.ok(nil, w.DeleteZone(t.Context(), zone.MustName("a.example.org"), false))
	want("catalog.example.org", "b.example.org")

	w.wantRecords("catalog.example.org", "version.catalog.example.org", `TXT "2"`)
	_, err := w.AddZone(t.Context(), admin.NewZone{Name: zone.MustName("c.example.org"), Catalog: true, NameServers: newZone("c.example.org").NameServers})
	w.refused(err, admin.ErrInvalid, "a catalog zone has no name servers")
	_, err = w.AddAccount(t.Context(), admin.NewAccount{Name: "alice"})
	w.ok(nil, err)
	_, err = w.AddHost(t.Context(), admin.NewHost{Name: zone.MustName("home.catalog.example.org"), Account: "alice"})
	w.refused(err, admin.ErrInvalid, "catalog.example.org is a catalog zone, which has no hosts")
}
