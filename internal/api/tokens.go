package api

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
)

// Token is an API token as the API shows it.
type Token struct {
	ID       string    `json:"id" example:"tmfrggzdfmy"`
	Account  string    `json:"account"`
	Name     string    `json:"name,omitempty" doc:"What it is for."`
	ReadOnly bool      `json:"read_only"`
	Staff    bool      `json:"staff,omitempty" doc:"It may do what the role of its account may; otherwise what a customer may."`
	Zones    []string  `json:"zones,omitempty" nullable:"false" doc:"With hosts, all that it is good for; both absent: everything."`
	Hosts    []string  `json:"hosts,omitempty" nullable:"false"`
	Sources  []string  `json:"sources,omitempty" nullable:"false" doc:"Networks from which it may come; absent: from anywhere."`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero" doc:"Absent when it never does."`
	LastUsed time.Time `json:"last_used,omitzero" doc:"Since the daemon started; absent when it was not, or that is forgotten."`
}

// NewToken is an API token to be made.
type NewToken struct {
	Account  string     `json:"account"`
	Name     string     `json:"name,omitempty" doc:"What it is for, one line."`
	ReadOnly bool       `json:"read_only,omitempty"`
	Staff    bool       `json:"staff,omitempty" doc:"It may do what the role of its account may; otherwise what a customer may."`
	Zones    []string   `json:"zones,omitempty" nullable:"false" doc:"It is good for hosts at and below these names alone."`
	Hosts    []string   `json:"hosts,omitempty" nullable:"false" doc:"It is good for these hosts alone."`
	Sources  []string   `json:"sources,omitempty" nullable:"false" example:"[\"192.0.2.0/24\"]" doc:"Networks from which it may come; without any, from anywhere."`
	Expires  *time.Time `json:"expires,omitempty" doc:"Without it, never."`
}

// AddedToken is an API token that was just made, with its secret, which nobody can
// read again.
type AddedToken struct {
	Secret string `json:"secret" example:"stp_…"`
	Token
}

// tokenList is API tokens.
type tokenList struct {
	Tokens []Token `json:"tokens" nullable:"false"`
}

// tokenPath is a request about one API token.
type tokenPath struct {
	Token string `path:"token"`
}

// tokenQuery is a request for a list of API tokens.
type tokenQuery struct {
	Account string `query:"account" doc:"Only those of this account."`
}

func (s *server) addTokens(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/self", "show-self", "Show who asks"), s.showSelf)
	answer(s, api, operation(http.MethodGet, "/tokens", "list-tokens", "List API tokens"), s.listTokens)
	answer(s, api, operation(http.MethodPost, "/tokens", "add-token", "Make an API token"), s.addToken)
	answer(s, api, operation(http.MethodGet, "/tokens/{token}", "show-token", "Show an API token"), s.showToken)
	act(s, api, operation(http.MethodDelete, "/tokens/{token}", "revoke-token", "Revoke an API token"), s.revokeToken)
}

func (s *server) listTokens(ctx context.Context, in *tokenQuery) (tokenList, error) {
	all, err := s.as(ctx).Tokens(in.Account)
	out := tokenList{[]Token{}}
	for _, t := range all {
		out.Tokens = append(out.Tokens, s.viewToken(t))
	}
	return out, err
}

func (s *server) addToken(ctx context.Context, in *body[NewToken]) (AddedToken, error) {
	b := &in.Body
	n := admin.NewToken{Account: b.Account, Name: b.Name, ReadOnly: b.ReadOnly, Staff: b.Staff}
	if b.Expires != nil {
		n.Expires = *b.Expires
	}
	var err error
	if n.Zones, err = readNames(b.Zones); err != nil {
		return AddedToken{}, err
	}
	if n.Hosts, err = readNames(b.Hosts); err != nil {
		return AddedToken{}, err
	}
	if n.Sources, err = readAll(b.Sources, readNetwork); err != nil {
		return AddedToken{}, err
	}
	if err := visitOf(ctx).who.bound(&n); err != nil {
		return AddedToken{}, err
	}
	t, secret, err := s.as(ctx).AddToken(ctx, n)
	return AddedToken{secret, s.viewToken(t)}, err
}

// bound makes sure that a token made by means of a token is good for no more: not
// for longer, and from nowhere else.
func (p *Principal) bound(n *admin.NewToken) error {
	if p.token == nil {
		return nil
	}
	if end := p.token.Expires; !end.IsZero() && (n.Expires.IsZero() || n.Expires.After(end)) {
		n.Expires = end
	}
	if len(n.Sources) == 0 {
		n.Sources = p.token.Sources
	}
	for _, source := range n.Sources {
		within := func(own netip.Prefix) bool { return own.Bits() <= source.Bits() && own.Contains(source.Addr()) }
		if len(p.token.Sources) > 0 && !slices.ContainsFunc(p.token.Sources, within) {
			return newProblem(http.StatusForbidden, "a token makes tokens for its own networks alone", "")
		}
	}
	return nil
}

func readNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, newProblem(http.StatusUnprocessableEntity, "\""+text+"\" is not a network", "write it as 192.0.2.0/24")
	}
	return p, nil
}

func (s *server) showToken(ctx context.Context, in *tokenPath) (Token, error) {
	t, err := s.as(ctx).Token(in.Token)
	return s.viewToken(t), err
}

func (s *server) revokeToken(ctx context.Context, in *tokenPath) error {
	return s.as(ctx).RevokeToken(ctx, in.Token)
}

func (s *server) viewToken(t admin.Token) Token {
	out := Token{
		ID: t.ID, Account: t.Account, Name: t.Name, ReadOnly: t.ReadOnly, Staff: t.Staff,
		Zones: nameTexts(t.Zones), Hosts: nameTexts(t.Hosts), Created: t.Created, Expires: t.Expires, LastUsed: s.used.last(t.ID),
	}
	for _, p := range t.Sources {
		out.Sources = append(out.Sources, p.String())
	}
	return out
}

// Tokens returns the API tokens of an account, or all where its name is empty.
func (c *Client) Tokens(ctx context.Context, owner string) ([]Token, error) {
	list, err := get[tokenList](ctx, c, http.MethodGet, "/tokens", values("account", owner), nil)
	return list.Tokens, err
}

// AddToken makes an API token.
func (c *Client) AddToken(ctx context.Context, n NewToken) (AddedToken, error) {
	return get[AddedToken](ctx, c, http.MethodPost, "/tokens", nil, n)
}

// RevokeToken revokes an API token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/tokens/"+segment(id), nil, nil)
}
