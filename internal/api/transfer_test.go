package api_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"stayput.dev/internal/api"
)

const head = "$TTL 300\n@ SOA ns1.example.net. hostmaster.example.net. 7 300 60 1209600 60\n@ NS ns1.example.net.\n"

func TestImportAndExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	before := ok(w.Status(ctx))(t).Revision
	report := ok(w.ImportZones(ctx, []api.ZoneFile{
		{Zone: "example.org", File: "/etc/bind/example.org", Content: strings.NewReader(head + "www A 192.0.2.1\n")},
		{Zone: "dyn.example.org", File: "dyn.zone", Content: strings.NewReader(head + "sub NS ns.sub\n")},
		{Zone: "0/26.2.0.192.in-addr.arpa", Content: strings.NewReader(head + "1 PTR www.example.org.\n")},
	}))(t)
	if after := ok(w.Status(ctx))(t).Revision; after != before+1 {
		t.Errorf("three zones took %d commits", after-before)
	}
	want := []string{"dyn.zone: sub.dyn.example.org NS ns.sub.dyn.example.org has no address in the zone"}
	if len(report) != 3 || !slices.Equal(report[1].Warnings, want) || report[2].Zone != "0/26.2.0.192.in-addr.arpa" || report[0].Names != 2 {
		t.Errorf("report = %+v", report)
	}
	var out strings.Builder
	done(t, w.ExportZone(ctx, "0/26.2.0.192.in-addr.arpa", &out))
	if !strings.HasSuffix(out.String(), "1.0/26.2.0.192.in-addr.arpa.\t300\tIN\tPTR\twww.example.org.\n") {
		t.Errorf("exported:\n%s", out.String())
	}
}

func TestImportFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	bad := head + "a A 192.0.2.300\n"
	_, err := w.ImportZones(ctx, []api.ZoneFile{{Zone: "example.org", File: "zones/example.org", Content: strings.NewReader(bad)}})
	refused(t, err, 422, `zones/example.org: line 4: bad A A: "192.0.2.300"`, "")
	_, err = w.ImportZones(ctx, nil)
	refused(t, err, 422, "no zone to import", "")
	_, err = w.ImportZones(ctx, []api.ZoneFile{{Zone: "a..b", Content: strings.NewReader(head)}})
	refused(t, err, 422, `not a domain name: "a..b": it has an empty label`, "")

	// A fault at the beginning is heard although much more is to come.
	long := io.MultiReader(strings.NewReader(bad), strings.NewReader(strings.Repeat("b A 192.0.2.1\n", 1<<19)))
	_, err = w.ImportZones(ctx, []api.ZoneFile{{Zone: "example.org", File: "long", Content: long}})
	refused(t, err, 422, `long: line 4: bad A A: "192.0.2.300"`, "")

	// A file that cannot be read to its end changes nothing.
	broken := errors.New("disk on fire")
	half := io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken))
	_, err = w.ImportZones(ctx, []api.ZoneFile{{Zone: "example.org", Content: half}})
	if !errors.Is(err, broken) || err.Error() != "sending zone example.org: disk on fire" {
		t.Errorf("error = %v, want %v", err, broken)
	}
	if got := ok(w.Status(ctx))(t).Revision; got != 0 {
		t.Errorf("revision = %d after imports that failed, want 0", got)
	}
}

func TestImportOfALargeZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pr, pw := io.Pipe()
	const names = 50_000
	go func() {
		_, err := io.WriteString(pw, head)
		for i := 0; i < names && err == nil; i++ {
			_, err = fmt.Fprintf(pw, "h%d A 192.0.2.%d\n", i, i%254+1)
		}
		_ = pw.CloseWithError(err)
	}()
	report := ok(w.ImportZones(t.Context(), []api.ZoneFile{{Zone: "example.org", Content: pr}}))(t)
	if report[0].Names != names+1 {
		t.Errorf("%d names, want %d", report[0].Names, names+1)
	}
}

func TestMoveIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	const hash = "abQ9KY.KfrYrc"
	in := api.MoveIn{
		Zones:    []api.ZoneText{{Zone: "dyn.example.org", File: "dyn.zone", Content: head + "home A 192.0.2.1\n"}},
		Accounts: []api.NewCustomer{{Name: "alice"}},
		Hosts: []api.MovedHost{
			{Name: "home.dyn.example.org", Account: "alice"},
			{Name: "a..b", Account: "alice"},
			{Name: "nas.dyn.example.org", Account: "alice", Addresses: []string{"192.0.2.256"}},
		},
		Keys: []api.MovedKey{
			{Username: "alice", AnyCase: true, Account: "alice", Hosts: []string{"home.dyn.example.org"}, Hash: hash, Unchanged: "good"},
			{Username: "made", Account: "alice"},
			{Username: "odd", Account: "alice", Unchanged: "perhaps"},
		},
		DryRun: true,
	}
	dry := ok(w.MoveIn(ctx, in))(t)
	in.DryRun = false
	report := ok(w.MoveIn(ctx, in))(t)
	var outcomes []string
	for i, part := range report {
		outcomes = append(outcomes, part.Kind+" "+part.Name+" "+part.Outcome)
		if part.Outcome != dry[i].Outcome || part.Why != dry[i].Why || dry[i].Secret != "" || (part.Secret != "") != (part.Name == "made") {
			t.Errorf("%+v, in the dry run %+v", part, dry[i])
		}
	}
	want := []string{
		"zone dyn.example.org added", "account alice added", "host home.dyn.example.org added", "key alice added", "key made added",
		"host a..b refused", "host nas.dyn.example.org refused", "key odd refused",
	}
	if !slices.Equal(outcomes, want) {
		t.Errorf("report = %q, want %q", outcomes, want)
	}
	if k := ok(w.Key(ctx, "alice"))(t); k.Unchanged != "good" || !slices.Equal(k.Hosts, []string{"home.dyn.example.org"}) {
		t.Errorf("key = %+v", k)
	}
	if hashes := ok(w.OldHashes(ctx))(t); !slices.Equal(hashes, []api.OldHash{{Username: "alice", Hash: hash}}) {
		t.Errorf("old hashes = %+v", hashes)
	}
	in.Zones[0].Content = head + "home A 192.0.2.300\n"
	_, err := w.MoveIn(ctx, in)
	refused(t, err, 422, `dyn.zone: line 4: bad A A: "192.0.2.300"`, "")
}
