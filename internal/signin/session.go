package signin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// storedSession is what an item says of a session. Its ID is the hash of the cookie.
type storedSession struct {
	Role      account.Role
	Method    Method
	Created   time.Time
	Seen      time.Time
	Expires   time.Time
	Proven    time.Time
	Addr      netip.Addr `json:",omitzero"`
	Agent     string     `json:",omitempty"`
	MustEnrol bool       `json:",omitempty"`
	Print     []byte
	Idle      time.Duration
}

// maxAgent bounds what is kept of a browser's name, in octets.
const maxAgent = 256

// maxSessions is how many sessions an account may have; a new one ends the one that
// was unused for longest.
const maxSessions = 50

// enter begins a session of an account that has proved who it is. It has a new
// cookie each time, so that one that somebody planted is of no use.
func (s *Service) enter(ctx context.Context, c Client, a account.Account, how Method) (Step, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	opts := s.opts.Load()
	f, err := s.Factors(ctx, a.ID)
	if err != nil {
		return Step{}, err
	}
	if err := s.makeRoom(ctx, a.ID); err != nil {
		return Step{}, err
	}
	session := Session{
		Account: a.ID, Role: a.Role, Method: how, Created: now, Seen: now, Expires: now.Add(opts.MaxAge), Proven: now,
		Addr: c.Addr.Unmap(), Agent: c.Agent[:min(len(c.Agent), maxAgent)],
		MustEnrol: !f.Any() && how != ByProvider && slices.Contains(opts.RequireFactor, a.Role), print: printOf(&a),
	}
	cookie, err := s.keepNew(ctx, &session, opts.Idle)
	if err != nil {
		return Step{}, err
	}
	s.limits.know(c.Addr, a.ID)
	s.note(ctx, c, a.Name, a, SignedIn, string(how))
	s.noticePlace(ctx, c, a)
	return Step{Session: session, Cookie: cookie}, nil
}

// keepNew keeps a session under a new cookie, which it returns.
func (s *Service) keepNew(ctx context.Context, session *Session, idle time.Duration) (string, error) {
	cookie := newToken()
	session.hash, _ = hashToken(cookie)
	session.ID = publicID(session.hash)
	e := &entry{session: *session, idle: idle}
	version, err := s.shelf.Put(ctx, e.item())
	if err != nil {
		return "", fmt.Errorf("keeping a session: %w", err)
	}
	e.version, e.checked = version, s.now()
	s.sessions.put(e)
	return cookie, nil
}

// publicID returns the name of a session in lists: nobody finds the cookie or its
// hash by it.
func publicID(hash string) string {
	sum := sha256.Sum256([]byte("session " + hash))
	return hex.EncodeToString(sum[:12])
}

func (e *entry) item() shelf.Item {
	x := &e.session
	body, _ := json.Marshal(storedSession{ // of these types nothing fails
		x.Role, x.Method, x.Created, x.Seen, x.Expires, x.Proven, x.Addr, x.Agent, x.MustEnrol, x.print[:], e.idle,
	})
	return shelf.Item{
		Kind: kindSession, ID: x.hash, Account: x.Account, Due: e.ends(), Body: body, Version: e.version, Passing: true,
	}
}

func readSession(item shelf.Item) (*entry, error) {
	var x storedSession
	if err := json.Unmarshal(item.Body, &x); err != nil {
		return nil, fmt.Errorf("reading a session: %w", err)
	}
	e := &entry{version: item.Version, idle: x.Idle, session: Session{
		ID: publicID(item.ID), Account: item.Account, Role: x.Role, Method: x.Method, Created: x.Created, Seen: x.Seen,
		Expires: x.Expires, Proven: x.Proven, Addr: x.Addr, Agent: x.Agent, MustEnrol: x.MustEnrol, hash: item.ID,
	}}
	copy(e.session.print[:], x.Print)
	return e, nil
}

