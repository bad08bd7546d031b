package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// right is what it takes to use an operation. This is the only place that decides.
type right struct {
	least   account.Role // the least role
	change  bool         // not for who may only read
	limited bool         // also for tokens that are good for some hosts alone
	fresh   bool         // for who proved lately who they are: it opens a way in, tells all of somebody, or cannot be undone

	// names returns what a request is about. Of these things customers must own
	// all: what is another's is to them as if it did not exist. Nil: nothing that
	// anybody owns.
	names func(in any, who *Principal) named
}

// named is what a request is about.
type named struct {
	accounts, hosts, keys, tokens []string
	records                       []zone.Name // at which names
	forAdmin                      string      // what in it only admins may ask for; empty: nothing
}

// about makes names of a right for requests of one kind.
func about[I any](f func(in *I, who *Principal) named) func(any, *Principal) named {
	return func(in any, who *Principal) named { return f(in.(*I), who) }
}

// rank orders roles by what they may.
var rank = map[account.Role]int{account.Customer: 1, account.Support: 2, account.Admin: 3, operator: 4}

// rights has a row for each operation, by its ID. One that has no row is for the
// operator alone.
var rights = map[string]right{
	"show-self":   {least: account.Customer, limited: true},
	"list-events": {least: account.Customer, limited: true},

	"show-account": {least: account.Customer, names: about(func(in *accountPath, _ *Principal) named {
		return named{accounts: []string{in.Account}}
	})},
	"export-account": {least: account.Customer, fresh: true, names: about(func(in *accountPath, _ *Principal) named {
		return named{accounts: []string{in.Account}}
	})},
	"erase-account": {least: account.Admin, change: true, fresh: true},
	"set-account":   {least: account.Customer, change: true, fresh: true, names: about(namedByAccountChange)},
	"list-accounts": {least: account.Support},
	"add-account":   {least: account.Admin, change: true, fresh: true},
	"invite":        {least: account.Admin, change: true, fresh: true}, // whoever has the link signs in
	"reset-factors": {least: account.Admin, change: true, fresh: true},
	"end-sessions":  {least: account.Admin, change: true},

	"list-applications":   {least: account.Support},
	"approve-application": {least: account.Admin, change: true, fresh: true},
	"decline-application": {least: account.Admin, change: true},

	"delete-account":     {least: account.Admin, change: true, fresh: true},
	"show-customer":      {least: account.Support},
	"provision-customer": {least: account.Admin, change: true, fresh: true},
	"suspend-customer":   {least: account.Admin, change: true},
	"resume-customer":    {least: account.Admin, change: true},
	"terminate-customer": {least: account.Admin, change: true},

	"list-plans":  {least: account.Support},
	"show-plan":   {least: account.Support},
	"add-plan":    {least: account.Admin, change: true},
	"set-plan":    {least: account.Admin, change: true},
	"delete-plan": {least: account.Admin, change: true},

	"list-hosts": {least: account.Customer, limited: true, names: about(func(in *hostQuery, who *Principal) named {
		in.Account = who.itself(in.Account)
		return named{accounts: some(in.Account)}
	})},
	"add-host": {least: account.Customer, change: true, names: about(func(in *body[NewHost], _ *Principal) named {
		return namedByNewHosts(&in.Body)
	})},
	"add-hosts": {least: account.Customer, change: true, names: about(func(in *body[hostBatch], _ *Principal) named {
		var all named
		for i := range in.Body.Hosts {
			one := namedByNewHosts(&in.Body.Hosts[i])
			all.accounts = append(all.accounts, one.accounts...)
			if one.forAdmin != "" {
				all.forAdmin = one.forAdmin
			}
		}
		return all
	})},
	"show-host":         {least: account.Customer, limited: true, names: about(namedByHost)},
	"set-host":          {least: account.Customer, change: true, limited: true, names: about(namedByHostChange)},
	"delete-host":       {least: account.Customer, change: true, limited: true, names: about(namedByHost)},
	"show-host-history": {least: account.Customer, limited: true, names: about(namedByHost)},
	"show-notice":       {least: account.Customer, limited: true, names: about(namedByHost)},
	"set-notice": {least: account.Customer, change: true, limited: true, names: about(func(in *noticePatch, _ *Principal) named {
		return named{hosts: []string{in.Host}}
	})},
	"show-recipes": {least: account.Customer, limited: true, names: about(func(in *recipeQuery, _ *Principal) named {
		return named{hosts: []string{in.Host}, keys: some(in.Username)}
	})},

	"show-host-addresses": {least: account.Customer, limited: true, names: about(func(in *hostPastQuery, _ *Principal) named {
		return named{hosts: []string{in.Host}}
	})},
	"find-address": {least: account.Support},
	"show-audit":   {least: account.Support},

	"list-sign-ins":     {least: account.Support},
	"show-standing-out": {least: account.Support},

	"list-keys": {least: account.Customer, names: about(func(in *keyQuery, who *Principal) named {
		in.Account = who.itself(in.Account)
		return named{accounts: some(in.Account)}
	})},
	"add-key": {least: account.Customer, change: true, names: about(func(in *body[NewKey], _ *Principal) named {
		n := named{accounts: []string{in.Body.Account}, hosts: in.Body.Hosts}
		if len(in.Body.Patterns) > 0 || in.Body.NewHosts > 0 {
			n.forAdmin = patterns
		}
		return n
	})},
	"show-key": {least: account.Customer, names: about(namedByKey)},
	"set-key": {least: account.Customer, change: true, names: about(func(in *keyChange, _ *Principal) named {
		n := named{keys: []string{in.Username}}
		if in.Body.Patterns != nil || in.Body.NewHosts != nil {
			n.forAdmin = patterns
		}
		return n
	})},
	"revoke-key":       {least: account.Customer, change: true, names: about(namedByKey)},
	"show-key-history": {least: account.Customer, names: about(namedByKey)},

	"list-tokens": {least: account.Customer, names: about(func(in *tokenQuery, who *Principal) named {
		in.Account = who.itself(in.Account)
		return named{accounts: some(in.Account)}
	})},
	"add-token": {least: account.Customer, change: true, fresh: true, names: about(func(in *body[NewToken], who *Principal) named {
		n := named{accounts: []string{in.Body.Account}, hosts: in.Body.Hosts}
		switch {
		case in.Body.Staff:
			n.forAdmin = "a token for staff"
		case !who.isCustomer() && !who.owns(in.Body.Account):
			n.forAdmin = "a token of another account" // by which support could do what only its owner may
		}
		return n
	})},
	"show-token":   {least: account.Customer, names: about(namedByToken)},
	"revoke-token": {least: account.Customer, change: true, names: about(namedByToken)},

	"list-zones":   {least: account.Support},
	"show-zone":    {least: account.Support},
	"export-zone":  {least: account.Support},
	"add-zone":     {least: account.Admin, change: true},
	"set-zone":     {least: account.Admin, change: true},
	"delete-zone":  {least: account.Admin, change: true, fresh: true},
	"import-zones": {least: account.Admin, change: true},
	"list-records": {least: account.Support, limited: true},
	"show-records": {least: account.Support, limited: true, names: about(namedByRecords)},
	"set-records": {least: account.Admin, change: true, limited: true, names: about(func(in *recordChange, who *Principal) named {
		return namedByRecords(in.path(), who)
	})},
	"delete-records": {least: account.Admin, change: true, limited: true, names: about(namedByRecords)},
	"check-zone": {least: account.Support, names: about(func(in *checkInput, _ *Principal) (n named) {
		if in.Resolver != "" { // whoever names it has us send questions anywhere
			n.forAdmin = "a resolver of one's own"
		}
		return n
	})},
	"show-shadow":       {least: account.Support},
	"clear-shadow":      {least: account.Admin, change: true},
	"list-pushes":       {least: account.Support},
	"reconcile-zone":    {least: account.Admin, change: true},
	"check-secondaries": {least: account.Support},

	"list-tsig-keys":   {least: account.Support},
	"show-tsig-key":    {least: account.Support},
	"show-tsig-secret": {least: account.Admin, change: true, fresh: true}, // whoever has it may change zones
	"add-tsig-key":     {least: account.Admin, change: true, fresh: true},
	"set-tsig-key":     {least: account.Admin, change: true, fresh: true},
	"delete-tsig-key":  {least: account.Admin, change: true},

	"list-webhooks":  {least: account.Admin},
	"show-webhook":   {least: account.Admin},
	"add-webhook":    {least: account.Admin, change: true, fresh: true}, // whoever has it hears of everything
	"set-webhook":    {least: account.Admin, change: true},
	"delete-webhook": {least: account.Admin, change: true},
	"test-webhook":   {least: account.Admin, change: true},
	"replay-webhook": {least: account.Admin, change: true},

	"show-brand":        {least: account.Admin},
	"set-brand":         {least: account.Admin, change: true},
	"list-mail-texts":   {least: account.Admin},
	"show-mail-text":    {least: account.Admin},
	"set-mail-text":     {least: account.Admin, change: true},
	"reset-mail-text":   {least: account.Admin, change: true},
	"preview-mail-text": {least: account.Admin},

	"import":          {least: account.Admin, change: true},
	"list-old-hashes": {least: operator},
	"show-status":     {least: account.Support},
	"show-cluster":    {least: account.Support},
	"make-backup":     {least: operator, change: true},
	"upgrade":         {least: operator, change: true},
	"seed":            {least: operator, change: true},
}

