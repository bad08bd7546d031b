package admin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// MoveIn is what another installation has, to be taken over into this one. It may
// be taken over again when it has changed there: what is here already is brought
// up to date, and nothing is deleted.
type MoveIn struct {
	Zones    []ZoneFile // the content counts where the zone is not here yet; else the serial, if it is newer
	Accounts []NewAccount
	Hosts    []MovedHost
	Keys     []MovedKey

	Force  bool // sets aside the rules of the house for names, as NewHost.Force does
	DryRun bool // only tells what would become of it
}

// MovedHost is a host of another installation.
type MovedHost struct {
	Name      zone.Name
	Account   string       // name of the owner
	Addresses []netip.Addr // empty: those that stand at the name, if it is no host yet
	TTL       uint32       // seconds; 0: as NewHost has it
}

// MovedKey is an update key of another installation.
type MovedKey struct {
	Username string
	AnyCase  bool // devices may send the user name, which is in lower case, in any
	Account  string
	Hosts    []zone.Name // what it may update; empty: all hosts of the account

	// Hash is of the secret, in a form that account.KeepForeign takes; Secret
	// is the secret itself. With neither, a secret is made.
	Hash, Secret string

	Unchanged account.Unchanged // what its devices hear when nothing changed
	BareGood  bool              // see account.Key
	Patterns  []zone.Name       // see account.Key; with these, Hosts may be empty and means none
	NewHosts  uint32            // see account.Key
}

// viaImport names imports as the source of addresses.
const viaImport = "import"

// Outcome says what became of a part of a MoveIn.
type Outcome string

// The outcomes.
const (
	Added   Outcome = "added"
	Changed Outcome = "changed"
	Kept    Outcome = "kept"    // it is here already
	Refused Outcome = "refused" // the rest was taken over without it
)

// Moved is what became of one part of a MoveIn.
type Moved struct {
	Kind    string // "zone", "account", "host" or "key"
	Name    string
	Outcome Outcome
	Why     string // what was changed, or why it was refused or kept; may be empty
	Secret  string // of a key for which one was made; nobody can read it again
}

// MoveIn takes over what it can, all in one commit, and tells what became of each
// part. It takes some 20 ms for every new key whose secret is short. Invalid
// content of a zone is ErrInvalid, and then nothing is taken over.
func (s *Service) MoveIn(ctx context.Context, in MoveIn) ([]Moved, error) {
	m := mover{in: &in, zones: make([]*zone.Zone, len(in.Zones)), secrets: make([]keptSecret, len(in.Keys))}
	for i, f := range in.Zones {
		z, _, err := f.read()
		if err != nil {
			return nil, err
		}
		m.zones[i] = z
	}
	m.keepSecrets(s.State())
	run := func(st *registry.State) (registry.Changes, error) {
		m.report = nil
		m.draft = s.draft(st)
		m.via = viaImport
		return m.run()
	}
	if in.DryRun {
		_, err := run(s.State())
		return m.report, err
	}
	err := s.apply(ctx, run)
	return m.report, err
}

// mover takes over one MoveIn.
type mover struct {
	*draft
	in      *MoveIn
	zones   []*zone.Zone // content of in.Zones
	secrets []keptSecret // of in.Keys
	report  []Moved
	done    registry.Changes // of the steps before
}

// keptSecret is how the secret of a new key is kept, which takes too long for an
// edit.
type keptSecret struct {
	kept account.Secret
	made string // empty: it was given
	err  error
}

func (m *mover) keepSecrets(st *registry.State) {
	for i, k := range m.in.Keys {
		if _, known := st.Accounts.Key(k.Username); known && k.Hash == "" {
			continue
		}
		var s keptSecret
		switch {
		case k.Hash != "" && k.Secret != "":
			s.err = errors.New("both a secret and a hash are given")
		case k.Hash != "":
			s.kept, s.err = account.KeepForeign(k.Hash)
		case len(k.Secret) > maxSecret:
			s.err = fmt.Errorf("the secret is longer than %d characters", maxSecret)
		case m.in.DryRun: // nothing is kept
		default:
			if k.Secret == "" {
				s.made = account.NewSecret()
			}
			s.kept, s.err = account.KeepSecret(k.Secret+s.made, false, false)
		}
		m.secrets[i] = s
	}
}

