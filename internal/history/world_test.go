package history_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/history"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// start is when the tests' clock begins.
var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// still is a registry whose state stands.
type still struct{ state *registry.State }

func (s still) State() *registry.State { return s.state }

// newRegistry returns a state in which alice has the hosts home and nas with the
// keys "alice", for both, and "nas-only"; bob has printer with the key "bob".
func newRegistry(lineage string) still {
	draft := account.Directory{}.Edit()
	draft.Apply(&account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice"}, {ID: 2, Name: "bob"}},
		Hosts: []account.Host{
			{ID: 1, Name: host("home"), Account: 1}, {ID: 2, Name: host("nas"), Account: 1}, {ID: 3, Name: host("printer"), Account: 2},
		},
		Keys: []account.Key{alice, nasOnly, bob},
	})
	return still{&registry.State{Lineage: lineage, Accounts: draft.Freeze()}}
}

var (
	alice   = account.Key{ID: 11, Account: 1, Username: "alice"}
	nasOnly = account.Key{ID: 12, Account: 1, Username: "nas-only", Hosts: []zone.Name{host("nas")}}
	bob     = account.Key{ID: 13, Account: 2, Username: "bob"}
)

func host(label string) zone.Name { return zone.MustName(label + ".dyn.example.org") }

// world is a history with a clock.
type world struct {
	*history.History
	t   testing.TB
	now time.Time
}

func newWorld(t testing.TB, bound int64) *world {
	w := &world{t: t, now: start}
	w.History = history.New(newRegistry("one"), bound, func() time.Time { return w.now })
	return w
}

// exchange returns one about hosts, which are named by their labels.
func exchange(user, hosts, request, reply string) *history.Exchange {
	asked := &update.Request{Username: user, Source: netip.MustParseAddr("192.0.2.7"), Via: "dyndns2"}
	for label := range strings.FieldsSeq(hosts) {
		asked.Hosts = append(asked.Hosts, label+".dyn.example.org")
	}
	return &history.Exchange{
		Asked: asked, Request: []byte(request), Agent: "ddclient/3.10.0", Status: 200, Reply: []byte(reply + "\n"),
	}
}

// reported is an exchange with the right secret in which each host, by ID, had a
// success, or with 0 was none of the key's.
func (w *world) reported(key account.Key, request, reply string, ids ...uint32) {
	x := exchange(key.Username, "", request, reply)
	for _, id := range ids {
		r := update.Result{ID: id, Key: key.ID, Outcome: update.NoChange}
		if r.Account = key.Account; id == 0 {
			r.Account, r.Outcome = 0, update.NoHost
		}
		x.Results = append(x.Results, r)
	}
	w.Record(x)
}

// failed is an exchange in which all failed.
func (w *world) failed(user, hosts string, err error) {
	x := exchange(user, hosts, "GET "+hosts, "911")
	x.Err, x.Status = err, 503
	if errors.Is(err, account.ErrBadCredential) {
		x.Status, x.Reply = 401, []byte("badauth\n")
	}
	w.Record(x)
}

// lines returns entries as text, the latest first, a line for each.
func lines(entries []history.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%v", e.First.Sub(start))
		if e.Count > 1 {
			fmt.Fprintf(&b, "..%v x%d", e.Last.Sub(start), e.Count)
		}
		fmt.Fprintf(&b, " %s: %s -> %d %s", e.Username, e.Request, e.Status, strings.TrimSpace(e.Reply))
		if e.Why != history.Plain {
			fmt.Fprintf(&b, " (%v)", e.Why)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// expect compares what there is of a host or an update key.
func (w *world) expect(what string, entries []history.Entry, want string) {
	w.t.Helper()
	if got := lines(entries); got != strings.ReplaceAll(strings.TrimLeft(want, "\n"), "\t", "") {
		w.t.Errorf("%s:\n%swant:\n%s", what, got, want)
	}
}

// sealed returns a file of the content with its checksum behind it.
func sealed(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "history")
	content = binary.BigEndian.AppendUint32(bytes.Clone(content), crc32.ChecksumIEEE(content))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
