package web

import (
	"context"
	"errors"
	"html/template"
	"net/url"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/notice"
	"stayput.dev/internal/registry"
)

// Notices keep what the owners of hosts want to hear of them by mail.
type Notices interface {
	// Wish returns what the owner of a host wants to hear.
	Wish(ctx context.Context, h *account.Host) (notice.Wish, error)
	// SetWish keeps what change makes of that, as by says; notice.ErrNoAddress says that there is nobody to write to.
	SetWish(ctx context.Context, by registry.Actor, h *account.Host, change func(notice.Wish) (notice.Wish, error)) error
}

// silences are how long a host may be silent, to choose from; 0 is for ever.
var silences = []time.Duration{0, time.Hour, 6 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 35 * 24 * time.Hour}

// addWish adds to the form what the owner of the host wants to hear, if mail is sent.
func (v *visit) addWish(h *admin.Host, to url.Values) error {
	if !v.p.opts.Load().SendsMail {
		return nil
	}
	known, _ := v.p.Admin.State().Accounts.Host(h.Name)
	w, err := v.p.Notices.Wish(v.r.Context(), &known)
	if err != nil {
		return err
	}
	to.Set("silent", w.Silent.String())
	if w.Changed {
		to.Set("changed", "on")
	}
	if w.Failing {
		to.Set("failing", "on")
	}
	return nil
}

// silenceChoices are the lengths of silence that the form offers; none where no mail is
// sent.
func (v *visit) silenceChoices(f *form) (all []choice) {
	if !v.p.opts.Load().SendsMail {
		return nil
	}
	chosen, known := f.Value("silent"), false
	for _, d := range silences {
		c := choice{Value: d.String(), Text: v.silence(d), Chosen: d.String() == chosen}
		known = known || c.Chosen
		all = append(all, c)
	}
	if d, err := time.ParseDuration(chosen); err == nil && !known {
		all = append(all, choice{Value: chosen, Text: v.silence(d), Chosen: true})
	}
	return all
}

// silence writes for how long a host may be silent.
func (v *visit) silence(d time.Duration) template.HTML {
	switch {
	case d == 0:
		return v.text("tell.never")
	case d%(24*time.Hour) == 0:
		return v.text("length.days", "Count", int(d.Hours()/24))
	}
	return v.duration(uint32(d.Seconds()))
}

// setWish keeps what the form says that the owner wants to hear.
func (v *visit) setWish(f *form, h *admin.Host) error {
	if !v.p.opts.Load().SendsMail || f.Value("silent") == "" {
		return nil
	}
	switch err := v.keepWish(f, h); {
	case errors.Is(err, notice.ErrNoAddress):
		f.refuse("silent", v.text("tell.no_address"))
	case errors.Is(err, notice.ErrBadWish):
		f.refuse("silent", v.text("fault.choice"))
	default:
		return err
	}
	return nil
}

// keepWish keeps the wish of a form, if it is another one.
func (v *visit) keepWish(f *form, h *admin.Host) error {
	silent, err := time.ParseDuration(f.Value("silent"))
	if err != nil {
		return notice.ErrBadWish
	}
	known, _ := v.p.Admin.State().Accounts.Host(h.Name)
	w := notice.Wish{Silent: silent, Changed: f.Value("changed") != "", Failing: f.Value("failing") != ""}
	return v.p.Notices.SetWish(v.r.Context(), v.actor(), &known, func(notice.Wish) (notice.Wish, error) { return w, nil })
}
