package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// TSIGKey is a TSIG key as the API shows it.
type TSIGKey struct {
	Name       string      `json:"name" example:"router"`
	Algorithms []string    `json:"algorithms" nullable:"false" doc:"What messages may be signed with, such as hmac-sha256."`
	Secret     string      `json:"secret,omitempty" doc:"In base64; only where it was asked for, and when the key is made."`
	Account    string      `json:"account,omitempty" doc:"The owner, whose names alone it may change; absent for the operator's."`
	Host       string      `json:"host,omitempty" doc:"The host that it is for."`
	Grants     []TSIGGrant `json:"grants" nullable:"false" doc:"What an UPDATE that is signed with it may change."`
	Transfers  []string    `json:"transfers,omitempty" nullable:"false" doc:"Zones that it may have whole."`
	Created    time.Time   `json:"created"`
}

// TSIGGrant lets a TSIG key change records.
type TSIGGrant struct {
	Zone  string `json:"zone,omitempty" doc:"In which zone; absent for any. The rule zonesub needs one."`
	Grant string `json:"grant" example:"subdomain home.dyn.example.org A AAAA" doc:"As in BIND's update-policy: a rule (name, subdomain, zonesub, wildcard, self, selfsub, selfwild), a name where the rule needs one, and types; without types all but NS, SOA, RRSIG, NSEC and NSEC3."`
}

// NewTSIGKey is a TSIG key to be made.
type NewTSIGKey struct {
	Name       string      `json:"name" example:"router" doc:"As it stands in signed messages; case counts for nothing."`
	Algorithms []string    `json:"algorithms,omitempty" nullable:"false" doc:"hmac-sha256 without any. A number of bits behind it, as in hmac-sha256-128, allows MACs truncated to that."`
	Secret     *string     `json:"secret,omitempty" minLength:"1" doc:"In base64; without it, one is made."`
	Account    string      `json:"account,omitempty" doc:"The owner, whose names alone it may change."`
	Host       string      `json:"host,omitempty" doc:"The host that it is for, whose account owns it."`
	Types      []string    `json:"types,omitempty" nullable:"false" doc:"What it may change at the host and below it; without any, the addresses of the host."`
	Grants     []TSIGGrant `json:"grants,omitempty" nullable:"false"`
	Transfers  []string    `json:"transfers,omitempty" nullable:"false" doc:"Zones that it may have whole."`
}

// TSIGChange is what to change of a TSIG key; what is absent stays.
type TSIGChange struct {
	Algorithms *[]string    `json:"algorithms,omitempty" nullable:"false"`
	Types      *[]string    `json:"types,omitempty" nullable:"false" doc:"What it may change at its host and below it; empty for the addresses of the host."`
	Grants     *[]TSIGGrant `json:"grants,omitempty" nullable:"false" doc:"Beside what its host means; all of them."`
	Transfers  *[]string    `json:"transfers,omitempty" nullable:"false" doc:"Zones that it may have whole; all of them."`
}

// tsigPath is a request about one TSIG key.
type tsigPath struct {
	Name string `path:"name"`
}

func (s *server) addTSIGKeys(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/tsig-keys", "list-tsig-keys", "List TSIG keys"), s.listTSIGKeys)
	answer(s, api, operation(http.MethodPost, "/tsig-keys", "add-tsig-key", "Make a TSIG key"), s.addTSIGKey)
	answer(s, api, operation(http.MethodGet, "/tsig-keys/{name}", "show-tsig-key", "Show a TSIG key"), s.showTSIGKey)
	answer(s, api, operation(http.MethodGet, "/tsig-keys/{name}/secret", "show-tsig-secret", "Show a TSIG key with its secret"), s.showTSIGSecret)
	answer(s, api, operation(http.MethodPatch, "/tsig-keys/{name}", "set-tsig-key", "Change a TSIG key"), s.setTSIGKey)
	act(s, api, operation(http.MethodDelete, "/tsig-keys/{name}", "delete-tsig-key", "Delete a TSIG key"), s.deleteTSIGKey)
}

func (s *server) listTSIGKeys(ctx context.Context, _ *struct{}) ([]TSIGKey, error) {
	out := []TSIGKey{}
	for _, k := range s.as(ctx).TSIGKeys() {
		out = append(out, viewTSIGKey(k))
	}
	return out, nil
}

func (s *server) addTSIGKey(ctx context.Context, in *body[NewTSIGKey]) (TSIGKey, error) {
	n := admin.NewTSIGKey{Account: in.Body.Account}
	var err error
	if n.Name, err = admin.ParseName(in.Body.Name); err != nil {
		return TSIGKey{}, err
	}
	if n.Schemes, err = readAll(in.Body.Algorithms, choice(tsig.ParseScheme)); err != nil {
		return TSIGKey{}, err
	}
	if in.Body.Secret != nil {
		if n.Secret, err = choice(tsig.ParseSecret)(*in.Body.Secret); err != nil {
			return TSIGKey{}, err
		}
	}
	if n.Host, err = orNone(admin.ParseName)(in.Body.Host); err != nil {
		return TSIGKey{}, err
	}
	if n.Types, err = readTypes(in.Body.Types); err != nil {
		return TSIGKey{}, err
	}
	if n.Grants, err = readGrants(in.Body.Grants); err != nil {
		return TSIGKey{}, err
	}
	if n.Transfers, err = readNames(in.Body.Transfers); err != nil {
		return TSIGKey{}, err
	}
	if _, err = s.as(ctx).AddTSIGKey(ctx, n); err != nil {
		return TSIGKey{}, err
	}
	return s.showTSIGSecret(ctx, &tsigPath{in.Body.Name})
}

