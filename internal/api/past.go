package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// AddressChange is what became of a host's addresses of one family at a moment.
type AddressChange struct {
	At        time.Time    `json:"at"`
	Family    string       `json:"family" enum:"ipv4,ipv6"`
	Addresses []netip.Addr `json:"addresses" nullable:"false" doc:"From then on; none when it had none."`
	Account   string       `json:"account,omitempty" doc:"Who owned the host then; absent when it was deleted, or the account is no longer there."`
	Username  string       `json:"username,omitempty" doc:"Of the update key that was used."`
	Via       string       `json:"via,omitempty" example:"dyndns2"`
}

// Stay is the time during which a host had an address.
type Stay struct {
	Host     string     `json:"host" example:"home.dyn.example.org"`
	Address  netip.Addr `json:"address"`
	From     time.Time  `json:"from"`
	Until    *time.Time `json:"until,omitempty" doc:"Absent while it still has the address."`
	Account  string     `json:"account,omitempty" doc:"Who owned the host then; absent when the account is no longer there."`
	Username string     `json:"username,omitempty" doc:"Of the update key that was used."`
	Via      string     `json:"via,omitempty" example:"dyndns2"`
}

// Deed is something that somebody did.
type Deed struct {
	ID      string    `json:"id" doc:"To ask for those before it."`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor" doc:"The account that did it; empty for the operator at the admin socket."`
	Via     string    `json:"via" example:"admin"`
	From    string    `json:"from,omitempty" doc:"The client's address."`
	Verb    string    `json:"verb" example:"add"`
	Subject string    `json:"subject" example:"host home.dyn.example.org"`
	Account string    `json:"account,omitempty" doc:"Whom it concerns."`
	Detail  string    `json:"detail,omitempty" doc:"What is different."`
}

type addressChangeList struct {
	Changes []AddressChange `json:"changes" nullable:"false"`
}

type stayList struct {
	Stays []Stay `json:"stays" nullable:"false"`
}

type deedList struct {
	Deeds []Deed `json:"deeds" nullable:"false"`
}

// hostPastQuery is a request for the past of one host.
type hostPastQuery struct {
	Host  string `path:"host"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most."`
}

// stayQuery is a request for who had an address.
type stayQuery struct {
	Address string    `query:"address" required:"true" doc:"An address, or a prefix such as 2001:db8:1::/48."`
	At      time.Time `query:"at" doc:"Only who had it at that time."`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most."`
}

// deedQuery is a request for what was done.
type deedQuery struct {
	Account string `query:"account" doc:"Only what concerns the account, or it did."`
	Subject string `query:"subject" example:"host home.dyn.example.org" doc:"Only what was done to it."`
	Before  string `query:"before" doc:"Only what was done before the deed with this ID."`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most."`
}

func (s *server) addPast(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/hosts/{host}/addresses", "show-host-addresses", "Show what addresses a host had, the latest first"), s.hostAddresses)
	answer(s, api, operation(http.MethodGet, "/addresses", "find-address", "Show who has or had an address, the latest first"), s.findAddress)
	answer(s, api, operation(http.MethodGet, "/audit", "show-audit", "Show what people changed, the latest first"), s.showAudit)
}

func (s *server) hostAddresses(ctx context.Context, in *hostPastQuery) (addressChangeList, error) {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return addressChangeList{}, err
	}
	changes, err := s.addressChanges(ctx, name, in.Limit, visitOf(ctx).who.mayReach)
	return addressChangeList{changes}, err
}

// addressChanges returns what became of a host's addresses while it belonged to accounts
// that are shown: another may have had the name before.
func (s *server) addressChanges(ctx context.Context, name zone.Name, limit int, shown func(owner uint32) bool) ([]AddressChange, error) {
	out := []AddressChange{}
	if s.past == nil {
		return out, nil
	}
	changes, err := s.past.Changes(ctx, name, limit)
	names := namesOf(s.registry.State())
	for _, c := range changes {
		if !shown(c.Account) {
			continue
		}
		view := AddressChange{At: c.At, Family: "ipv4", Addresses: append([]netip.Addr{}, c.Addrs...), Via: c.Via}
		if c.IPv6 {
			view.Family = "ipv6"
		}
		view.Account, view.Username = names.of(c.Account, c.Key)
		out = append(out, view)
	}
	return out, err
}

func (s *server) findAddress(ctx context.Context, in *stayQuery) (stayList, error) {
	out := stayList{[]Stay{}}
	prefix, err := archive.ParsePrefix(in.Address)
	if err != nil {
		return out, newProblem(http.StatusUnprocessableEntity, err.Error(), "give an address such as 192.0.2.7, or a prefix such as 2001:db8:1::/48")
	}
	if s.past == nil {
		return out, nil
	}
	stays, err := s.past.Stays(ctx, prefix, in.At, in.Limit)
	names := namesOf(s.registry.State())
	for _, stay := range stays {
		view := Stay{Host: stay.Host.String(), Address: stay.Addr, From: stay.From, Via: stay.Via}
		if !stay.Until.IsZero() {
			view.Until = &stay.Until
		}
		view.Account, view.Username = names.of(stay.Account, stay.Key)
		out.Stays = append(out.Stays, view)
	}
	return out, err
}

func (s *server) showAudit(ctx context.Context, in *deedQuery) (deedList, error) {
	out := deedList{[]Deed{}}
	f := archive.Filter{Subject: in.Subject, Before: in.Before, Limit: in.Limit}
	if in.Account != "" {
		if _, err := s.as(ctx).Account(in.Account); err != nil {
			return out, err
		}
		a, _ := s.registry.State().Accounts.Account(in.Account)
		f.Account = a.ID
	}
	if s.past == nil {
		return out, nil
	}
	deeds, err := s.past.Deeds(ctx, f)
	names := namesOf(s.registry.State())
	for _, d := range deeds {
		out.Deeds = append(out.Deeds, Deed{
			ID: d.ID, At: d.At, Actor: names.account(d.Actor), Via: d.Via, From: d.From,
			Verb: d.Verb, Subject: d.Subject, Account: names.account(d.Account), Detail: d.Detail,
		})
	}
	return out, err
}

// idNames finds the names of accounts and keys by their numbers.
type idNames struct {
	accounts account.Directory
	keys     map[uint32]map[uint32]string // user names of keys, by account and key
}

func namesOf(st *registry.State) *idNames {
	return &idNames{st.Accounts, map[uint32]map[uint32]string{}}
}

// account returns the name of an account; "" for none, or one that is gone.
func (n *idNames) account(id uint32) string {
	if a, ok := n.accounts.AccountByID(id); ok {
		return a.Name
	}
	return ""
}

// of returns the names of an account and of a key of it.
func (n *idNames) of(owner, key uint32) (name, username string) {
	if owner == 0 {
		return "", ""
	}
	known, ok := n.keys[owner]
	if !ok {
		known = map[uint32]string{}
		for k := range n.accounts.KeysOf(owner) {
			known[k.ID] = k.Username
		}
		n.keys[owner] = known
	}
	return n.account(owner), known[key]
}
