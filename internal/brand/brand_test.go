package brand_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"stayput.dev/internal/brand"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// diary stands for the registry, which keeps notes.
type diary struct {
	deeds []string
	by    registry.Actor // of the last one
	full  error          // why nothing more can be kept
}

// Note implements brand.Log.
func (d *diary) Note(_ context.Context, by registry.Actor, n registry.Note) error {
	if d.full == nil {
		d.deeds, d.by = append(d.deeds, n.Verb+" "+n.Subject+": "+n.Detail), by
	}
	return d.full
}

// last returns the last deed, and forgets it.
func (d *diary) last() string {
	if len(d.deeds) == 0 {
		return ""
	}
	last := d.deeds[len(d.deeds)-1]
	d.deeds = nil
	return last
}

var root = registry.Actor{Account: 7, Via: "web"}

// newService returns a service over a shelf, which others may have, too.
func newService(t *testing.T, kept store.Shelf, log brand.Log) *brand.Service {
	t.Helper()
	return ok(brand.New(t.Context(), brand.Config{Shelf: kept, Texts: mail.NewTexts(kept), Log: log}))(t)
}

func newShelf(t *testing.T) store.Shelf {
	t.Helper()
	return rig.OpenStore(t, t.TempDir(), store.Options{}).Shelf()
}

// set changes the brand in root's name.
func set(t *testing.T, s *brand.Service, change func(*brand.Brand)) (*brand.Brand, error) {
	t.Helper()
	return s.Change(t.Context(), root, func(b brand.Brand) (brand.Brand, error) { change(&b); return b, nil })
}

// TestChange: what is set is tidied, noted without logos, shown at once, and shown by
// another node when it has looked.
func TestChange(t *testing.T) {
	t.Parallel()
	kept, log := newShelf(t), &diary{}
	s, other := newService(t, kept, log), newService(t, kept, log)
	for _, c := range []struct {
		change func(*brand.Brand)
		deed   string
	}{
		{func(b *brand.Brand) { b.Name, b.Colour = " Example\nNet ", "#0F766E" }, "set brand: name Example Net, colour #0f766e"},
		{func(*brand.Brand) {}, ""},
		{func(b *brand.Brand) { b.Logo = []byte(`<svg onload="x"><path d="M0 0"/></svg>`) }, "set brand: logo"},
		{func(b *brand.Brand) {
			b.Name, b.Help, b.Legal = "Example Access", "Call 555 0100", []brand.Link{{}, {Text: "Privacy", URL: "https://www.example.org/"}}
		}, "set brand: name Example Net → Example Access, help Call 555 0100, legal links"},
		{func(b *brand.Brand) { b.Help, b.Footer = "", strings.Repeat("a", 100) }, "set brand: help Call 555 0100 → none, footer " + strings.Repeat("a", 64) + "…"},
	} {
		ok(set(t, s, c.change))(t)
		if got := log.last(); got != c.deed {
			t.Errorf("noted %q, want %q", got, c.deed)
		}
		if log.by != root {
			t.Errorf("it was done by %+v", log.by)
		}
		done(t, other.Look(t.Context()))
		if a, b := s.Now(), other.Now(); a.Name != b.Name || string(a.Logo) != string(b.Logo) || a.Help != b.Help {
			t.Errorf("another node shows %+v, want %+v", b, a)
		}
	}
	now := s.Now()
	if string(now.Logo) != `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"></path></svg>` || now.LogoKind != brand.SVG || len(now.Legal) != 1 {
		t.Errorf("the brand is %+v", now)
	}
	ok(set(t, s, func(b *brand.Brand) { b.Logo = nil }))(t)
	if now := newService(t, kept, log).Now(); now.LogoKind != "" || now.Name != "Example Access" {
		t.Errorf("after the next start the brand is %+v", now)
	}
}

