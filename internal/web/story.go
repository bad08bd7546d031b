package web

import (
	"html/template"
	"net/netip"
	"strings"

	"stayput.dev/internal/history"
)

// A sentence says in plain words what devices sent and got.
type sentence struct {
	Kind string        // good, idle, warn or bad
	What template.HTML // what happened
	Todo template.HTML // what to do about it; empty for nothing
	When template.HTML // the last time
	From string        // the address that it came from; may be empty
	By   string        // what the device calls itself; may be empty
	Key  string        // user name of the update key; may be empty

	Request, Reply string // as they were
}

// A verdict is how a request ended: the words for it in the catalogue, its look, and
// whether there is something to do.
type verdict struct {
	key  string
	kind string
	todo bool
}

// verdicts are for what a reply leaves open.
var verdicts = map[history.Why]verdict{
	history.NoCredentials: {"no_credentials", "bad", true},
	history.BadSecret:     {"bad_secret", "bad", true},
	history.UnknownUser:   {"unknown_user", "bad", true},
	history.Suspended:     {"suspended", "bad", true},
	history.Limited:       {"limited", "warn", true},
	history.Unavailable:   {"unavailable", "bad", true},
	history.Ignored:       {"ignored", "warn", true},
	history.InTheClear:    {"in_the_clear", "bad", true},
}

// replies are for what a reply says, by the word that a line of it begins with.
var replies = map[string]verdict{
	"good":     {"reported", "good", false},
	"ok":       {"reported", "good", false},
	"noerror":  {"reported", "good", false},
	"nochg":    {"unchanged", "idle", false},
	"nohost":   {"nohost", "bad", true},
	"!yours":   {"nohost", "bad", true},
	"notfqdn":  {"notfqdn", "bad", true},
	"numhost":  {"numhost", "bad", true},
	"badagent": {"badagent", "bad", true},
	"badauth":  verdicts[history.BadSecret],
	"ko":       {"refused", "bad", true},
	"abuse":    verdicts[history.Limited],
	"911":      verdicts[history.Unavailable],
	"dnserr":   verdicts[history.Unavailable],
}

// judge tells how a request ended. Of several hosts, the first that failed counts.
func judge(e *history.Entry) verdict {
	if v, open := verdicts[e.Why]; open {
		return v
	}
	found := verdict{"accepted", "good", false}
	for line := range strings.Lines(strings.ToLower(e.Reply)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, known := replies[word]; known {
			if found = v; v.kind == "bad" {
				return found
			}
		}
	}
	if found.kind == "good" && e.Status >= 400 {
		return replies["ko"]
	}
	return found
}

// tell puts into words what devices sent and got.
func (v *visit) tell(e *history.Entry) *sentence {
	how := judge(e)
	pairs := []any{"Count", e.Count, "Since", v.since(e.First), "Address", joinAddrs(addressesIn(e))}
	if how.key == "reported" && len(addressesIn(e)) == 0 {
		how.key = "accepted"
	}
	s := &sentence{
		Kind: how.kind, What: v.text("story."+how.key, pairs...), When: v.ago(e.Last), By: e.Agent, Key: e.Username,
		Request: e.Request, Reply: strings.TrimSpace(e.Reply),
	}
	if how.todo {
		s.Todo = v.text("story." + how.key + "_todo")
	}
	if e.Source.IsValid() {
		s.From = e.Source.String()
	}
	return s
}

// addressesIn returns the addresses that a request was about: those of the reply,
// else those that were sent.
func addressesIn(e *history.Entry) []netip.Addr {
	if found := findAddrs(e.Reply); len(found) > 0 {
		return found
	}
	_, query, _ := strings.Cut(e.Request, "?")
	return findAddrs(query)
}

// findAddrs returns the addresses that stand in a text, each once, IPv4 first.
func findAddrs(text string) []netip.Addr {
	isPart := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' || r == '.' || r == ':'
	}
	text = strings.NewReplacer("%3A", ":", "%3a", ":").Replace(text)
	var v4, v6 []netip.Addr
	seen := map[netip.Addr]bool{}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isPart(r) }) {
		a, err := netip.ParseAddr(strings.Trim(word, "."))
		if err != nil || seen[a] || a.IsUnspecified() {
			continue
		}
		if seen[a] = true; a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return append(v4, v6...)
}

func joinAddrs(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}
