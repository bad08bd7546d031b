package web

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // time zones on machines that have none
)

// zoneCookie is the cookie by which app.js tells the visitor's time zone.
const zoneCookie = "zone"

// zones are the time zones that were asked for, by name: as many as there are at
// most, since only those that exist are kept.
var zones sync.Map

// zoneFor returns the time zone of the visitor, UTC where it is not known.
func zoneFor(r *http.Request) *time.Location {
	c, err := r.Cookie(zoneCookie)
	if err != nil {
		return time.UTC
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil || len(name) > 64 || name == "" || name == "Local" {
		return time.UTC
	}
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	zones.Store(name, loc)
	return loc
}

// A calendar writes times for one visitor.
type calendar struct {
	*tongue
	zone *time.Location
	now  time.Time
}

// at writes a moment as a <time> whose words are text.
func (c calendar) at(t time.Time, text template.HTML) template.HTML {
	return `<time datetime="` + template.HTML(t.UTC().Format(time.RFC3339)) + `" title="` + c.full(t) + `">` + text + `</time>` //nolint:gosec // digits and letters
}

// ago writes how long ago something was, or when: "4 minutes ago", "Tuesday, 14:03".
func (c calendar) ago(t time.Time) template.HTML {
	switch since := c.now.Sub(t); {
	case since < time.Minute:
		return c.at(t, c.text("when.now"))
	case since < time.Hour:
		return c.at(t, c.text("when.minutes", "Count", int(since.Minutes())))
	case since < 12*time.Hour:
		return c.at(t, c.text("when.hours", "Count", int(since.Hours())))
	}
	return c.on("when", t)
}

// since writes since when something has been so: "since Tuesday, 14:03".
func (c calendar) since(t time.Time) template.HTML { return c.on("since", t) }

// on writes a moment by its day, in the words of one group of the catalogue.
func (c calendar) on(group string, t time.Time) template.HTML {
	clock := t.In(c.zone).Format("15:04")
	switch days := c.daysAgo(t); {
	case days <= 0:
		return c.at(t, c.text(group+".today", "Clock", clock))
	case days == 1:
		return c.at(t, c.text(group+".yesterday", "Clock", clock))
	case days < 7:
		return c.at(t, c.text(group+".weekday", "Day", c.word("date.weekdays", int(t.In(c.zone).Weekday())), "Clock", clock))
	}
	return c.at(t, c.text(group+".date", "Date", c.date(t)))
}

// daysAgo counts the midnights between t and now.
func (c calendar) daysAgo(t time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.In(c.zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(c.now).Sub(day(t)).Hours() / 24)
}

// date writes a day: "24 Nov 2026".
func (c calendar) date(t time.Time) template.HTML {
	y, m, d := t.In(c.zone).Date()
	return c.text("date.form", "Day", strconv.Itoa(d), "Month", c.word("date.months", int(m)-1), "Year", strconv.Itoa(y))
}

// full writes a moment with its day, time and zone.
func (c calendar) full(t time.Time) template.HTML {
	return c.date(t) + template.HTML(t.In(c.zone).Format(", 15:04:05 MST")) //nolint:gosec // digits and letters
}

// word returns the nth of the words under key.
func (c calendar) word(key string, n int) template.HTML {
	words := strings.Fields(string(c.text(key)))
	return template.HTML(words[n]) //nolint:gosec // text escaped it
}