// Session returns the session of a cookie, and notes that it was used. It fails with
// ErrNoSession when there is none, or when it has ended: by itself, by its owner, or
// because the account's password or role is another, or the account is suspended. It
// asks the disk for a cookie that this process has not seen, and else only memory;
// with Config.Shared it asks again for one that it has not asked for of late.
func (s *Service) Session(ctx context.Context, _ Client, cookie string) (Session, error) {
	hash, ok := hashToken(cookie)
	if !ok {
		return Session{}, ErrNoSession
	}
	e, err := s.findSession(ctx, hash)
	if err != nil {
		return Session{}, err
	}
	now := s.now()
	session, ok := s.sessions.touch(e, now)
	if ok {
		suits := session.StandsFor
		a, err := s.latest(ctx, session.Account, suits)
		if err != nil {
			return Session{}, err
		}
		ok = suits(&a)
	}
	if !ok {
		if err := s.drop(ctx, hash); err != nil { // it has ended all the same
			s.log.WarnContext(ctx, "a session that has ended stays on disk for now", "error", err)
		}
		return Session{}, ErrNoSession
	}
	return session, nil
}

// isAlive tells whether the state still stands for a session.
func (s *Service) isAlive(session *Session) bool {
	a, ok := s.registry.State().Accounts.AccountByID(session.Account)
	return ok && session.StandsFor(&a)
}

