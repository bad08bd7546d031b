package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/registry"
)

// People knows how people sign in and what is written to them.
type People interface {
	// Of returns what there is of an account, which exists.
	Of(ctx context.Context, account string) (Person, error)
}

// Erasures makes the service forget customers.
type Erasures interface {
	// Erase deletes an account of a customer, and returns by when nothing is left
	// of it.
	Erase(ctx context.Context, by registry.Actor, account string) (time.Time, error)
}

// Export is everything that is kept about one account, but for secrets.
type Export struct {
	At      time.Time    `json:"at" doc:"When it was put together."`
	Account Account      `json:"account"`
	Hosts   []HostExport `json:"hosts" nullable:"false"`
	Keys    []KeyExport  `json:"keys" nullable:"false" doc:"Update keys, without their secrets."`
	TSIG    []TSIGKey    `json:"tsig_keys" nullable:"false" doc:"TSIG keys, without their secrets."`
	Tokens  []Token      `json:"tokens" nullable:"false" doc:"API tokens, without their secrets."`
	Person
	Audit []Deed `json:"audit" nullable:"false" doc:"What the account changed, and what was changed of it, the latest first."`
}

// HostExport is what is kept about a host.
type HostExport struct {
	Host
	Past     []AddressChange `json:"address_history" nullable:"false" doc:"What addresses it had, the latest first."`
	Requests []Exchange      `json:"requests" nullable:"false" doc:"What devices asked of it last and were told."`
}

// KeyExport is what is kept about an update key.
type KeyExport struct {
	Key
	Requests []Exchange `json:"requests" nullable:"false" doc:"What came with it and reached no host."`
}

// Person is what is kept about how the owner of an account signs in.
type Person struct {
	Sessions []PersonSession  `json:"sessions" nullable:"false"`
	Factors  PersonFactors    `json:"second_factors"`
	Known    []PersonIdentity `json:"identities" nullable:"false" doc:"Whom of an identity provider it is connected with."`
	Events   []PersonEvent    `json:"sign_ins" nullable:"false" doc:"What happened about signing in, the latest first."`
	Mails    []PersonMail     `json:"mails" nullable:"false" doc:"Mails that wait to be sent."`
}

// Nobody returns what is kept about somebody of whom nothing is known.
func Nobody() Person {
	return Person{
		Sessions: []PersonSession{}, Factors: PersonFactors{Passkeys: []PersonPasskey{}}, Known: []PersonIdentity{},
		Events: []PersonEvent{}, Mails: []PersonMail{},
	}
}

// PersonSession is somebody who is signed in somewhere.
type PersonSession struct {
	Created time.Time  `json:"created"`
	Seen    time.Time  `json:"seen"`
	Expires time.Time  `json:"expires"`
	Source  netip.Addr `json:"source,omitzero"`
	Agent   string     `json:"agent,omitempty"`
	Method  string     `json:"method"`
}

// PersonFactors are the second factors of an account, without their secrets.
type PersonFactors struct {
	App          time.Time       `json:"app,omitzero" doc:"When an app that makes codes was set up; absent for none."`
	RecoveryLeft int             `json:"recovery_codes_left"`
	Passkeys     []PersonPasskey `json:"passkeys" nullable:"false"`
}

// PersonPasskey is what there is to see of a passkey.
type PersonPasskey struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
}

// PersonIdentity is a user of an identity provider that an account is connected with.
type PersonIdentity struct {
	Issuer string    `json:"issuer"`
	Name   string    `json:"name"`
	Since  time.Time `json:"since,omitzero"`
}

// PersonEvent is something that happened about signing in.
type PersonEvent struct {
	At     time.Time  `json:"at"`
	What   string     `json:"what"`
	Actor  string     `json:"actor,omitempty" doc:"Name of the account that did it."`
	Source netip.Addr `json:"source,omitzero"`
	Detail string     `json:"detail,omitempty"`
}

// PersonMail is a mail that waits to be sent.
type PersonMail struct {
	Kind string `json:"kind"`
	To   string `json:"to"`
	Host string `json:"host,omitempty"`
}

// ErasureOrder asks to erase an account.
type ErasureOrder struct {
	Confirm string `json:"confirm" doc:"The name of the account once more."`
}

// erasureOrder is a request to erase one account.
type erasureOrder struct {
	Account string `path:"account"`
	Body    ErasureOrder
}

// Erasure says what becomes of an account that is erased.
type Erasure struct {
	Account     string    `json:"account"`
	ForgottenBy time.Time `json:"forgotten_by" doc:"By when nothing is left of it; it cannot be used any more at once."`
}

func (s *server) addPrivacy(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/personal-data/{account}", "export-account", "Show everything that is kept about an account"), s.exportAccount)
	answer(s, api, operation(http.MethodPost, "/personal-data/{account}/erasure", "erase-account", "Erase a customer: delete the account, and forget it"), s.eraseAccount)
}

