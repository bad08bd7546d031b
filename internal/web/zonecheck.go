package web

import (
	"context"
	"html/template"
	"time"
)

// zoneServersPage is how the servers of others are that have a zone.
type zoneServersPage struct {
	*zoneHead
	Asked       bool // the secondaries were asked just now
	Secondaries []secondaryView
	Pushes      []pushView
}

// A secondaryView is a Secondary with its state in words.
type secondaryView struct {
	Secondary
	Kind  string
	State template.HTML
	When  template.HTML // it was told; empty for never
	Why   template.HTML // what is wrong; may be empty
}

// A pushView is a Push with its state in words.
type pushView struct {
	Push
	Kind  string
	State template.HTML
	Since template.HTML // the oldest waits; may be empty
	Why   template.HTML // what is wrong; may be empty
}

// askTime is how long others may take to answer while somebody waits for a page.
const askTime = 10 * time.Second

func (p *Pages) zoneServers(v *visit) error {
	head, err := v.findZone("servers")
	if err != nil {
		return err
	}
	page := &zoneServersPage{zoneHead: head, Asked: v.r.URL.Query().Has("ask")}
	if p.House.Servers == nil {
		return v.show("zoneservers", page)
	}
	var all []Secondary
	if page.Asked {
		ctx, cancel := context.WithTimeout(v.r.Context(), askTime)
		defer cancel()
		all = p.House.Servers.Ask(ctx)
	} else {
		all = p.House.Servers.Told()
	}
	for _, s := range all {
		if s.Zone == head.Name.String() {
			page.Secondaries = append(page.Secondaries, v.viewSecondary(s))
		}
	}
	for _, s := range p.House.Servers.Pushes() {
		if s.Zone == head.Name.String() {
			page.Pushes = append(page.Pushes, v.pushState(s))
		}
	}
	return v.show("zoneservers", page)
}

func (v *visit) viewSecondary(s Secondary) secondaryView {
	view := secondaryView{Secondary: s, Why: v.sentence(s.Err)}
	if !s.Told.IsZero() {
		view.When = v.ago(s.Told)
	}
	switch {
	case !s.Err.IsEmpty():
		view.Kind, view.State = "bad", v.text("servers.fault")
	case s.Has != nil && *s.Has == s.Serial:
		view.Kind, view.State = "good", v.text("servers.same")
	case s.Has != nil:
		view.Kind, view.State = "warn", v.text("servers.behind", "Count", int(s.Serial-*s.Has))
	case s.Taken:
		view.Kind, view.State = "good", v.text("servers.heard")
	case s.Told.IsZero():
		view.Kind, view.State = "idle", v.text("servers.untold")
	default:
		view.Kind, view.State = "wait", v.text("servers.unheard")
	}
	return view
}

// pushState puts into words how far a server is.
func (v *visit) pushState(s Push) pushView {
	view := pushView{Push: s, Why: v.sentence(s.Err)}
	if !s.Oldest.IsZero() {
		view.Since = v.since(s.Oldest)
	}
	switch {
	case !s.Err.IsEmpty():
		view.Kind, view.State = "bad", v.text("servers.fault")
	case s.Refused > 0:
		view.Kind, view.State = "bad", v.text("servers.refused", "Count", s.Refused)
	case s.Held > 0:
		view.Kind, view.State = "warn", v.text("servers.held", "Count", s.Held)
	case s.Pending > 0:
		view.Kind, view.State = "wait", v.text("servers.pending", "Count", s.Pending)
	default:
		view.Kind, view.State = "good", v.text("servers.same")
	}
	return view
}

// zoneCheckPage is a zone as the world finds it.
type zoneCheckPage struct {
	*zoneHead
	Known    bool // somebody can look
	Findings []findingView
	Faults   int
}

// A findingView is a Finding in the language of the page.
type findingView struct {
	Level             Level
	Topic, Text, Hint template.HTML
}

// checkTime is how long a check may take; those who answer at all take less.
const checkTime = 40 * time.Second

func (p *Pages) zoneCheck(v *visit) error {
	head, err := v.findZone("check")
	if err != nil {
		return err
	}
	page := &zoneCheckPage{zoneHead: head, Known: p.House.Checks != nil}
	if page.Known && v.r.URL.Query().Has("look") {
		ctx, cancel := context.WithTimeout(v.r.Context(), checkTime)
		defer cancel()
		for _, f := range p.House.Checks.Check(ctx, head.Name) {
			page.Findings = append(page.Findings, findingView{f.Level, v.sentence(f.Topic), v.sentence(f.Text), v.sentence(f.Hint)})
			if f.Level == FoundFault {
				page.Faults++
			}
		}
	}
	return v.show("zonecheck", page)
}