// TestUnnoted: what cannot be noted is not done.
func TestUnnoted(t *testing.T) {
	t.Parallel()
	log := &diary{full: errors.New("the disk is full")}
	s := newService(t, newShelf(t), log)
	if _, err := set(t, s, func(b *brand.Brand) { b.Name = "Example Net" }); !errors.Is(err, log.full) || s.Now().Name != "" {
		t.Errorf("the name is %q, %v", s.Now().Name, err)
	}
	was := ok(s.MailText(t.Context(), mail.HostChanged, "en"))(t)
	if err := s.SetMailText(t.Context(), root, was, "a", "b"); !errors.Is(err, log.full) {
		t.Errorf("the text is set: %v", err)
	}
	if now := ok(s.MailText(t.Context(), mail.HostChanged, "en"))(t); now.Own {
		t.Errorf("mails say %+v", now)
	}
}

// TestFaults: all that is wrong is told, nothing is kept, and a logo that cannot be used
// leaves the one that is there.
func TestFaults(t *testing.T) {
	t.Parallel()
	log := &diary{}
	s := newService(t, newShelf(t), log)
	ok(set(t, s, func(b *brand.Brand) { b.Logo = []byte(`<svg></svg>`) }))(t)
	log.last()
	wanted, err := set(t, s, func(b *brand.Brand) {
		b.Name, b.Colour, b.Logo = strings.Repeat("ä", 41), "red", []byte("<svg><script/></svg>")
		b.Legal = []brand.Link{{Text: "a", URL: "javascript:alert(1)"}}
	})
	const want = "name: too long, at most 40; colour: not a colour such as #0f766e; " +
		"legal: a link has a text, and an address that begins with https:// or http://; logo: holds what a picture does not need: <script>"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	if _, are := errors.AsType[brand.Faults](err); !are || wanted.LogoKind != brand.SVG || s.Now().Name != "" || log.last() != "" {
		t.Errorf("wanted %+v, there is %+v", wanted, s.Now())
	}
	links := make([]brand.Link, 6)
	for i := range links {
		links[i] = brand.Link{Text: "a", URL: "https://www.example.org/"}
	}
	if _, err := set(t, s, func(b *brand.Brand) { b.Legal = links }); err == nil || err.Error() != "legal: too many, at most 5" {
		t.Errorf("six links: %v", err)
	}
}

// TestMailTexts: what mails say is noted by its subject, and what is built in comes back.
func TestMailTexts(t *testing.T) {
	t.Parallel()
	log := &diary{}
	s := newService(t, newShelf(t), log)
	all := ok(s.MailTexts(t.Context()))(t)
	if want := len(mail.AllKinds()) * len(mail.Languages()); len(all) != want || all[0].Own {
		t.Errorf("%d texts, want %d; the first is %+v", len(all), want, all[0])
	}
	text := mail.Text{Kind: mail.HostChanged, Language: "de", Subject: "Neu: {host}", Body: "Hallo"}
	longer := text
	longer.Body = "Hallo {name}"
	for _, c := range []struct {
		set  mail.Text
		deed string
	}{
		{text, "set mail-text host-changed/de: subject Neu: {host}, body"},
		{text, ""},
		{longer, "set mail-text host-changed/de: body"},
	} {
		was := ok(s.MailText(t.Context(), mail.HostChanged, "de"))(t)
		done(t, s.SetMailText(t.Context(), root, was, c.set.Subject, c.set.Body))
		if got := log.last(); got != c.deed {
			t.Errorf("noted %q, want %q", got, c.deed)
		}
		if now := ok(s.MailText(t.Context(), mail.HostChanged, "de"))(t); now.Text != c.set || !now.Own {
			t.Errorf("mails say %+v", now)
		}
	}
	for _, deed := range []string{"delete mail-text host-changed/de: ", ""} {
		done(t, s.ResetMailText(t.Context(), root, ok(s.MailText(t.Context(), mail.HostChanged, "de"))(t)))
		if got := log.last(); got != deed {
			t.Errorf("noted %q, want %q", got, deed)
		}
	}
	if now := ok(s.MailText(t.Context(), mail.HostChanged, "de"))(t); now.Own || now.Subject == text.Subject {
		t.Errorf("mails say %+v", now)
	}
	for _, at := range [][2]string{{"nonsense", "de"}, {"host-changed", "xx"}} {
		if _, err := s.MailText(t.Context(), mail.Kind(at[0]), at[1]); !errors.Is(err, brand.ErrNoText) {
			t.Errorf("%v: %v", at, err)
		}
	}
}

// ok returns what fails the test if there is an error, and else the value.
func ok[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// done fails the test if there is an error.
func done(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
