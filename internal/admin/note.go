package admin

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

const (
	maxNotes  = 100 // of one edit; one that does more is noted by numbers
	maxDetail = 512 // octets of a note's detail
	maxShown  = 64  // octets of one value in it
)

// The verbs of notes.
const (
	added   = "add"
	changed = "set"
	deleted = "delete"
)

// secrets are the fields of which a note says only that they changed. The URL of a
// webhook often holds a token, and support reads notes.
var secrets = map[string]bool{"Password": true, "Secret": true, "URL": true}

// silent are the fields of which a note says nothing: its subject and account do, or
// other fields.
var silent = map[string]bool{"ID": true, "Name": true, "Username": true, "Account": true, "Created": true, "Resumed": true, "Origin": true, "Sources": true, "Offline": true, "After": true}

// note says what the draft's changes come to, for those who ask later who did what,
// unless the edit has said it.
func (d *draft) note() {
	if len(d.changes.Notes) > 0 {
		return
	}
	kinds, total := d.kinds(), 0
	for _, k := range kinds {
		total += k.count()
	}
	for _, k := range kinds {
		if total <= maxNotes {
			k.noteEach(d)
		} else {
			k.noteNumbers(d)
		}
	}
	d.noteZones()
}

// kind is what an edit does to the things of one kind.
type kind interface {
	count() int           // of what comes, changes and goes
	noteEach(d *draft)    // notes each of them
	noteNumbers(d *draft) // notes how many there are
}

// kinds returns what the edit does to all things but zones.
func (d *draft) kinds() []kind {
	a, was := &d.changes.Accounts, d.state.Accounts
	return []kind{
		&things[account.Account, string]{
			kind: "account", now: a.Accounts, gone: a.DeletedAccounts, find: was.Account,
			of:  func(x *account.Account) (string, uint32) { return x.Name, x.ID },
			old: func(x *account.Account) (account.Account, bool) { return was.AccountByID(x.ID) },
		},
		&things[account.Host, zone.Name]{
			kind: "host", now: a.Hosts, gone: a.DeletedHosts, find: was.Host, more: moves,
			of: func(x *account.Host) (zone.Name, uint32) { return x.Name, x.Account },
		},
		&things[account.Key, string]{
			kind: "key", now: a.Keys, gone: a.DeletedKeys, find: was.Key,
			of: func(x *account.Key) (string, uint32) { return x.Username, x.Account },
		},
		&things[account.Plan, string]{
			kind: "plan", now: a.Plans, gone: a.DeletedPlans, find: was.Plan,
			of: func(x *account.Plan) (string, uint32) { return x.Name, 0 },
		},
		&things[account.Token, string]{
			kind: "token", now: a.Tokens, gone: a.DeletedTokens, find: was.APIToken,
			of: func(x *account.Token) (string, uint32) { return x.ID, x.Account },
		},
		&things[account.Hook, string]{
			kind: "webhook", now: a.Hooks, gone: a.DeletedHooks, find: was.Hook,
			of: func(x *account.Hook) (string, uint32) { return x.ID, x.Account },
		},
		&things[tsig.Key, zone.Name]{
			kind: "tsig", now: d.changes.TSIG.Keys, gone: d.changes.TSIG.Deleted, find: d.state.TSIG.Get,
			of: func(x *tsig.Key) (zone.Name, uint32) { return x.Name, x.Account },
		},
	}
}

// things is what an edit does to things of type T, which go by a name of type N.
type things[T any, N comparable] struct {
	kind string
	now  []T                             // what came or changed
	gone []N                             // what went
	of   func(*T) (name N, owner uint32) // owner is 0 where nobody's
	find func(N) (T, bool)               // by its name, as it was before
	old  func(*T) (T, bool)              // as it was before; nil: what had its name
	more func(old, now *T) []string      // what its fields do not say; may be nil
}

func (t *things[T, N]) count() int { return len(t.now) + len(t.gone) }

func (t *things[T, N]) noteEach(d *draft) {
	for i := range t.now {
		x := &t.now[i]
		name, owner := t.of(x)
		before, known := t.before(x)
		detail := differences(before, *x)
		if t.more != nil {
			detail = append(detail, t.more(&before, x)...)
		}
		verb := changed
		if !known {
			verb = added
		}
		d.noteDeed(verb, t.subject(name), owner, strings.Join(detail, ", "))
	}
	for _, name := range t.gone {
		owner := uint32(0)
		if x, known := t.find(name); known {
			name, owner = t.of(&x) // as it was written
		}
		d.noteDeed(deleted, t.subject(name), owner, "")
	}
}

