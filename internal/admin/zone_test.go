package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

func TestAddZoneRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	long := strings.Repeat(strings.Repeat("a", 61)+".", 4)
	server := func(name string, texts ...string) []admin.NameServer {
		return []admin.NameServer{{Name: zone.MustName(name), Addrs: addrs(texts...)}}
	}
	tests := []struct {
		zone       admin.NewZone
		kind       error
		want, hint string
	}{
		{newZone("dyn.example.org"), admin.ErrExists, "zone dyn.example.org exists already", ""},
		{admin.NewZone{Name: zone.Root, NameServers: server("ns1.example.org")}, admin.ErrInvalid, "the root cannot be a zone of ours", ""},
		{admin.NewZone{Name: zone.MustName("b.example.org")}, admin.ErrInvalid, "zone b.example.org has no name server", "name at least one, such as ns1.b.example.org with its address"},
		{admin.NewZone{Name: zone.MustName("b.example.org"), NameServers: server("ns1.b.example.org")}, admin.ErrInvalid, "name server ns1.b.example.org is inside the zone and has no address", "give its address: ns1.b.example.org=192.0.2.53"},
		{admin.NewZone{Name: zone.MustName("b.example.org"), NameServers: server("ns_1.b.example.org", "192.0.2.53")}, admin.ErrInvalid, "ns_1.b.example.org is not the name of a name server", "letters, digits and hyphens only"},
		{admin.NewZone{Name: zone.MustName("b.example.org"), NameServers: server("ns1.b.example.org", "::")}, admin.ErrInvalid, ":: cannot be the address of a host", ""},
		{admin.NewZone{Name: zone.MustName("b.example.org"), NameServers: server("ns1.example.org"), TTL: 1 << 31}, admin.ErrInvalid, "TTL 2147483648 is over 2147483647", ""},
		{admin.NewZone{Name: zone.MustName(long), NameServers: server("ns1.example.org")}, admin.ErrInvalid, strings.TrimSuffix(long, ".") + " is too long for a zone", ""},
	}
	for _, tt := range tests {
		_, err := w.AddZone(t.Context(), tt.zone)
		w.refused(err, tt.kind, tt.want)
		if got := admin.Hint(err); got != tt.hint {
			t.Errorf("%s: hint = %q, want %q", tt.zone.Name, got, tt.hint)
		}
	}
}

func TestAddZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	z, err := w.AddZone(t.Context(), admin.NewZone{
		Name: zone.MustName("dyn.example.org"),
		NameServers: []admin.NameServer{
			{Name: zone.MustName("ns1.dyn.example.org"), Addrs: addrs("192.0.2.53", "2001:db8::53")},
			{Name: zone.MustName("ns2.example.net"), Addrs: addrs("192.0.2.54")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if z.SOA.MName != zone.MustName("ns1.dyn.example.org") || z.SOA.RName != zone.MustName("hostmaster.dyn.example.org") ||
		z.SOA.Serial != uint32(w.Now().Unix()) || z.SOA.TTL != 60 || z.SOA.Minimum != 60 || z.SOA.Refresh != 300 || z.Hosts != 0 || z.Names != 2 {
		t.Errorf("zone = %+v", z)
	}
	if len(z.NameServers) != 2 || !slices.Equal(z.NameServers[0].Addrs, addrs("192.0.2.53", "2001:db8::53")) || z.NameServers[1].Addrs != nil {
		t.Errorf("name servers = %+v", z.NameServers)
	}
	w.wantRecords("dyn.example.org", "ns1.dyn.example.org", "A 192.0.2.53", "AAAA 2001:db8::53")
	node := w.State().Zones.Get(zone.MustName("dyn.example.org")).Node(zone.MustName("ns1.dyn.example.org"))
	if got := node.Lookup(zone.TypeA).TTL(); got != 86400 {
		t.Errorf("TTL of a name server's address = %d, want 86400", got)
	}
}

func TestSetZone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	name := zone.MustName("dyn.example.org")
	before, err := w.Zone(name)
	w.ok(nil, err)
	rname, err := admin.ParseMailbox("John.Doe@example.org")
	w.ok(nil, err)
	z, err := w.SetZone(t.Context(), name, admin.ZoneChange{TTL: ptr(uint32(120)), MName: ptr(zone.MustName("a.example.org")), RName: &rname})
	if err != nil {
		t.Fatal(err)
	}
	if z.SOA.TTL != 120 || z.SOA.Minimum != 120 || z.SOA.MName.String() != "a.example.org" || z.SOA.RName.String() != `john\.doe.example.org` {
		t.Errorf("SOA = %+v", z.SOA)
	}
	if !zone.SerialLess(before.SOA.Serial, z.SOA.Serial) {
		t.Errorf("serial = %d, want more than %d", z.SOA.Serial, before.SOA.Serial)
	}
	revision := w.State().Revision
	w.ok(w.SetZone(t.Context(), name, admin.ZoneChange{TTL: ptr(uint32(120))}))
	if got := w.State().Revision; got != revision {
		t.Errorf("changing nothing led from revision %d to %d", revision, got)
	}
	_, err = w.SetZone(t.Context(), zone.MustName("example.net"), admin.ZoneChange{})
	w.refused(err, admin.ErrNotFound, "no zone example.net")
}

func TestParseMailboxRefusals(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "@example.org", "a@", "a@b@", strings.Repeat("a", 64) + "@example.org"} {
		if name, err := admin.ParseMailbox(text); !errors.Is(err, admin.ErrInvalid) {
			t.Errorf("ParseMailbox(%q) = %v, %v, want it invalid", text, name, err)
		}
	}
}

func FuzzParseMailbox(f *testing.F) {
	for _, text := range []string{"a@example.org", "a.b@example.org", "a@b@example.org", "hostmaster.example.org", `a\.b.example.org.`, "@", "a@-b", "\xff@example.org", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := admin.ParseMailbox(text)
		if err != nil {
			if !errors.Is(err, admin.ErrInvalid) {
				t.Errorf("ParseMailbox(%q): %v, want it invalid", text, err)
			}
			return
		}
		if at := strings.LastIndexByte(text, '@'); at >= 0 && name.First() != strings.ToLower(text[:at]) {
			t.Errorf("ParseMailbox(%q) = %s, want %q in front", text, name, text[:at])
		}
		if again, err := zone.ParseName(name.String()); err != nil || again != name {
			t.Errorf("ParseMailbox(%q) = %q, which is no name: %v", text, name, err)
		}
	})
}

func TestChildZoneIsDelegatedInOneCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addZone("example.org")
	before := w.State().Revision
	w.addZone("dyn.example.org")
	if got := w.State().Revision; got != before+1 {
		t.Errorf("adding the child took %d commits", got-before)
	}
	w.wantRecords("example.org", "dyn.example.org", "NS ns1.dyn.example.org.")
	w.wantRecords("example.org", "ns1.dyn.example.org", "A 192.0.2.53")
	parent := w.State().Zones.Get(zone.MustName("example.org"))
	if r := parent.Lookup(zone.MustName("home.dyn.example.org"), zone.TypeA); r.Outcome != zone.Delegation {
		t.Errorf("the parent answers %v, want a delegation", r.Outcome)
	}

	w.ok(nil, w.DeleteZone(t.Context(), zone.MustName("dyn.example.org"), false))
	w.wantRecords("example.org", "dyn.example.org")
	w.wantRecords("example.org", "ns1.dyn.example.org")
}

func TestChildZoneHidesNoHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addZone("example.org")
	w.addAccounts("alice")
	for _, name := range []string{"dyn", "a.dyn", "b.dyn", "c.dyn", "d.dyn", "e.dyn"} {
		w.addHost(name+".example.org", "alice", "192.0.2.1")
	}
	w.put("example.org", "x.dyn.example.org", "text")
	child := newZone("dyn.example.org")
	_, err := w.AddZone(t.Context(), child)
	w.refused(err, admin.ErrConflict, "zone dyn.example.org would hide hosts of example.org: "+
		"dyn.example.org, a.dyn.example.org, b.dyn.example.org, c.dyn.example.org, d.dyn.example.org and 1 more")

	child.Force = true
	w.ok(w.AddZone(t.Context(), child))
	w.wantRecords("example.org", "a.dyn.example.org")
	w.wantRecords("example.org", "x.dyn.example.org")
	w.wantRecords("example.org", "dyn.example.org", "NS ns1.dyn.example.org.")
	w.wantRecords("dyn.example.org", "a.dyn.example.org", "A 192.0.2.1")
	w.wantRecords("dyn.example.org", "x.dyn.example.org", `TXT "text"`)
	h, err := w.Host(zone.MustName("dyn.example.org"))
	if err != nil || h.Zone != zone.MustName("dyn.example.org") || !slices.Equal(h.Addresses, addrs("192.0.2.1")) {
		t.Errorf("host at the apex = %+v, %v", h, err)
	}
}

func TestRecordsMoveIntoTheChildZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.importZones("example.org", "dyn TXT text\n*.dyn A 192.0.2.9\nns1.dyn A 192.0.2.1\nsub.dyn NS ns.sub.dyn\nns.sub.dyn A 192.0.2.2\nalias CNAME dyn\n"))
	w.addZone("dyn.example.org")
	w.wantRecords("dyn.example.org", "*.dyn.example.org", "A 192.0.2.9")
	w.wantRecords("dyn.example.org", "ns1.dyn.example.org", "A 192.0.2.53") // as given
	w.wantRecords("dyn.example.org", "sub.dyn.example.org", "NS ns.sub.dyn.example.org.")
	w.wantRecords("dyn.example.org", "ns.sub.dyn.example.org", "A 192.0.2.2")
	w.wantRecords("example.org", "ns.sub.dyn.example.org")
	w.wantRecords("example.org", "ns1.dyn.example.org", "A 192.0.2.53")
	if got := w.records("dyn.example.org", "dyn.example.org"); got[2] != `TXT "text"` {
		t.Errorf("apex of the child = %q", got)
	}
	_, err := w.AddZone(t.Context(), newZone("alias.example.org"))
	w.refused(err, admin.ErrConflict, "alias.example.org is an alias in zone example.org")
}

func TestZoneBetweenZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addZone("example.org")
	w.addZone("a.dyn.example.org")
	w.wantRecords("example.org", "a.dyn.example.org", "NS ns1.a.dyn.example.org.")
	w.addZone("dyn.example.org")
	w.wantRecords("example.org", "a.dyn.example.org")
	w.wantRecords("dyn.example.org", "a.dyn.example.org", "NS ns1.a.dyn.example.org.")
	w.wantRecords("dyn.example.org", "ns1.a.dyn.example.org", "A 192.0.2.53")
	w.ok(nil, w.DeleteZone(t.Context(), zone.MustName("dyn.example.org"), false))
	w.wantRecords("example.org", "dyn.example.org")
	w.wantRecords("example.org", "a.dyn.example.org", "NS ns1.a.dyn.example.org.")
	w.wantRecords("example.org", "ns1.a.dyn.example.org", "A 192.0.2.53")
}

func TestZoneAboveZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addZone("dyn.example.org")
	w.addZone("a.dyn.example.org")
	w.addZone("example.org")
	w.wantRecords("example.org", "dyn.example.org", "NS ns1.dyn.example.org.")
	w.wantRecords("example.org", "a.dyn.example.org")
}

func TestDeleteZone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addZone("lab.dyn.example.org")
	w.addHost("home.dyn.example.org", "alice")
	w.addHost("home.lab.dyn.example.org", "alice")
	name := zone.MustName("dyn.example.org")
	err := w.DeleteZone(t.Context(), name, false)
	w.refused(err, admin.ErrConflict, "zone dyn.example.org has hosts: home.dyn.example.org")
	w.ok(nil, w.DeleteZone(t.Context(), name, true))
	if _, err := w.Host(zone.MustName("home.dyn.example.org")); !errors.Is(err, admin.ErrNotFound) {
		t.Errorf("host of the zone: %v, want it gone", err)
	}
	if _, err := w.Host(zone.MustName("home.lab.dyn.example.org")); err != nil {
		t.Errorf("host of the zone below: %v", err)
	}
	w.refused(w.DeleteZone(t.Context(), name, true), admin.ErrNotFound, "no zone dyn.example.org")
}

func TestImportManyZonesInOneCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.State().Revision
	report, err := w.importZones("example.org", "www A 192.0.2.1\n", "dyn.example.org", "home A 192.0.2.2\nsub NS ns.sub\n", "example.net", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.State().Revision; got != before+1 {
		t.Errorf("three zones took %d commits", got-before)
	}
	want := []string{"dyn.example.org.zone: sub.dyn.example.org NS ns.sub.dyn.example.org has no address in the zone"}
	if len(report) != 3 || report[1].Names != 3 || !slices.Equal(texts(report[1].Warnings), want) || report[0].Zone.String() != "example.org" {
		t.Errorf("report = %+v", report)
	}
	if got := w.State().Zones.Get(zone.MustName("example.net")).Serial(); got != 7 {
		t.Errorf("serial = %d, want that of the file, 7", got)
	}
	w.wantRecords("example.org", "dyn.example.org", "NS ns1.example.org.") // which the file has left out
}

func texts(all []phrase.Phrase) (in []string) {
	for _, p := range all {
		in = append(in, p.String())
	}
	return in
}

func TestImportServesDelegationsAsGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.importZones("example.org", "dyn NS other.example.net.\n", "dyn.example.org", ""))
	w.wantRecords("example.org", "dyn.example.org", "NS other.example.net.")
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addZone("example.org")
	w.addAccounts("alice")
	w.addHost("home.dyn.example.org", "alice")
	tests := []struct {
		pairs []string
		kind  error
		want  string
	}{
		{nil, admin.ErrInvalid, "no zone to import"},
		{[]string{"a.example.org", "", "a.example.org", ""}, admin.ErrInvalid, "zone a.example.org is given twice"},
		{[]string{"a.example.org", "x A 192.0.2\n"}, admin.ErrInvalid, `a.example.org.zone: line 4: bad A A: "192.0.2"`},
		{[]string{"a.example.org", "example.net. A 192.0.2.1\n"}, admin.ErrInvalid, "a.example.org.zone: line 4: example.net: name is outside the zone a.example.org"},
		{[]string{"dyn.example.org", ""}, admin.ErrConflict, "zone dyn.example.org would hide hosts of example.org: home.dyn.example.org"},
		{[]string{"example.org", "dyn NS ns1.example.net.\n"}, admin.ErrConflict, "home.dyn.example.org is at or below the delegation of dyn.example.org"},
	}
	before := w.State().Revision
	for _, tt := range tests {
		_, err := w.importZones(tt.pairs...)
		w.refused(err, tt.kind, tt.want)
	}
	broken := errors.New("broken off")
	_, err := w.Import(t.Context(), func(yield func(admin.ZoneFile, error) bool) { yield(admin.ZoneFile{}, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
	if got := w.State().Revision; got != before {
		t.Errorf("refused imports led from revision %d to %d", before, got)
	}
}

// No zone may hold an alias and a delegation at one name, on whatever way they
// would meet.
func TestChildZoneAtAnAlias(t *testing.T) {
	t.Parallel()
	for _, alias := range []string{"dyn CNAME www\n", "dyn DNAME www\n"} {
		const want = "dyn.example.org is an alias in zone example.org"
		w := newWorld(t)
		_, err := w.importZones("example.org", alias, "dyn.example.org", "")
		w.refused(err, admin.ErrConflict, want)
		w.ok(w.importZones("example.org", alias))
		_, err = w.importZones("dyn.example.org", "")
		w.refused(err, admin.ErrConflict, want)
		_, err = w.AddZone(t.Context(), newZone("dyn.example.org"))
		w.refused(err, admin.ErrConflict, want)

		w = newWorld(t)
		w.addZone("dyn.example.org")
		_, err = w.importZones("example.org", alias)
		w.refused(err, admin.ErrConflict, want)
	}
}

func TestHostsStayHostsOverAnImport(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, name := range []string{"same", "other", "gone", "still-gone", "alias"} {
		w.addHost(name+".dyn.example.org", "alice", "192.0.2.1")
	}
	w.ok(w.SetHost(t.Context(), zone.MustName("still-gone.dyn.example.org"), admin.HostChange{Addresses: ptr(addrs())}))
	w.addHost("home.lab.dyn.example.org", "bob", "192.0.2.7")
	// The zone below takes over a host of the zone above, which is imported too.
	w.ok(w.importZones("dyn.example.org", "same A 192.0.2.1\nother A 192.0.2.2\nalias CNAME same\nlab NS ns1.lab\n",
		"lab.dyn.example.org", "home A 192.0.2.8\n"))
	w.wantRecords("dyn.example.org", "same.dyn.example.org", "A 192.0.2.1")
	w.wantRecords("dyn.example.org", "other.dyn.example.org", "A 192.0.2.2")
	w.wantRecords("dyn.example.org", "gone.dyn.example.org", placeholder)
	w.wantRecords("dyn.example.org", "still-gone.dyn.example.org", placeholder)
	w.wantRecords("dyn.example.org", "alias.dyn.example.org", "CNAME same.dyn.example.org.")
	w.wantRecords("lab.dyn.example.org", "home.lab.dyn.example.org", "A 192.0.2.8")
	for name, want := range map[string]int{"same": 1, "other": 1, "gone": 0, "alias": 0, "home.lab": 1} {
		h, err := w.Host(zone.MustName(name + ".dyn.example.org"))
		if err != nil || len(h.Sources) != want || len(h.Addresses) != want {
			t.Errorf("%s = %+v, %v, want %d addresses with their sources", name, h, err, want)
		}
	}
}

func TestExportIsImportedTheSame(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1", "2001:db8::1")
	w.addHost("away.dyn.example.org", "bob")
	var first, second bytes.Buffer
	name := zone.MustName("dyn.example.org")
	w.ok(nil, w.ExportZone(name, &first))
	text := first.String()
	w.ok(w.Import(t.Context(), func(yield func(admin.ZoneFile, error) bool) {
		yield(admin.ZoneFile{Zone: name, Content: &first}, nil)
	}))
	w.ok(nil, w.ExportZone(name, &second))
	_, before, _ := strings.Cut(text, "\n") // but for the SOA record, whose serial has risen
	_, after, _ := strings.Cut(second.String(), "\n")
	if before != after {
		t.Errorf("exported, imported and exported again:\n%s\nwant\n%s", after, before)
	}
	w.refused(w.ExportZone(zone.MustName("example.net"), &first), admin.ErrNotFound, "no zone example.net")
}

// A host counts for the zone that it lies in, and for none above that.
func TestHostsOfZonesAreCounted(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, name := range []string{"example.org", "deep.below.dyn.example.org", "example.net"} {
		w.addZone(name)
	}
	for _, name := range []string{
		"hall.example.org", "dynamic.example.org",
		"home.dyn.example.org", "away.dyn.example.org", "a.below.dyn.example.org",
		"b.deep.below.dyn.example.org",
	} {
		w.addHost(name, "alice")
	}
	want := []string{"example.net 0", "example.org 2", "dyn.example.org 3", "deep.below.dyn.example.org 1"}
	var got, each []string
	for _, z := range w.Zones() {
		got = append(got, fmt.Sprint(z.Name, " ", z.Hosts))
		alone, err := w.Zone(z.Name)
		w.ok(nil, err)
		each = append(each, fmt.Sprint(alone.Name, " ", alone.Hosts))
	}
	if !slices.Equal(got, want) || !slices.Equal(each, want) {
		t.Errorf("zones = %v, and one by one %v, want %v", got, each, want)
	}
}