func (s *server) showTSIGKey(ctx context.Context, in *tsigPath) (TSIGKey, error) {
	name, err := admin.ParseName(in.Name)
	if err != nil {
		return TSIGKey{}, err
	}
	k, err := s.as(ctx).TSIGKey(name)
	return viewTSIGKey(k), err
}

func (s *server) showTSIGSecret(ctx context.Context, in *tsigPath) (TSIGKey, error) {
	k, err := s.showTSIGKey(ctx, in)
	if err != nil {
		return TSIGKey{}, err
	}
	name, err := admin.ParseName(in.Name)
	if err != nil {
		return TSIGKey{}, err
	}
	secret, err := s.as(ctx).TSIGSecret(name)
	k.Secret = tsig.FormatSecret(secret)
	return k, err
}

// tsigChange is a request to change one TSIG key.
type tsigChange struct {
	Name string `path:"name"`
	Body TSIGChange
}

func (s *server) setTSIGKey(ctx context.Context, in *tsigChange) (TSIGKey, error) {
	name, err := admin.ParseName(in.Name)
	if err != nil {
		return TSIGKey{}, err
	}
	var c admin.TSIGChange
	if in.Body.Algorithms != nil {
		schemes, err := readAll(*in.Body.Algorithms, choice(tsig.ParseScheme))
		if err != nil {
			return TSIGKey{}, err
		}
		c.Schemes = &schemes
	}
	if in.Body.Types != nil {
		types, err := readTypes(*in.Body.Types)
		if err != nil {
			return TSIGKey{}, err
		}
		c.Types = &types
	}
	if in.Body.Grants != nil {
		grants, err := readGrants(*in.Body.Grants)
		if err != nil {
			return TSIGKey{}, err
		}
		c.Grants = &grants
	}
	if in.Body.Transfers != nil {
		zones, err := readNames(*in.Body.Transfers)
		if err != nil {
			return TSIGKey{}, err
		}
		c.Transfers = &zones
	}
	k, err := s.as(ctx).SetTSIGKey(ctx, name, c)
	return viewTSIGKey(k), err
}

func (s *server) deleteTSIGKey(ctx context.Context, in *tsigPath) error {
	name, err := admin.ParseName(in.Name)
	if err != nil {
		return err
	}
	return s.as(ctx).DeleteTSIGKey(ctx, name)
}

func viewTSIGKey(k admin.TSIGKey) TSIGKey {
	out := TSIGKey{Name: k.Name.String(), Algorithms: []string{}, Account: k.Account, Grants: []TSIGGrant{}, Created: k.Created}
	for _, scheme := range k.Schemes {
		out.Algorithms = append(out.Algorithms, scheme.String())
	}
	if k.Host != "" {
		out.Host = k.Host.String()
	}
	for _, g := range k.Grants {
		shown := TSIGGrant{Grant: g.String()}
		if g.Zone != "" {
			shown.Zone = g.Zone.String()
		}
		out.Grants = append(out.Grants, shown)
	}
	for _, origin := range k.Transfers {
		out.Transfers = append(out.Transfers, origin.String())
	}
	return out
}

func readTypes(words []string) ([]zone.Type, error) {
	types, err := tsig.ParseTypes(words)
	if err != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, err.Error(), "")
	}
	return types, nil
}

func readGrants(texts []TSIGGrant) ([]tsig.Grant, error) {
	var out []tsig.Grant
	for _, text := range texts {
		origin, err := orNone(admin.ParseName)(text.Zone)
		if err != nil {
			return nil, err
		}
		g, err := tsig.ParseGrant(text.Grant, origin)
		if err != nil {
			return nil, newProblem(http.StatusUnprocessableEntity, err.Error(), "")
		}
		out = append(out, g)
	}
	return out, nil
}

// TSIGKeys returns all TSIG keys, without their secrets.
func (c *Client) TSIGKeys(ctx context.Context) ([]TSIGKey, error) {
	return get[[]TSIGKey](ctx, c, http.MethodGet, "/tsig-keys", nil, nil)
}

// AddTSIGKey makes a TSIG key and returns it with its secret.
func (c *Client) AddTSIGKey(ctx context.Context, n NewTSIGKey) (TSIGKey, error) {
	return get[TSIGKey](ctx, c, http.MethodPost, "/tsig-keys", nil, n)
}

// TSIGKey returns a TSIG key, with its secret if that is wanted.
func (c *Client) TSIGKey(ctx context.Context, name string, withSecret bool) (TSIGKey, error) {
	path := "/tsig-keys/" + segment(name)
	if withSecret {
		path += "/secret"
	}
	return get[TSIGKey](ctx, c, http.MethodGet, path, nil, nil)
}

// SetTSIGKey changes a TSIG key.
func (c *Client) SetTSIGKey(ctx context.Context, name string, change TSIGChange) (TSIGKey, error) {
	return get[TSIGKey](ctx, c, http.MethodPatch, "/tsig-keys/"+segment(name), nil, change)
}

// DeleteTSIGKey deletes a TSIG key.
func (c *Client) DeleteTSIGKey(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/tsig-keys/"+segment(name), nil, nil)
}
