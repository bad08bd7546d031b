package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// How long links are good for.
const (
	invitationLife = 7 * 24 * time.Hour
	resetLife      = time.Hour
	emailLife      = 24 * time.Hour
	signUpLife     = 24 * time.Hour
)

// storedLink is what an item says of a link. Its ID is the hash of the token.
type storedLink struct {
	Purpose  Purpose
	Email    string `json:",omitempty"` // the account's then, or the address to be confirmed
	Print    []byte `json:",omitempty"` // of the account's password: with another the link is of no use
	Language string `json:",omitempty"`
	InUse    bool   `json:",omitempty"` // by somebody whose form is being looked at: of no use to others
}

// path returns where a link of the purpose leads.
func (p Purpose) path() string {
	switch p {
	case ForInvitation:
		return PathInvitation
	case ForReset:
		return PathReset
	case ForEmail:
		return PathEmail
	}
	return PathSignUp
}

// makeLink keeps a link and returns its URL. It fails with ErrOff when nobody says
// where the pages are.
func (s *Service) makeLink(ctx context.Context, id uint32, l storedLink, life time.Duration) (link string, expires time.Time, err error) {
	token := newToken()
	if link, err = s.linkTo(l.Purpose.path(), token); err != nil {
		return "", expires, err
	}
	hash, _ := hashToken(token)
	expires = s.now().Add(life).UTC().Truncate(time.Millisecond)
	body, err := json.Marshal(l)
	if err != nil {
		return "", expires, fmt.Errorf("making a link: %w", err)
	}
	if _, err = s.shelf.Put(ctx, shelf.Item{Kind: kindLink, ID: hash, Account: id, Due: expires, Body: body, Passing: true}); err != nil {
		return "", expires, err
	}
	return link, expires, nil
}

// linkTo returns the URL of a page, or ErrOff when nobody says where the pages are, which
// a reload can bring about at any time.
func (s *Service) linkTo(path ...string) (string, error) {
	u := s.opts.Load().PublicURL
	if u == nil {
		return "", fmt.Errorf("%w: links cannot be made without http.public_url", ErrOff)
	}
	return u.JoinPath(path...).String(), nil
}

// openLink is what a link says, with its account; the zero Account for a sign-up.
type openLink struct {
	storedLink
	account account.Account
	expires time.Time
}

// readLink returns a link that is still good, or ErrLink.
func (s *Service) readLink(ctx context.Context, item shelf.Item) (openLink, error) {
	l := openLink{expires: item.Due}
	if err := json.Unmarshal(item.Body, &l.storedLink); err != nil {
		return l, fmt.Errorf("reading a link: %w", err)
	}
	if l.InUse || !s.now().Before(item.Due) {
		return l, ErrLink
	}
	if l.Purpose == ForSignUp {
		return l, nil
	}
	// Whoever reads what was sent to an address that the account had before is not its owner.
	suits := func(a *account.Account) bool {
		return a.ID != 0 && samePrint(a, l.Print) && (l.Purpose == ForEmail || l.Email == "" || l.Email == a.Email)
	}
	var err error
	if l.account, err = s.latest(ctx, item.Account, suits); err == nil && !suits(&l.account) {
		err = ErrLink
	}
	return l, err
}

// Link returns what a link is for, by its token, and leaves it as it is. It fails with
// ErrLink when the link was used, has expired or never was.
func (s *Service) Link(ctx context.Context, token string) (Link, error) {
	hash, ok := hashToken(token)
	if !ok {
		return Link{}, ErrLink
	}
	item, err := s.shelf.Get(ctx, kindLink, hash)
	if errors.Is(err, shelf.ErrNotFound) {
		return Link{}, ErrLink
	}
	if err != nil {
		return Link{}, err
	}
	l, err := s.readLink(ctx, item)
	if err != nil {
		return Link{}, err
	}
	return Link{Purpose: l.Purpose, Account: l.account.Name, Email: l.Email, Expires: l.expires}, nil
}

// useLink uses a link up, for one of those who try, and does what it is for. When
// that fails because of what somebody typed, the link is good again, unless it was dropped
// meanwhile.
func (s *Service) useLink(ctx context.Context, c Client, token string, purpose Purpose, do func(openLink) error) error {
	hash, ok := hashToken(token)
	if !ok {
		return ErrLink
	}
	item, err := s.shelf.Get(ctx, kindLink, hash)
	if errors.Is(err, shelf.ErrNotFound) {
		return ErrLink
	}
	if err != nil {
		return err
	}
	l, err := s.readLink(ctx, item)
	if err != nil {
		return err
	}
	if l.Purpose != purpose {
		return ErrLink // and it stays good for its own
	}
	item, err = s.markLink(ctx, item, l.storedLink, true)
	if errors.Is(err, shelf.ErrChanged) {
		return ErrLink // somebody else was quicker
	}
	if err != nil {
		return err
	}
	err = do(l)
	ctx = context.WithoutCancel(ctx)
	var end error
	if err == nil || errors.Is(err, ErrLink) {
		end = s.shelf.Drop(ctx, item)
	} else {
		_, end = s.markLink(ctx, item, l.storedLink, false)
	}
	if end != nil && !errors.Is(end, shelf.ErrChanged) {
		s.log.WarnContext(ctx, "a link stays that nobody can use", "error", end)
	}
	if err == nil && l.account.ID != 0 {
		s.note(ctx, c, l.account.Name, l.account, LinkUsed, string(purpose))
	}
	return err
}

// markLink notes whether somebody is using a link, and returns the item as it is then. It
// fails with shelf.ErrChanged when the link is not as it was.
func (s *Service) markLink(ctx context.Context, item shelf.Item, l storedLink, inUse bool) (shelf.Item, error) {
	l.InUse = inUse
	var err error
	if item.Body, err = json.Marshal(l); err != nil {
		return item, fmt.Errorf("marking a link: %w", err)
	}
	item.Version, err = s.shelf.Put(ctx, item)
	return item, err
}

// dropLinks deletes the links of an account, so that none that was made before is of
// use after.
func (s *Service) dropLinks(ctx context.Context, id uint32, purpose Purpose) error {
	items, err := s.shelf.Of(ctx, id, kindLink)
	if err != nil {
		return err
	}
	for _, item := range items {
		var l storedLink
		if json.Unmarshal(item.Body, &l) == nil && l.Purpose == purpose {
			err = errors.Join(err, s.takeAll(ctx, kindLink, item.ID))
		}
	}
	return err
}

// noteLink notes that a link was made.
func (s *Service) noteLink(ctx context.Context, by registry.Actor, a account.Account, purpose Purpose) {
	s.note(ctx, staff(by), s.actorName(by), a, LinkMade, string(purpose))
}
