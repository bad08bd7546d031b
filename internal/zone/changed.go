package zone

import "reflect"

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

// Cuts returns how many delegations below the apex and DNAMEs the zone has: with
// none, every name that has records answers for itself.
func (z *Zone) Cuts() int { return z.cuts }
