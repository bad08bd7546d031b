package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
)

// TokenUses tells when API tokens were used.
type TokenUses interface {
	// TokenUsed returns when the API token with the ID was last used; the zero time
	// where that is not known.
	TokenUsed(id string) time.Time
}

// A tokenView is an API token as pages show it.
type tokenView struct {
	admin.Token
	Label            string // its name, or else its ID
	Born, Ends, Used template.HTML
	Over             bool // it has expired
}

// tokensPage is the list of one's own API tokens.
type tokensPage struct{ Tokens []tokenView }

func (p *Pages) tokens(v *visit) error {
	all, err := p.Admin.Tokens(v.who.Account)
	if err != nil {
		return err
	}
	page := &tokensPage{}
	for _, t := range all {
		page.Tokens = append(page.Tokens, v.viewToken(t))
	}
	return v.show("tokens", page)
}

func (v *visit) viewToken(t admin.Token) tokenView {
	view := tokenView{Token: t, Label: t.Name, Born: v.at(t.Created, v.date(t.Created)), Over: !t.Expires.IsZero() && !v.now.Before(t.Expires)}
	if view.Label == "" {
		view.Label = t.ID
	}
	if !t.Expires.IsZero() {
		view.Ends = v.at(t.Expires, v.date(t.Expires))
	}
	if v.p.TokenUses == nil {
		return view
	}
	if used := v.p.TokenUses.TokenUsed(t.ID); !used.IsZero() {
		view.Used = v.ago(used)
	}
	return view
}

// newTokenPage is the form for a new API token.
type newTokenPage struct {
	scope
	Ends  []choice // in so many days; 0 is never
	Staff bool     // it may be one for staff
}

// tokenDays are for how long a token may be good; the first is what most want.
var tokenDays = []string{"90", "30", "365", "0"}

// newToken shows the form. A token outlasts the session, so whoever makes one shows first
// who they are.
func (p *Pages) newToken(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.showNewToken(newForm(url.Values{}))
}

func (v *visit) showNewToken(f *form) error {
	hosts, err := v.askScope(f, v.text("token.all"), "")
	if err != nil {
		return err
	}
	page := &newTokenPage{scope: hosts, Staff: v.who.Role == adminRole}
	for i, days := range tokenDays {
		page.Ends = append(page.Ends, choice{Value: days, Text: v.text("tokendays." + days), Chosen: f.Value("days") == days || f.Value("days") == "" && i == 0})
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "newtoken", page)
	}
	return v.show("newtoken", page)
}

func (p *Pages) makeToken(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	f, err := v.readForm()
	if err != nil {
		return err
	}
	n, err := v.readToken(f)
	if err != nil {
		return err
	}
	if !f.isRight() {
		return v.showNewToken(f)
	}
	made, secret, err := v.admin().AddToken(v.r.Context(), n)
	switch {
	case err == nil:
		p.slips.keep(v.who.ID, made.ID, secret)
		return v.redirect(tokenURL(made.ID, ""))
	case !v.refuses(f, err):
		return err
	}
	return v.showNewToken(f)
}

// readToken reads which API token a form wants, and notes what is wrong with it.
func (v *visit) readToken(f *form) (n admin.NewToken, err error) {
	n = admin.NewToken{Account: v.who.Account, Name: line(f.Value("name")), ReadOnly: f.Value("read") != "", Language: v.tag}
	if n.Staff = f.Value("staff") != ""; n.Staff && v.who.Role != adminRole {
		return n, errForbidden
	}
	if f.Value("for") == "some" {
		if n.Hosts, err = v.chosenHosts(f); err != nil {
			return n, err
		}
	}
	for text := range strings.FieldsFuncSeq(f.Value("sources"), func(r rune) bool { return r == ',' || r <= ' ' }) {
		network, err := archive.ParsePrefix(text)
		if err != nil {
			f.refuse("sources", v.text("newtoken.network", "Text", text))
			break
		}
		n.Sources = append(n.Sources, network)
	}
	days, err := strconv.Atoi(f.Value("days"))
	if err != nil || !slices.Contains(tokenDays, f.Value("days")) {
		f.refuse("days", v.text("fault.choice"))
	} else if days > 0 {
		n.Expires = v.now.AddDate(0, 0, days)
	}
	return n, nil
}

// tokenURL is the page of an API token.
func tokenURL(id, more string) string { return "/account/tokens/" + url.PathEscape(id) + more }

// tokenPage is all there is to see of an API token.
type tokenPage struct {
	tokenView
	Secret  string // empty when it can no longer be shown
	Sources []netip.Prefix
	URL     string // of the API
}

func (t *tokenPage) title() template.HTML {
	return template.HTML(template.HTMLEscapeString(t.Label)) //nolint:gosec // escaped
}

func (p *Pages) token(v *visit) error {
	t, err := v.findToken()
	if err != nil {
		return err
	}
	page := &tokenPage{tokenView: v.viewToken(t), Sources: t.Sources, URL: p.baseURL(v.r).String() + "/api/v1"}
	if slip, known := p.slips.find(v.who.ID, t.ID); known {
		page.Secret = slip.secret
	}
	return v.show("token", page)
}

// findToken returns the API token that the path names, if it is the visitor's own; others
// are as if they did not exist.
func (v *visit) findToken() (admin.Token, error) {
	t, err := v.p.Admin.Token(v.r.PathValue("apitoken"))
	if err != nil {
		return t, err
	}
	if !v.isOwn(t.Account) {
		return admin.Token{}, admin.ErrNotFound
	}
	return t, nil
}

func (p *Pages) askRevokeToken(v *visit) error {
	t, err := v.findToken()
	if err != nil {
		return err
	}
	return v.show("confirm", &confirmation{
		Title: v.text("token.revoke_title", "Name", v.viewToken(t).Label), Text: v.text("revoke.text"), Button: v.text("token.revoke"),
		Back: tokenURL(t.ID, ""), Points: []template.HTML{v.text("token.stops")},
	})
}

func (p *Pages) revokeToken(v *visit) error {
	t, err := v.findToken()
	if err != nil {
		return err
	}
	if err := v.admin().RevokeToken(v.r.Context(), t.ID); err != nil && !errors.Is(err, admin.ErrNotFound) {
		return err
	}
	p.slips.forget(t.ID)
	return v.redirect("/account/tokens")
}
