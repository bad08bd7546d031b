package web

import (
	"hash/fnv"
	"html/template"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/history"
)

// A hostView is a host as lists and its own page show it.
type hostView struct {
	admin.Host
	Kind  string        // the look of its state: good, wait, warn, bad, idle
	State template.HTML // its state in a few words
	Why   template.HTML // the same in a sentence; may be empty
	Seen  template.HTML // when a device last reported; empty for never
	From  string        // what reported last, and from where; may be empty
	Mark  string        // changes when what is shown does

	entries []history.Entry
}

// viewHost returns how a host is, from its state and from what its devices asked.
func (v *visit) viewHost(h admin.Host) *hostView {
	return v.viewHostAfter(h, v.p.History.Host(h.Name))
}

// viewHostAfter is viewHost with what its devices asked, the latest first.
func (v *visit) viewHostAfter(h admin.Host, entries []history.Entry) *hostView {
	view := &hostView{Host: h, entries: entries}
	if !h.LastSeen.IsZero() {
		view.Seen = v.ago(h.LastSeen)
	}
	view.Mark = markHost(&h, view.entries)
	var trouble *sentence
	if len(view.entries) > 0 {
		if last := v.tell(&view.entries[0]); last.Todo != "" && !hasReported(&h, view.entries[0].Last) {
			trouble = last
		}
		view.From = view.entries[0].Source.String()
	}
	say := func(kind, key string) {
		view.Kind, view.State, view.Why = kind, v.text("state."+key), v.text("state."+key+"_why")
	}
	switch {
	case h.Suspended:
		say("idle", "suspended")
	case trouble != nil && trouble.Kind == "warn":
		view.Kind, view.State, view.Why = "warn", v.text("state.look"), trouble.What
	case trouble != nil:
		view.Kind, view.State, view.Why = "bad", v.text("state.failing"), trouble.What
	case h.LastSeen.IsZero() && len(h.Addresses) == 0:
		say("wait", "waiting")
	case h.Offline.Via != "":
		say("idle", "offline")
	case h.Alias != "":
		say("good", "alias")
	case len(h.Addresses) == 0:
		say("idle", "bare")
	case h.CGNAT:
		say("warn", "cgnat")
	case h.Expiring:
		view.Kind, view.State = "warn", v.text("state.expiring")
		view.Why = v.text("state.expiring_why", "When", v.at(h.Expires, v.date(h.Expires)))
	case h.LastSeen.IsZero():
		say("good", "set")
	default:
		say("good", "fresh")
	}
	return view
}

// hasReported tells whether an address came after a time. It is seen before, or at another
// node than, the history tells of it.
func hasReported(h *admin.Host, after time.Time) bool {
	return slices.ContainsFunc(h.Sources, func(s admin.Source) bool { return s.At.After(after) })
}

// markHost returns what is different whenever a page that shows the host is.
func markHost(h *admin.Host, entries []history.Entry) string {
	sum := fnv.New64a()
	note := func(text string) {
		sum.Write([]byte(text))
		sum.Write([]byte{0})
	}
	for _, a := range h.Addresses {
		note(a.String())
	}
	note(h.Alias.String())
	note(strconv.FormatInt(h.LastSeen.Unix(), 10))
	note(strconv.FormatBool(h.Suspended) + strconv.FormatBool(h.Expiring))
	note(strconv.FormatInt(h.Offline.At.Unix(), 10))
	if len(entries) > 0 {
		note(entries[0].Last.Format(time.RFC3339) + strconv.Itoa(entries[0].Count) + entries[0].Why.String())
	}
	return strconv.FormatUint(sum.Sum64(), 36)
}

// split parts addresses by family.
func split(addrs []netip.Addr) (v4, v6 []netip.Addr) {
	for _, a := range addrs {
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return v4, v6
}
