package admin

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Token is what there is to see of an API token: never its secret.
type Token struct {
	ID           string
	Account      string // name of the owner
	Name         string // may be empty
	ReadOnly     bool
	Staff        bool
	Zones, Hosts []zone.Name // all that it is good for; both empty: everything
	Sources      []netip.Prefix
	Created      time.Time
	Expires      time.Time // the zero time: never
}

// NewToken is an API token to be made.
type NewToken struct {
	Account      string // its name
	Name         string // what it is for; may be empty
	ReadOnly     bool   // it changes nothing
	Staff        bool   // it may do what the role of the account may
	Zones, Hosts []zone.Name
	Sources      []netip.Prefix // where it may come from; empty: anywhere
	Expires      time.Time      // the zero time: never
	Language     string         // of the mail to the owner, where the account has none; may be empty
}

// maxTokens bounds the API tokens of an account, and what one may list.
const maxTokens = 100

// AddToken makes an API token and returns its secret, which nobody can read again. The
// owner hears of it, whoever made it.
func (s *Service) AddToken(ctx context.Context, n NewToken) (t Token, secret string, err error) {
	if err := n.normalise(s.opts.Now()); err != nil {
		return Token{}, "", err
	}
	secret, id := account.NewToken(), account.NewTokenID()
	kept, err := account.KeepSecret(secret, true, false)
	if err != nil {
		return Token{}, "", invalid("%v", err)
	}
	err = s.edit(ctx, func(d *draft) error { return d.addToken(n, id, kept) })
	if err != nil {
		return Token{}, "", err
	}
	made, err := findToken(s.State(), id)
	if err != nil {
		return Token{}, "", err
	}
	if s.opts.Teller != nil {
		s.opts.Teller.TellTokenMade(context.WithoutCancel(ctx), s.by, made, n.Language)
	}
	return viewToken(s.State(), made), secret, nil
}

func (n *NewToken) normalise(now time.Time) error {
	if err := account.CheckLine(n.Name); err != nil {
		return invalid("%v", err)
	}
	if max(len(n.Zones), len(n.Hosts), len(n.Sources)) > maxTokens {
		return invalid("an API token lists at most %d zones, hosts and networks", maxTokens)
	}
	n.Expires = n.Expires.UTC().Truncate(time.Millisecond)
	if !n.Expires.IsZero() && !n.Expires.After(now) {
		return invalid("an API token cannot expire in the past")
	}
	n.Sources = slices.Clone(n.Sources)
	for i, p := range n.Sources {
		if !p.IsValid() {
			return invalid("%v is not a network", p)
		}
		n.Sources[i] = p.Masked()
	}
	return nil
}

func (d *draft) addToken(n NewToken, id string, secret account.Secret) error {
	owner, err := d.owner(n.Account)
	if err != nil {
		return err
	}
	if n.Staff && owner.Role == account.Customer {
		return conflict("account %s has the role customer, so its tokens are not for staff", owner.Name)
	}
	for _, name := range n.Hosts {
		h, err := findHost(d.state, name)
		if err != nil {
			return err
		}
		if h.Account != owner.ID && !n.Staff {
			return conflict("host %s does not belong to account %s", name, owner.Name)
		}
	}
	count := 0
	for range d.state.Accounts.APITokensOf(owner.ID) {
		count++
	}
	if count >= maxTokens {
		return conflict("account %s has %d API tokens, which is the limit", owner.Name, maxTokens).but("revoke one first")
	}
	d.changes.Accounts.Tokens = []account.Token{{
		ID: id, Account: owner.ID, Name: n.Name, Secret: secret, ReadOnly: n.ReadOnly, Staff: n.Staff,
		Zones: slices.Clone(n.Zones), Hosts: slices.Clone(n.Hosts), Sources: n.Sources, Created: d.now, Expires: n.Expires,
	}}
	return nil
}

// RevokeToken deletes an API token.
func (s *Service) RevokeToken(ctx context.Context, id string) error {
	return s.edit(ctx, func(d *draft) error {
		if _, err := findToken(d.state, id); err != nil {
			return err
		}
		d.changes.Accounts.DeletedTokens = []string{id}
		return nil
	})
}

// Token returns the API token with the ID.
func (s *Service) Token(id string) (Token, error) {
	st := s.State()
	t, err := findToken(st, id)
	if err != nil {
		return Token{}, err
	}
	return viewToken(st, t), nil
}

// Tokens returns the API tokens of an account, or all where its name is empty, in
// order of their IDs.
func (s *Service) Tokens(owner string) ([]Token, error) {
	st := s.State()
	all := st.Accounts.APITokens()
	if owner != "" {
		a, err := findAccount(st, owner)
		if err != nil {
			return nil, err
		}
		all = st.Accounts.APITokensOf(a.ID)
	}
	var out []Token
	for t := range all {
		out = append(out, viewToken(st, t))
	}
	return out, nil
}

func findToken(st *registry.State, id string) (account.Token, error) {
	t, ok := st.Accounts.APIToken(id)
	if !ok {
		return t, notFound("no API token %s", id)
	}
	return t, nil
}

func viewToken(st *registry.State, t account.Token) Token {
	owner, _ := st.Accounts.AccountByID(t.Account)
	return Token{
		ID: t.ID, Account: owner.Name, Name: t.Name, ReadOnly: t.ReadOnly, Staff: t.Staff,
		Zones: t.Zones, Hosts: t.Hosts, Sources: t.Sources, Created: t.Created, Expires: t.Expires,
	}
}
