package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/config"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/notice"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
)

// openPeople builds what signs people in and writes to them, and what the company looks
// like to them.
func (d *daemon) openPeople(ctx context.Context) error {
	live := d.live.Load()
	post, err := mailOptions(live)
	if err != nil {
		return err
	}
	rules, err := signinOptions(live)
	if err != nil {
		return err
	}
	shelf := d.store.Shelf()
	d.mail = mail.New(shelf, post, d.log)
	d.brand, err = brand.New(ctx, brand.Config{Shelf: shelf, Texts: mail.NewTexts(shelf), Log: d.registry, Changed: d.rebrand, Logger: d.log})
	if err != nil {
		return err
	}
	if d.store.Shared() {
		d.running.Go(func() { d.brand.Run(d.stopping) })
	}
	d.notices = notice.New(notice.Config{State: d.registry, Seen: d.seen, Shelf: shelf, Mail: d.mail, Presence: d.expiry, Failing: d.history, Log: d.registry, Logger: d.log})
	d.notices.SetPages(live.HTTP.PublicURL)
	d.signin, err = signin.New(signin.Config{
		Registry: d.registry, Accounts: d.admin.As(registry.Actor{Via: "signin"}), Shelf: shelf, Mail: d.mailer(live), Options: rules, Shared: d.store.Shared(), Logger: d.log,
	})
	return err
}

// teller writes to people. Of the two rooms each knows the other, as with maker.
type teller struct{ *daemon }

// TellTokenMade implements admin.Teller.
func (t teller) TellTokenMade(ctx context.Context, by registry.Actor, made account.Token, language string) {
	t.signin.TellTokenMade(ctx, by, made, language)
}

// takeUpPeople makes them heed next. When a secret cannot be read, all stays.
func (d *daemon) takeUpPeople(next *config.Config) {
	post, err1 := mailOptions(next)
	rules, err2 := signinOptions(next)
	if err := errors.Join(err1, err2); err != nil {
		d.log.Error("reloading how people sign in and get mail failed, all of it stays", "error", err)
		return
	}
	d.mail.SetOptions(branded(post, d.brand.Now()))
	d.signin.SetOptions(rules)
	d.signin.SetMail(d.mailer(next))
	d.notices.SetPages(next.HTTP.PublicURL)
}

// rebrand lets mails look like the company.
func (d *daemon) rebrand(b *brand.Brand) {
	post, err := mailOptions(d.live.Load())
	if err != nil {
		d.log.Error("mails keep their look", "error", err)
		return
	}
	d.mail.SetOptions(branded(post, b))
}

// branded returns the options of mail with the look of the company.
func branded(post mail.Options, b *brand.Brand) mail.Options {
	look := b.Mail()
	look.URL = post.Brand.URL
	post.Brand = look
	return post
}

// mailer returns who sends mail, nil for nobody.
func (d *daemon) mailer(c *config.Config) signin.Mailer {
	if c.Mail.Server == "" {
		return nil
	}
	return d.mail
}

func mailOptions(c *config.Config) (mail.Options, error) {
	password, err := readSecretLine(c.Mail.PasswordFile)
	if err != nil {
		return mail.Options{}, fmt.Errorf("reading the password of the mail server: %w", err)
	}
	o := mail.Options{
		Server: string(c.Mail.Server), Security: mail.Security(c.Mail.Security), Username: c.Mail.Username, Password: password,
		From: c.Mail.From, RootCAs: c.Mail.CAFile,
	}
	if c.HTTP.PublicURL != nil {
		o.Brand.URL = c.HTTP.PublicURL.String()
	}
	return o, nil
}

func signinOptions(c *config.Config) (signin.Options, error) {
	o := signin.Options{
		PublicURL: c.HTTP.PublicURL, Idle: c.Signin.Idle, MaxAge: c.Signin.MaxAge,
		SignUp: signin.SignUp(c.Signin.SignUp), ReservedNames: c.Signin.ReservedNames,
	}
	for _, role := range c.Signin.RequireSecondFactor {
		o.RequireFactor = append(o.RequireFactor, account.Role(role))
	}
	if c.OIDC.Issuer == nil {
		return o, nil
	}
	secret, err := readSecretLine(c.OIDC.ClientSecretFile)
	if err != nil {
		return o, fmt.Errorf("reading the secret for the identity provider: %w", err)
	}
	o.OIDC = &signin.OIDC{
		Issuer: c.OIDC.Issuer.String(), ClientID: c.OIDC.ClientID, ClientSecret: secret, Name: c.OIDC.Name,
		GroupsClaim: c.OIDC.GroupsClaim, AdminGroups: c.OIDC.AdminGroups, SupportGroups: c.OIDC.SupportGroups,
		CustomerGroups: c.OIDC.CustomerGroups, LinkByEmail: c.OIDC.LinkByEmail, CreateAccounts: c.OIDC.CreateAccounts,
	}
	return o, nil
}

