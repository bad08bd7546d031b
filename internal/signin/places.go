package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// maxPlaces is how many places of an account are remembered.
const maxPlaces = 20

// noticePlace writes to the owner of an account that was signed in to from a place
// where it never was, unless it was never signed in to before. A place is an IPv4 /24
// or an IPv6 /48, with the program that was used.
func (s *Service) noticePlace(ctx context.Context, c Client, a account.Account) {
	if !c.Addr.IsValid() {
		return
	}
	isNew, err := s.keepPlace(ctx, a.ID, placeOf(c))
	if err != nil {
		s.log.WarnContext(ctx, "where somebody signed in from was not kept", "account", a.Name, "error", err)
		return
	}
	if isNew {
		s.tell(ctx, c, a, mail.NewPlace, mail.Data{At: s.now(), Place: c.Addr.Unmap().String(), Agent: programOf(c.Agent)})
	}
}

// keepPlace remembers a place of an account, and tells whether it is new.
func (s *Service) keepPlace(ctx context.Context, id uint32, place string) (isNew bool, err error) {
	item, err := s.shelf.Get(ctx, kindPlaces, number(id))
	if errors.Is(err, shelf.ErrNotFound) {
		item, err = shelf.Item{Kind: kindPlaces, ID: number(id), Account: id}, nil
	}
	if err != nil {
		return false, err
	}
	var places []string
	if len(item.Body) > 0 {
		if err := json.Unmarshal(item.Body, &places); err != nil {
			return false, fmt.Errorf("reading places: %w", err)
		}
	}
	at := slices.Index(places, place)
	switch {
	case at >= 0 && at < maxPlaces/2:
		return false, nil
	case at >= 0: // it moves to the front, or would be forgotten one day
		places = slices.Delete(places, at, at+1)
	default:
		isNew = len(places) > 0
	}
	places = slices.Insert(places, 0, place)[:min(len(places)+1, maxPlaces)]
	if item.Body, err = json.Marshal(places); err != nil {
		return false, err
	}
	if _, err = s.shelf.Put(ctx, item); errors.Is(err, shelf.ErrChanged) {
		err = nil // another sign-in was quicker; it is as new next time
	}
	return isNew, err
}

func placeOf(c Client) string {
	a := c.Addr.Unmap()
	bits := 24
	if a.Is6() {
		bits = 48
	}
	network, _ := a.WithZone("").Prefix(bits)
	return network.String() + " " + programOf(c.Agent)
}

// programOf names a browser and its system by the User-Agent header, of which
// nothing goes into a mail as it came: "Firefox on Linux"; empty for what it does
// not know.
func programOf(agent string) string {
	browser := firstIn(agent, [][2]string{
		{"Edg/", "Edge"},
		{"OPR/", "Opera"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	})
	system := firstIn(agent, [][2]string{
		{"Android", "Android"},
		{"iPhone", "iOS"},
		{"iPad", "iPadOS"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	})
	if browser == "" || system == "" {
		return browser + system
	}
	return browser + " · " + system
}

func firstIn(text string, words [][2]string) string {
	for _, w := range words {
		if strings.Contains(text, w[0]) {
			return w[1]
		}
	}
	return ""
}

// tell queues a mail to the owner of an account. What it is about has happened, so a
// failure is only logged.
func (s *Service) tell(ctx context.Context, c Client, a account.Account, kind mail.Kind, data mail.Data) {
	s.tellOnce(ctx, c, a, number(uint32(s.now().Unix())), kind, data)
}

// tellOnce is tell, where one mail about what the ID names is enough.
func (s *Service) tellOnce(ctx context.Context, c Client, a account.Account, id string, kind mail.Kind, data mail.Data) {
	if !s.hasMail() || a.Email == "" {
		return
	}
	data.Name = a.Name
	m := mail.Message{
		ID: string(kind) + "-" + number(a.ID) + "-" + id, Kind: kind, To: a.Email, Account: a.ID,
		Language: language(&a, &c), Until: s.now().Add(7 * 24 * time.Hour), Data: data,
	}
	if err := s.send(ctx, m); err != nil {
		s.log.WarnContext(ctx, "a mail was not queued", "kind", kind, "account", a.Name, "error", err)
	}
}

// tellPasswordChanged writes to the owner of an account.
func (s *Service) tellPasswordChanged(ctx context.Context, c Client, a account.Account) {
	s.tell(ctx, c, a, mail.PasswordChanged, mail.Data{At: s.now(), Place: addressText(c)})
}

// tellFactorsChanged writes to the owner of an account.
func (s *Service) tellFactorsChanged(ctx context.Context, c Client, a account.Account) {
	s.tell(ctx, c, a, mail.FactorsChanged, mail.Data{At: s.now(), Place: addressText(c)})
}

// TellTokenMade writes to the owner of an API token that it was made, by which somebody
// could come without signing in. It implements admin.Teller.
func (s *Service) TellTokenMade(ctx context.Context, by registry.Actor, t account.Token, language string) {
	a, err := s.accountByID(t.Account)
	if err != nil { // it is gone already, and the token with it
		return
	}
	c := staff(by)
	c.Language = language
	s.tellOnce(ctx, c, a, t.ID, mail.TokenMade, mail.Data{At: t.Created, Place: addressText(c), Token: t.Name})
}

// addressText is the client's address as mails say it, empty where it is not known.
func addressText(c Client) string {
	if !c.Addr.IsValid() {
		return ""
	}
	return c.Addr.Unmap().String()
}

// number returns an ID of an item that is a number.
func number(id uint32) string { return fmt.Sprintf("%d", id) }
