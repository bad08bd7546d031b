package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"stayput.dev/internal/signin"
)

// totpPage shows the secret for an app that makes codes.
type totpPage struct {
	Form   *form
	QR     template.HTML
	Secret string
	URI    template.URL
	Ticket string
}

func (p *Pages) totp(v *visit) error { return v.showTOTP(newForm(url.Values{})) }

func (v *visit) showTOTP(f *form) error {
	e, err := v.p.SignIn.BeginTOTP(v.r.Context(), v.who.session)
	if err != nil {
		return v.again(err)
	}
	// The picture is ours. What it shows stands beside it for who cannot see it.
	picture := strings.Replace(e.QR, `role="img"`, `aria-hidden="true"`, 1)
	page := &totpPage{Form: f, QR: template.HTML(picture), Secret: e.Secret, URI: template.URL(e.URI), Ticket: e.Ticket} //nolint:gosec // package signin made them
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "totp", page)
	}
	return v.show("totp", page)
}

func (p *Pages) confirmTOTP(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	step, err := p.SignIn.ConfirmTOTP(v.r.Context(), v.client(), v.who.session, f.Value("ticket"), f.Value("code"))
	switch {
	case errors.Is(err, signin.ErrLink):
		return v.redirect("/account/totp")
	case err != nil:
		if err := v.refuseStep(f, err); err != nil {
			return v.again(err)
		}
		return v.showTOTP(f)
	}
	return v.stepIn(step, "/account?saved")
}

func (p *Pages) askRemoveTOTP(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("account.totp_remove"), Text: v.text("account.factor_remove_text"), Button: v.text("account.remove"), Back: "/account",
	})
}

func (p *Pages) removeTOTP(v *visit) error {
	return v.removeFactor(p.SignIn.RemoveTOTP(v.r.Context(), v.client(), v.who.session))
}

// removeFactor answers for the removal of a second factor, or of another way in.
func (v *visit) removeFactor(err error) error {
	switch {
	case errors.Is(err, signin.ErrLastFactor):
		return v.tellDone("last_factor")
	case errors.Is(err, signin.ErrLastWay):
		return v.tellDone("last_way")
	case errors.Is(err, signin.ErrInvalid): // it is gone already
		return v.redirect("/account")
	case err != nil:
		return v.again(err)
	}
	return v.redirect("/account?saved")
}

// recoveryPage shows recovery codes, once.
type recoveryPage struct{ Codes []string }

func (v *visit) showRecovery(codes []string) error { return v.show("recovery", &recoveryPage{codes}) }

func (p *Pages) askRecovery(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("account.recovery_new"), Text: v.text("account.recovery_text"), Button: v.text("account.recovery_make"), Back: "/account",
	})
}

func (p *Pages) makeRecovery(v *visit) error {
	codes, err := p.SignIn.NewRecoveryCodes(v.r.Context(), v.client(), v.who.session)
	if err != nil {
		return v.again(err)
	}
	return v.showRecovery(codes)
}

func (p *Pages) newPasskey(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("passkey", &simplePage{newForm(url.Values{})})
}

func (p *Pages) newPasskeyOptions(v *visit) error {
	challenge, err := p.SignIn.BeginPasskeyEnrolment(v.r.Context(), v.who.session)
	if err != nil {
		return err
	}
	return v.sendChallenge(challenge)
}

func (p *Pages) makePasskey(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	step, err := p.SignIn.FinishPasskeyEnrolment(v.r.Context(), v.client(), v.who.session, f.Value("challenge"), f.Value("name"), []byte(f.Value("credential")))
	switch {
	case errors.Is(err, signin.ErrLink):
		return v.redirect("/account/passkey")
	case err != nil:
		if err := v.refuseStep(f, err); err != nil {
			return v.again(err)
		}
		return v.showAs(http.StatusUnprocessableEntity, "passkey", &simplePage{f})
	}
	return v.stepIn(step, "/account?saved")
}

func (p *Pages) askRemovePasskey(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("account.passkey_remove"), Text: v.text("account.factor_remove_text"), Button: v.text("account.remove"), Back: "/account",
	})
}

func (p *Pages) removePasskey(v *visit) error {
	return v.removeFactor(p.SignIn.RemovePasskey(v.r.Context(), v.client(), v.who.session, v.r.PathValue("id")))
}
