package update

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// ErrBadChallenge says that what was given as the answer to a challenge is none.
var ErrBadChallenge = errors.New("not a base64url SHA-256 sum")

// MaxChallenges is how many answers stand beside each other at a host. Clients
// that never take one away, as those of acme-dns, leave no more than these.
const MaxChallenges = 2

// ChallengeLabel is the label below a host where the answers stand (RFC 8555
// §8.4).
const ChallengeLabel = "_acme-challenge"

// challengeTTL is the TTL of answers in seconds. Nobody asks for them twice.
const challengeTTL = 60

// Challenge is the wish to answer a certificate authority that asks whether a
// host is its owner's: by a TXT record at _acme-challenge.HOST.
type Challenge struct {
	Username, Secret string
	Plain            bool // the secret crossed in the clear

	Host   string     // as the client wrote it, with or without the label in front; empty: the one host that the key covers
	Value  string     // the base64url SHA-256 sum of a key authorization; empty: only find out the host
	Remove bool       // take Value away
	Source netip.Addr // the client's address; the zero Addr when it is not known
	Via    string     // the dialect; one of a few words, since it labels metrics
}

// Challenge does what c asks for. Good means that the record is durable and that
// our own DNS answers it, or does no more; of the answers at a host the newest
// MaxChallenges stay. The result's host is its full name without a final dot.
// NoHost is said, too, where an alias or a delegation stands in the way.
//
// Who may, how often, and the other errors are as with Update; ErrBadChallenge is
// the client's fault.
func (s *Service) Challenge(ctx context.Context, c Challenge) (Result, error) {
	var result Result
	err := s.decide(func(st *registry.State, fresh bool) (err error) {
		result, err = s.challenge(ctx, st, fresh, &c)
		return err
	})
	s.count(c.Via, []Result{result}, err)
	if isOurFault(err) {
		s.log.ErrorContext(ctx, "challenge failed", "via", c.Via, "error", err)
	}
	return result, err
}

func (s *Service) challenge(ctx context.Context, st *registry.State, fresh bool, c *Challenge) (Result, error) {
	req := &Request{Username: c.Username, Secret: c.Secret, Plain: c.Plain, Source: c.Source, Via: c.Via}
	key, err := s.authenticate(ctx, st, fresh, req)
	var result Result
	if err == nil {
		result, err = s.meet(ctx, st, fresh, key, req, c)
	}
	result.Key = key.ID
	if err != nil && key.ID != 0 {
		err = &KeyError{key, err}
	}
	return result, err
}

// meet does what the challenge of a key asks for.
func (s *Service) meet(ctx context.Context, st *registry.State, fresh bool, key account.Key, req *Request, c *Challenge) (Result, error) {
	if c.Value != "" && !isChallenge(c.Value) {
		return Result{}, ErrBadChallenge
	}
	o, err := s.answer(st, key, c)
	if o.changes.IsEmpty() && !fresh {
		err = cmp.Or(s.isFresh(ctx, st), err)
	}
	if err != nil || o.changes.IsEmpty() {
		return o.result, err
	}
	if err := s.admit(ctx, req, key, []account.Host{o.host}); err != nil {
		return Result{}, err
	}
	if o, err = s.writeChallenge(ctx, key, c); err != nil {
		return Result{}, err
	}
	if o.result.Outcome != Good { // the host has gone meanwhile, or another request did the same
		return o.result, nil
	}
	s.answers.note(o.name, c.Value)
	s.log.LogAttrs(ctx, slog.LevelInfo, "challenge answered", slog.String("host", o.result.Host), slog.Bool("removed", c.Remove),
		slog.String("key", key.Username), slog.String("via", c.Via), slog.String("source", text(c.Source)))
	return o.result, nil
}

// writeChallenge makes a commit of what the challenge changes by then.
func (s *Service) writeChallenge(ctx context.Context, key account.Key, c *Challenge) (o answered, err error) {
	by := registry.Actor{Account: key.Account, Key: key.ID, Via: c.Via}
	if c.Source.IsValid() {
		by.From = c.Source.String()
	}
	_, err = s.registry.Apply(ctx, by, func(st *registry.State) (_ registry.Changes, err error) {
		if !isUnchanged(st.Accounts, key) {
			return registry.Changes{}, errKeyChanged
		}
		o, err = s.answer(st, key, c)
		return o.changes, err
	})
	if err != nil && !errors.Is(err, errKeyChanged) {
		err = fmt.Errorf("answering a challenge: %w", err)
	}
	return o, err
}

// isChallenge tells whether text is the base64url form of 32 octets (RFC 8555
// §8.4).
func isChallenge(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == 32 && len(text) == 43
}

// answered is what a challenge comes to in one state.
type answered struct {
	host    account.Host
	name    zone.Name // where the answers stand
	result  Result
	changes registry.Changes
}

// answer says what becomes of the challenge in st.
func (s *Service) answer(st *registry.State, key account.Key, c *Challenge) (answered, error) {
	h, outcome, err := challengedHost(st, key, c.Host)
	if err != nil || outcome != Good {
		return answered{result: Result{Host: c.Host, Outcome: outcome}}, err
	}
	a := answered{host: h, result: Result{Host: h.Name.String(), ID: h.ID, Account: h.Account, Outcome: NoChange}}
	z := st.Zones.Find(h.Name)
	if a.name = challengeName(h.Name); a.name == "" || z == nil || !isFree(z.Lookup(a.name, zone.TypeTXT)) {
		a.result.Outcome = NoHost
		return a, nil
	}
	stands := z.Node(a.name).Lookup(zone.TypeTXT).RRset(a.name)
	becomes := zone.RRset{Name: a.name, Type: zone.TypeTXT, TTL: challengeTTL, Data: s.answers.apply(a.name, stands.Data, c)}.Sorted()
	if len(becomes.Data) == len(stands.Data) && (len(stands.Data) == 0 || becomes.Equal(stands)) {
		return a, nil
	}
	a.result.Outcome = Good
	a.changes.Records = []registry.ZoneRecords{{Zone: z.Origin(), Sets: []zone.RRset{becomes}}}
	return a, nil
}

// challengedHost returns the host that text names.
func challengedHost(st *registry.State, key account.Key, text string) (account.Host, Outcome, error) {
	p := plan{key: key}
	if text == "" {
		h, err := p.onlyHost(st)
		return h, Good, err
	}
	h, outcome := account.Host{}, NotFQDN
	if name, err := parseHost(text); err == nil {
		if name.First() == ChallengeLabel {
			name = name.Parent()
		}
		h, outcome = p.find(st, name)
	}
	return h, outcome, nil
}

// challengeName returns the name at which the answers of a host stand; none when
// the host's leaves no room for it.
func challengeName(host zone.Name) zone.Name {
	name, _ := host.Child(ChallengeLabel)
	return name
}

// isFree tells whether records put at a name would be answered, given what is
// answered for it now.
func isFree(now zone.Result) bool {
	switch now.Outcome {
	case zone.Delegation, zone.Redirect:
		return false
	case zone.Alias:
		return now.Wildcard
	}
	return true
}
