package admin

import (
	"time"

	"stayput.dev/internal/account"
)

// setPhase takes the account to another phase of its life.
func (d *draft) setPhase(a *account.Account, to account.Phase) {
	from := a.Phase()
	if from == to {
		return
	}
	switch to {
	case account.Terminated:
		d.terminate(a)
	case account.Suspended:
		d.silence(a, from)
	default:
		d.resume(a, from)
	}
}

// silence takes the addresses of all hosts away. A terminated account has none.
func (d *draft) silence(a *account.Account, from account.Phase) {
	if from == account.Active {
		for h := range d.state.Accounts.HostsOf(a.ID) {
			rememberAlias(d.state, &h)
			d.place(d.state, h, d.wanted(h), true)
		}
	}
	a.Suspended, a.Terminated = true, time.Time{}
}

// resume gives the hosts back what they had.
func (d *draft) resume(a *account.Account, from account.Phase) {
	if from == account.Suspended {
		for h := range d.state.Accounts.HostsOf(a.ID) {
			d.place(d.state, h, d.wanted(h), false)
		}
	}
	a.Suspended, a.Terminated, a.Resumed = false, time.Time{}, d.now
}

// terminate releases all hosts, whose names rest, and deletes all keys. The account
// itself stays, so that it may have its names again while they rest.
func (d *draft) terminate(a *account.Account) {
	d.strip(*a)
	a.Suspended, a.Terminated = true, d.now
}

// strip takes from an account all that it has.
func (d *draft) strip(a account.Account) {
	var hosts []account.Host
	for h := range d.state.Accounts.HostsOf(a.ID) {
		hosts = append(hosts, h)
		d.erase(h)
	}
	d.release(hosts)
	for k := range d.state.Accounts.KeysOf(a.ID) {
		d.changes.Accounts.DeletedKeys = append(d.changes.Accounts.DeletedKeys, k.Username)
	}
	for t := range d.state.Accounts.APITokensOf(a.ID) {
		d.changes.Accounts.DeletedTokens = append(d.changes.Accounts.DeletedTokens, t.ID)
	}
	d.dropTSIGKeys(a)
}
