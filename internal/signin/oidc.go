package signin

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/shelf"
)

// OIDC is an identity provider (OpenID Connect Core 1.0) that people may sign in with.
type OIDC struct {
	Issuer       string // its URL
	ClientID     string
	ClientSecret string // empty for a public client
	Name         string // what its button says

	// GroupsClaim is the claim with the groups that somebody is in. Who is in one of
	// AdminGroups is an admin, else in one of SupportGroups support, else in one of
	// CustomerGroups, or where there are none, a customer. Others are not let in. When all
	// three are empty nobody's role changes.
	GroupsClaim                                string // empty: groups
	AdminGroups, SupportGroups, CustomerGroups []string

	LinkByEmail    bool // whoever has the confirmed mail address of an account signs in to it
	CreateAccounts bool // whoever has none gets one
}

// rules tells whether groups say what role people have.
func (o *OIDC) rules() bool {
	return len(o.AdminGroups)+len(o.SupportGroups)+len(o.CustomerGroups) > 0
}

// role returns the role of somebody in groups; false for none.
func (o *OIDC) role(groups []string) (account.Role, bool) {
	in := func(some []string) bool {
		return slices.ContainsFunc(some, func(g string) bool { return slices.Contains(groups, g) })
	}
	switch {
	case in(o.AdminGroups):
		return account.Admin, true
	case in(o.SupportGroups):
		return account.Support, true
	}
	return account.Customer, len(o.CustomerGroups) == 0 || in(o.CustomerGroups)
}

// providerCache is what a provider says of itself.
type providerCache struct {
	mu       sync.Mutex // guards what follows
	issuer   string
	provider *oidc.Provider
	fault    error     // why it was not found
	asked    time.Time // when that was
}

// faultLife is how long a provider that does not answer is not asked again, so that
// people do not queue for it.
const faultLife = 10 * time.Second

// providerTimeout is how long a provider may take for an answer.
const providerTimeout = 15 * time.Second

// find asks the provider where what is, once.
func (p *providerCache) find(ctx context.Context, issuer string) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.issuer == issuer {
		if p.provider != nil {
			return p.provider, nil
		}
		if time.Since(p.asked) < faultLife {
			return nil, p.fault
		}
	}
	p.issuer, p.provider = issuer, nil
	// It asks for keys later, too, by the same context.
	found, err := oidc.NewProvider(withClient(context.WithoutCancel(ctx)), issuer)
	if err != nil {
		p.fault, p.asked = fmt.Errorf("asking the identity provider what it can do: %w", err), time.Now()
		return nil, p.fault
	}
	p.provider = found
	return found, nil
}

func withClient(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, &http.Client{Timeout: providerTimeout})
}

// Provider returns the name of the identity provider; false when there is none.
func (s *Service) Provider() (name string, ok bool) {
	o := s.opts.Load()
	if o.OIDC == nil || o.PublicURL == nil {
		return "", false
	}
	return o.OIDC.Name, true
}

func (s *Service) oauth(ctx context.Context) (*OIDC, *oidc.Provider, *oauth2.Config, error) {
	opts := s.opts.Load()
	if opts.OIDC == nil || opts.PublicURL == nil {
		return nil, nil, nil, ErrOff
	}
	p, err := s.provider.find(ctx, opts.OIDC.Issuer)
	if err != nil {
		return nil, nil, nil, err
	}
	return opts.OIDC, p, &oauth2.Config{
		ClientID: opts.OIDC.ClientID, ClientSecret: opts.OIDC.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: opts.PublicURL.JoinPath(PathOIDC).String(), Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}, nil
}

// BeginOIDC returns where to send somebody who signs in with the provider, and the
// cookie to be set by SetStateCookie until they are back. back is the path of the page
// to show then; anything else is taken for "/".
func (s *Service) BeginOIDC(ctx context.Context, _ Client, back string) (to, cookie string, err error) {
	return s.sendThere(ctx, ticket{For: forOIDC, Back: localPath(back)})
}

