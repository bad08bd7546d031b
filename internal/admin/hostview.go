package admin

import (
	"iter"
	"net/netip"
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
	Sources     []Source          // nil in lists
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
	view.Sources = namedSources(st, h)
	return view, nil
}

func (s *Service) viewHost(st *registry.State, h account.Host) Host {
	owner, _ := st.Accounts.AccountByID(h.Account)
	view := Host{
		Name: h.Name, Account: owner.Name, TTL: h.TTL, Created: h.Created,
		InterfaceID: h.InterfaceID, Follows: h.Follows, NonGlobal: h.NonGlobal, Suspended: owner.Suspended,
	}
	if z := st.Zones.Find(h.Name); z != nil {
		view.Zone = z.Origin()
		view.Addresses = addresses(z.Node(h.Name))
	}
	if s.opts.Seen != nil {
		view.LastSeen = s.opts.Seen.Last(h.ID)
	}
	return view
}

// namedSources returns the sources of a host with the user names of their keys.
func namedSources(st *registry.State, h account.Host) []Source {
	names := map[uint32]string{}
	for k := range st.Accounts.KeysOf(h.Account) {
		names[k.ID] = k.Username
	}
	var out []Source
	for _, source := range h.Sources {
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
	Start   zone.Name // where the page begins; empty: at the beginning
	Limit   int       // hosts on the page; 0: DefaultPage
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
		if len(page) == limit {
			return page, h.Name, nil
		}
		page = append(page, s.viewHost(st, h))
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
	first := q.first()
	return q.inZone(func(yield func(account.Host) bool) {
		for h := range st.Accounts.HostsOf(owner.ID) {
			if (first == "" || h.Name.Compare(first) >= 0) && !yield(h) {
				return
			}
		}
	}), nil
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
