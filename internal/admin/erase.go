package admin

import (
	"context"
	"fmt"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// Erased is the numbers of what an account had, by which other rooms know it.
type Erased struct {
	Account     uint32
	Hosts, Keys []uint32
}

// EraseAccount deletes an account with all that it has, as DeleteAccount does by
// force, and notes it without a name. It fails with ErrConflict for staff, whose
// deeds must stay in the audit log.
//
// What remains of it in the state are the names of its hosts, which rest, with the
// number that the account had and no other gets. The journal has it until that is
// purged.
func (s *Service) EraseAccount(ctx context.Context, name string) (gone Erased, err error) {
	err = s.edit(ctx, func(d *draft) error {
		a, err := d.account(name)
		if err != nil {
			return err
		}
		if a.Role != account.Customer {
			return conflict("%s is staff, whose deeds stay in the audit log", a.Name).
				but("delete the account instead, or make it that of a customer first")
		}
		gone = erasedOf(d.state, a.ID)
		d.deleteAccount(a)
		d.noteDeed("erase", fmt.Sprintf("account %d", a.ID), 0, "")
		return nil
	})
	return gone, err
}

func erasedOf(st *registry.State, id uint32) Erased {
	e := Erased{Account: id}
	for h := range st.Accounts.HostsOf(id) {
		e.Hosts = append(e.Hosts, h.ID)
	}
	for k := range st.Accounts.KeysOf(id) {
		e.Keys = append(e.Keys, k.ID)
	}
	return e
}

// maxRested is how many rests DropRests ends at a time.
const maxRested = 1000

// DropRests forgets names whose rest is over, some at a time, and returns how many.
// They were free already.
func (s *Service) DropRests(ctx context.Context) (dropped int, err error) {
	if len(over(s.State(), s.opts.Now())) == 0 {
		return 0, nil
	}
	err = s.edit(ctx, func(d *draft) error {
		names := over(d.state, d.now)
		dropped = len(names)
		for _, r := range names {
			d.changes.Accounts.DeletedRests = append(d.changes.Accounts.DeletedRests, r.Name)
		}
		return nil
	})
	return dropped, err
}

// over returns the first rests whose time is over.
func over(st *registry.State, now time.Time) (all []account.Rest) {
	for r := range st.Accounts.Rests() {
		if !r.Until.After(now) {
			if all = append(all, r); len(all) == maxRested {
				break
			}
		}
	}
	return all
}
