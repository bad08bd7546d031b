package update

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Maker makes hosts of names that are none yet, as admin.Service does.
type Maker interface {
	// MakeHosts returns what makes those of the names hosts of the key's account that
	// may be, by the rules of the house and as long as there are fewer than the
	// key allows. It is pure.
	MakeHosts(st *registry.State, key account.Key, names []zone.Name, now time.Time) registry.Changes
}

// makeHosts makes hosts of names that a request is about, that are none yet, and that fit a
// pattern of its key, where the request has an address for them. It returns the state in which
// they are. They are a commit of their own: that of the request then finds them as
// it finds others.
func (s *Service) makeHosts(ctx context.Context, st *registry.State, p *plan, req *Request) (*registry.State, error) {
	names := p.newNames(st)
	if s.maker == nil || len(names) == 0 {
		return st, nil
	}
	c := s.maker.MakeHosts(st, p.key, names, s.now())
	if c.IsEmpty() {
		return st, nil
	}
	if s.judges {
		return withHosts(st, c.Accounts), nil
	}
	_, err := s.registry.Apply(ctx, req.actor(&p.key), func(st *registry.State) (registry.Changes, error) {
		if !isUnchanged(st.Accounts, p.key) {
			return registry.Changes{}, errKeyChanged
		}
		c = s.maker.MakeHosts(st, p.key, names, s.now())
		return c, nil
	})
	if err != nil {
		return nil, fmt.Errorf("making hosts: %w", err)
	}
	for _, h := range c.Accounts.Hosts {
		s.log.LogAttrs(ctx, slog.LevelInfo, "host made, a device updates it for the first time", slog.String("host", h.Name.String()),
			slog.String("key", p.key.Username), slog.String("via", req.Via), slog.String("source", text(req.Source)))
	}
	if st = s.registry.State(); !isUnchanged(st.Accounts, p.key) {
		return nil, errKeyChanged
	}
	return st, nil
}

// newNames returns the names that may become hosts. Where all hosts fail with one, there are
// none when one is neither a host of the key nor such a name.
func (p *plan) newNames(st *registry.State) []zone.Name {
	if p.key.NewHosts == 0 || len(p.wish.v4.addrs)+len(p.wish.v6.addrs) == 0 {
		return nil
	}
	var names []zone.Name
	for _, text := range p.hosts {
		name, err := parseHost(text)
		if err != nil {
			name = zone.Root // which is no host
		}
		_, isHost := st.Accounts.Host(name)
		switch {
		case !isHost && p.key.Fits(name) && name.IsHostname():
			names = append(names, name)
		case p.whole && !p.covers(st, text):
			return nil
		}
	}
	return names
}

// withHosts returns a state that has further hosts in its directory.
func withHosts(st *registry.State, c account.Changes) *registry.State {
	next := *st
	accounts := st.Accounts.Edit()
	accounts.Apply(&c)
	next.Accounts = accounts.Freeze()
	return &next
}