// sendThere returns where to send somebody with a ticket, and the cookie with it.
func (s *Service) sendThere(ctx context.Context, t ticket) (to, cookie string, err error) {
	_, _, config, err := s.oauth(ctx)
	if err != nil {
		return "", "", err
	}
	t.State, t.Nonce, t.Verifier = newToken(), newToken(), oauth2.GenerateVerifier()
	if cookie, err = s.sealTicket(ctx, t); err != nil {
		return "", "", err
	}
	return config.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), cookie, nil
}

// localPath returns a path of ours, "/" for whatever would lead elsewhere.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") || len(path) > 1024 {
		return "/"
	}
	return path
}

// claims are what a provider says of somebody.
type claims struct {
	Subject       string
	Email         string
	EmailVerified bool
	Name          string // that they prefer
	Groups        []string
}

// known is what people call the provider's user.
func (c *claims) known() string { return cmp.Or(c.Name, c.Email, c.Subject) }

// FinishOIDC takes what the provider says: the query of the request at PathOIDC, with
// the cookie of BeginOIDC. It returns the step, which is Done, and the page to show. It
// fails with ErrLink when the two do not belong together or come too late, with
// ErrWrong when the provider did not let them in, and with ErrNotAllowed when we do
// not.
func (s *Service) FinishOIDC(ctx context.Context, c Client, cookie string, query url.Values) (step Step, back string, err error) {
	t, err := s.openTicket(ctx, cookie, forOIDC)
	if err != nil {
		return Step{}, "", err
	}
	rules, claimed, role, err := s.comeBack(ctx, c, &t, query)
	if err != nil {
		return Step{}, "", err
	}
	a, err := s.claimant(ctx, c, rules, claimed, role)
	if err != nil {
		return Step{}, "", err
	}
	if a.Suspended {
		return Step{}, "", ErrSuspended
	}
	if rules.rules() && a.Role != role {
		a, err = s.change(ctx, c.actor(a.ID), a, "role "+string(role), func(a *account.Account) { a.Role = role })
		if err != nil {
			return Step{}, "", err
		}
		s.note(ctx, c, "", a, RoleChanged, string(role))
	}
	step, err = s.enter(ctx, c, a, ByProvider)
	return step, t.Back, err
}

// comeBack returns who somebody is who comes back from the provider with a ticket, and the
// role that their groups give them.
func (s *Service) comeBack(ctx context.Context, c Client, t *ticket, query url.Values) (*OIDC, *claims, account.Role, error) {
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(t.State)) != 1 {
		return nil, nil, "", ErrLink
	}
	rules, claimed, err := s.askProvider(ctx, c, t, query)
	if err != nil {
		return nil, nil, "", err
	}
	role, ok := rules.role(claimed.Groups)
	if !ok {
		s.log.InfoContext(ctx, "sign-in: the provider's user is in no group that may", "source", c.Addr)
		return nil, nil, "", ErrNotAllowed
	}
	return rules, claimed, role, nil
}

