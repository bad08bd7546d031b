package registry_test

import (
	"testing"

	"stayput.dev/internal/registry"
)

// TestNotesAlone: what somebody did beside the state is in the journal, and followers hear
// of it, though nothing else changes.
func TestNotesAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w world) {
		before := w.State()
		by := registry.Actor{Account: 7, Via: "web", From: "192.0.2.1"}
		want := registry.Note{Verb: "set", Subject: "brand", Detail: "name Example"}
		if err := w.Note(t.Context(), by, want); err != nil {
			t.Fatal(err)
		}
		now := w.State()
		if now.Revision != before.Revision+1 || now.Zones != before.Zones || now.Accounts != before.Accounts {
			t.Errorf("the state went from %d to %d, or is another one", before.Revision, now.Revision)
		}
		for c, err := range w.Follow(t.Context(), before.Revision) {
			if err != nil || len(c.Notes) != 1 || c.Notes[0] != want || c.By[c.Notes[0].By] != by {
				t.Errorf("followers hear %+v, %v", c, err)
			}
			break
		}
	})
}