// readSecretLine returns what a file says, without the end of its line; "" without a
// file.
func readSecretLine(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// signInDesk shows the sign-in service to the API.
type signInDesk struct{ *signin.Service }

// EndSessions implements api.SignIn.
func (i signInDesk) EndSessions(ctx context.Context, by registry.Actor, account uint32) error {
	return i.EndAllBy(ctx, by, account)
}

// Invite implements api.SignIn.
func (i signInDesk) Invite(ctx context.Context, by registry.Actor, name, language string, byMail bool) (link string, err error) {
	if byMail {
		err = i.InviteByMail(ctx, by, name, language)
	} else {
		link, err = i.Service.Invite(ctx, by, name, language)
	}
	switch {
	case errors.Is(err, signin.ErrOff) && byMail:
		return "", &Error{errors.New("no mail is sent here"), "name a mail server in mail.server, and where the pages are in http.public_url"}
	case errors.Is(err, signin.ErrOff):
		return "", &Error{errors.New("nobody says where the pages are"), "name their address in http.public_url, such as https://dyn.example.org"}
	case errors.Is(err, signin.ErrInvalid) && byMail:
		return "", &Error{fmt.Errorf("account %s has no mail address", name), "`stayput account set` gives it one; without --mail the link is printed"}
	}
	return link, err
}

// signIns shows what happened about signing in to the API.
type signIns struct{ *signin.Service }

// Events implements api.SignIns.
func (i signIns) Events(ctx context.Context, start string, limit int) ([]api.SignInEvent, string, error) {
	events, next, err := i.Service.Events(ctx, start, limit)
	return viewEvents(events), next, err
}

// EventsOf implements api.SignIns.
func (i signIns) EventsOf(ctx context.Context, account uint32) ([]api.SignInEvent, error) {
	events, err := i.Service.EventsOf(ctx, account)
	return viewEvents(events), err
}

func viewEvents(events []signin.Event) (out []api.SignInEvent) {
	for _, e := range events {
		out = append(out, api.SignInEvent{At: e.At, What: string(e.What), Account: e.Subject, Actor: e.Actor, Source: e.From, Detail: e.Detail})
	}
	return out
}

// applications shows who waits for an account to the API.
type applications struct{ *signin.Service }

// Applications implements api.Applications.
func (a applications) Applications(ctx context.Context, after string, limit int) ([]api.Application, error) {
	all, err := a.Service.Applications(ctx, after, limit)
	var out []api.Application
	for _, x := range all {
		view := api.Application{ID: x.ID, Name: x.Name, Email: x.Email, Language: x.Language, At: x.At}
		if x.From.IsValid() {
			view.From = x.From.String()
		}
		out = append(out, view)
	}
	return out, err
}

// Approve implements api.Applications.
func (a applications) Approve(ctx context.Context, by registry.Actor, id string) error {
	return asAdmin(a.Service.Approve(ctx, by, id))
}

// Decline implements api.Applications.
func (a applications) Decline(ctx context.Context, by registry.Actor, id string) error {
	return asAdmin(a.Service.Decline(ctx, by, id))
}

// asAdmin says in the words of package admin what is wrong with an application.
func asAdmin(err error) error {
	switch {
	case errors.Is(err, signin.ErrLink):
		return admin.ErrNotFound
	case errors.Is(err, signin.ErrTaken):
		return admin.ErrExists
	}
	return err
}

// visitor tells the API who has signed in to the pages. Who must set up a second factor
// first is nobody yet.
func (d *daemon) visitor(r *http.Request) (who api.Principal, ok bool, err error) {
	cookie := d.signin.CookieOf(r)
	if cookie == "" {
		return who, false, nil
	}
	session, err := d.signin.Session(r.Context(), signin.Client{}, cookie)
	if errors.Is(err, signin.ErrNoSession) || err == nil && session.MustEnrol {
		return who, false, nil
	}
	if err != nil {
		return who, false, err
	}
	return api.Principal{Account: session.Account, Staff: true, Stale: !session.Fresh(time.Now())}, true, nil
}

// notices shows what owners of hosts are told to the API.
type notices struct{ *notice.Service }

// Notice implements api.Notices.
func (n notices) Notice(ctx context.Context, h *account.Host) (api.Told, error) {
	w, err := n.Wish(ctx, h)
	return api.Told(w), err
}

// SetNotice implements api.Notices.
func (n notices) SetNotice(ctx context.Context, by registry.Actor, h *account.Host, change func(api.Told) (api.Told, error)) error {
	err := n.SetWish(ctx, by, h, func(w notice.Wish) (notice.Wish, error) {
		t, err := change(api.Told(w))
		return notice.Wish(t), err
	})
	switch {
	case errors.Is(err, notice.ErrNoAddress):
		return &Error{err, "give it one on the account's page, or with `stayput account set --email`"}
	case errors.Is(err, notice.ErrBadWish):
		return &Error{err, "write a time such as 2d, or never"}
	}
	return err
}
