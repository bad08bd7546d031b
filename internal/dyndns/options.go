package dyndns

import (
	"strings"

	"stayput.dev/internal/update"
)

// options returns what the parameters of the Dyn Remote Access API want of the
// hosts' options. Devices send them without a value, or with NOCHG, where they have
// nothing to say.
func (q query) options() update.HostOptions {
	o := update.HostOptions{Wildcard: q.turns("wildcard"), BackupMX: q.turns("backmx")}
	mx, _ := q.get("mx")
	if mx = strings.TrimSpace(unescape(mx, true)); mx != "" && !strings.EqualFold(mx, "NOCHG") {
		o.MX = &mx
	}
	return o
}

// turns returns what a parameter does to a switch.
func (q query) turns(key string) update.Switch {
	value, _ := q.get(key)
	switch strings.ToLower(value) {
	case "on", "yes", "1", "true":
		return update.On
	case "off", "no", "0", "false":
		return update.Off
	}
	return update.Leave
}

// text returns what becomes of the TXT records of the hosts, nil when nothing was
// said of them. Clients clear whatever stands there by an empty text.
func (q query) text() *update.Text {
	value, there := q.get("txt")
	clears := isYes(q.first([]string{"clear"}))
	if value == "" && !(there && clears) {
		return nil
	}
	return &update.Text{Value: text(unescape(value, true)), Clear: clears}
}
