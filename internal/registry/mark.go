package registry

import (
	"time"

	"stayput.dev/internal/zone"
)

// Mark is what a follower that carries names to somewhere else keeps of one of them,
// beside the revision up to which everything was carried.
type Mark struct {
	Name  zone.Name
	Types []zone.Type // that may be there of ours, beside those that the state has
	Stage MarkStage
	At    time.Time // when it came to the stage
}

// MarkStage is how far a name with a mark is. The numbers are part of what is stored.
type MarkStage uint8

// The stages.
const (
	MarkNone    MarkStage = iota // there is no mark
	MarkPending                  // the name is still to be carried
	MarkGone                     // the name is none of ours any more, and that was carried
)
