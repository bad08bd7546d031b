package api

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
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
	answer(api, operation(http.MethodGet, "/zones", "list-zones", "List zones"), s.listZones)
	answer(api, operation(http.MethodPost, "/zones", "add-zone", "Make a zone"), s.addZone)
	answer(api, operation(http.MethodGet, "/zones/{zone}", "show-zone", "Show a zone"), s.showZone)
	answer(api, operation(http.MethodPatch, "/zones/{zone}", "set-zone", "Change a zone"), s.setZone)
	act(api, operation(http.MethodDelete, "/zones/{zone}", "delete-zone", "Delete a zone"), s.deleteZone)
	s.addExport(api)
	s.addImport(api)
}

func (s *server) listZones(context.Context, *struct{}) (zoneList, error) {
	out := zoneList{Zones: []Zone{}}
	for _, z := range s.admin.Zones() {
		out.Zones = append(out.Zones, viewZone(z))
	}
	return out, nil
}

func (s *server) showZone(_ context.Context, in *zonePath) (Zone, error) {
	name, err := admin.ParseName(in.Zone)
	if err != nil {
		return Zone{}, err
	}
	z, err := s.admin.Zone(name)
	return viewZone(z), err
}

func (s *server) addZone(ctx context.Context, in *body[NewZone]) (Zone, error) {
	n, err := in.Body.read()
	if err != nil {
		return Zone{}, err
	}
	z, err := s.admin.AddZone(ctx, n)
	return viewZone(z), err
}

func (n *NewZone) read() (out admin.NewZone, err error) {
	out.TTL, out.Force = n.TTL, n.Force
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
	z, err := s.admin.SetZone(ctx, name, change)
	return viewZone(z), err
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
	return s.admin.DeleteZone(ctx, name, in.Force)
}

func viewZone(z admin.Zone) Zone {
	out := Zone{
		Name: z.Name.String(), Serial: z.SOA.Serial, MName: z.SOA.MName.String(), RName: z.SOA.RName.String(),
		Refresh: z.SOA.Refresh, Retry: z.SOA.Retry, Expire: z.SOA.Expire, Minimum: z.SOA.Minimum, TTL: z.SOA.TTL,
		HostTTL: z.HostTTL, NameServers: []NameServer{}, Names: z.Names,
	}
	for _, server := range z.NameServers {
		out.NameServers = append(out.NameServers, NameServer{server.Name.String(), server.Addrs})
	}
	if z.Hosts >= 0 {
		out.Hosts = &z.Hosts
	}
	return out
}

// optional reads what may be absent.
func optional[T any](text *string, read func(string) (T, error)) (*T, error) {
	if text == nil {
		return nil, nil
	}
	v, err := read(*text)
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
