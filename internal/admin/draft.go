package admin

import (
	"reflect"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// draft gathers what one edit will change of a state.
type draft struct {
	state   *registry.State
	opts    Options
	now     time.Time
	via     string // whence addresses come that it gives
	changes registry.Changes
	records map[zone.Name]int // where a zone's records stand among the changes
}

// put takes sets over into the zone with the given origin.
func (d *draft) put(origin zone.Name, sets ...zone.RRset) {
	i, ok := d.records[origin]
	if !ok {
		if d.records == nil {
			d.records = map[zone.Name]int{}
		}
		i = len(d.changes.Records)
		d.records[origin] = i
		d.changes.Records = append(d.changes.Records, registry.ZoneRecords{Zone: origin})
	}
	records := &d.changes.Records[i]
	records.Sets = append(records.Sets, sets...)
}

// clear removes all sets of a node.
func (d *draft) clear(origin, name zone.Name, node zone.Node) {
	for r := range node.All() {
		d.put(origin, zone.RRset{Name: name, Type: r.Type()})
	}
}

// place puts h into the directory with these sources, and their addresses and
// what else its options want into the zone that st has for it. When the host is
// silent, because its account is suspended, the zone gets the placeholder and only
// the directory remembers.
func (d *draft) place(st *registry.State, h account.Host, sources []account.Source, silent bool) {
	switch {
	case h.IsOffline():
		sources = nil
	case len(sources) > 0:
		h.Alias = ""
	}
	h.Sources = sources
	if st.Zones.Find(h.Name) != nil {
		var c registry.Changes
		if silent {
			c = update.Withdraw(st, h)
		} else {
			c = update.SetAddresses(st, h, sourceAddrs(sources), account.Source{Via: d.via, At: d.now})
		}
		for _, r := range c.Records {
			d.put(r.Zone, r.Sets...)
		}
	}
	if was, known := d.state.Accounts.Host(h.Name); !known || !reflect.DeepEqual(was, h) {
		d.changes.Accounts.Hosts = append(d.changes.Accounts.Hosts, h)
	}
}

// account returns the account with the name, or says that there is none.
func (d *draft) account(name string) (account.Account, error) { return findAccount(d.state, name) }

func findAccount(st *registry.State, name string) (account.Account, error) {
	a, ok := st.Accounts.Account(name)
	if !ok {
		return a, notFound("no account %s", name)
	}
	return a, nil
}

func findZone(st *registry.State, name zone.Name) (*zone.Zone, error) {
	z := st.Zones.Get(name)
	if z == nil {
		return nil, notFound("no zone %s", name)
	}
	return z, nil
}

func findHost(st *registry.State, name zone.Name) (account.Host, error) {
	h, ok := st.Accounts.Host(name)
	if !ok {
		return h, notFound("no host %s", name)
	}
	return h, nil
}

func findKey(st *registry.State, username string) (account.Key, error) {
	k, ok := st.Accounts.Key(username)
	if !ok {
		return k, notFound("no update key %s", username)
	}
	return k, nil
}
