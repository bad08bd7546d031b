package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/netip"

	"stayput.dev/internal/account"
	"stayput.dev/internal/signin"
)

// A visitor is who is signed in. The zero visitor is nobody.
type visitor struct {
	Account  string // name
	ID       uint32 // of the account
	Role     account.Role
	Language string // chosen for the account; empty: none
	Email    string // may be empty

	session signin.Session
}

// visitorOf returns who the request's session belongs to. A fault of the store is as
// if nobody were signed in.
func (p *Pages) visitorOf(r *http.Request) visitor {
	cookie := p.SignIn.CookieOf(r)
	if cookie == "" {
		return visitor{}
	}
	session, err := p.SignIn.Session(r.Context(), clientOf(r, ""), cookie)
	if err != nil {
		return visitor{}
	}
	a, found := p.Admin.State().Accounts.AccountByID(session.Account)
	if !found {
		return visitor{}
	}
	return visitor{a.Name, a.ID, a.Role, a.Language, a.Email, session}
}

// clientOf is who asks, as package signin wants to know.
func clientOf(r *http.Request, language string) signin.Client {
	return signin.Client{Agent: r.UserAgent(), Language: language, Addr: source(r)}
}

// source returns where a request came from, the zero Addr where that is not known.
func source(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone("")
}

// client is who asks.
func (v *visit) client() signin.Client { return clientOf(v.r, v.tag) }

// signInFault returns what to tell people of an error of package signin. It returns
// the error where there is a page for it, or none to blame.
func (v *visit) signInFault(err error) (template.HTML, error) {
	for _, known := range []struct {
		err error
		key string
	}{
		{signin.ErrWrong, "wrong"},
		{signin.ErrBusy, "busy"},
		{signin.ErrSuspended, "suspended"},
		{signin.ErrPassword, "password"},
		{signin.ErrTaken, "taken"},
		{signin.ErrReserved, "reserved"},
		{signin.ErrInvalid, "invalid"},
		{signin.ErrLastFactor, "last_factor"},
		{signin.ErrNotAllowed, "not_allowed"},
		{signin.ErrLink, "late"},
	} {
		if errors.Is(err, known.err) {
			return v.text("door." + known.key), nil
		}
	}
	if errors.Is(err, signin.ErrSlowed) {
		return v.text("door.slowed", "Time", v.duration(uint32(max(signin.Wait(err).Seconds(), 1)))), nil
	}
	return "", err
}

// stepIn lets somebody in who has come so far, or asks for what is missing.
func (v *visit) stepIn(step signin.Step, next string) error {
	if step.Waiting {
		return v.tellDone("signup_waiting")
	}
	if !step.Done() {
		return v.askFactor(step.Ticket, step.Factors, next, "")
	}
	v.p.SignIn.SetCookie(v.w, v.r, step.Cookie)
	if len(step.RecoveryCodes) > 0 {
		return v.showRecovery(step.RecoveryCodes)
	}
	return v.redirect(localPath(next))
}

// A donePage says that something was done, or that a mail is on its way.
type donePage struct {
	Title, Text template.HTML
	SignIn      bool // the next step is to sign in
}

func (d *donePage) title() template.HTML { return d.Title }

func (v *visit) tellDone(key string) error {
	return v.show("done", &donePage{v.text("done." + key), v.text("done." + key + "_text"), v.who.Account == ""})
}

// A passkeyForm is the form by which a browser's passkeys are asked.
type passkeyForm struct {
	Kind    string // "get" or "create"
	Action  string // where the answer goes
	Options string // where the question comes from
	Ticket  string // of the step before; may be empty
	Next    string
}

// askPasskey makes a passkeyForm for a template.
func askPasskey(kind, action, options, ticket, next string) passkeyForm {
	return passkeyForm{kind, action, options, ticket, next}
}
