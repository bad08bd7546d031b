package zone

import (
	"iter"
	"reflect"

	"stayput.dev/internal/tree"
)

// ZoneChange is a difference between two sets at one origin: Old gave way to New.
// Either is nil where its set has no such zone.
type ZoneChange struct{ Old, New *Zone }

// Changed returns where s differs from before, in no particular order. Its time is
// proportional to the change when one was made from the other.
func (s Set) Changed(before Set) []ZoneChange {
	var changes []ZoneChange
	for i := range shards {
		was, now := before.shard(i), s.shard(i)
		if reflect.ValueOf(was).Pointer() == reflect.ValueOf(now).Pointer() {
			continue
		}
		for origin, z := range now {
			if was[origin] != z {
				changes = append(changes, ZoneChange{was[origin], z})
			}
		}
		for origin, z := range was {
			if now[origin] == nil {
				changes = append(changes, ZoneChange{z, nil})
			}
		}
	}
	return changes
}

func (s Set) shard(i int) map[Name]*Zone {
	if s.shards == nil {
		return nil
	}
	return s.shards[i]
}

// NodeChange is a difference between two versions of a zone at one name: Old gave
// way to New. Either is empty where its version has no records of that name.
type NodeChange struct {
	Name     Name
	Old, New Node
}

// ChangedNodes yields where two versions of one zone differ, in canonical order of
// names (RFC 4034 §6.1). It costs less than Diff, which says what changed there. A
// node is valid until the next is yielded.
func ChangedNodes(before, after *Zone) iter.Seq[NodeChange] {
	return func(yield func(NodeChange) bool) {
		for c := range tree.Diff(before.nodes, after.nodes) {
			name, _ := nameFromKey(c.Key) // keys are checked when a zone is made
			if !yield(NodeChange{name, Node{c.Old}, Node{c.New}}) {
				return
			}
		}
	}
}

// Cuts returns how many delegations below the apex and DNAMEs the zone has: with
// none, every name that has records answers for itself.
func (z *Zone) Cuts() int { return z.cuts }