func (t *things[T, N]) before(x *T) (T, bool) {
	if t.old != nil {
		return t.old(x)
	}
	name, _ := t.of(x)
	return t.find(name)
}

func (t *things[T, N]) subject(name N) string { return fmt.Sprint(t.kind, " ", name) }

func (t *things[T, N]) noteNumbers(d *draft) {
	if n := len(t.now); n > 0 {
		d.noteDeed(changed, t.kind, 0, fmt.Sprintf("%d of them", n))
	}
	if n := len(t.gone); n > 0 {
		d.noteDeed(deleted, t.kind, 0, fmt.Sprintf("%d of them", n))
	}
}

// noteZones notes what becomes of zones, and of records that are no host's.
func (d *draft) noteZones() {
	c := &d.changes
	for _, origin := range c.Removed {
		d.noteDeed(deleted, "zone "+origin.String(), 0, "")
	}
	for _, z := range c.Replaced {
		verb := added
		if d.state.Zones.Get(z.Origin()) != nil {
			verb = changed
		}
		d.noteDeed(verb, "zone "+z.Origin().String(), 0, fmt.Sprintf("%d names", z.Names()))
	}
	for _, p := range c.Policy.Zones {
		if !slices.Contains(c.Removed, p.Origin) {
			d.noteDeed(changed, "zone "+p.Origin.String(), 0, strings.Join(differences(d.state.Policy.Of(p.Origin), p), ", "))
		}
	}
	hosts := map[zone.Name]bool{}
	for _, h := range c.Accounts.Hosts {
		hosts[h.Name] = true
	}
	for _, name := range c.Accounts.DeletedHosts {
		hosts[name] = true
	}
	if len(hosts) > maxNotes { // their records are not told one by one either
		return
	}
	for _, records := range c.Records {
		var sets []string
		for _, s := range records.Sets {
			if !isAtOrBelow(s.Name, hosts) {
				sets = append(sets, fmt.Sprintf("%s %s", s.Name, s.Type))
			}
		}
		if len(sets) > 0 && !slices.ContainsFunc(c.Replaced, func(z *zone.Zone) bool { return z.Origin() == records.Zone }) {
			d.noteDeed(changed, "zone "+records.Zone.String(), 0, strings.Join(sets, ", "))
		}
	}
}

// isAtOrBelow tells whether the name is one of the tops or below one, as those are
// that come and go with a host.
func isAtOrBelow(name zone.Name, tops map[zone.Name]bool) bool {
	for ; name != zone.Root; name = name.Parent() {
		if tops[name] {
			return true
		}
	}
	return false
}

// moves tells how the addresses of a host changed.
func moves(old, h *account.Host) []string {
	before, after := addrsOf(old.Sources), addrsOf(h.Sources)
	switch {
	case before == after && old.IsOffline() == h.IsOffline():
		return nil
	case h.IsOffline():
		return []string{"offline"}
	}
	return []string{"addresses " + cmp.Or(before, "none") + " → " + cmp.Or(after, "none")}
}

// addrsOf is the addresses of sources in words.
func addrsOf(sources []account.Source) string {
	var all []string
	for _, s := range sources {
		all = append(all, s.Addr.String())
	}
	return strings.Join(all, " ")
}

func (d *draft) noteDeed(verb, subject string, owner uint32, detail string) {
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	d.changes.Notes = append(d.changes.Notes, registry.Note{Verb: verb, Subject: subject, Account: owner, Detail: detail})
}

// differences tells what fields of two values of one struct differ.
func differences(old, now any) []string {
	var out []string
	before, after := reflect.ValueOf(old), reflect.ValueOf(now)
	for i := range after.NumField() {
		field := after.Type().Field(i)
		if silent[field.Name] || reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
			continue
		}
		name := words(field.Name)
		if secrets[field.Name] {
			out = append(out, name)
			continue
		}
		if isNested(field.Type) {
			out = append(out, differences(before.Field(i).Interface(), after.Field(i).Interface())...)
			continue
		}
		was, is := shown(before.Field(i)), shown(after.Field(i))
		if was == "" {
			out = append(out, name+" "+is)
		} else {
			out = append(out, name+" "+was+" → "+cmp.Or(is, "none"))
		}
	}
	return out
}

// isNested tells whether a note tells what is in a field, rather than the field.
func isNested(field reflect.Type) bool {
	return field.Kind() == reflect.Struct && field.NumMethod() == 0
}

// shown is a value as a note shows it; "" for none.
func shown(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	text := fmt.Sprint(v.Interface())
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

// words makes words of the name of a field: "WhenOffline" is "when offline".
func words(field string) string {
	var out strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && (runes[i-1] < 'A' || runes[i-1] > 'Z') {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return strings.ToLower(out.String())
}