// run goes step by step, because each builds on what the one before made.
func (m *mover) run() (registry.Changes, error) {
	m.done = registry.Changes{}
	for _, step := range [...]func() error{m.moveZones, m.moveAccounts, m.moveHosts, m.moveKeys} {
		if err := step(); err != nil {
			return registry.Changes{}, err
		}
		if err := m.keepCatalogs(); err != nil {
			return registry.Changes{}, err
		}
		m.advance()
	}
	if m.in.DryRun || m.done.IsEmpty() {
		return registry.Changes{}, nil
	}
	a := &m.done.Accounts
	m.done.Notes = []registry.Note{{
		Verb: "import", Subject: "accounts, hosts, keys",
		Detail: fmt.Sprintf("%d zones, %d accounts, %d hosts, %d keys", len(m.done.Replaced), len(a.Accounts), len(a.Hosts), len(a.Keys)),
	}}
	return m.done, nil
}

// advance makes what was changed so far the state that the next step sees.
func (m *mover) advance() {
	next, c := *m.state, &m.changes
	for _, z := range c.Replaced {
		next.Zones = next.Zones.With(z)
	}
	for _, records := range c.Records {
		if z := next.Zones.Get(records.Zone); z != nil {
			next.Zones = next.Zones.With(m.preview(z))
		}
	}
	if !c.Accounts.IsEmpty() {
		accounts := next.Accounts.Edit()
		accounts.Apply(&c.Accounts)
		next.Accounts = accounts.Freeze()
	}
	m.done.Replaced = append(m.done.Replaced, c.Replaced...)
	m.done.Records = append(m.done.Records, c.Records...)
	a, b := &m.done.Accounts, &c.Accounts
	a.Accounts, a.Hosts, a.Keys = append(a.Accounts, b.Accounts...), append(a.Hosts, b.Hosts...), append(a.Keys, b.Keys...)
	a.DeletedRests = append(a.DeletedRests, b.DeletedRests...)
	m.state, m.changes, m.records = &next, registry.Changes{}, nil
}

func (m *mover) tell(kind, name string, outcome Outcome, why string) {
	m.report = append(m.report, Moved{Kind: kind, Name: name, Outcome: outcome, Why: why})
}

