package admin_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	// More than one commit, and an account whose hosts lie in two of them.
	plan := admin.SeedPlan{Zone: zone.MustName("dyn.example.org"), Hosts: 10_003, Accounts: 13}
	var out strings.Builder
	w.ok(nil, w.Seed(t.Context(), plan, &out))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != plan.Accounts {
		t.Fatalf("%d lines, want one for each of %d accounts", len(lines), plan.Accounts)
	}
	hosts := 0
	for i, line := range lines {
		fields := strings.Split(line, ",")
		if want := fmt.Sprintf("kc%07d", i+1); fields[0] != want || len(fields[1]) != 32 {
			t.Errorf("line %d begins with %s, %s, want %s and a secret", i, fields[0], fields[1], want)
		}
		for _, name := range fields[2:] {
			hosts++
			if want := fmt.Sprintf("h%07d.dyn.example.org", hosts); name != want {
				t.Fatalf("host %d = %s, want %s", hosts, name, want)
			}
		}
		a, err := w.Account(fmt.Sprintf("c%07d", i+1))
		if err != nil || a.Hosts != len(fields)-2 || a.Keys != 1 {
			t.Errorf("account of line %d = %+v, %v", i, a, err)
		}
	}
	if hosts != plan.Hosts {
		t.Errorf("%d hosts, want %d", hosts, plan.Hosts)
	}
	w.wantRecords("dyn.example.org", "h0000001.dyn.example.org", "A 192.0.2.1")
	w.wantRecords("dyn.example.org", "h0000256.dyn.example.org", "A 198.51.100.2", "AAAA 2001:db8::100")
}

func TestSeedRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	name := zone.MustName("dyn.example.org")
	tests := []struct {
		plan admin.SeedPlan
		kind error
		want string
	}{
		{admin.SeedPlan{Zone: zone.MustName("example.net"), Hosts: 2, Accounts: 1}, admin.ErrNotFound, "no zone example.net"},
		{admin.SeedPlan{Zone: name, Hosts: 2, Accounts: 3}, admin.ErrInvalid, "2 hosts of 3 accounts cannot be made"},
		{admin.SeedPlan{Zone: name, Hosts: 2}, admin.ErrInvalid, "2 hosts of 0 accounts cannot be made"},
	}
	for _, tt := range tests {
		w.refused(w.Seed(t.Context(), tt.plan, io.Discard), tt.kind, tt.want)
	}
	w.ok(nil, w.Seed(t.Context(), admin.SeedPlan{Zone: name, Hosts: 2, Accounts: 1}, io.Discard))
	err := w.Seed(t.Context(), admin.SeedPlan{Zone: name, Hosts: 2, Accounts: 1}, io.Discard)
	w.refused(err, admin.ErrExists, "account c0000001 exists already")
}
