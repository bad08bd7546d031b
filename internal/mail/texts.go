package mail

import (
	"context"
	"encoding/json"
	"fmt"

	"stayput.dev/internal/shelf"
)

// TextShelf keeps texts, see package shelf.
type TextShelf interface {
	// Of returns the items that are about an account, 0 for nobody.
	Of(ctx context.Context, account uint32, kind string) ([]shelf.Item, error)
	// Put keeps an item in the place of the one with its version.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
	// Drop deletes an item if it is of its version.
	Drop(ctx context.Context, item shelf.Item) error
}

// Texts are the company's own texts. Every Queue on the same shelf, on whichever node,
// writes with them from the next mails on. It is safe for concurrent use.
type Texts struct{ shelf TextShelf }

// NewTexts returns the texts on a shelf.
func NewTexts(s TextShelf) *Texts { return &Texts{s} }

// textKind is the kind of items that hold a text.
const textKind = "mail-text"

// textEntry is what such an item says.
type textEntry struct {
	Kind     Kind
	Language string
	Subject  string
	Body     string
}

// OwnText is a text that is kept.
type OwnText struct {
	Text
	Version uint64 // another each time that it is set; 0: it is not kept
}

// All returns the texts that there are, also such as cannot be used any more.
func (t *Texts) All(ctx context.Context) ([]OwnText, error) {
	items, err := t.shelf.Of(ctx, 0, textKind)
	if err != nil {
		return nil, fmt.Errorf("reading the texts of mails: %w", err)
	}
	var all []OwnText
	for _, item := range items {
		var e textEntry
		if json.Unmarshal(item.Body, &e) == nil {
			all = append(all, OwnText{Text(e), item.Version})
		}
	}
	return all, nil
}

// Set gives a kind of mail its own text in a language, in the place of the one with its
// version. It fails as Text.Check does, and with shelf.ErrChanged when there is another.
func (t *Texts) Set(ctx context.Context, own OwnText) error {
	if err := own.Check(); err != nil {
		return err
	}
	item := own.item()
	var err error
	if item.Body, err = json.Marshal(textEntry(own.Text)); err != nil {
		return fmt.Errorf("keeping a text of mails: %w", err)
	}
	if _, err := t.shelf.Put(ctx, item); err != nil {
		return fmt.Errorf("keeping a text of mails: %w", err)
	}
	return nil
}

// Reset lets mails have the built-in text in the place of an own one. It fails with
// shelf.ErrChanged when there is one of another version, or none.
func (t *Texts) Reset(ctx context.Context, own OwnText) error {
	if err := t.shelf.Drop(ctx, own.item()); err != nil {
		return fmt.Errorf("dropping a text of mails: %w", err)
	}
	return nil
}

func (o *OwnText) item() shelf.Item {
	return shelf.Item{Kind: textKind, ID: textID(o.Kind, o.Language), Version: o.Version}
}

func textID(kind Kind, language string) string { return string(kind) + "." + language }

// ownTexts are texts that were read, by textID.
type ownTexts map[string]*words

// ownTexts returns the company's own texts. One that cannot be used is passed over, and
// the built-in one takes its place.
func (q *Queue) ownTexts(ctx context.Context) (ownTexts, error) {
	items, err := q.shelf.Of(ctx, 0, textKind)
	if err != nil {
		return nil, err
	}
	own := ownTexts{}
	for _, item := range items {
		var e textEntry
		err := json.Unmarshal(item.Body, &e)
		if err == nil {
			own[item.ID], err = Text(e).read()
		}
		if err != nil {
			q.log.WarnContext(ctx, "an own text of mails cannot be used, the built-in one is", "text", item.ID, "error", err)
		}
	}
	return own, nil
}