func (m *mover) moveZones() error {
	var fresh []*zone.Zone
	for _, z := range m.zones {
		here := m.state.Zones.Get(z.Origin())
		name := z.Origin().String()
		switch {
		case here == nil && slices.ContainsFunc(fresh, func(other *zone.Zone) bool { return other.Origin() == z.Origin() }):
			return invalid("zone %s is given twice", name)
		case here == nil:
			fresh = append(fresh, z)
			m.tell("zone", name, Added, fmt.Sprintf("%d names, serial %d", z.Names(), z.Serial()))
		case zone.SerialLess(here.Serial(), z.Serial()):
			soa := currentSOA(here)
			soa.Serial = z.Serial()
			m.put(z.Origin(), soa.RRset(z.Origin()))
			m.tell("zone", name, Changed, fmt.Sprintf("serial %d", z.Serial()))
		default:
			m.tell("zone", name, Kept, "")
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return m.replace(fresh)
}

func (m *mover) moveAccounts() error {
	fresh := map[string]bool{}
	id := m.state.Accounts.NextAccountID()
	for _, n := range m.in.Accounts {
		if fresh[strings.ToLower(n.Name)] {
			continue
		}
		fresh[strings.ToLower(n.Name)] = true
		if err := errors.Join(account.CheckName(n.Name), checkAccount(&n.Email, nil)); err != nil {
			m.tell("account", n.Name, Refused, err.Error())
			continue
		}
		a, known := m.state.Accounts.Account(n.Name)
		switch {
		case !known:
			a = account.Account{ID: id, Name: n.Name, Email: n.Email, Role: account.Customer, Created: m.now}
			id++
			m.tell("account", n.Name, Added, "")
		case n.Email != "" && n.Email != a.Email:
			a.Email = n.Email
			m.tell("account", n.Name, Changed, "mail address")
		default:
			m.tell("account", n.Name, Kept, "")
			continue
		}
		m.changes.Accounts.Accounts = append(m.changes.Accounts.Accounts, a)
	}
	return nil
}

// moveHosts takes over hosts, those first that others may lie within.
func (m *mover) moveHosts() error {
	fresh, given := map[zone.Name]uint32{}, map[zone.Name]bool{}
	moved := make([]Moved, len(m.in.Hosts))
	places := make([]int, len(moved))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int { return len(m.in.Hosts[i].Name) - len(m.in.Hosts[j].Name) })
	for _, i := range places {
		h := m.in.Hosts[i]
		outcome, why, err := m.moveHost(h, fresh, given)
		if err != nil {
			outcome, why = Refused, err.Error()
		} else {
			given[h.Name] = true
		}
		moved[i] = Moved{Kind: "host", Name: h.Name.String(), Outcome: outcome, Why: why}
	}
	m.report = append(m.report, moved...)
	return nil
}

// moveHost takes over a host that was not given before. Its error is why it cannot be.
func (m *mover) moveHost(in MovedHost, fresh map[zone.Name]uint32, given map[zone.Name]bool) (Outcome, string, error) {
	n := NewHost{Name: in.Name, Account: in.Account, Addresses: in.Addresses, TTL: in.TTL, Force: m.in.Force}
	if err := n.normalise(); err != nil {
		return "", "", err
	}
	owner, err := m.account(in.Account)
	if err != nil {
		return "", "", err
	}
	if given[in.Name] {
		return "", "", invalid("it is given twice")
	}
	if h, known := m.state.Accounts.Host(in.Name); known {
		return m.moveKnown(h, owner, n)
	}
	z, err := (&naming{m.draft, m.in.Force, fresh}).check(in.Name, owner)
	if err != nil {
		return "", "", err
	}
	if owner, err = m.owner(in.Account); err != nil {
		return "", "", err
	}
	h := account.Host{ID: m.state.Accounts.NextHostID() + uint32(len(fresh)), Name: in.Name, Account: owner.ID, Created: m.now}
	if err := m.addHost(n, z, h, owner.Suspended); err != nil {
		return "", "", err
	}
	fresh[in.Name] = owner.ID
	return Added, "", nil
}

// moveKnown brings a host up to date that is here. Once a device has reported an
// address here, or staff gave one, that counts.
func (m *mover) moveKnown(h account.Host, owner account.Account, n NewHost) (Outcome, string, error) {
	if h.Account != owner.ID {
		other, _ := m.state.Accounts.AccountByID(h.Account)
		return "", "", conflict("account %s has it", other.Name)
	}
	isMoved := slices.ContainsFunc(h.Sources, func(s account.Source) bool { return s.Via != viaImport })
	if isMoved || h.IsOffline() || h.Alias != "" || len(n.Addresses) == 0 {
		return Kept, "", nil
	}
	c := HostChange{}
	if !slices.Equal(standing(m.state, h), n.Addresses) {
		c.Addresses = &n.Addresses
	}
	if n.TTL != 0 && n.TTL != h.TTL {
		c.TTL = &n.TTL
	}
	if owner.Suspended || c.Addresses == nil && c.TTL == nil {
		return Kept, "", nil
	}
	if err := m.setHost(h, c); err != nil {
		return "", "", err
	}
	return Changed, joinAddrs(n.Addresses), nil
}

func joinAddrs(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, " ")
}

func (m *mover) moveKeys() error {
	fresh := map[string]account.Key{}
	id := m.state.Accounts.NextKeyID()
	for i, in := range m.in.Keys {
		k, moved, err := m.moveKey(in, m.secrets[i])
		if _, twice := fresh[in.Username]; twice && err == nil {
			err = invalid("it is given twice")
		}
		if err != nil {
			m.tell("key", in.Username, Refused, err.Error())
			continue
		}
		if k.ID == 0 {
			k.ID = id
			id++
		}
		fresh[in.Username] = k
		m.report = append(m.report, moved)
	}
	for _, username := range slices.Sorted(maps.Keys(fresh)) {
		if was, known := m.state.Accounts.Key(username); !known || !reflect.DeepEqual(was, fresh[username]) {
			m.changes.Accounts.Keys = append(m.changes.Accounts.Keys, fresh[username])
		}
	}
	return nil
}

