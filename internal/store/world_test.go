package store_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

var origin = zone.MustName("dyn.example.org")

// quiet keeps what tests provoke out of their output.
var quiet = slog.New(slog.DiscardHandler)

// open opens the store of dir until the test ends.
func open(tb testing.TB, dir string, opts store.Options) *store.Store {
	tb.Helper()
	opts.Logger = cmp.Or(opts.Logger, quiet)
	return rig.OpenStore(tb, dir, opts)
}

// load returns the state that the store holds.
func load(tb testing.TB, s *store.Store) *registry.State {
	tb.Helper()
	state, err := s.Load(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return state
}

// run starts a registry over the store until the test ends.
func run(tb testing.TB, s registry.Store) *registry.Registry {
	tb.Helper()
	r, err := registry.Open(tb.Context(), s, registry.Options{Logger: quiet})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
	})
	return r
}

// apply makes an edit that must succeed.
func apply(tb testing.TB, r *registry.Registry, e registry.Edit) registry.Revision {
	tb.Helper()
	revision, err := r.Apply(context.Background(), registry.Actor{Via: "test"}, e)
	if err != nil {
		tb.Fatal(err)
	}
	return revision
}

// hostName returns the name of host i.
func hostName(i int) zone.Name {
	name, err := origin.Child(fmt.Sprintf("host-%d", i))
	if err != nil {
		panic(err)
	}
	return name
}

// address returns some address, one of 65,536 by n.
func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)})
}

// makeZone is an edit that makes the zone and hosts in it, each with an address.
func makeZone(hosts int) registry.Edit {
	return func(*registry.State) (registry.Changes, error) {
		d := zone.New(origin)
		soa := zone.DefaultSOA(origin, origin, 1).RRset(origin)
		if err := d.Put(soa); err != nil {
			return registry.Changes{}, err
		}
		var c registry.Changes
		for i := range hosts {
			records, h := hostAt(i, address(i))
			if err := d.Put(records); err != nil {
				return registry.Changes{}, err
			}
			c.Accounts.Hosts = append(c.Accounts.Hosts, h)
		}
		z, _, err := d.Finish()
		c.Replaced = []*zone.Zone{z}
		return c, err
	}
}

func hostAt(i int, a netip.Addr) (zone.RRset, account.Host) {
	records, _ := zone.AddressSets(hostName(i), 60, []netip.Addr{a})
	return records, account.Host{
		ID: uint32(i + 1), Name: hostName(i), Account: uint32(i/3 + 1), TTL: 60, Created: time.UnixMilli(1_790_000_000_000).UTC(),
		Sources: []account.Source{{Addr: a, Key: uint32(i + 1), Via: "dyndns2", At: time.UnixMilli(1_790_000_000_000).UTC()}},
	}
}

// move is an edit that gives host i an address.
func move(i int, a netip.Addr) registry.Edit {
	return func(*registry.State) (registry.Changes, error) {
		records, h := hostAt(i, a)
		c := registry.Changes{Records: []registry.ZoneRecords{{Zone: origin, Sets: []zone.RRset{records}}}}
		c.Accounts.Hosts = []account.Host{h}
		return c, nil
	}
}

// commitOf returns the commit that an edit leads to, outside of any registry.
func commitOf(tb testing.TB, state *registry.State, e registry.Edit) registry.Commit {
	tb.Helper()
	changes, err := e(state)
	if err != nil {
		tb.Fatal(err)
	}
	c := registry.Commit{
		Revision: state.Revision + 1, ID: fmt.Sprintf("%032x", state.Revision+1), At: time.UnixMilli(1_790_000_000_000).UTC(),
		By: []registry.Actor{{Via: "test"}}, Removed: changes.Removed, Replaced: changes.Replaced, Accounts: changes.Accounts, TSIG: changes.TSIG,
	}
	for _, records := range changes.Records {
		z := state.Zones.Get(records.Zone)
		d := z.Edit()
		for _, set := range records.Sets {
			if err := d.Put(set); err != nil {
				tb.Fatal(err)
			}
		}
		if err := d.SetSerial(zone.NextSerial(z.Serial())); err != nil {
			tb.Fatal(err)
		}
		_, delta, err := d.Finish()
		if err != nil {
			tb.Fatal(err)
		}
		c.Deltas = append(c.Deltas, delta)
	}
	return c
}

// release is an edit that deletes host i.
func release(i int) registry.Edit {
	return func(*registry.State) (registry.Changes, error) {
		records, _ := hostAt(i, address(i))
		records.Data = nil
		c := registry.Changes{Records: []registry.ZoneRecords{{Zone: origin, Sets: []zone.RRset{records}}}}
		c.Accounts.DeletedHosts = []zone.Name{hostName(i)}
		return c, nil
	}
}
