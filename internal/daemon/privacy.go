package daemon

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/privacy"
	"stayput.dev/internal/registry"
)

// openPrivacy builds what forgets customers.
func (d *daemon) openPrivacy() {
	d.privacy = privacy.New(privacy.Config{
		Registry: d.registry, Rests: d.admin.As(registry.Actor{Via: "expiry"}), Shelf: d.store.Shelf(), Store: d.store, Past: written{d}, History: d.history,
		Strays: []privacy.Strays{d.signin, d.mail}, Logger: d.log,
	})
}

// written shows the archive's place to who must wait for it.
type written struct{ *daemon }

// Written implements privacy.Past.
func (w written) Written(ctx context.Context) (registry.Revision, error) {
	return archive.Written(ctx, w.store)
}

// files are what people may ask about themselves: to see it all, and to be forgotten.
type files struct{ *daemon }

// Erase implements api.Erasures and web.Files.
func (f files) Erase(ctx context.Context, by registry.Actor, name string) (time.Time, error) {
	return f.privacy.Erase(ctx, f.admin.As(by), name)
}

// Export implements web.Files.
func (f files) Export(ctx context.Context, name string, w io.Writer) error {
	all, err := f.restAPI.Export(ctx, name)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(all)
}

// Of implements api.People.
func (f files) Of(ctx context.Context, name string) (api.Person, error) {
	p := api.Nobody()
	a, ok := f.registry.State().Accounts.Account(name)
	if !ok {
		return p, admin.ErrNotFound
	}
	sessions, err := f.signin.Sessions(ctx, a.ID)
	if err != nil {
		return p, err
	}
	for _, s := range sessions {
		p.Sessions = append(p.Sessions, api.PersonSession{Created: s.Created, Seen: s.Seen, Expires: s.Expires, Source: s.Addr, Agent: s.Agent, Method: string(s.Method)})
	}
	if err := f.factorsOf(ctx, a.ID, &p.Factors); err != nil {
		return p, err
	}
	identities, err := f.signin.Identities(ctx, a.ID)
	if err != nil {
		return p, err
	}
	for _, i := range identities {
		p.Known = append(p.Known, api.PersonIdentity{Issuer: i.Issuer, Name: i.Name, Since: i.Since})
	}
	events, err := f.signin.EventsOf(ctx, a.ID)
	if err != nil {
		return p, err
	}
	for _, e := range events {
		p.Events = append(p.Events, api.PersonEvent{At: e.At, What: string(e.What), Actor: e.Actor, Source: e.From, Detail: e.Detail})
	}
	mails, err := f.mail.Waiting(ctx, a.ID)
	for _, m := range mails {
		p.Mails = append(p.Mails, api.PersonMail{Kind: string(m.Kind), To: m.To, Host: m.Data.Host})
	}
	return p, err
}

func (f files) factorsOf(ctx context.Context, id uint32, out *api.PersonFactors) error {
	factors, err := f.signin.Factors(ctx, id)
	out.App, out.RecoveryLeft = factors.TOTPSince, factors.RecoveryLeft
	for _, k := range factors.Passkeys {
		out.Passkeys = append(out.Passkeys, api.PersonPasskey{Name: k.Name, Created: k.Created, Used: k.Used})
	}
	return err
}