// patterns are what a key says of names that are no hosts yet.
const patterns = "a pattern of names"

func namedByHost(in *hostPath, _ *Principal) named { return named{hosts: []string{in.Host}} }

func namedByKey(in *keyPath, _ *Principal) named { return named{keys: []string{in.Username}} }

func namedByToken(in *tokenPath, _ *Principal) named { return named{tokens: []string{in.Token}} }

// namedByRecords is of the names at which records stand; of what cannot be read, of none.
func namedByRecords(in *recordPath, _ *Principal) named {
	at, err := in.read()
	if err != nil {
		return named{}
	}
	return named{records: []zone.Name{at.Name}}
}

func namedByNewHosts(in *NewHost) named {
	n := named{accounts: []string{in.Account}}
	switch {
	case in.Force:
		n.forAdmin = "force"
	case leadsInside(in.Addresses, in.HostOptions.Offline, in.NonGlobal):
		n.forAdmin = inside
	}
	return n
}

func namedByHostChange(in *hostChange, _ *Principal) named {
	n := named{hosts: []string{in.Host}}
	if in.Body.Follows != nil {
		n.hosts = append(n.hosts, some(*in.Body.Follows)...)
	}
	switch {
	case in.Body.Force:
		n.forAdmin = "force"
	case in.Body.Account != nil:
		n.forAdmin = "another owner"
	case leadsInside(orZero(in.Body.Addresses), in.Body.HostOptions.Offline, orZero(in.Body.NonGlobal)):
		n.forAdmin = inside
	}
	return n
}

