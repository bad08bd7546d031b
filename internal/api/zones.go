package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/zone"
)

// zonePath is a request about one zone.
type zonePath struct {
	Zone string `path:"zone" example:"dyn.example.org"`
}

// zoneList is the answer to a request for all zones.
type zoneList struct {
	Zones []Zone `json:"zones" nullable:"false"`
}

func (s *server) addZones(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/zones", "list-zones", "List zones"), s.listZones)
	answer(s, api, operation(http.MethodPost, "/zones", "add-zone", "Make a zone"), s.addZone)
	answer(s, api, operation(http.MethodGet, "/zones/{zone}", "show-zone", "Show a zone"), s.showZone)
	answer(s, api, operation(http.MethodPatch, "/zones/{zone}", "set-zone", "Change a zone"), s.setZone)
	act(s, api, operation(http.MethodDelete, "/zones/{zone}", "delete-zone", "Delete a zone"), s.deleteZone)
	s.addExport(api)
	s.addImport(api)
}

func (s *server) listZones(ctx context.Context, _ *struct{}) (zoneList, error) {
	out := zoneList{Zones: []Zone{}}
	for _, z := range s.as(ctx).Zones() {
		out.Zones = append(out.Zones, viewZone(z))
	}
	return out, nil
}

func (s *server) showZone(ctx context.Context, in *zonePath) (Zone, error) {
	name, err := admin.ParseName(in.Zone)
	if err != nil {
		return Zone{}, err
	}
	z, err := s.as(ctx).Zone(name)
	return viewZone(z), err
}

func (s *server) addZone(ctx context.Context, in *body[NewZone]) (Zone, error) {
	n, err := in.Body.read()
	if err != nil {
		return Zone{}, err
	}
	z, err := s.as(ctx).AddZone(ctx, n)
	return viewZone(z), err
}

func (n *NewZone) read() (out admin.NewZone, err error) {
	out.TTL, out.Force, out.Catalog = n.TTL, n.Force, n.Catalog
	if out.Name, err = admin.ParseName(n.Name); err != nil {
		return out, err
	}
	for _, server := range n.NameServers {
		var to admin.NameServer
		if to.Name, err = admin.ParseName(server.Name); err != nil {
			return out, err
		}
		if to.Addrs, err = readAddrs(server.Addresses); err != nil {
			return out, err
		}
		out.NameServers = append(out.NameServers, to)
	}
	if n.MName != "" {
		if out.MName, err = admin.ParseName(n.MName); err != nil {
			return out, err
		}
	}
	if n.RName != "" {
		out.RName, err = admin.ParseMailbox(n.RName)
	}
	return out, err
}

// zoneChange is a request to change one zone.
type zoneChange struct {
	Zone string `path:"zone" example:"dyn.example.org"`
	Body ZoneChange
}

func (s *server) setZone(ctx context.Context, in *zoneChange) (Zone, error) {
	name, err := admin.ParseName(in.Zone)
	if err != nil {
		return Zone{}, err
	}
	change := admin.ZoneChange{TTL: in.Body.TTL}
	if change.MName, err = optional(in.Body.MName, admin.ParseName); err != nil {
		return Zone{}, err
	}
	if change.RName, err = optional(in.Body.RName, admin.ParseMailbox); err != nil {
		return Zone{}, err
	}
	if err := in.Body.readPolicy(&change); err != nil {
		return Zone{}, err
	}
	z, err := s.as(ctx).SetZone(ctx, name, change)
	return viewZone(z), err
}

// readPolicy reads what is to be settled for the zone.
func (c *ZoneChange) readPolicy(out *admin.ZoneChange) (err error) {
	for _, s := range c.AddSecondaries {
		var next policy.Secondary
		if next.Addr, err = admin.ParseServer(s.Address); err != nil {
			return err
		}
		if next.Key, err = orNone(admin.ParseName)(s.Key); err != nil {
			return err
		}
		out.Secondaries = append(out.Secondaries, next)
	}
	if out.DropSecondaries, err = readAll(c.DropSecondaries, admin.ParseServer); err != nil {
		return err
	}
	out.NotifyGap, err = optional(c.NotifyGap, readGap)
	return err
}

// readGap reads a time between notices; 0 is that of all zones.
func readGap(text string) (time.Duration, error) {
	if text == "default" {
		return 0, nil
	}
	gap, err := time.ParseDuration(text)
	if err != nil || gap == 0 {
		return 0, newProblem(http.StatusUnprocessableEntity, "\""+text+"\" is no time between notices", "write 500ms, 5s or 1m; default for that of all zones")
	}
	return gap, nil
}

// zoneDeletion is a request to delete one zone.
type zoneDeletion struct {
	Zone  string `path:"zone" example:"dyn.example.org"`
	Force bool   `query:"force" doc:"Delete its hosts as well."`
}

func (s *server) deleteZone(ctx context.Context, in *zoneDeletion) error {
	name, err := admin.ParseName(in.Zone)
	if err != nil {
		return err
	}
	return s.as(ctx).DeleteZone(ctx, name, in.Force)
}

func viewZone(z admin.Zone) Zone {
	out := Zone{
		Name: z.Name.String(), Serial: z.SOA.Serial, MName: z.SOA.MName.String(), RName: z.SOA.RName.String(),
		Refresh: z.SOA.Refresh, Retry: z.SOA.Retry, Expire: z.SOA.Expire, Minimum: z.SOA.Minimum, TTL: z.SOA.TTL,
		HostTTL: z.HostTTL, NameServers: []NameServer{}, Names: z.Names, Hosts: z.Hosts, Catalog: z.Catalog,
	}
	for _, server := range z.NameServers {
		out.NameServers = append(out.NameServers, NameServer{server.Name.String(), server.Addrs})
	}
	for _, s := range z.Policy.Secondaries {
		next := Secondary{Address: s.Addr.String()}
		if s.Key != "" {
			next.Key = s.Key.String()
		}
		out.Secondaries = append(out.Secondaries, next)
	}
	if gap := z.Policy.NotifyGap; gap > 0 {
		out.NotifyGap = gap.String()
	}
	return out
}

// optional reads what may be absent.
func optional[S, T any](given *S, read func(S) (T, error)) (*T, error) {
	if given == nil {
		return nil, nil
	}
	v, err := read(*given)
	return &v, err
}

// orNone reads what may be empty, which stands for none.
func orNone[T any](read func(string) (T, error)) func(string) (T, error) {
	return func(text string) (T, error) {
		if text == "" {
			var none T
			return none, nil
		}
		return read(text)
	}
}

func readAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, newProblem(http.StatusUnprocessableEntity, "\""+text+"\" is not an address", "")
	}
	return a, nil
}

func readAddrs(texts []string) ([]netip.Addr, error) {
	return readAll(texts, readAddr)
}

func readNames(texts []string) ([]zone.Name, error) {
	return readAll(texts, admin.ParseName)
}

func readAll[T any](texts []string, read func(string) (T, error)) ([]T, error) {
	var out []T
	for _, text := range texts {
		v, err := read(text)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
