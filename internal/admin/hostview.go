package admin

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Host is what there is to see of a host.
type Host struct {
	Name        zone.Name
	Zone        zone.Name // empty when its zone has gone
	Account     string    // name of the owner
	Addresses   []netip.Addr
	TTL         uint32 // seconds
	Created     time.Time
	LastSeen    time.Time         // the zero time when it never was
	InterfaceID netip.Addr        // the zero Addr for none
	Follows     zone.Name         // empty for none
	NonGlobal   account.NonGlobal // of what its devices report
	Suspended   bool              // its account is, so that its addresses do not stand
	Options     account.Options
	Alias       zone.Name // what it is an alias of while it has no addresses; empty for none
	Offline     Source    // what took it offline; the zero Source while it is online
	Expires     time.Time // when it goes offline unless it reports; the zero time for never
	Expiring    bool      // that is near
	CGNAT       bool      // it shares its address with others, so that it cannot be reached from outside
	Sources     []Source  // nil in lists
}

// Source tells where an address of a host came from.
type Source struct {
	account.Source
	Username string // of the update key; empty when none was used or it has gone
}

// Host returns the host with the name, with the sources of its addresses.
func (s *Service) Host(name zone.Name) (Host, error) {
	st := s.State()
	h, err := findHost(st, name)
	if err != nil {
		return Host{}, err
	}
	view := s.viewHost(st, h)
	sources := namedSources(st, h.Account, append(slices.Clone(h.Sources), h.Offline)...)
	view.Sources, view.Offline = sources[:len(h.Sources)], sources[len(h.Sources)]
	return view, nil
}

func (s *Service) viewHost(st *registry.State, h account.Host) Host {
	owner, _ := st.Accounts.AccountByID(h.Account)
	view := Host{
		Name: h.Name, Account: owner.Name, TTL: h.TTL, Created: h.Created,
		InterfaceID: h.InterfaceID, Follows: h.Follows, NonGlobal: h.NonGlobal, Suspended: owner.Suspended,
		Options: h.Options, Alias: h.Alias, Offline: Source{Source: h.Offline},
	}
	if z := st.Zones.Find(h.Name); z != nil {
		view.Zone = z.Origin()
		view.Addresses = addresses(z.Node(h.Name))
	}
	if s.opts.Seen != nil {
		view.LastSeen = s.opts.Seen.Last(h.ID)
	}
	if s.opts.Expiry != nil {
		view.Expires, view.Expiring = s.opts.Expiry.Due(&h, &owner)
	}
	view.CGNAT = s.opts.CGNAT != nil && s.opts.CGNAT.BehindCGNAT(h.ID, view.Addresses)
	return view
}

// namedSources returns sources with the user names of their keys, which belong to
// the account.
func namedSources(st *registry.State, owner uint32, sources ...account.Source) []Source {
	names := map[uint32]string{}
	for k := range st.Accounts.KeysOf(owner) {
		names[k.ID] = k.Username
	}
	var out []Source
	for _, source := range sources {
		out = append(out, Source{source, names[source.Key]})
	}
	return out
}

// DefaultPage is how many things a list holds when no limit is given.
const DefaultPage = 1000

// HostQuery says which hosts to list. Its zero value is all of them.
type HostQuery struct {
	Account string    // name; empty: of all accounts
	Zone    zone.Name // at and below this name; empty: everywhere
	Prefix  string    // with which their names begin

	// Expiring leaves only those that go offline soon unless they report.
	Expiring bool

	Start zone.Name // where the page begins; empty: at the beginning
	Limit int       // hosts on the page; 0: DefaultPage
}

// Hosts returns a page of hosts in canonical order of their names, and where the
// next page begins: empty after the last one.
func (s *Service) Hosts(q HostQuery) ([]Host, zone.Name, error) {
	st := s.State()
	hosts, err := q.candidates(st)
	if err != nil {
		return nil, "", err
	}
	prefix := strings.ToLower(q.Prefix)
	limit := pageSize(q.Limit)
	var page []Host
	for h := range hosts {
		if !strings.HasPrefix(h.Name.String(), prefix) {
			continue
		}
		view := s.viewHost(st, h)
		if q.Expiring && !view.Expiring {
			continue
		}
		if len(page) == limit {
			return page, h.Name, nil
		}
		page = append(page, view)
	}
	return page, "", nil
}

// candidates yields the hosts that the query asks for, but for the prefix.
func (q HostQuery) candidates(st *registry.State) (iter.Seq[account.Host], error) {
	if q.Account == "" {
		return q.inZone(st.Accounts.Hosts(q.first())), nil
	}
	owner, err := findAccount(st, q.Account)
	if err != nil {
		return nil, err
	}
	return q.inZone(st.Accounts.HostsOfFrom(owner.ID, q.first())), nil
}

// first returns the name before which no host is asked for; it may be empty.
func (q HostQuery) first() zone.Name {
	if q.Zone == "" || q.Start != "" && q.Start.Compare(q.Zone) > 0 {
		return q.Start
	}
	return q.Zone
}

// inZone passes on what is in the zone; hosts, in order, begin with it.
func (q HostQuery) inZone(hosts iter.Seq[account.Host]) iter.Seq[account.Host] {
	if q.Zone == "" {
		return hosts
	}
	return func(yield func(account.Host) bool) {
		for h := range hosts {
			if !h.Name.IsWithin(q.Zone) || !yield(h) {
				return
			}
		}
	}
}

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return limit
}
