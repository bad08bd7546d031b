package brand

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
)

// Texts keeps the company's own texts of mails; see mail.Texts, which says what each does.
type Texts interface {
	// All returns the texts that there are.
	All(ctx context.Context) ([]mail.OwnText, error)
	// Set gives a kind of mail its own text in a language, in the place of the one with its
	// version.
	Set(ctx context.Context, own mail.OwnText) error
	// Reset brings the built-in text back in the place of an own one.
	Reset(ctx context.Context, own mail.OwnText) error
}

// ErrNoText says that there are no mails of a kind, or none in a language.
var ErrNoText = errors.New("no such mail")

// MailText is what mails of a kind say in a language.
type MailText struct {
	mail.Text
	Own     bool   // the company said so; else it is built in
	version uint64 // of the company's own
}

// MailTexts returns what mails of every kind say in every language, in the order in which
// to show them.
func (s *Service) MailTexts(ctx context.Context) ([]MailText, error) {
	own, err := s.Texts.All(ctx)
	if err != nil {
		return nil, err
	}
	var all []MailText
	for _, kind := range mail.AllKinds() {
		for _, language := range mail.Languages() {
			text, err := textAmong(own, kind, language)
			if err != nil {
				return nil, err
			}
			all = append(all, text)
		}
	}
	return all, nil
}

// MailText returns what mails of a kind say in a language. It fails with ErrNoText.
func (s *Service) MailText(ctx context.Context, kind mail.Kind, language string) (MailText, error) {
	if !slices.Contains(mail.AllKinds(), kind) || !slices.Contains(mail.Languages(), language) {
		return MailText{}, ErrNoText
	}
	own, err := s.Texts.All(ctx)
	if err != nil {
		return MailText{}, err
	}
	return textAmong(own, kind, language)
}

// textAmong returns the text of a kind in a language: one of the company's own, else ours.
func textAmong(own []mail.OwnText, kind mail.Kind, language string) (MailText, error) {
	if i := slices.IndexFunc(own, func(t mail.OwnText) bool { return t.Kind == kind && t.Language == language }); i >= 0 {
		return MailText{own[i].Text, true, own[i].Version}, nil
	}
	text, err := mail.BuiltIn(kind, language)
	return MailText{text, false, 0}, err
}

// SetMailText lets mails say something else in the place of what MailText has returned, in
// the name of by. It fails as mail.Text.Check does, and with shelf.ErrChanged when somebody
// else has changed it since.
func (s *Service) SetMailText(ctx context.Context, by registry.Actor, was MailText, subject, body string) error {
	text := mail.Text{Kind: was.Kind, Language: was.Language, Subject: subject, Body: body}
	if err := text.Check(); err != nil {
		return err
	}
	if was.Own && was.Text == text {
		return nil
	}
	detail := "body"
	switch {
	case was.Body == body:
		detail = "subject " + shown(subject)
	case was.Subject != subject:
		detail = "subject " + shown(subject) + ", body"
	}
	if err := s.noteText(ctx, by, "set", text.Kind, text.Language, detail); err != nil {
		return err
	}
	return s.Texts.Set(ctx, mail.OwnText{Text: text, Version: was.version})
}

// ResetMailText brings the built-in text back, in the name of by, in the place of what
// MailText has returned, if that is another. It fails with shelf.ErrChanged when somebody
// else has changed it since.
func (s *Service) ResetMailText(ctx context.Context, by registry.Actor, was MailText) error {
	if !was.Own {
		return nil
	}
	if err := s.noteText(ctx, by, "delete", was.Kind, was.Language, ""); err != nil {
		return err
	}
	return s.Texts.Reset(ctx, mail.OwnText{Text: was.Text, Version: was.version})
}

func (s *Service) noteText(ctx context.Context, by registry.Actor, verb string, kind mail.Kind, language, detail string) error {
	err := s.Log.Note(ctx, by, registry.Note{Verb: verb, Subject: fmt.Sprintf("mail-text %s/%s", kind, language), Detail: detail})
	if err != nil {
		return fmt.Errorf("noting the change of a text of mails: %w", err)
	}
	return nil
}
