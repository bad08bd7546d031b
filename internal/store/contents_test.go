package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tree"
)

// contents returns all that a state holds, entry by entry: two states are the
// same when their contents are. (Their pieces may be cut in other places.)
func contents(tb testing.TB, s *registry.State) map[string]string {
	tb.Helper()
	parts := map[string]*tree.Builder{}
	out := map[string]string{"lineage": s.Lineage, "revision": fmt.Sprint(s.Revision)}
	for piece := range s.Pieces() {
		part, leaf := "", []byte(nil)
		switch piece[1] {
		case 'h':
			out["head"] = string(piece)
			continue
		case 'd':
			part, leaf = fmt.Sprintf("directory %d", piece[2]), piece[3:]
		case 'z':
			r := codec.NewReader(piece[2:])
			part = "zone " + r.String()
			leaf = piece[len(piece)-r.Len():]
		}
		if parts[part] == nil {
			parts[part] = &tree.Builder{}
		}
		if err := parts[part].AddLeaf(leaf); err != nil {
			tb.Fatal(err)
		}
	}
	for part, b := range parts {
		for key, value := range b.Map().All() {
			out[part+" "+string(key)] = string(value)
		}
	}
	return out
}

// same fails the test when two states differ.
func same(tb testing.TB, got, want *registry.State) {
	tb.Helper()
	if diff := cmp.Diff(contents(tb, want), contents(tb, got)); diff != "" {
		tb.Fatalf("state differs (-want +got):\n%.2000s", diff)
	}
}
