package web

import (
	"fmt"
	"html/template"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/history"
)

// A timeline shows which addresses a host had, and when it was refused, to look at
// rather than to read. Places on it go from 0, its start, to timelineWidth, now.
type timeline struct {
	Start, End template.HTML
	Grid       []int // the midnights, or what takes their place
	Lanes      []lane
}

const (
	timelineWidth = 1000
	maxLanes      = 8
	leastBar      = 5 // so that a moment is seen
)

// A lane is one address, or the refusals.
type lane struct {
	Label  string // the address; empty for refusals
	Count  int    // of refusals
	Now    bool   // it stands
	When   template.HTML
	Bars   []bar
	Fails  []bar
	latest time.Time
}

// A bar is a time during which something was so.
type bar struct{ X, Width int }

// maxChanges is how many changes of addresses a time line is drawn of.
const maxChanges = 100

// drawTimeline returns the time line of a host; nil where nothing is known.
func (v *visit) drawTimeline(h *admin.Host, entries []history.Entry) (*timeline, error) {
	changes, err := v.p.Archive.Changes(v.r.Context(), h.Name, maxChanges)
	if err != nil {
		return nil, fmt.Errorf("reading the changes of %v: %w", h.Name, err)
	}
	all := spans(append(unwritten(changes, h.Sources), changes...), v.now)
	if !forStaff.allows(v.who.Role) { // another may have had the host before
		all = slices.DeleteFunc(all, func(s span) bool { return !s.stands && s.account != 0 && s.account != v.who.ID })
	}
	start := v.now
	for _, s := range all {
		start = earlier(start, s.from)
	}
	for i := range entries {
		start = earlier(start, entries[i].First)
	}
	if start.Equal(v.now) {
		return nil, nil
	}
	start = earlier(start, v.now.Add(-time.Hour))
	scale := ruler{start, v.now.Sub(start)}
	line := &timeline{Start: v.ago(start), End: v.text("timeline.now"), Grid: scale.midnights(v.zone)}
	for _, span := range all {
		line.put(span, scale, v)
	}
	slices.SortStableFunc(line.Lanes, func(a, b lane) int { return b.latest.Compare(a.latest) })
	line.Lanes = line.Lanes[:min(len(line.Lanes), maxLanes)]
	if fails, some := v.refusals(entries, scale); some {
		line.Lanes = append(line.Lanes, fails)
	}
	return line, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// put draws a span on the lane of its address.
func (l *timeline) put(s span, scale ruler, v *visit) {
	label := s.addr.String()
	i := slices.IndexFunc(l.Lanes, func(l lane) bool { return l.Label == label })
	if i < 0 {
		i = len(l.Lanes)
		l.Lanes = append(l.Lanes, lane{Label: label})
	}
	on := &l.Lanes[i]
	on.Bars = append(on.Bars, scale.bar(s.from, s.to))
	if s.to.After(on.latest) {
		on.latest = s.to
		on.Now, on.When = s.stands, v.ago(s.to)
		if s.stands {
			on.When = v.since(s.from)
		}
	}
}

// refusals returns the lane of what was refused.
func (v *visit) refusals(entries []history.Entry, scale ruler) (lane, bool) {
	var l lane
	for i := range entries {
		e := &entries[i]
		if judge(e).kind != "bad" {
			continue
		}
		l.Count += e.Count
		l.Fails = append(l.Fails, scale.bar(e.First, e.Last))
		if e.Last.After(l.latest) {
			l.latest, l.When = e.Last, v.ago(e.Last)
		}
	}
	return l, l.Count > 0
}

// A span is how long a name pointed to an address.
type span struct {
	addr     netip.Addr
	from, to time.Time
	stands   bool
	account  uint32 // whose the name was; 0 where that is not known
}

// spans returns for how long each address stood, of changes of which the latest comes
// first: until it was no longer among those of its family, or until now.
func spans(changes []archive.Change, now time.Time) []span {
	var all []span
	open := map[netip.Addr]int{} // of all
	for _, c := range slices.Backward(changes) {
		for a, i := range open {
			if a.Is6() == c.IPv6 && !slices.Contains(c.Addrs, a) {
				all[i].to, all[i].stands = c.At, false
				delete(open, a)
			}
		}
		for _, a := range c.Addrs {
			if _, stands := open[a]; !stands {
				open[a] = len(all)
				all = append(all, span{addr: a, from: c.At, to: now, stands: true, account: c.Account})
			}
		}
	}
	return all
}

// unwritten returns the changes that led to the addresses that a host has and that are
// not among those written down, which happens a moment later.
func unwritten(written []archive.Change, sources []admin.Source) []archive.Change {
	var all []archive.Change
	for _, ipv6 := range []bool{false, true} {
		now := archive.Change{IPv6: ipv6}
		for _, s := range sources {
			if s.Addr.Is6() == ipv6 {
				now.Addrs = append(now.Addrs, s.Addr)
				now.At = later(now.At, s.At)
			}
		}
		i := slices.IndexFunc(written, func(c archive.Change) bool { return c.IPv6 == ipv6 })
		if len(now.Addrs) > 0 && (i < 0 || written[i].At.Before(now.At)) {
			all = append(all, now)
		}
	}
	return all
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// A ruler tells where on the time line a moment is.
type ruler struct {
	start time.Time
	whole time.Duration
}

func (r ruler) place(t time.Time) int {
	return int(min(max(t.Sub(r.start).Seconds()/r.whole.Seconds(), 0), 1) * timelineWidth)
}

func (r ruler) bar(from, to time.Time) bar {
	x, end := r.place(from), r.place(to)
	width := max(end-x, leastBar)
	return bar{min(x, timelineWidth-width), width}
}

// midnights returns the places of up to fourteen midnights.
func (r ruler) midnights(zone *time.Location) []int {
	var places []int
	days := int(r.whole.Hours()/24)/14 + 1
	y, m, d := r.start.In(zone).Date()
	for i := 1; i <= 14; i++ {
		t := time.Date(y, m, d+i*days, 0, 0, 0, 0, zone)
		if !t.Before(r.start.Add(r.whole)) {
			break
		}
		places = append(places, r.place(t))
	}
	return places
}
