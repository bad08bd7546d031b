package admin_test

import (
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

const (
	origin = "dyn.example.org"
	home   = "home.dyn.example.org"
	star   = "*.home.dyn.example.org"
	page   = "page.example.org"
)

// set changes a host and wants no error.
func (w *world) set(name string, c admin.HostChange) admin.Host {
	w.t.Helper()
	h, err := w.SetHost(w.t.Context(), zone.MustName(name), c)
	w.ok(nil, err)
	return h
}

// suspend suspends the account alice, or undoes it.
func (w *world) suspend(on bool) {
	w.t.Helper()
	w.ok(w.SetAccount(w.t.Context(), "alice", admin.AccountChange{Suspended: &on}))
}

func whenOffline(text string) admin.HostOptions {
	when, err := account.ParseWhenOffline(text)
	if err != nil {
		panic(err)
	}
	return admin.HostOptions{WhenOffline: &when}
}

func TestHostWithOptions(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	mail := zone.MustName("mail.example.org")
	n := newHost(home, "alice", "192.0.2.1")
	n.Options = admin.HostOptions{Wildcard: ptr(true), MX: &mail, BackupMX: ptr(true), Expiry: ptr(account.ExpiryNever)}
	h, err := w.AddHost(t.Context(), n)
	w.ok(nil, err)
	if o := h.Options; !o.Wildcard || o.MX != mail || !o.BackupMX || o.Expiry != account.ExpiryNever {
		t.Errorf("options = %+v", o)
	}
	full := []string{"A 192.0.2.1", "MX 5 home.dyn.example.org.", "MX 10 mail.example.org."}
	w.wantRecords(origin, home, full...)
	w.wantRecords(origin, star, "A 192.0.2.1")

	// A host below it is one of its own, suspended or not.
	w.addHost("cam.home.dyn.example.org", "alice", "192.0.2.2")
	w.suspend(true)
	w.wantRecords(origin, home, placeholder)
	w.wantRecords(origin, star)
	w.set(home, admin.HostChange{TTL: ptr(uint32(30))})
	w.suspend(false)
	w.wantRecords(origin, home, full...)
	w.wantRecords(origin, star, "A 192.0.2.1")
	w.wantRecords(origin, "cam.home.dyn.example.org", "A 192.0.2.2")
	if got := w.State().Zones.Find(zone.MustName(star)).Node(zone.MustName(star)).Lookup(zone.TypeA).TTL(); got != 30 {
		t.Errorf("TTL of the wildcard = %d, want that of the host", got)
	}

	w.set(home, admin.HostChange{Options: admin.HostOptions{Wildcard: ptr(false), MX: new(zone.Name)}})
	w.wantRecords(origin, home, "A 192.0.2.1")
	w.wantRecords(origin, star)
}

func TestDeletedHostsLeaveNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	mail := zone.MustName("mail.example.org")
	options := admin.HostOptions{Wildcard: ptr(true), MX: &mail}
	for _, name := range []string{home, origin} {
		n := newHost(name, "alice", "192.0.2.1")
		n.Options = options
		w.ok(w.AddHost(t.Context(), n))
	}
	w.wantRecords(origin, "*."+origin, "A 192.0.2.1") // staff may have it at the apex
	for _, name := range []string{home, origin} {
		w.ok(nil, w.DeleteHost(t.Context(), zone.MustName(name)))
		w.wantRecords(origin, "*."+name)
		for _, line := range w.records(origin, name) {
			if !strings.HasPrefix(line, "SOA ") && !strings.HasPrefix(line, "NS ") {
				t.Errorf("left at %s: %s", name, line)
			}
		}
	}
}

func TestAliasHost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	n := newHost(home, "alice")
	n.Alias, n.Options.Wildcard = zone.MustName("router.example.net"), ptr(true)
	h, err := w.AddHost(t.Context(), n)
	w.ok(nil, err)
	if h.Alias != n.Alias || len(h.Addresses) > 0 {
		t.Errorf("host = %+v", h)
	}
	w.wantRecords(origin, home, "CNAME router.example.net.")
	w.wantRecords(origin, star, "CNAME router.example.net.")
	w.suspend(true)
	w.wantRecords(origin, home, placeholder)
	w.suspend(false)
	w.wantRecords(origin, home, "CNAME router.example.net.")

	key, secret, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice"})
	w.ok(nil, err)
	w.ok(nil, w.update(key.Username, secret, "192.0.2.7"))
	w.wantRecords(origin, home, "A 192.0.2.7")
	w.wantRecords(origin, star, "A 192.0.2.7")
	if h := w.set(home, admin.HostChange{}); h.Alias != "" {
		t.Errorf("alias = %s, want none after an update", h.Alias)
	}
	w.set(home, admin.HostChange{Alias: ptr(zone.MustName(page))})
	w.wantRecords(origin, home, "CNAME page.example.org.")
	w.set(home, admin.HostChange{Alias: new(zone.Name)})
	w.wantRecords(origin, home, placeholder)
}

func TestTakenOffline(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost(home, "alice", "192.0.2.1")
	h := w.set(home, admin.HostChange{TakeOffline: true, Options: whenOffline("192.0.2.80,2001:db8::80")})
	if h.Offline.Via != "admin" || !h.Offline.At.Equal(w.Now()) || len(h.Sources) > 0 {
		t.Errorf("host = %+v, want it offline", h)
	}
	w.wantRecords(origin, home, "A 192.0.2.80", "AAAA 2001:db8::80")
	w.suspend(true)
	w.wantRecords(origin, home, placeholder)
	w.suspend(false)
	w.wantRecords(origin, home, "A 192.0.2.80", "AAAA 2001:db8::80")
	w.set(home, admin.HostChange{Options: whenOffline(page)})
	w.wantRecords(origin, home, "CNAME page.example.org.")
	w.set(home, admin.HostChange{Options: whenOffline("nxdomain")})
	w.wantRecords(origin, home)
	if h := w.set(home, admin.HostChange{Addresses: ptr(addrs("192.0.2.1"))}); !h.Offline.At.IsZero() || len(h.Sources) != 1 {
		t.Errorf("host = %+v, want it online", h)
	}
	w.wantRecords(origin, home, "A 192.0.2.1")
}

func TestOptionRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	long := strings.Repeat(strings.Repeat("a", 61)+".", 3) + strings.Repeat("b", 50) + "." + origin
	for _, name := range []string{home, origin, long} {
		w.addHost(name, "alice", "192.0.2.1")
	}
	w.put(origin, home, "mine")
	for _, tt := range []struct {
		name   string
		change admin.HostChange
		kind   error
		want   string
	}{
		{origin, admin.HostChange{Alias: ptr(zone.MustName(page))}, admin.ErrInvalid, origin + " is the name of a zone, which cannot be an alias"},
		{origin, admin.HostChange{Options: whenOffline(page)}, admin.ErrInvalid, origin + " is the name of a zone, which cannot be an alias"},
		{long, admin.HostChange{Alias: ptr(zone.MustName(long))}, admin.ErrInvalid, long + " would be an alias of itself"},
		{home, admin.HostChange{Alias: ptr(zone.MustName(page))}, admin.ErrConflict, home + " has other records (TXT), and an alias stands alone"},
		{home, admin.HostChange{Options: whenOffline(page)}, admin.ErrConflict, home + " has other records (TXT), and an alias stands alone"},
		{long, admin.HostChange{Options: admin.HostOptions{Wildcard: ptr(true)}}, admin.ErrInvalid, long + " is too long for a wildcard below it"},
		{home, admin.HostChange{Options: whenOffline("0.0.0.0")}, admin.ErrInvalid, "0.0.0.0 cannot be the address of a host"},
		{home, admin.HostChange{Options: admin.HostOptions{BackupMX: ptr(true)}}, admin.ErrInvalid, "no mail exchanger for " + home + " to back up"},
		{
			home,
			admin.HostChange{Alias: ptr(zone.MustName(page)), TakeOffline: true},
			admin.ErrInvalid, "a host has addresses, or is an alias, or is offline: one of them",
		},
	} {
		_, err := w.SetHost(t.Context(), zone.MustName(tt.name), tt.change)
		w.refused(err, tt.kind, tt.want)
	}
	n := newHost("x.dyn.example.org", "alice", "192.0.2.1")
	n.Alias = zone.MustName(page)
	_, err := w.AddHost(t.Context(), n)
	w.refused(err, admin.ErrInvalid, "x.dyn.example.org cannot be an alias and have addresses")
}

// Exported and imported again, a zone and its hosts are what they were; what the
// file says otherwise counts, but wildcards and mail exchangers follow.
func TestOptionsOutliveAnImport(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	mail := zone.MustName("mail.example.org")
	n := newHost(home, "alice", "192.0.2.1")
	n.Options = admin.HostOptions{Wildcard: ptr(true), MX: &mail}
	w.ok(w.AddHost(t.Context(), n))
	w.addHost("off.dyn.example.org", "alice", "192.0.2.2")
	w.set("off.dyn.example.org", admin.HostChange{TakeOffline: true, Options: whenOffline(page)})
	n = newHost("alias.dyn.example.org", "alice")
	n.Alias = zone.MustName("router.example.net")
	w.ok(w.AddHost(t.Context(), n))
	var before, after strings.Builder
	w.ok(nil, w.ExportZone(zone.MustName(origin), &before))
	hosts := w.State().Accounts

	file := admin.ZoneFile{Zone: zone.MustName(origin), Content: strings.NewReader(before.String())}
	_, err := w.Import(t.Context(), func(yield func(admin.ZoneFile, error) bool) { yield(file, nil) })
	w.ok(nil, err)
	w.ok(nil, w.ExportZone(zone.MustName(origin), &after))
	if got, want := withoutSerial(after.String()), withoutSerial(before.String()); got != want {
		t.Errorf("zone =\n%s\nwant\n%s", got, want)
	}
	for h := range hosts.Hosts("") {
		if !hosts.SameHost(w.State().Accounts, h.Name) {
			t.Errorf("host %s is no longer what it was", h.Name)
		}
	}

	w.ok(w.importZones(origin, "home A 192.0.2.9\noff A 192.0.2.3\nalias CNAME page.example.org.\n"))
	w.wantRecords(origin, home, "A 192.0.2.9", "MX 5 mail.example.org.")
	w.wantRecords(origin, star, "A 192.0.2.9")
	w.wantRecords(origin, "off.dyn.example.org", "A 192.0.2.3")
	w.wantRecords(origin, "alias.dyn.example.org", "CNAME page.example.org.")
	if h := w.set("off.dyn.example.org", admin.HostChange{}); !h.Offline.At.IsZero() {
		t.Errorf("host = %+v, want it online as the file says", h)
	}
	if h := w.set("alias.dyn.example.org", admin.HostChange{}); h.Alias != zone.MustName(page) {
		t.Errorf("alias = %s, want that of the file", h.Alias)
	}
	w.ok(w.importZones(origin, "x A 192.0.2.9\n"))
	for _, name := range []string{home, "off.dyn.example.org", "alias.dyn.example.org"} {
		if got := w.records(origin, name); got[len(got)-1] != placeholder {
			t.Errorf("%s = %q, want the placeholder", name, got)
		}
	}
	w.wantRecords(origin, star)
}

func withoutSerial(file string) string {
	_, rest, _ := strings.Cut(file, "\n")
	return rest
}
