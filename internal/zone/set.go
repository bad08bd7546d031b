package zone

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// Set is all zones of a server, in versions that never change. The zero Set is
// empty. It is safe for concurrent use.
type Set struct{ shards *[shards]map[Name]*Zone }

// A change copies one shard, so that a thousand zones are not copied for one.
const shards = 64

func shardOf(origin Name) int {
	h := uint32(2166136261)
	for i := range len(origin) {
		h = (h ^ uint32(origin[i])) * 16777619
	}
	return int(h % shards)
}

// Get returns the zone with the given origin, or nil.
func (s Set) Get(origin Name) *Zone {
	if s.shards == nil {
		return nil
	}
	return s.shards[shardOf(origin)][origin]
}

// Find returns the zone nearest above name or at it, or nil when name is in
// none of them (RFC 1034 §4.3.2 step 2).
func (s Set) Find(name Name) *Zone {
	for {
		if z := s.Get(name); z != nil {
			return z
		}
		if name == Root {
			return nil
		}
		name = name.Parent()
	}
}

// Len returns the number of zones.
func (s Set) Len() int {
	n := 0
	if s.shards != nil {
		for _, m := range s.shards {
			n += len(m)
		}
	}
	return n
}

// All yields the zones in canonical order of their origins.
func (s Set) All() iter.Seq[*Zone] {
	var all []*Zone
	if s.shards != nil {
		for _, m := range s.shards {
			all = slices.AppendSeq(all, maps.Values(m))
		}
	}
	slices.SortFunc(all, func(a, b *Zone) int {
		return cmp.Or(a.origin.Compare(b.origin))
	})
	return slices.Values(all)
}

// With returns a set in which z takes the place of the zone of its origin.
func (s Set) With(z *Zone) Set { return s.change(z.origin, z) }

// Without returns a set that has no zone with the given origin.
func (s Set) Without(origin Name) Set { return s.change(origin, nil) }

func (s Set) change(origin Name, z *Zone) Set {
	next := new([shards]map[Name]*Zone)
	if s.shards != nil {
		*next = *s.shards
	}
	i := shardOf(origin)
	m := maps.Clone(next[i])
	if m == nil {
		m = map[Name]*Zone{}
	}
	if m[origin] = z; z == nil {
		delete(m, origin)
	}
	next[i] = m
	return Set{next}
}