// moveKey returns an update key as it is to be; without a number when it is new.
func (m *mover) moveKey(in MovedKey, secret keptSecret) (account.Key, Moved, error) {
	moved := Moved{Kind: "key", Name: in.Username, Outcome: Kept}
	if err := account.CheckUsername(in.Username); err != nil {
		return account.Key{}, moved, invalid("%v", err)
	}
	owner, err := m.account(in.Account)
	if err != nil {
		return account.Key{}, moved, err
	}
	in.Patterns = slices.DeleteFunc(slices.Clone(in.Patterns), func(p zone.Name) bool {
		err := account.CheckPattern(p)
		if err != nil {
			moved.add(err.Error())
		}
		return err != nil
	})
	if len(in.Patterns) == 0 {
		in.Patterns, in.NewHosts = nil, 0
	}
	if err := checkPatterns(in.Patterns, in.NewHosts); err != nil {
		return account.Key{}, moved, err
	}
	if in.Hosts, err = m.ownHosts(&in, owner, &moved); err != nil {
		return account.Key{}, moved, err
	}
	if secret.err != nil {
		return account.Key{}, moved, invalid("%v", secret.err)
	}
	k, known := m.state.Accounts.Key(in.Username)
	if !known {
		if secret.kept.Password == "" && secret.kept.Sum == nil && !m.in.DryRun {
			return account.Key{}, moved, conflict("it was revoked meanwhile").but("try again")
		}
		moved.Outcome, moved.Secret = Added, secret.made
		return account.Key{
			Account: owner.ID, Username: in.Username, AnyCase: in.AnyCase, Hosts: slices.Clone(in.Hosts),
			Secret: secret.kept, Created: m.now, Unchanged: in.Unchanged, BareGood: in.BareGood,
			Patterns: slices.Clone(in.Patterns), NewHosts: in.NewHosts,
		}, moved, nil
	}
	if k.Account != owner.ID {
		other, _ := m.state.Accounts.AccountByID(k.Account)
		return k, moved, conflict("account %s has it", other.Name)
	}
	m.updateKey(&k, &in, secret, &moved)
	return k, moved, nil
}

// ownHosts returns those of the hosts that belong to the account, and tells of the
// others. It fails when that leaves none, and no pattern.
func (m *mover) ownHosts(in *MovedKey, owner account.Account, moved *Moved) (own []zone.Name, err error) {
	var others []string
	for _, name := range in.Hosts {
		if h, known := m.state.Accounts.Host(name); known && h.Account == owner.ID {
			own = append(own, name)
		} else {
			others = append(others, name.String())
		}
	}
	switch {
	case len(others) > 0 && len(own)+len(in.Patterns) == 0:
		return nil, conflict("none of its hosts belongs to account %s: %s", owner.Name, strings.Join(others, " "))
	case len(others) > 0:
		moved.add("without " + strings.Join(others, " "))
	}
	return own, nil
}

// updateKey brings a key up to date that is here. A secret that was chosen here
// stays.
func (m *mover) updateKey(k *account.Key, in *MovedKey, secret keptSecret, moved *Moved) {
	var changed []string
	if !slices.Equal(k.Hosts, in.Hosts) {
		k.Hosts = slices.Clone(in.Hosts)
		changed = append(changed, "hosts")
	}
	if len(in.Patterns) > 0 && !slices.Equal(k.Patterns, in.Patterns) {
		k.Patterns = slices.Clone(in.Patterns)
		if k.NewHosts == 0 {
			k.NewHosts = in.NewHosts // what was chosen here stays
		}
		changed = append(changed, "patterns")
	}
	switch known := k.Secret.Foreign(); {
	case in.Hash == "":
	case known == "":
		moved.add("its secret is kept here by now")
	case known != in.Hash:
		k.Secret = secret.kept
		changed = append(changed, "secret")
	case !k.Secret.IsForeign() && k.Secret.OldUntil.Sub(m.now) < account.Grace/2:
		k.Secret.OldUntil = m.now.Add(account.Grace) // as long as it still counts elsewhere
	}
	if len(changed) > 0 {
		moved.Outcome = Changed
		moved.add(strings.Join(changed, ", "))
	}
}

// add adds to why a part became what it did.
func (m *Moved) add(why string) {
	if m.Why != "" {
		why = m.Why + "; " + why
	}
	m.Why = why
}

// OldHashes yields the user names of update keys, in order, and the hashes by which
// other programs know their secrets, of those that have one.
func (s *Service) OldHashes() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for k := range s.State().Accounts.Keys("") {
			if hash := k.Secret.Foreign(); hash != "" && !yield(k.Username, hash) {
				return
			}
		}
	}
}