// findSession returns what is kept of a session, or ErrNoSession.
func (s *Service) findSession(ctx context.Context, hash string) (*entry, error) {
	known, now := s.sessions.get(hash), s.now()
	if known != nil && (!s.shared || s.sessions.isChecked(known, now)) {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	item, err := s.shelf.Get(ctx, kindSession, hash)
	if errors.Is(err, shelf.ErrNotFound) {
		if known != nil { // what was never here needs no grave, or strangers could dig any number
			s.sessions.bury(hash)
		}
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	if known != nil {
		s.sessions.check(known, now)
		return known, nil
	}
	e, err := readSession(item)
	if err != nil {
		return nil, err
	}
	e.checked = now
	return s.sessions.admit(e)
}

const (
	// checkEvery is for how long a session in memory counts unseen where other
	// processes may end it.
	checkEvery = 3 * time.Second

	// checkTime is how long a look at the shelf may take.
	checkTime = 5 * time.Second
)

// Sessions returns the sessions of an account that have not ended, the one used last
// first.
func (s *Service) Sessions(ctx context.Context, id uint32) ([]Session, error) {
	items, err := s.shelf.Of(ctx, id, kindSession)
	if err != nil {
		return nil, err
	}
	var all []Session
	for _, item := range items {
		e := s.sessions.get(item.ID)
		if e == nil {
			if e, err = readSession(item); err != nil {
				return nil, err
			}
		}
		if session, ok := s.sessions.look(e, s.now()); ok && s.isAlive(&session) {
			all = append(all, session)
		}
	}
	slices.SortFunc(all, func(a, b Session) int { return cmp.Or(b.Seen.Compare(a.Seen), b.Created.Compare(a.Created)) })
	return all, nil
}

// SignOut ends the session of a cookie, if there is one.
func (s *Service) SignOut(ctx context.Context, c Client, cookie string) error {
	hash, ok := hashToken(cookie)
	if !ok {
		return nil
	}
	e, err := s.findSession(ctx, hash)
	if err != nil {
		if errors.Is(err, ErrNoSession) {
			return nil
		}
		return err
	}
	if err := s.drop(ctx, hash); err != nil {
		return err
	}
	if a, err := s.accountByID(e.session.Account); err == nil {
		s.note(ctx, c, a.Name, a, SignedOut, "")
	}
	return nil
}

// End ends one session of an account, by the ID that Sessions shows. It fails with
// ErrNoSession when the account has no such session.
func (s *Service) End(ctx context.Context, c Client, id uint32, sessionID string) error {
	items, err := s.shelf.Of(ctx, id, kindSession)
	if err != nil {
		return err
	}
	for _, item := range items {
		if publicID(item.ID) != sessionID {
			continue
		}
		if err := s.drop(ctx, item.ID); err != nil {
			return err
		}
		if a, err := s.accountByID(id); err == nil {
			s.note(ctx, c, a.Name, a, SessionEnded, "")
		}
		return nil
	}
	return ErrNoSession
}

// EndAll ends all sessions of an account but the one with the ID, which may be
// empty.
func (s *Service) EndAll(ctx context.Context, c Client, id uint32, exceptID string) error {
	if err := s.dropSessions(ctx, id, exceptID); err != nil {
		return err
	}
	if a, err := s.accountByID(id); err == nil {
		s.note(ctx, c, a.Name, a, SessionsEnded, "")
	}
	return nil
}

// EndAllBy ends all sessions of an account in the name of staff.
func (s *Service) EndAllBy(ctx context.Context, by registry.Actor, id uint32) error {
	if err := s.dropSessions(ctx, id, ""); err != nil {
		return err
	}
	if a, err := s.accountByID(id); err == nil {
		s.note(ctx, staff(by), s.actorName(by), a, SessionsEnded, "")
	}
	return nil
}

func (s *Service) dropSessions(ctx context.Context, id uint32, exceptID string) error {
	items, err := s.shelf.Of(ctx, id, kindSession)
	if err != nil {
		return err
	}
	for _, item := range items {
		if publicID(item.ID) != exceptID {
			err = errors.Join(err, s.drop(ctx, item.ID))
		}
	}
	return err
}

// drop ends a session, first here and then on disk: nobody reads it into memory
// again in between.
func (s *Service) drop(ctx context.Context, hash string) error {
	s.sessions.bury(hash)
	_, err := s.shelf.Take(ctx, kindSession, hash)
	if errors.Is(err, shelf.ErrNotFound) {
		err = nil
	}
	return err
}

// makeRoom ends sessions of an account that has too many.
func (s *Service) makeRoom(ctx context.Context, id uint32) error {
	all, err := s.Sessions(ctx, id)
	if err != nil {
		return err
	}
	for i := maxSessions - 1; i < len(all); i++ {
		if err := s.drop(ctx, all[i].hash); err != nil {
			return err
		}
	}
	return nil
}

// renew gives a session that was proved anew, or may do more than before, another
// cookie; the one before ends.
func (s *Service) renew(ctx context.Context, session Session, change func(*Session)) (Step, error) {
	e, err := s.findSession(ctx, session.hash)
	if err != nil {
		return Step{}, err
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	fresh, ok := s.sessions.look(e, now)
	if !ok || !s.isAlive(&fresh) {
		return Step{}, ErrNoSession
	}
	old := fresh.hash
	fresh.Proven, fresh.Seen = now, now
	if change != nil {
		change(&fresh)
	}
	// Of two who renew the same session, one gets it.
	if _, err := s.shelf.Take(ctx, kindSession, old); err != nil {
		return Step{}, ErrNoSession
	}
	s.sessions.bury(old)
	cookie, err := s.keepNew(ctx, &fresh, e.idle)
	if err != nil {
		return Step{}, err
	}
	return Step{Session: fresh, Cookie: cookie}, nil
}

// readAgain takes over what the shelf says of a session that is in memory.
func (s *Service) readAgain(ctx context.Context, hash string) {
	item, err := s.shelf.Get(ctx, kindSession, hash)
	switch {
	case errors.Is(err, shelf.ErrNotFound):
		s.sessions.bury(hash)
	case err == nil:
		s.sessions.saved(hash, item.Version)
	default:
		s.log.WarnContext(ctx, "when a session was used was not kept", "error", err)
	}
}

// saveSeen writes down when sessions were used, where that is news.
func (s *Service) saveSeen(ctx context.Context) {
	for _, e := range s.sessions.news(s.now()) {
		item := e.item()
		version, err := s.shelf.Put(ctx, item)
		switch {
		case errors.Is(err, shelf.ErrChanged): // it has ended, or another process has written it
			s.readAgain(ctx, item.ID)
		case err != nil:
			s.log.WarnContext(ctx, "when a session was used was not kept", "error", err)
			return
		default:
			s.sessions.saved(item.ID, version)
		}
	}
}
