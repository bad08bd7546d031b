package signin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// people finds accounts by mail address, in an index that follows what changes of accounts
// when it is asked. The zero people is ready for use.
type people struct {
	mu      sync.Mutex // guards what follows
	of      account.Directory
	byEmail map[string][]string // lower-case address → lower-case names, in order
}

// maxSharers is how many accounts of one mail address count.
const maxSharers = 10

func (p *people) find(d account.Directory, address string) []account.Account {
	p.mu.Lock()
	p.follow(d)
	names := p.byEmail[strings.ToLower(address)]
	names = slices.Clone(names[:min(len(names), maxSharers)])
	p.mu.Unlock()
	var all []account.Account
	for _, name := range names {
		if a, ok := d.Account(name); ok {
			all = append(all, a)
		}
	}
	return all
}

// follow makes the index that of d, from that of any other version.
func (p *people) follow(d account.Directory) {
	if p.byEmail == nil {
		p.byEmail = map[string][]string{}
	}
	for was, is := range d.ChangedAccounts(p.of) {
		if before, now := strings.ToLower(was.Email), strings.ToLower(is.Email); before != now {
			p.drop(before, strings.ToLower(was.Name))
			p.add(now, strings.ToLower(is.Name))
		}
	}
	p.of = d
}

func (p *people) add(address, name string) {
	if address == "" {
		return
	}
	names := p.byEmail[address]
	if i, found := slices.BinarySearch(names, name); !found {
		p.byEmail[address] = slices.Insert(names, i, name)
	}
}

func (p *people) drop(address, name string) {
	names := p.byEmail[address]
	i, found := slices.BinarySearch(names, name)
	switch {
	case !found:
	case len(names) == 1:
		delete(p.byEmail, address)
	default:
		p.byEmail[address] = slices.Delete(names, i, i+1)
	}
}

// findPerson returns the account that somebody means by its name, or by a mail
// address that no other account has; the zero Account when there is none.
func (s *Service) findPerson(d account.Directory, nameOrMail string) account.Account {
	nameOrMail = strings.TrimSpace(nameOrMail)
	if nameOrMail == "" || len(nameOrMail) > 254 {
		return account.Account{}
	}
	if a, ok := d.Account(nameOrMail); ok {
		return a
	}
	if !strings.Contains(nameOrMail, "@") {
		return account.Account{}
	}
	all := s.people.find(d, nameOrMail)
	if len(all) != 1 {
		return account.Account{}
	}
	return all[0]
}

// latest returns the account with an ID, the zero Account when there is none. Where what
// this process knows of it does not suit, another one may have changed it a moment ago:
// then it is looked up once more in a state that shows that.
func (s *Service) latest(ctx context.Context, id uint32, suits func(*account.Account) bool) (account.Account, error) {
	st := s.registry.State()
	a, _ := st.Accounts.AccountByID(id)
	if suits(&a) {
		return a, nil
	}
	fresh, err := s.registry.Fresh(ctx, st)
	if err != nil {
		return account.Account{}, err
	}
	a, _ = fresh.Accounts.AccountByID(id)
	return a, nil
}

// accountByID returns an account, or ErrNoSession when there is none any more.
func (s *Service) accountByID(id uint32) (account.Account, error) {
	a, ok := s.registry.State().Accounts.AccountByID(id)
	if !ok {
		return a, ErrNoSession
	}
	return a, nil
}

// printLen is how many octets of a password's hash are hashed once more for its
// print.
const printLen = 16

// printOf tells one password of an account from the next, without saying anything
// of it.
func printOf(a *account.Account) (mark [printLen]byte) {
	sum := sha256.Sum256([]byte(a.Password))
	copy(mark[:], sum[:])
	return mark
}

func samePrint(a *account.Account, mark []byte) bool {
	now := printOf(a)
	return bytes.Equal(now[:], mark)
}

// language returns the language of a mail to an account: its own, else that of whoever
// asks.
func language(a *account.Account, c *Client) string { return cmp.Or(a.Language, c.Language) }

// errMoved says that an account is not as it was when a change was decided.
var errMoved = errors.New("account has changed meanwhile")

// via names this room in actors.
const via = "signin"

// actor returns who is behind a change: the account itself, from where it is.
func (c *Client) actor(id uint32) registry.Actor {
	by := registry.Actor{Account: id, Via: via}
	if c.Addr.IsValid() {
		by.From = c.Addr.String()
	}
	return by
}

// change changes what of an account, unless it has another password or mail address by now
// than the one who decided knew: a link may have gone to the address before.
func (s *Service) change(ctx context.Context, by registry.Actor, was account.Account, what string, change func(*account.Account)) (account.Account, error) {
	var changed account.Account
	_, err := s.registry.Apply(ctx, by, func(st *registry.State) (registry.Changes, error) {
		a, ok := st.Accounts.AccountByID(was.ID)
		if !ok || a.Password != was.Password || a.Email != was.Email {
			return registry.Changes{}, errMoved
		}
		change(&a)
		changed = a
		return registry.Changes{
			Accounts: account.Changes{Accounts: []account.Account{a}},
			Notes:    []registry.Note{{Verb: "set", Subject: "account " + a.Name, Account: a.ID, Detail: what}},
		}, nil
	})
	return changed, err
}
