package web

import (
	"html/template"
	"strconv"
	"strings"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/signin"
)

// detail says what the note of a deed tells of it.
func (t *tongue) detail(kept string) template.HTML {
	var all []string
	for _, p := range admin.Details(kept) {
		all = append(all, string(t.say(p)))
	}
	return template.HTML(strings.Join(all, ", ")) //nolint:gosec // say escaped it
}

// how says what an event of signing in tells of itself: by which means, what for.
func (v *visit) how(e *signin.Event) template.HTML {
	kept := e.Detail
	switch e.What {
	case signin.RoleChanged:
		return v.text("role." + kept)
	case signin.RecoveryUsed:
		left, _, _ := strings.Cut(kept, " ")
		if n, err := strconv.Atoi(left); err == nil {
			return v.text("account.recovery_left", "Count", n)
		}
	case signin.FactorAdded, signin.FactorRemoved:
		if name, is := strings.CutPrefix(kept, "passkey "); is {
			return v.text("how.passkey_named", "Name", name)
		}
	case signin.AccountLinked, signin.AccountUnlinked: // the name of the provider
		return v.markup(kept)
	}
	if key := "how." + strings.NewReplacer(" ", "_", ",", "").Replace(kept); kept != "" && v.has(key) {
		return v.text(key)
	}
	return v.markup(kept)
}
