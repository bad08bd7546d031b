package publish_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/publish"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig/primary"
)

// views are two of one BIND that serve a zone of the same name, each with records of its
// own. Who signs with a view's key is meant; of others, 127.0.0.2 is inside.
var views = primary.NamedKey("push-inside") + primary.NamedKey("push-outside") + `
view inside {
	match-clients { key push-inside; !key push-outside; 127.0.0.2; };
	zone dyn.example.org {
		type primary; file "inside.zone";
		update-policy { grant push-inside zonesub ANY; };
		allow-transfer { key push-inside; };
	};
};
view outside {
	match-clients { any; };
	zone dyn.example.org {
		type primary; file "outside.zone";
		update-policy { grant push-outside zonesub ANY; };
		allow-transfer { key push-outside; };
	};
};
`

// TestViews: the same zone is pushed into two views of one BIND, each by its key. What
// happens to one has nothing to do with the other, not even its fence.
func TestViews(t *testing.T) {
	t.Parallel()
	target := primary.BIND.New(t)
	target.Named(views)
	target.Write("inside.zone", primary.Master+"intranet A 192.0.2.10\n")
	target.Write("outside.zone", primary.Master)
	target.Start()
	w := newPushWorld(t, target)
	w.set("home A 192.0.2.1", "old A 192.0.2.2")
	w.addKeys("push-inside", "push-outside")

	pushers := publish.NewPushers(w.registry, w.store, publish.PushOptions{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	inside := publish.TargetName{Zone: origin, Addr: target.Addr, Key: zone.MustName("push-inside")}
	outside := publish.TargetName{Zone: origin, Addr: target.Addr, Key: zone.MustName("push-outside")}
	pushers.SetTargets([]publish.TargetName{inside, outside})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { pushers.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })

	arrive := func(names ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, name := range names {
			if err := pushers.Await(ctx, zone.MustName(name+".dyn.example.org")); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(name, insideHas, outsideHas string) {
		t.Helper()
		for from, want := range map[string]string{"127.0.0.2": insideHas, "127.0.0.1": outsideHas} {
			if got := askFrom(t, from, target.Addr.String(), name); got != want {
				t.Errorf("%s hears that %s is %q, want %q", from, name, got, want)
			}
		}
	}
	arrive("home", "old")
	expect("home", "192.0.2.1", "192.0.2.1")
	expect("intranet", "192.0.2.10", "")

	w.set("home A 192.0.2.3", "old A")
	arrive("home", "old")
	expect("home", "192.0.2.3", "192.0.2.3")
	expect("old", "", "")
	expect("intranet", "192.0.2.10", "")

	until(t, func() bool { // "old" is one that was deleted
		_, marks, err := w.store.Marks(t.Context(), "push dyn.example.org "+target.Addr.String()+" push-inside")
		return err == nil && len(marks) > 0
	})
	pushers.SetTargets([]publish.TargetName{outside})
	until(t, func() bool { return pushers.Running() == 1 })
	until(t, func() bool { // what the other had come to is forgotten, and nobody else's
		before, marks, err := w.store.Marks(t.Context(), "push dyn.example.org "+target.Addr.String()+" push-inside")
		if err != nil {
			t.Fatal(err)
		}
		return before == 0 && len(marks) == 0
	})
	if at, err := w.store.Cursor(t.Context(), "push dyn.example.org "+target.Addr.String()+" push-outside"); err != nil || at == 0 {
		t.Errorf("the one that stays is at %d, %v", at, err)
	}
	w.set("home A 192.0.2.4")
	arrive("home")
	expect("home", "192.0.2.3", "192.0.2.4")
	pushers.SetTargets([]publish.TargetName{inside, outside})
	arrive("home")
	expect("home", "192.0.2.4", "192.0.2.4")
	for _, s := range pushers.States() {
		if s.Err != nil || s.Pending > 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestNameIsGoneElsewhere: where another node pushes, a name that was deleted, and that at
// the target too, is not late, though the pusher remembers that it was ours.
func TestNameIsGoneElsewhere(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, nil)
	w.addKeys("push")
	target := publish.TargetName{Zone: origin, Addr: netip.MustParseAddrPort("192.0.2.53:53"), Key: zone.MustName("push")}
	pushers := publish.NewPushers(w.registry, w.store, publish.PushOptions{Shared: true})
	pushers.SetTargets([]publish.TargetName{target})
	gone, due := zone.MustName("gone.dyn.example.org"), zone.MustName("due.dyn.example.org")
	err := w.store.SaveMarks(t.Context(), "push dyn.example.org 192.0.2.53:53 push", w.registry.State().Revision, []registry.Mark{
		{Name: gone, Types: []zone.Type{zone.TypeA}, Stage: registry.MarkGone, At: time.Now()},
		{Name: due, Types: []zone.Type{zone.TypeA}, Stage: registry.MarkPending, At: time.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if late := pushers.Late(gone); len(late) > 0 {
		t.Errorf("a name that is gone is late: %+v", late)
	}
	if late := pushers.Late(due); len(late) != 1 {
		t.Errorf("a name that is to be deleted yet is late at %d targets, want 1", len(late))
	}
}

// addKeys gives the registry keys with the secret that all have.
func (w *pushWorld) addKeys(names ...string) {
	w.t.Helper()
	var changes registry.Changes
	for _, name := range names {
		changes.TSIG.Keys = append(changes.TSIG.Keys, tsig.Key{Name: zone.MustName(name), Schemes: pushKey.Schemes, Secret: pushKey.Secret})
	}
	w.apply(changes)
}

// askFrom returns the address that a client with an address of its own hears of a host;
// "" for none.
func askFrom(t *testing.T, from, server, name string) string {
	t.Helper()
	client := dns.Client{Timeout: time.Minute, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(fmt.Sprintf("%s.dyn.example.org.", name), dns.TypeA), server)
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Answer) == 0 {
		return ""
	}
	return reply.Answer[0].(*dns.A).A.String()
}