// askProvider exchanges the code for what the provider says of somebody.
func (s *Service) askProvider(ctx context.Context, c Client, t *ticket, query url.Values) (*OIDC, *claims, error) {
	rules, provider, config, err := s.oauth(ctx)
	if err != nil {
		return nil, nil, err
	}
	refuse := func(why string, err error) error {
		s.log.InfoContext(ctx, "sign-in: "+why, "source", c.Addr, "error", err)
		return ErrWrong
	}
	if code := query.Get("error"); code != "" {
		return nil, nil, refuse("the provider refused", errors.New(code))
	}
	granted, err := config.Exchange(withClient(ctx), query.Get("code"), oauth2.VerifierOption(t.Verifier))
	if err != nil {
		if _, answered := errors.AsType[*oauth2.RetrieveError](err); answered {
			return nil, nil, refuse("the provider did not take the code", err)
		}
		return nil, nil, fmt.Errorf("asking the identity provider: %w", err)
	}
	raw, ok := granted.Extra("id_token").(string)
	if !ok {
		return nil, nil, refuse("the provider gave no ID token", nil)
	}
	proof, err := provider.Verifier(&oidc.Config{ClientID: rules.ClientID, Now: s.now}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, refuse("the provider's ID token is wrong", err)
	}
	if subtle.ConstantTimeCompare([]byte(proof.Nonce), []byte(t.Nonce)) != 1 {
		return nil, nil, refuse("the provider's ID token is for another request", nil)
	}
	all := map[string]json.RawMessage{}
	if err := proof.Claims(&all); err != nil {
		return nil, nil, refuse("the provider's ID token cannot be read", err)
	}
	if err := addUserInfo(ctx, provider, granted, proof.Subject, all); err != nil {
		return nil, nil, refuse("the provider tells nothing of its user", err)
	}
	if proof.Subject == "" {
		return nil, nil, refuse("the provider does not say who it is", nil)
	}
	return rules, readClaims(proof.Subject, all, rules.GroupsClaim), nil
}

// addUserInfo asks for the claims that are not in the ID token: they need not be (OpenID
// Connect Core 1.0 §5.4).
func addUserInfo(ctx context.Context, provider *oidc.Provider, granted *oauth2.Token, subject string, all map[string]json.RawMessage) error {
	if provider.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := provider.UserInfo(withClient(ctx), oauth2.StaticTokenSource(granted))
	if err != nil {
		return err
	}
	if info.Subject != subject { // §5.3.2
		return errors.New("it speaks of somebody else")
	}
	var more map[string]json.RawMessage
	if err := info.Claims(&more); err != nil {
		return err
	}
	for name, value := range more {
		if _, said := all[name]; !said {
			all[name] = value
		}
	}
	return nil
}

func readClaims(subject string, all map[string]json.RawMessage, groupsClaim string) *claims {
	c := &claims{Subject: subject}
	// What is of another type than it should be is as good as missing.
	text := func(name string) (v string) { _ = json.Unmarshal(all[name], &v); return v }
	c.Email, c.Name = text("email"), text("preferred_username")
	var verified bool
	_ = json.Unmarshal(all["email_verified"], &verified)
	c.EmailVerified = verified || text("email_verified") == "true" // as some write it
	if groupsClaim == "" {
		groupsClaim = "groups"
	}
	if json.Unmarshal(all[groupsClaim], &c.Groups) != nil && text(groupsClaim) != "" {
		c.Groups = []string{text(groupsClaim)}
	}
	return c
}

// claimant returns the account of a provider's user: the one that they are linked to,
// else one with their mail address, else a new one, as the rules allow. Of two who come
// for the first time at the same moment the later finds what the earlier made.
func (s *Service) claimant(ctx context.Context, c Client, rules *OIDC, claimed *claims, role account.Role) (account.Account, error) {
	a, known, err := s.linkedAccount(ctx, rules, claimed)
	if known || err != nil {
		return a, err
	}
	a, isNew, err := s.newClaimant(ctx, c, rules, claimed, role)
	if err != nil {
		return a, err
	}
	if err := s.keepIdentity(ctx, rules, claimed, a.ID); err != nil {
		if isNew {
			s.dropUnlinked(context.WithoutCancel(ctx), a)
		}
		if errors.Is(err, shelf.ErrChanged) {
			if first, known, _ := s.linkedAccount(ctx, rules, claimed); known {
				return first, nil
			}
		}
		return a, err
	}
	s.note(ctx, c, "", a, AccountLinked, rules.Name)
	if !isNew {
		s.tellConnected(ctx, c, a, mail.Connected, rules.Name, claimed.known())
	}
	return a, nil
}

