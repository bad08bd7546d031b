package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/brand"
	"stayput.dev/internal/mail"
)

// MailText is what mails of a kind say in a language.
type MailText struct {
	Kind         string            `json:"kind" example:"host-changed"`
	Language     string            `json:"language" example:"en"`
	Own          bool              `json:"own" doc:"The company's own words; else they are built in."`
	Subject      string            `json:"subject" example:"{host} has a new address"`
	Body         string            `json:"body" doc:"Empty lines part paragraphs; a line that begins with => holds the words on the button."`
	Button       bool              `json:"button" doc:"Mails of the kind have a link to follow, and their body one line with the words on its button; other bodies have none."`
	Placeholders []MailPlaceholder `json:"placeholders" nullable:"false" doc:"What may stand between braces, to be filled in."`
}

// MailPlaceholder is something that is filled in.
type MailPlaceholder struct {
	Name      string `json:"name" example:"host"`
	Sometimes bool   `json:"sometimes,omitempty" doc:"It may be empty."`
}

// MailWords are words for mails of a kind in a language.
type MailWords struct {
	Subject string `json:"subject" doc:"At most 200 characters."`
	Body    string `json:"body" doc:"At most 4000 characters. Empty lines part paragraphs; a line that begins with => holds the words on the button."`
}

// MailPreview is a mail with made-up data.
type MailPreview struct {
	Subject string `json:"subject"`
	Text    string `json:"text" doc:"Of the mail without HTML; a paragraph is one line."`
}

type mailTextList struct {
	MailTexts []MailText `json:"mail_texts" nullable:"false"`
}

// mailTextQuery is a request for a list of texts.
type mailTextQuery struct {
	Own bool `query:"own" doc:"Only the company's own."`
}

// mailTextPath is a request about one text.
type mailTextPath struct {
	Kind     string `path:"kind" example:"host-changed"`
	Language string `path:"language" example:"en"`
}

// mailTextBody is a request with words for one text.
type mailTextBody struct {
	Kind     string `path:"kind" example:"host-changed"`
	Language string `path:"language" example:"en"`
	Body     MailWords
}

func (in *mailTextBody) text() mail.Text {
	return mail.Text{Kind: mail.Kind(in.Kind), Language: in.Language, Subject: in.Body.Subject, Body: in.Body.Body}
}

func (s *server) addMailTexts(api huma.API) {
	const path = "/mail-texts/{kind}/{language}"
	answer(s, api, operation(http.MethodGet, "/mail-texts", "list-mail-texts", "List what mails say, of each kind in each language"), s.listMailTexts)
	answer(s, api, operation(http.MethodGet, path, "show-mail-text", "Show what mails of a kind say in a language"), s.showMailText)
	answer(s, api, operation(http.MethodPut, path, "set-mail-text", "Let mails of a kind say something else in a language"), s.setMailText)
	act(s, api, operation(http.MethodDelete, path, "reset-mail-text", "Bring the built-in text back"), s.resetMailText)
	answer(s, api, operation(http.MethodPost, path+"/preview", "preview-mail-text", "Show a mail with these words and made-up data, and change nothing"), s.previewMailText)
}

func (s *server) listMailTexts(ctx context.Context, in *mailTextQuery) (mailTextList, error) {
	out := mailTextList{[]MailText{}}
	all, err := s.brand.MailTexts(ctx)
	for _, t := range all {
		if t.Own || !in.Own {
			out.MailTexts = append(out.MailTexts, viewMailText(t))
		}
	}
	return out, err
}

func (s *server) showMailText(ctx context.Context, in *mailTextPath) (MailText, error) {
	t, err := s.mailText(ctx, in)
	return viewMailText(t), err
}

// mailText returns the text that a path names.
func (s *server) mailText(ctx context.Context, in *mailTextPath) (brand.MailText, error) {
	t, err := s.brand.MailText(ctx, mail.Kind(in.Kind), in.Language)
	if errors.Is(err, brand.ErrNoText) {
		err = missing("mail", in.Kind+" in the language "+in.Language)
	}
	return t, err
}

// expectedMailText returns the text that a path names, if it is as the client expects it.
func (s *server) expectedMailText(ctx context.Context, in *mailTextPath) (brand.MailText, error) {
	t, err := s.mailText(ctx, in)
	if err == nil {
		err = expectShown(ctx, viewMailText(t))
	}
	return t, err
}

func (s *server) setMailText(ctx context.Context, in *mailTextBody) (MailText, error) {
	path := &mailTextPath{in.Kind, in.Language}
	now, err := s.expectedMailText(ctx, path)
	if err != nil {
		return MailText{}, err
	}
	if err := s.brand.SetMailText(ctx, s.actor(ctx), now, in.Body.Subject, in.Body.Body); err != nil {
		return MailText{}, textProblem(err)
	}
	return s.showMailText(ctx, path)
}

func (s *server) resetMailText(ctx context.Context, in *mailTextPath) error {
	now, err := s.expectedMailText(ctx, in)
	if err != nil {
		return err
	}
	return s.brand.ResetMailText(ctx, s.actor(ctx), now)
}

func (s *server) previewMailText(ctx context.Context, in *mailTextBody) (MailPreview, error) {
	if _, err := s.showMailText(ctx, &mailTextPath{in.Kind, in.Language}); err != nil {
		return MailPreview{}, err
	}
	subject, text, err := in.text().Preview(s.brand.Now().Mail())
	return MailPreview{subject, text}, textProblem(err)
}

// textProblem says why words for a mail cannot be used.
func textProblem(err error) error {
	if fault, is := errors.AsType[*mail.TextFault](err); is {
		return newProblem(http.StatusUnprocessableEntity, fault.Error(), "")
	}
	return err
}

func viewMailText(t brand.MailText) MailText {
	out := MailText{
		Kind: string(t.Kind), Language: t.Language, Own: t.Own, Subject: t.Subject, Body: t.Body, Button: t.Kind.HasButton(), Placeholders: []MailPlaceholder{},
	}
	for _, p := range t.Kind.Placeholders() {
		out.Placeholders = append(out.Placeholders, MailPlaceholder(p))
	}
	return out
}

// mailTextURL is the path of what mails of a kind say in a language.
func mailTextURL(kind, language string) string {
	return "/mail-texts/" + segment(kind) + "/" + segment(language)
}

// MailTexts returns what mails say, of each kind in each language.
func (c *Client) MailTexts(ctx context.Context) ([]MailText, error) {
	list, err := get[mailTextList](ctx, c, http.MethodGet, "/mail-texts", nil, nil)
	return list.MailTexts, err
}

// MailText returns what mails of a kind say in a language.
func (c *Client) MailText(ctx context.Context, kind, language string) (MailText, error) {
	return get[MailText](ctx, c, http.MethodGet, mailTextURL(kind, language), nil, nil)
}

// SetMailText lets mails of a kind say something else in a language.
func (c *Client) SetMailText(ctx context.Context, kind, language string, words MailWords) (MailText, error) {
	return get[MailText](ctx, c, http.MethodPut, mailTextURL(kind, language), nil, words)
}

// ResetMailText brings the built-in text back.
func (c *Client) ResetMailText(ctx context.Context, kind, language string) error {
	return c.do(ctx, http.MethodDelete, mailTextURL(kind, language), nil, nil)
}
