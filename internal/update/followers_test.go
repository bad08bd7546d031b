package update_test

import (
	"net/netip"
	"slices"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// A result says which further hosts a request changed, and only when it did.
func TestFollowersAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	h := w.host(nas)
	h.InterfaceID = netip.MustParseAddr("::2")
	w.apply(func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Accounts: account.Changes{Hosts: []account.Host{h}}}, nil
	})
	req := update.Request{Hosts: []string{home}, Prefix: netip.MustParsePrefix("2001:db8:1::/64")}
	if got := w.update(req)[0].Followers; !slices.Equal(got, []uint32{h.ID}) {
		t.Errorf("followers = %v, want %d", got, h.ID)
	}
	if got := w.update(req)[0].Followers; len(got) != 0 {
		t.Errorf("followers of what changes nothing = %v, want none", got)
	}
}

// An UPDATE of a host's address says so, too.
func TestFollowersOfAnUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.lan(map[string]stands{
		"router": {addrs: addrs("2001:db8:1::1")},
		"cam":    {Host: account.Host{Follows: name("router.dyn.example.org")}, addrs: addrs("2001:db8:1::7")},
	})
	results, err := w.service.Change(t.Context(), update.RecordRequest{Via: "rfc2136", Edit: func(r *update.Records) error {
		z := r.State.Zones.Get(name("dyn.example.org"))
		return r.PutHost(z, name("router.dyn.example.org"), nil, nil, addrs("2001:db8:2::1"), true)
	}})
	if err != nil || len(results) != 1 || !slices.Equal(results[0].Followers, []uint32{w.host("cam.dyn.example.org").ID}) {
		t.Errorf("results = %+v, %v, want one that names cam", results, err)
	}
	if got := w.records("cam.dyn.example.org"); got != "2001:db8:2::7" {
		t.Errorf("records of cam = %v", got)
	}
}