// linkedAccount returns the account that a provider's user is linked to; false for none.
// A link to one that is gone it forgets.
func (s *Service) linkedAccount(ctx context.Context, rules *OIDC, claimed *claims) (a account.Account, ok bool, err error) {
	id := subjectID(rules.Issuer, claimed.Subject)
	item, err := s.shelf.Get(ctx, kindSubject, id)
	if errors.Is(err, shelf.ErrNotFound) {
		return a, false, nil
	}
	if err != nil {
		return a, false, err
	}
	isThere := func(a *account.Account) bool { return a.ID != 0 }
	if a, err = s.latest(ctx, item.Account, isThere); err != nil || isThere(&a) {
		return a, err == nil, err
	}
	return a, false, s.takeAll(ctx, kindSubject, id)
}

// dropUnlinked deletes an account that was made for a provider's user who could not be
// linked to it: nobody would ever come by it. Another may have been, by their mail address.
func (s *Service) dropUnlinked(ctx context.Context, a account.Account) {
	linked, err := s.shelf.Of(ctx, a.ID, kindSubject)
	if err == nil && len(linked) == 0 {
		err = s.accounts.DeleteAccount(ctx, a.Name, false)
	}
	if err != nil {
		s.log.WarnContext(ctx, "an account stays that is linked to nobody of the provider", "account", a.Name, "error", err)
	}
}

// mayLink tells whether a mail address is enough to make an account that of a provider's
// user whose groups give the role. For staff it is not: whoever may set mail addresses at
// the provider would be in. The provider's groups must say that they are of staff, too.
func (o *OIDC) mayLink(a *account.Account, role account.Role) bool {
	switch a.Role {
	case account.Admin:
		return o.rules() && role == account.Admin
	case account.Support:
		return o.rules() && role != account.Customer
	}
	return true
}

// newClaimant returns the account of a provider's user who comes for the first time, and
// whether it was made for them.
func (s *Service) newClaimant(ctx context.Context, c Client, rules *OIDC, claimed *claims, role account.Role) (a account.Account, isNew bool, err error) {
	email := ""
	if claimed.EmailVerified && isAddress(claimed.Email) {
		email = claimed.Email
	}
	if rules.LinkByEmail && email != "" {
		switch all := s.people.find(s.registry.State().Accounts, email); len(all) {
		case 0:
		case 1:
			if !rules.mayLink(&all[0], role) {
				s.log.WarnContext(ctx, "sign-in: the mail address of the provider's user is that of staff, which only a group of the provider can confirm", "account", all[0].Name, "source", c.Addr)
				return account.Account{}, false, ErrNotAllowed
			}
			return all[0], false, nil
		default:
			s.log.WarnContext(ctx, "sign-in: several accounts have the mail address of the provider's user", "source", c.Addr)
			return account.Account{}, false, ErrNotAllowed
		}
	}
	if !rules.CreateAccounts {
		s.log.InfoContext(ctx, "sign-in: the provider's user has no account", "source", c.Addr)
		return account.Account{}, false, ErrNotAllowed
	}
	if !rules.rules() {
		role = account.Customer
	}
	base := nameFor(claimed)
	for i := 1; i <= 20; i++ {
		name := base
		if i > 1 {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		a, err := s.makeAccount(ctx, oneself, admin.NewAccount{Name: name, Email: email, Role: role}, nil)
		if errors.Is(err, ErrTaken) {
			continue
		}
		if err == nil {
			s.note(ctx, c, "", a, AccountMade, rules.Name)
		}
		return a, true, err
	}
	return account.Account{}, false, ErrTaken
}

// nameFor returns a name for the account of a provider's user.
func nameFor(c *claims) string {
	local, _, _ := strings.Cut(c.Email, "@")
	for _, wish := range []string{c.Name, local} {
		name := strings.Map(func(r rune) rune {
			if r < 0x80 && (r == '.' || r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
				return r
			}
			return -1
		}, wish)
		name = strings.TrimLeft(name, "._-")
		name = name[:min(len(name), 48)]
		if account.CheckName(name) == nil && !slices.Contains(reserved, strings.ToLower(name)) {
			return name
		}
	}
	return "user"
}
