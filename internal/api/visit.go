package api

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// operator is the role of who comes to the admin socket, beyond all that accounts
// have.
const operator account.Role = "operator"

// Principal is who asks. The zero Principal is nobody.
type Principal struct {
	Account  uint32 // its ID; 0 for the operator
	ReadOnly bool   // changes nothing
	Staff    bool   // may do what the role of the account may; otherwise what a customer may
	Stale    bool   // proved long ago who it is: may do nothing for which rights want that to be fresh

	token *account.Token // by which it came; nil for others
	name  string         // of the account; empty for the operator
	role  account.Role   // that counts
	from  netip.Addr     // the zero Addr where it is not known
}

// isLimited tells whether the principal may come to some hosts alone.
func (p *Principal) isLimited() bool { return p.token != nil && p.token.IsLimited() }

// covers tells whether the principal's limits let it come to a host.
func (p *Principal) covers(name zone.Name) bool { return p.token == nil || p.token.Covers(name) }

// coversRecords tells whether the principal's limits let it come to the records at a name
// of a zone: a token for single hosts comes to none.
func (p *Principal) coversRecords(name zone.Name) bool {
	return !p.isLimited() || slices.ContainsFunc(p.token.Zones, name.IsWithin)
}

// isCustomer tells whether no more than what a customer may is allowed.
func (p *Principal) isCustomer() bool { return rank[p.role] <= rank[account.Customer] }

// owns tells whether the name is that of the principal's account.
func (p *Principal) owns(account string) bool { return strings.EqualFold(account, p.name) }

// complete fills in what the state says of the principal's account. It fails with
// a problem when that may not ask for anything now.
func (p *Principal) complete(st *registry.State) *Problem {
	a, ok := st.Accounts.AccountByID(p.Account)
	switch {
	case !ok:
		return newProblem(401, "the account is gone", "")
	case a.Suspended:
		return newProblem(403, "the account is suspended", "")
	}
	p.name, p.role = a.Name, account.Customer
	if p.Staff {
		p.role = a.Role
	}
	return nil
}

// isStill tells why the principal may no longer ask for what it might, or nil: its token is
// gone, or its account is, or is suspended, or has another role.
func (p *Principal) isStill(st *registry.State, now time.Time) *Problem {
	if p.token != nil {
		t, ok := st.Accounts.APIToken(p.token.ID)
		switch {
		case !ok:
			return newProblem(401, "the API token is revoked", "")
		case t.HasExpired(now):
			return newProblem(401, "the API token has expired", "")
		}
	}
	is := *p
	if fault := is.complete(st); fault != nil {
		return fault
	}
	if is.role != p.role {
		return newProblem(403, "the account has another role by now", "")
	}
	return nil
}

// visit is one request on its way.
type visit struct {
	who     Principal
	again   func() (Principal, *Problem) // tells anew who asks; nil: that is certain
	pinned  *registry.State              // to be read; nil: the one after the last commit
	allowed func(*registry.State) error  // that what is asked may be asked; nil: it may
	match   string                       // If-Match; empty for none
	none    string                       // If-None-Match; empty for none
	path    string
}

type visitKey struct{}

func withVisit(ctx context.Context, v *visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// visitOf returns the request on whose behalf something is done: that of nobody
// where there is none.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// actor returns in whose name things are done.
func (s *server) actor(ctx context.Context) registry.Actor {
	who := &visitOf(ctx).who
	by := registry.Actor{Account: who.Account, Via: "api"}
	if who.from.IsValid() {
		by.From = who.from.String()
	}
	return by
}

// note keeps what is done beside the state on behalf of who asks.
func (s *server) note(ctx context.Context, n registry.Note) error {
	return s.registry.Note(ctx, s.actor(ctx), n)
}

// as returns the service that reads and changes on behalf of who asks. A change
// asks again, of the very state that it changes, whether it may be, and whether the
// thing is as the client thinks.
func (s *server) as(ctx context.Context) *admin.Service {
	v := visitOf(ctx)
	service := s.admin.As(s.actor(ctx))
	if v.pinned != nil {
		return service.At(v.pinned)
	}
	if v.allowed == nil && v.match == "" {
		return service
	}
	return service.Expecting(func(st *registry.State) error {
		if v.allowed != nil {
			if err := v.allowed(st); err != nil {
				return err
			}
		}
		return s.expect(v, st)
	})
}

// Self is who asks, as the API shows it.
type Self struct {
	Account  string    `json:"account,omitempty" doc:"Absent for the operator at the admin socket."`
	Role     string    `json:"role" enum:"customer,support,admin,operator"`
	Token    string    `json:"token,omitempty" doc:"ID of the API token; absent for who came without one."`
	ReadOnly bool      `json:"read_only"`
	Zones    []string  `json:"zones,omitempty" nullable:"false" doc:"With hosts, all that the token is good for; both absent: everything."`
	Hosts    []string  `json:"hosts,omitempty" nullable:"false"`
	Expires  time.Time `json:"expires,omitzero" doc:"Of the token; absent when it never does."`
}

func (s *server) showSelf(ctx context.Context, _ *struct{}) (Self, error) {
	p := &visitOf(ctx).who
	out := Self{Account: p.name, Role: string(p.role), ReadOnly: p.ReadOnly}
	if t := p.token; t != nil {
		out.Token, out.Expires = t.ID, t.Expires
		out.Zones, out.Hosts = nameTexts(t.Zones), nameTexts(t.Hosts)
	}
	return out, nil
}

func nameTexts(names []zone.Name) []string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	return out
}
