package dnsserver_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// kept is a store in memory, which can be made to fail.
type kept struct {
	mu       sync.Mutex
	state    *registry.State
	revision registry.Revision
	fault    error
	wait     chan struct{} // if not nil, Append waits until it is closed
	appends  int
}

func (k *kept) Load(context.Context) (*registry.State, error) { return k.state, nil }

func (k *kept) Append(_ context.Context, after registry.Revision, commits []registry.Commit) error {
	k.mu.Lock()
	wait := k.wait
	k.mu.Unlock()
	if wait != nil {
		<-wait
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.fault != nil:
		return k.fault
	case after != k.revision:
		return registry.ErrBehind
	}
	k.revision += registry.Revision(len(commits))
	k.appends += len(commits)
	return nil
}

func (k *kept) Follow(context.Context, registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) { yield(registry.Commit{}, errors.ErrUnsupported) }
}

// fail makes the store fail, or with nil work again.
func (k *kept) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = err
}

// writes returns how many commits the store has taken.
func (k *kept) writes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.appends
}

// updated is a server that takes UPDATEs, over a registry that runs.
type updated struct {
	*served
	registry *registry.Registry
	store    *kept
	seen     *update.Seen
}

var quiet = slog.New(slog.DiscardHandler)

// serveUpdates serves a state until the test ends.
func serveUpdates(t testing.TB, state *registry.State, opts update.Options) *updated {
	t.Helper()
	store := &kept{state: state}
	r, err := registry.Open(t.Context(), store, registry.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	if opts.Logger == nil {
		opts.Logger = quiet
	}
	s := serve(t, dnsserver.Options{Updates: update.New(r, opts)}, r.State)
	return &updated{s, r, store, opts.Seen}
}

// run runs a registry until the test ends.
func run(t testing.TB, r *registry.Registry) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

// forgetful is a store that keeps nothing of when hosts were seen.
type forgetful struct{}

func (forgetful) LoadSeen(context.Context, time.Time) (map[uint32]time.Time, error) { return nil, nil }
func (forgetful) SaveSeen(context.Context, map[uint32]time.Time) error              { return nil }

func newSeen(t testing.TB) *update.Seen {
	t.Helper()
	seen, err := update.OpenSeen(t.Context(), forgetful{}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// tsigSecret is that of all keys in these tests, in base64.
const tsigSecret = "c2VjcmV0IG9mIHRoaXJ0eS10d28gb2N0ZXRzIGhlcmU="

// tsigKey returns a key with grants such as "zonesub example.org A AAAA", where a zone
// that the rule needs stands first.
func tsigKey(t testing.TB, name string, grants ...string) tsig.Key {
	t.Helper()
	secret, err := tsig.ParseSecret(tsigSecret)
	if err != nil {
		t.Fatal(err)
	}
	k := tsig.Key{Name: zone.MustName(name), Secret: secret}
	for _, text := range []string{"hmac-sha256", "hmac-md5", "hmac-sha512-256"} {
		s, err := tsig.ParseScheme(text)
		if err != nil {
			t.Fatal(err)
		}
		k.Schemes = append(k.Schemes, s)
	}
	for _, text := range grants {
		g, err := tsig.ParseGrant(text, "")
		if err != nil {
			t.Fatal(err)
		}
		k.Grants = append(k.Grants, g)
	}
	return k
}

func ringOf(keys ...tsig.Key) tsig.Keyring {
	return tsig.Keyring{}.With(&tsig.Changes{Keys: keys})
}
