package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// MoveIn is what another installation has, to be taken over into this one.
type MoveIn struct {
	Zones    []ZoneText    `json:"zones,omitempty" nullable:"false" doc:"The content counts where the zone is not here yet; else the serial, if it is newer."`
	Accounts []NewCustomer `json:"accounts,omitempty" nullable:"false"`
	Hosts    []MovedHost   `json:"hosts,omitempty" nullable:"false"`
	Keys     []MovedKey    `json:"keys,omitempty" nullable:"false"`
	Force    bool          `json:"force,omitempty" doc:"Set aside that names are reserved, rest, or lie within another account's host."`
	DryRun   bool          `json:"dry_run,omitempty" doc:"Only tell what would become of it."`
}

// ZoneText is a zone as a master file (RFC 1035).
type ZoneText struct {
	Zone    string `json:"zone" example:"dyn.example.org"`
	File    string `json:"file,omitempty" doc:"Its name, for messages."`
	Content string `json:"content"`
}

// NewCustomer is an account to be there.
type NewCustomer struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// MovedHost is a host to be there.
type MovedHost struct {
	Name      string   `json:"name" example:"home.dyn.example.org"`
	Account   string   `json:"account"`
	Addresses []string `json:"addresses,omitempty" nullable:"false" doc:"Until a device reports one here. Without any, the host takes over those that stand at its name."`
	TTL       uint32   `json:"ttl,omitempty"`
}

// MovedKey is an update key to be there.
type MovedKey struct {
	Username  string   `json:"username"`
	AnyCase   bool     `json:"any_case,omitempty" doc:"Devices may send the user name, which is in lower case, in any."`
	Account   string   `json:"account"`
	Hosts     []string `json:"hosts,omitempty" nullable:"false" doc:"What it may update; without any, all hosts of the account."`
	Hash      string   `json:"hash,omitempty" doc:"Of the secret, by crypt (DES, MD5, SHA), bcrypt or Apache's htpasswd."`
	Secret    string   `json:"secret,omitempty" doc:"Without it and a hash, one is made."`
	Unchanged string   `json:"unchanged,omitempty" doc:"What its devices hear when nothing changed: nochg, good, or default for what the daemon's setting says."`
	BareGood  bool     `json:"bare_good,omitempty" doc:"Its devices hear one word and nothing else, such as good: no address, no line end, not a line for each host, of which all change or none."`
	Patterns  []string `json:"patterns,omitempty" nullable:"false" doc:"Of further names that it may update, such as *.u1.dyn.example.org, where * stands for one label."`
	NewHosts  uint32   `json:"new_hosts,omitempty" doc:"Names that fit a pattern become hosts by their first update, while fewer hosts of the account than this fit."`
}

// Moved is what became of one part of a MoveIn.
type Moved struct {
	Kind    string `json:"kind" enum:"zone,account,host,key"`
	Name    string `json:"name"`
	Outcome string `json:"outcome" enum:"added,changed,kept,refused"`
	Why     string `json:"why,omitempty" doc:"What was changed, or why it was kept or refused."`
	Secret  string `json:"secret,omitempty" doc:"Of an update key for which one was made, which nobody can read again."`
}

// moveReport is what became of all parts.
type moveReport struct {
	Parts []Moved `json:"parts" nullable:"false"`
}

// OldHash is the hash by which another program knew the secret of an update key.
type OldHash struct {
	Username string `json:"username"`
	Hash     string `json:"hash"`
}

// hashList is all that are left.
type hashList struct {
	Hashes []OldHash `json:"hashes" nullable:"false"`
}

func (s *server) addMoveIn(api huma.API) {
	op := operation(http.MethodPost, "/import", "import", "Take over what another installation has")
	op.MaxBodyBytes = maxImport
	answer(s, api, op, s.moveIn)
	answer(s, api, operation(http.MethodGet, "/old-hashes", "list-old-hashes", "List the hashes by which other programs knew the secrets of update keys"), s.listOldHashes)
}

func (s *server) moveIn(ctx context.Context, in *body[MoveIn]) (moveReport, error) {
	wish, refused, err := in.Body.read()
	if err != nil {
		return moveReport{}, err
	}
	moved, err := s.as(ctx).MoveIn(ctx, wish)
	out := moveReport{Parts: make([]Moved, 0, len(moved)+len(refused))}
	for _, m := range append(moved, refused...) {
		out.Parts = append(out.Parts, Moved{m.Kind, m.Name, string(m.Outcome), m.Why, m.Secret})
	}
	return out, err
}

// read returns what is to be taken over, and what cannot be since it is not even
// what it should be.
func (in *MoveIn) read() (out admin.MoveIn, refused []admin.Moved, err error) {
	refuse := func(kind, name string, err error) {
		refused = append(refused, admin.Moved{Kind: kind, Name: name, Outcome: admin.Refused, Why: err.Error()})
	}
	out.Force, out.DryRun = in.Force, in.DryRun
	for _, z := range in.Zones {
		f := admin.ZoneFile{File: z.File, Content: strings.NewReader(z.Content)}
		if f.Zone, err = admin.ParseName(z.Zone); err != nil {
			return out, nil, err
		}
		out.Zones = append(out.Zones, f)
	}
	for _, a := range in.Accounts {
		out.Accounts = append(out.Accounts, admin.NewAccount{Name: a.Name, Email: a.Email})
	}
	for i := range in.Hosts {
		h, err := in.Hosts[i].read()
		if err != nil {
			refuse("host", in.Hosts[i].Name, err)
			continue
		}
		out.Hosts = append(out.Hosts, h)
	}
	for i := range in.Keys {
		k, err := in.Keys[i].read()
		if err != nil {
			refuse("key", in.Keys[i].Username, err)
			continue
		}
		out.Keys = append(out.Keys, k)
	}
	return out, refused, nil
}

func (h *MovedHost) read() (out admin.MovedHost, err error) {
	out.Account, out.TTL = h.Account, h.TTL
	if out.Name, err = admin.ParseName(h.Name); err != nil {
		return out, err
	}
	out.Addresses, err = readAddrs(h.Addresses)
	return out, err
}

func (k *MovedKey) read() (out admin.MovedKey, err error) {
	out = admin.MovedKey{Username: k.Username, AnyCase: k.AnyCase, Account: k.Account, Hash: k.Hash, Secret: k.Secret, BareGood: k.BareGood, NewHosts: k.NewHosts}
	if out.Hosts, err = readNames(k.Hosts); err != nil {
		return out, err
	}
	if out.Patterns, err = readNames(k.Patterns); err != nil {
		return out, err
	}
	out.Unchanged, err = orNone(choice(account.ParseUnchanged))(k.Unchanged)
	return out, err
}

func (s *server) listOldHashes(ctx context.Context, _ *struct{}) (hashList, error) {
	out := hashList{Hashes: []OldHash{}}
	for username, hash := range s.as(ctx).OldHashes() {
		out.Hashes = append(out.Hashes, OldHash{username, hash})
	}
	return out, nil
}