func (s *server) eraseAccount(ctx context.Context, in *erasureOrder) (Erasure, error) {
	a, err := s.as(ctx).Account(in.Account)
	if err != nil {
		return Erasure{}, err
	}
	if !strings.EqualFold(in.Body.Confirm, a.Name) {
		return Erasure{}, newProblem(http.StatusUnprocessableEntity, "confirm is not the name of the account", "it cannot be undone, so its name is asked for twice")
	}
	if s.erasures == nil {
		return Erasure{}, newProblem(http.StatusNotImplemented, "nothing is erased here", "")
	}
	by, err := s.erasures.Erase(ctx, s.actor(ctx), a.Name)
	return Erasure{a.Name, by.UTC()}, err
}

// Export returns what is kept about the account with the name. Whether whoever asks may
// see it, the caller knows.
func (a *API) Export(ctx context.Context, account string) (Export, error) {
	ctx = withVisit(ctx, &visit{who: Principal{role: operator}})
	return a.server.exportAccount(ctx, &accountPath{account})
}

func (s *server) exportAccount(ctx context.Context, in *accountPath) (out Export, err error) {
	a, err := s.as(ctx).Account(in.Account)
	if err != nil {
		return out, err
	}
	out = Export{At: s.now().UTC(), Account: viewAccount(a), Hosts: []HostExport{}, Keys: []KeyExport{}, TSIG: []TSIGKey{}, Tokens: []Token{}, Audit: []Deed{}}
	if out.Hosts, err = s.exportHosts(ctx, a.Name); err != nil {
		return out, err
	}
	if out.Keys, err = s.exportKeys(a.Name); err != nil {
		return out, err
	}
	for _, k := range s.admin.TSIGKeys() {
		if strings.EqualFold(k.Account, a.Name) {
			out.TSIG = append(out.TSIG, viewTSIGKey(k))
		}
	}
	tokens, err := s.listTokens(ctx, &tokenQuery{Account: a.Name})
	if err != nil {
		return out, err
	}
	out.Tokens = tokens.Tokens
	if out.Audit, err = s.exportDeeds(ctx, a.Name); err != nil {
		return out, err
	}
	out.Person = Nobody()
	if s.people != nil {
		out.Person, err = s.people.Of(ctx, a.Name)
	}
	return out, err
}

// maxChanges bounds the past of one host in an export.
const maxChanges = 100_000

func (s *server) exportHosts(ctx context.Context, owner string) ([]HostExport, error) {
	out := []HostExport{}
	a, _ := s.registry.State().Accounts.Account(owner)
	q := admin.HostQuery{Account: owner}
	for {
		page, next, err := s.admin.Hosts(q)
		if err != nil {
			return nil, err
		}
		for _, h := range page {
			if h, err = s.admin.Host(h.Name); err != nil {
				return nil, err
			}
			past, err := s.addressChanges(ctx, h.Name, maxChanges, func(owner uint32) bool { return owner == a.ID })
			if err != nil {
				return nil, err
			}
			out = append(out, HostExport{viewHost(h), past, viewHistory(s.history.Host(h.Name)).History})
		}
		if next == "" {
			return out, nil
		}
		q.Start = next
	}
}

func (s *server) exportKeys(owner string) ([]KeyExport, error) {
	out := []KeyExport{}
	for start := ""; ; {
		page, next, err := s.admin.Keys(owner, start, 0)
		if err != nil {
			return nil, err
		}
		for _, k := range page {
			out = append(out, KeyExport{viewKey(k), viewHistory(s.history.Key(k.Username)).History})
		}
		if start = next; start == "" {
			return out, nil
		}
	}
}

func (s *server) exportDeeds(ctx context.Context, owner string) ([]Deed, error) {
	out := []Deed{}
	q := deedQuery{Account: owner, Limit: archive.MaxPage}
	for {
		page, err := s.showAudit(ctx, &q)
		for _, d := range page.Deeds {
			if d.Actor != owner {
				d.From = "" // that of staff
			}
			out = append(out, d)
		}
		if err != nil || len(page.Deeds) < archive.MaxPage {
			return out, err
		}
		q.Before = page.Deeds[len(page.Deeds)-1].ID
	}
}

// ExportAccount returns everything that is kept about an account.
func (c *Client) ExportAccount(ctx context.Context, account string) (Export, error) {
	return get[Export](ctx, c, http.MethodGet, "/personal-data/"+segment(account), nil, nil)
}

// EraseAccount erases the account of a customer.
func (c *Client) EraseAccount(ctx context.Context, account string) (Erasure, error) {
	return get[Erasure](ctx, c, http.MethodPost, "/personal-data/"+segment(account)+"/erasure", nil, ErasureOrder{account})
}