// inside is what leadsInside is about.
const inside = "an address that cannot be reached from outside"

// leadsInside is admin.LeadsInside for what a request says.
func leadsInside(addresses []string, offline *string, nonGlobal string) bool {
	var addrs []netip.Addr // what cannot be read is refused later
	for _, text := range addresses {
		if a, err := netip.ParseAddr(text); err == nil {
			addrs = append(addrs, a)
		}
	}
	var when account.WhenOffline
	if offline != nil {
		when, _ = account.ParseWhenOffline(*offline)
	}
	accept, _ := account.ParseNonGlobal(nonGlobal)
	return admin.LeadsInside(addrs, &when, accept)
}

// orZero returns what is pointed to, the zero value for nil.
func orZero[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// namedByAccountChange lets people say what they are called. A mail address and a
// password are a way in, so a token must not change them.
func namedByAccountChange(in *accountChange, _ *Principal) named {
	n := named{accounts: []string{in.Account}}
	if b := in.Body; b != (AccountChange{FullName: b.FullName, Language: b.Language}) {
		n.forAdmin = "more than full_name and language"
	}
	return n
}

// some returns the text, unless it is empty.
func some(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// itself returns the account that a list is of: for customers their own, when they
// name none.
func (p *Principal) itself(account string) string {
	if account == "" && p.isCustomer() {
		return p.name
	}
	return account
}

// admit tells why who asks may not use the operation with this input. It notes what
// is to be asked again when something changes.
func (s *server) admit(ctx context.Context, id string, in any) error {
	v := visitOf(ctx)
	who := &v.who
	r, known := rights[id]
	if !known {
		r = right{least: operator}
	}
	switch {
	case who.role == "":
		return newProblem(http.StatusUnauthorized, "who asks?", "send Authorization: Bearer and an API token")
	case rank[who.role] < rank[r.least]:
		return newProblem(http.StatusForbidden, fmt.Sprintf("this is for %s, not for %s", r.least, who.role), "")
	case r.change && who.ReadOnly:
		return newProblem(http.StatusForbidden, "this token may only read", "")
	case r.fresh && who.Stale:
		return newProblem(http.StatusForbidden, "who you are was proved too long ago for this", "sign in again, or prove it on the page of your account")
	case who.isLimited() && !r.limited:
		return newProblem(http.StatusForbidden, "this token is for hosts alone", "")
	case who.role == operator:
		return nil
	}
	var n named
	if r.names != nil {
		n = r.names(in, who)
	}
	if n.forAdmin != "" && rank[who.role] < rank[account.Admin] {
		return newProblem(http.StatusForbidden, fmt.Sprintf("%s is for admin, not for %s", n.forAdmin, who.role), "")
	}
	v.allowed = func(st *registry.State) error {
		if fault := who.isStill(st, s.now()); fault != nil {
			return fault
		}
		return n.check(st, who)
	}
	return v.allowed(s.as(ctx).State())
}

// check tells that something does not exist, for this principal.
func (n *named) check(st *registry.State, who *Principal) error {
	for _, text := range n.hosts {
		name, err := admin.ParseName(text)
		if err != nil {
			return err
		}
		h, ok := st.Accounts.Host(name)
		if !ok || !who.covers(name) || !who.mayReach(h.Account) {
			return missing("host", name.String())
		}
	}
	for _, name := range n.records {
		if !who.coversRecords(name) {
			return missing("records at", name.String())
		}
	}
	if !who.isCustomer() {
		return nil
	}
	for _, name := range n.accounts {
		if !who.owns(name) {
			return missing("account", name)
		}
	}
	for _, username := range n.keys {
		if k, ok := st.Accounts.Key(username); !ok || k.Account != who.Account {
			return missing("update key", username)
		}
	}
	for _, id := range n.tokens {
		if t, ok := st.Accounts.APIToken(id); !ok || t.Account != who.Account {
			return missing("API token", id)
		}
	}
	return nil
}

// mayReach tells whether the principal may see what belongs to an account.
func (p *Principal) mayReach(owner uint32) bool {
	return !p.isCustomer() || owner == p.Account
}

// missing is what is said of a thing that does not exist.
func missing(what, name string) *Problem {
	return newProblem(http.StatusNotFound, fmt.Sprintf("no %s %s", what, name), "")
}
