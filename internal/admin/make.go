package admin

import (
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// maxPatterns is how many patterns one update key may have.
const maxPatterns = 100

// checkPatterns tells why a key may not have these patterns, or make so many hosts.
func checkPatterns(patterns []zone.Name, newHosts uint32) error {
	if len(patterns) > maxPatterns {
		return invalid("an update key has at most %d patterns", maxPatterns)
	}
	for _, p := range patterns {
		if err := account.CheckPattern(p); err != nil {
			return invalid("%v", err)
		}
	}
	if newHosts > account.MaxNewHosts {
		return invalid("update keys make at most %d hosts of an account", account.MaxNewHosts)
	}
	if newHosts > 0 && len(patterns) == 0 {
		return invalid("without a pattern there are no names to make hosts of")
	}
	return nil
}

// MakeHosts implements update.Maker. What holds for hosts that staff make holds here, and
// moreover, the name must be free of records and of memories, and what is below it be the
// account's: what others put there, or took away, no device may undo.
func (s *Service) MakeHosts(st *registry.State, key account.Key, names []zone.Name, now time.Time) registry.Changes {
	owner, ok := st.Accounts.AccountByID(key.Account)
	if !ok || owner.Suspended {
		return registry.Changes{}
	}
	d := s.draft(st)
	d.now = now.UTC().Truncate(time.Millisecond)
	n := naming{d, false, map[zone.Name]uint32{}}
	id, room := st.Accounts.NextHostID(), roomFor(st, key)
	for _, name := range names {
		if _, twice := n.fresh[name]; twice || len(n.fresh) >= room || !key.Fits(name) || d.checkHosts(owner, len(n.fresh)+1) != nil {
			continue
		}
		z, err := n.check(name, owner)
		if err != nil {
			continue
		}
		_, rests := st.Accounts.Resting(name)
		if rests || !z.Node(name).IsEmpty() || d.checkVacant(z, name, owner.ID) != nil {
			continue
		}
		h := account.Host{ID: id + uint32(len(n.fresh)), Name: name, Account: owner.ID, Created: d.now}
		if err := d.addHost(NewHost{Name: name, Account: owner.Name}, z, h, false); err != nil {
			continue
		}
		n.fresh[name] = owner.ID
	}
	return d.changes
}

// roomFor returns how many hosts the key may make more. Where its account has more than
// update.MaxCovered, it does not look.
func roomFor(st *registry.State, key account.Key) int {
	room, looked := int(min(key.NewHosts, account.MaxNewHosts)), 0
	for h := range st.Accounts.HostsOf(key.Account) {
		if looked++; room == 0 || looked > update.MaxCovered {
			return 0
		}
		if key.Fits(h.Name) {
			room--
		}
	}
	return room
}
