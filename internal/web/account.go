package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"stayput.dev/internal/signin"
)

// accountPage is all that concerns one's own account.
type accountPage struct {
	Name, Email string
	Factors     signin.Factors
	Passkeys    []passkeyView
	Identities  []identityView
	ToConnect   string // name of the provider; empty: nothing is to be connected
	Sessions    []sessionView
	CanPasskey  bool
	CanMail     bool
	Tongues     []choice
	Must        bool // a second factor must be set up first
	Saved       bool
}

// A passkeyView is a passkey as the page shows it.
type passkeyView struct {
	signin.PasskeyInfo
	Made, LastUsed template.HTML // LastUsed is empty for never
}

// A sessionView is a session as the page shows it.
type sessionView struct {
	signin.Session
	Here bool // it is the one that looks
	When template.HTML
}

func (p *Pages) account(v *visit) error {
	factors, err := p.SignIn.Factors(v.r.Context(), v.who.ID)
	if err != nil {
		return err
	}
	identities, toConnect, err := v.identities()
	if err != nil {
		return err
	}
	sessions, err := p.SignIn.Sessions(v.r.Context(), v.who.ID)
	if err != nil {
		return err
	}
	page := &accountPage{
		Name: v.who.Account, Email: v.who.Email, Factors: factors, CanPasskey: p.opts.Load().PublicURL != nil, CanMail: p.opts.Load().SendsMail,
		Identities: identities, ToConnect: toConnect, Must: v.who.session.MustEnrol, Saved: v.r.URL.Query().Has("saved"),
	}
	for _, k := range factors.Passkeys {
		view := passkeyView{PasskeyInfo: k, Made: v.at(k.Created, v.date(k.Created))}
		if !k.Used.IsZero() {
			view.LastUsed = v.ago(k.Used)
		}
		page.Passkeys = append(page.Passkeys, view)
	}
	for _, s := range sessions {
		page.Sessions = append(page.Sessions, sessionView{s, s.ID == v.who.session.ID, v.ago(s.Seen)})
	}
	page.Tongues = tongueChoices(v.tag)
	return v.show("account", page)
}

// again sends whoever must prove who they are to do so, and then back.
func (v *visit) again(err error) error { return v.againAt(v.r.URL.EscapedPath(), err) }

// againAt is again for what a form alone asks for, so that one comes back to the page
// with the form.
func (v *visit) againAt(page string, err error) error {
	if errors.Is(err, signin.ErrProofNeeded) {
		return v.redirect("/account/prove?" + url.Values{"next": {page}}.Encode())
	}
	return err
}

// proofPage asks once more who somebody is.
type proofPage struct {
	Form            *form
	Next            string
	Codes, Passkeys bool
}

func (p *Pages) prove(v *visit) error { return v.showProof(newForm(v.r.URL.Query())) }

func (v *visit) showProof(f *form) error {
	factors, err := v.p.SignIn.Factors(v.r.Context(), v.who.ID)
	if err != nil {
		return err
	}
	page := &proofPage{Form: f, Next: localPath(f.Value("next")), Codes: factors.TOTP, Passkeys: len(factors.Passkeys) > 0}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "prove", page)
	}
	return v.show("prove", page)
}

func (p *Pages) giveProof(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	var step signin.Step
	switch ctx := v.r.Context(); {
	case f.Value("credential") != "":
		step, err = p.SignIn.FinishPasskey(ctx, v.client(), f.Value("challenge"), []byte(f.Value("credential")))
	case f.Value("code") != "":
		step, err = p.SignIn.ProveByCode(ctx, v.client(), v.who.session, f.Value("code"))
	default:
		step, err = p.SignIn.Prove(ctx, v.client(), v.who.session, f.Value("password"))
	}
	if err != nil {
		if err := v.refuseStep(f, err); err != nil {
			return err
		}
		return v.showProof(f)
	}
	return v.stepIn(step, f.Value("next"))
}

func (p *Pages) proofOptions(v *visit) error {
	challenge, err := p.SignIn.BeginPasskeyProof(v.r.Context(), v.who.session)
	if err != nil {
		return err
	}
	return v.sendChallenge(challenge)
}

// A simplePage is a form with nothing else to say.
type simplePage struct{ Form *form }

// mustBeFresh asks for a proof before a form is filled in, rather than after.
func (v *visit) mustBeFresh() error {
	if !v.who.session.Fresh(v.now) {
		return signin.ErrProofNeeded
	}
	return nil
}

func (p *Pages) password(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("password", &simplePage{newForm(url.Values{})})
}

func (p *Pages) changePassword(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	step, err := p.SignIn.ChangePassword(v.r.Context(), v.client(), v.who.session, f.Value("password"))
	if err != nil {
		if err := v.refuseStep(f, err); err != nil {
			return v.again(err)
		}
		return v.showAs(http.StatusUnprocessableEntity, "password", &simplePage{f})
	}
	return v.stepIn(step, "/account?saved")
}

func (p *Pages) mailAddress(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("address", &simplePage{newForm(url.Values{"email": {v.who.Email}})})
}

func (p *Pages) changeMailAddress(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	address := strings.TrimSpace(f.Value("email"))
	if err := p.SignIn.ChangeEmail(v.r.Context(), v.client(), v.who.session, address); err != nil {
		if err := v.refuseStep(f, err); err != nil {
			return v.again(err)
		}
		return v.showAs(http.StatusUnprocessableEntity, "address", &simplePage{f})
	}
	return v.tellDone("email_sent")
}

func (p *Pages) endSession(v *visit) error {
	id := v.r.PostFormValue("session")
	if err := p.SignIn.End(v.r.Context(), v.client(), v.who.ID, id); err != nil && !errors.Is(err, signin.ErrNoSession) {
		return err
	}
	return v.redirect("/account")
}

func (p *Pages) endSessions(v *visit) error {
	if err := p.SignIn.EndAll(v.r.Context(), v.client(), v.who.ID, v.who.session.ID); err != nil {
		return err
	}
	return v.redirect("/account")
}
