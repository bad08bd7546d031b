package web

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/shelf"
)

// mailsPage is the list of what is written to people.
type mailsPage struct{ Kinds []mailKind }

// A mailKind is a kind of mail, and where its texts are.
type mailKind struct {
	Text template.HTML // what it is for
	URL  string        // in the language of the page
	Own  []mailLanguage
}

// A mailLanguage leads to the text of a kind in a language.
type mailLanguage struct {
	Tag, Name, URL string
	Here           bool
}

func (p *Pages) mails(v *visit) error {
	all, err := p.Brand.MailTexts(v.r.Context())
	if err != nil {
		return err
	}
	page := &mailsPage{}
	for _, kind := range mail.AllKinds() {
		row := mailKind{Text: v.text("mailkind." + string(kind)), URL: mailURL(kind, v.tag)}
		for _, l := range languages {
			if slices.ContainsFunc(all, func(t brand.MailText) bool { return t.Own && t.Kind == kind && t.Language == l.tag }) {
				row.Own = append(row.Own, mailLanguage{Tag: l.tag, Name: l.name, URL: mailURL(kind, l.tag)})
			}
		}
		page.Kinds = append(page.Kinds, row)
	}
	return v.show("mails", page)
}

// mailURL is where the text of a kind in a language is edited.
func mailURL(kind mail.Kind, language string) string {
	return "/staff/brand/mails/" + url.PathEscape(string(kind)) + "?language=" + url.QueryEscape(language)
}

// mailTextPage is the form for a text, with a preview.
type mailTextPage struct {
	Form         *form
	Title        template.HTML
	Languages    []mailLanguage
	Language     string
	IsOwn, Saved bool // IsOwn: mails have words of their own now
	HasButton    bool
	Words        []mailWord
	Subject      string // of the preview
	Preview      string // empty: what stands in the form cannot be sent
}

func (p *mailTextPage) title() template.HTML { return p.Title }

// A mailWord is a placeholder, and what it means.
type mailWord struct {
	mail.Placeholder
	Text template.HTML
}

func (p *Pages) mailText(v *visit) error {
	now, err := v.mailTextNow()
	if err != nil {
		return err
	}
	return v.showMailText(newForm(url.Values{"subject": {now.Subject}, "body": {now.Body}}), now)
}

// mailTextNow returns the text that a visit is about as it is now.
func (v *visit) mailTextNow() (brand.MailText, error) {
	language := cmp.Or(v.r.URL.Query().Get("language"), v.tag)
	now, err := v.p.Brand.MailText(v.r.Context(), mail.Kind(v.r.PathValue("kind")), language)
	if errors.Is(err, brand.ErrNoText) {
		err = admin.ErrNotFound
	}
	return now, err
}

// showMailText shows the form, and a preview of the text in it.
func (v *visit) showMailText(f *form, text brand.MailText) error {
	page := &mailTextPage{
		Form: f, Title: v.text("mailkind." + string(text.Kind)), Language: text.Language, IsOwn: text.Own,
		Saved: v.r.Method == http.MethodGet && v.r.URL.Query().Has("saved"), HasButton: text.Kind.HasButton(),
	}
	for _, l := range languages {
		page.Languages = append(page.Languages, mailLanguage{l.tag, l.name, mailURL(text.Kind, l.tag), l.tag == text.Language})
	}
	for _, placeholder := range text.Kind.Placeholders() {
		page.Words = append(page.Words, mailWord{placeholder, v.text("mailword." + placeholder.Name)})
	}
	look := v.p.Brand.Now().Mail()
	if public := v.p.opts.Load().PublicURL; public != nil {
		look.URL = public.String()
	}
	var err error
	if page.Subject, page.Preview, err = text.Preview(look); err != nil {
		v.refuseMailText(f, err)
	}
	if v.r.Method == http.MethodPost && !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "mailtext", page)
	}
	return v.show("mailtext", page)
}

func (p *Pages) setMailText(v *visit) error {
	now, err := v.mailTextNow()
	if err != nil {
		return err
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	text := brand.MailText{Text: mail.Text{Kind: now.Kind, Language: now.Language, Subject: f.Value("subject"), Body: f.Value("body")}, Own: now.Own}
	switch f.Value("do") {
	case "preview":
		return v.showMailText(f, text)
	case "reset":
		err = p.Brand.ResetMailText(v.r.Context(), v.actor(), now)
	default:
		err = p.Brand.SetMailText(v.r.Context(), v.actor(), now, text.Subject, text.Body)
	}
	switch {
	case err == nil:
		return v.redirect(mailURL(now.Kind, now.Language) + "&saved")
	case errors.Is(err, shelf.ErrChanged):
		f.refuse("", v.text("brand.changed"))
	case !v.refuseMailText(f, err):
		return err
	}
	return v.showMailText(f, text)
}

// refuseMailText tells in a form why a text cannot be used, and whether it was that.
func (v *visit) refuseMailText(f *form, err error) bool {
	var fault *mail.TextFault
	if !errors.As(err, &fault) {
		return false
	}
	field, most := "body", mail.MaxBody
	if fault.Subject {
		field, most = "subject", mail.MaxSubject
	}
	switch fault.Reason {
	case mail.Empty:
		f.refuse(field, v.text("mailtext.empty"))
	case mail.TooLong:
		f.refuse(field, v.text("brand.long", "Count", most))
	case mail.UnknownPlaceholder:
		f.refuse(field, v.text("mailtext.unknown", "What", fault.Word))
	case mail.NoButton:
		f.refuse(field, v.text("mailtext.no_button"))
	case mail.TwoButtons:
		f.refuse(field, v.text("mailtext.two_buttons"))
	case mail.NeedlessButton:
		f.refuse(field, v.text("mailtext.needless_button"))
	}
	return true
}
