package web

import (
	"errors"
	"net/http"
	"net/url"

	"stayput.dev/internal/signin"
)

// A linkPage is the form behind a link from a mail, or the one that asks for such a
// mail.
type linkPage struct {
	Form    *form
	Account string // whose the link is; empty for a sign-up
	Email   string
}

func (p *Pages) forgot(v *visit) error {
	return v.show("forgot", &linkPage{Form: newForm(url.Values{})})
}

func (p *Pages) sendReset(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if err := p.SignIn.RequestReset(v.r.Context(), v.client(), f.Value("name")); err != nil {
		if err := v.refuseStep(f, err); err != nil {
			return err
		}
		return v.showAs(http.StatusUnprocessableEntity, "forgot", &linkPage{Form: f})
	}
	return v.tellDone("reset_sent")
}

// openLink returns the page of the link that the path names. Opening it changes
// nothing, since programs that scan mails open links.
func (v *visit) openLink(purpose signin.Purpose) (*linkPage, error) {
	l, err := v.p.SignIn.Link(v.r.Context(), v.r.PathValue("token"))
	switch {
	case errors.Is(err, signin.ErrLink) || err == nil && l.Purpose != purpose:
		return nil, errExpired
	case err != nil:
		return nil, err
	}
	return &linkPage{Form: newForm(url.Values{}), Account: l.Account, Email: l.Email}, nil
}

// showLink shows the form behind a link.
func (v *visit) showLink(purpose signin.Purpose) error {
	page, err := v.openLink(purpose)
	if err != nil {
		return err
	}
	return v.show(string(purpose), page)
}

// useLink uses a link up with what its form sends; what is wrong with that is said on
// the form again.
func (v *visit) useLink(purpose signin.Purpose, use func(f *form, token string) error) error {
	page, err := v.openLink(purpose)
	if err != nil {
		return err
	}
	if page.Form, err = v.readForm(); err != nil {
		return err
	}
	if err := use(page.Form, v.r.PathValue("token")); err != nil {
		if errors.Is(err, signin.ErrLink) {
			return errExpired
		}
		if err := v.refuseStep(page.Form, err); err != nil {
			return err
		}
		return v.showAs(http.StatusUnprocessableEntity, string(purpose), page)
	}
	return nil
}

func (p *Pages) reset(v *visit) error { return v.showLink(signin.ForReset) }

func (p *Pages) resetPassword(v *visit) error {
	return v.useLink(signin.ForReset, func(f *form, token string) error {
		if err := p.SignIn.ResetPassword(v.r.Context(), v.client(), token, f.Value("password")); err != nil {
			return err
		}
		return v.tellDone("reset")
	})
}

func (p *Pages) invitation(v *visit) error { return v.showLink(signin.ForInvitation) }

func (p *Pages) acceptInvitation(v *visit) error {
	return v.useLink(signin.ForInvitation, func(f *form, token string) error {
		step, err := p.SignIn.AcceptInvitation(v.r.Context(), v.client(), token, f.Value("password"))
		if err != nil {
			return err
		}
		return v.stepIn(step, "/")
	})
}

func (p *Pages) email(v *visit) error { return v.showLink(signin.ForEmail) }

func (p *Pages) confirmEmail(v *visit) error {
	return v.useLink(signin.ForEmail, func(_ *form, token string) error {
		if err := p.SignIn.ConfirmEmail(v.r.Context(), v.client(), token); err != nil {
			return err
		}
		return v.tellDone("email")
	})
}

func (p *Pages) wantAccount(v *visit) error {
	if !p.opts.Load().MaySignUp {
		return errForbidden
	}
	return v.show("want", &linkPage{Form: newForm(url.Values{})})
}

func (p *Pages) sendSignUp(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	switch err := p.SignIn.SignUp(v.r.Context(), v.client(), f.Value("email")); {
	case errors.Is(err, signin.ErrOff):
		return errForbidden
	case err != nil:
		if err := v.refuseStep(f, err); err != nil {
			return err
		}
		return v.showAs(http.StatusUnprocessableEntity, "want", &linkPage{Form: f})
	}
	return v.tellDone("signup_sent")
}

func (p *Pages) signUp(v *visit) error { return v.showLink(signin.ForSignUp) }

func (p *Pages) confirmSignUp(v *visit) error {
	return v.useLink(signin.ForSignUp, func(f *form, token string) error {
		step, err := p.SignIn.ConfirmSignUp(v.r.Context(), v.client(), token, f.Value("name"), f.Value("password"))
		if err != nil {
			return err
		}
		return v.stepIn(step, "/")
	})
}
