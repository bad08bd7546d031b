package web

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"stayput.dev/internal/signin"
)

// signInPage asks who somebody is.
type signInPage struct {
	Form     *form
	Next     string // where to go then
	Passkeys bool
	Provider string // name of the identity provider; empty without one
	SignUp   bool   // people may make accounts of their own
	Mail     bool   // a password can be reset by mail
	Welcome  string
}

func (p *Pages) signIn(v *visit) error {
	if v.who.Account != "" {
		return v.redirect("/")
	}
	return v.showSignIn(newForm(url.Values{"next": {v.r.URL.Query().Get("next")}}))
}

func (v *visit) showSignIn(f *form) error {
	page := &signInPage{
		Form: f, Next: localPath(f.Value("next")), Passkeys: v.p.opts.Load().PublicURL != nil, SignUp: v.p.opts.Load().MaySignUp, Mail: v.p.opts.Load().SendsMail,
		Welcome: v.p.Brand.Now().Welcome,
	}
	page.Provider, _ = v.p.SignIn.Provider()
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "signin", page)
	}
	return v.show("signin", page)
}

func (p *Pages) signInByPassword(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	step, err := p.SignIn.Password(v.r.Context(), v.client(), f.Value("name"), f.Value("password"))
	if err != nil {
		if err := v.refuseStep(f, err); err != nil {
			return err
		}
		return v.showSignIn(f)
	}
	return v.stepIn(step, f.Value("next"))
}

// refuseStep notes in the form why a step was refused, or returns the error.
func (v *visit) refuseStep(f *form, err error) error {
	why, err := v.signInFault(err)
	if err == nil {
		f.refuse("", why)
	}
	return err
}

// factorPage asks for a second factor.
type factorPage struct {
	Form     *form
	Ticket   string
	Next     string
	Codes    bool // of an app, or recovery codes
	Passkeys bool
}

func (v *visit) askFactor(ticket string, factors []signin.Factor, next string, fault template.HTML) error {
	f := newForm(url.Values{})
	if fault != "" {
		f.refuse("code", fault)
	}
	page := &factorPage{
		Form: f, Ticket: ticket, Next: localPath(next),
		Codes:    slices.Contains(factors, signin.TOTP) || slices.Contains(factors, signin.Recovery),
		Passkeys: slices.Contains(factors, signin.Passkey),
	}
	if fault != "" {
		return v.showAs(http.StatusUnprocessableEntity, "factor", page)
	}
	return v.show("factor", page)
}

func (p *Pages) signInByCode(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	step, err := p.SignIn.Code(v.r.Context(), v.client(), f.Value("ticket"), f.Value("code"))
	if err == nil {
		return v.stepIn(step, f.Value("next"))
	}
	if errors.Is(err, signin.ErrLink) { // the password was given too long ago
		return v.redirect("/signin")
	}
	why, err := v.signInFault(err)
	if err != nil {
		return err
	}
	factors := []signin.Factor{signin.TOTP}
	if f.Value("passkeys") != "" {
		factors = append(factors, signin.Passkey)
	}
	return v.askFactor(f.Value("ticket"), factors, f.Value("next"), why)
}

// passkeyOptions is what the browser's passkeys are asked when somebody signs in.
func (p *Pages) passkeyOptions(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	challenge, err := p.SignIn.BeginPasskey(v.r.Context(), v.client(), f.Value("ticket"))
	if err != nil {
		return err
	}
	return v.sendChallenge(challenge)
}

// sendChallenge sends what app.js hands to the browser's passkeys.
func (v *visit) sendChallenge(c signin.Challenge) error {
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(map[string]any{"options": c.Options, "ticket": c.Ticket})
}

func (p *Pages) signInByPasskey(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	step, err := p.SignIn.FinishPasskey(v.r.Context(), v.client(), f.Value("challenge"), []byte(f.Value("credential")))
	if err != nil {
		if err := v.refuseStep(f, err); err != nil {
			return err
		}
		return v.showSignIn(f)
	}
	return v.stepIn(step, f.Value("next"))
}

// toProvider sends the visitor to the identity provider, fromProvider is where they
// come back.
func (p *Pages) toProvider(v *visit) error {
	to, cookie, err := p.SignIn.BeginOIDC(v.r.Context(), v.client(), localPath(v.r.URL.Query().Get("next")))
	if err != nil {
		return err
	}
	p.SignIn.SetStateCookie(v.w, v.r, cookie)
	return v.redirect(to)
}

func (p *Pages) fromProvider(v *visit) error {
	cookie := p.SignIn.StateCookieOf(v.w, v.r)
	if p.SignIn.IsConnect(v.r.Context(), cookie) {
		return v.connected(cookie)
	}
	step, back, err := p.SignIn.FinishOIDC(v.r.Context(), v.client(), cookie, v.r.URL.Query())
	if err != nil {
		f := newForm(url.Values{})
		if err := v.refuseStep(f, err); err != nil {
			return err
		}
		return v.showSignIn(f)
	}
	return v.stepIn(step, back)
}

func (p *Pages) signOut(v *visit) error {
	if err := p.SignIn.SignOut(v.r.Context(), v.client(), p.SignIn.CookieOf(v.r)); err != nil && !errors.Is(err, signin.ErrNoSession) {
		return err
	}
	p.SignIn.ClearCookie(v.w, v.r)
	return v.redirect("/signin")
}
