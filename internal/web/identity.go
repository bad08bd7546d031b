package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"stayput.dev/internal/signin"
)

// An identityView is a provider's user that one's account is connected with, as the page
// shows it.
type identityView struct {
	signin.Identity
	Provider string
	Made     template.HTML // empty: nobody knows when
}

// identities returns what the visitor's account is connected with, and the name of the
// provider with which it may be connected; empty for none.
func (v *visit) identities() (all []identityView, toConnect string, err error) {
	known, err := v.p.SignIn.Identities(v.r.Context(), v.who.ID)
	if err != nil {
		return nil, "", err
	}
	toConnect, _ = v.p.SignIn.Provider()
	provider := toConnect
	for _, i := range known {
		view := identityView{Identity: i, Provider: i.Issuer}
		if i.Good {
			view.Provider, toConnect = provider, ""
		}
		if !i.Since.IsZero() {
			view.Made = v.at(i.Since, v.date(i.Since))
		}
		all = append(all, view)
	}
	return all, toConnect, nil
}

// connectPage sends somebody to the identity provider. It has a link rather than a form,
// which contentPolicy lets lead nowhere else; its state makes it as good as one.
type connectPage struct {
	Form     *form
	Provider string
	To       string
	heading  template.HTML
}

func (c *connectPage) title() template.HTML { return c.heading }

func (p *Pages) connect(v *visit) error { return v.showConnect(newForm(url.Values{})) }

func (v *visit) showConnect(f *form) error {
	to, cookie, err := v.p.SignIn.BeginConnect(v.r.Context(), v.who.session)
	switch {
	case errors.Is(err, signin.ErrConnected):
		return v.redirect("/account")
	case err != nil:
		return v.againAt("/account/provider", err)
	}
	v.p.SignIn.SetStateCookie(v.w, v.r, cookie)
	name, _ := v.p.SignIn.Provider()
	page := &connectPage{f, name, to, v.text("connect.title", "Provider", name)}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "connect", page)
	}
	return v.show("connect", page)
}

// connected is where somebody comes back from the provider whom showConnect has sent there.
func (v *visit) connected(cookie string) error {
	if v.who.Account == "" {
		return v.redirect("/signin?next=/account")
	}
	err := v.p.SignIn.FinishConnect(v.r.Context(), v.client(), v.who.session, cookie, v.r.URL.Query())
	if err == nil {
		return v.redirect("/account?saved")
	}
	for _, known := range []struct {
		err error
		key string
	}{
		{signin.ErrWrong, "connect.refused"},
		{signin.ErrTaken, "connect.taken"},
		{signin.ErrLink, "door.late"},
		{signin.ErrNotAllowed, "door.not_allowed"},
	} {
		if errors.Is(err, known.err) {
			f := newForm(url.Values{})
			f.refuse("", v.text(known.key))
			return v.showConnect(f)
		}
	}
	return v.againAt("/account/provider", err)
}

func (p *Pages) askDisconnect(v *visit) error {
	if err := v.mustBeFresh(); err != nil {
		return v.again(err)
	}
	return v.show("confirm", &confirmation{
		Title: v.text("account.disconnect_title"), Text: v.text("account.disconnect_text"), Button: v.text("account.disconnect"), Back: "/account",
	})
}

func (p *Pages) disconnect(v *visit) error {
	return v.removeFactor(p.SignIn.Disconnect(v.r.Context(), v.client(), v.who.session, v.r.PathValue("id")))
}
