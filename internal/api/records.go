package api

import (
	"context"
	"iter"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// RRset is the records of one type at one name of a zone.
type RRset struct {
	Name   string   `json:"name" example:"www.dyn.example.org" doc:"In full."`
	Type   string   `json:"type" example:"MX"`
	TTL    uint32   `json:"ttl" doc:"Seconds."`
	Values []string `json:"values" nullable:"false" example:"[\"10 mail.example.org.\"]" doc:"The data of each record as in a master file (RFC 1035 §5.1), names in full."`
	Fixed  bool     `json:"fixed,omitempty" doc:"It is not changed as records: it is the SOA record, in a catalog zone, or a host's."`
}

// RRsetChange is what is to stand at a name under a type.
type RRsetChange struct {
	TTL    *uint32  `json:"ttl,omitempty" minimum:"0" maximum:"2147483647" doc:"Seconds; without it, as it is, and 3600 where nothing was."`
	Values []string `json:"values" minItems:"1" nullable:"false" example:"[\"10 mail.example.org.\"]" doc:"The data of each record as in a master file (RFC 1035 §5.1). Names without a dot at the end are below the zone; a TXT record without quotes is one text."`
}

// RRsetPage is a page of what stands in a zone.
type RRsetPage struct {
	Records []RRset `json:"records" nullable:"false"`
	Next    string  `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
}

// recordQuery is a request for what stands in a zone.
type recordQuery struct {
	Zone   string `path:"zone" example:"dyn.example.org"`
	Prefix string `query:"prefix" doc:"Only at names that begin like this, below the zone or below what follows its first dot."`
	Start  string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit  int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many names at most; 1000 without it."`
}

// recordPath is a request about the records of one type at one name.
type recordPath struct {
	Zone string `path:"zone" example:"dyn.example.org"`
	Name string `path:"name" example:"www" doc:"In full, or below the zone; @ for the zone's own."`
	Type string `path:"type" example:"TXT"`
}

// recordChange is a request to change them.
type recordChange struct {
	Zone string `path:"zone" example:"dyn.example.org"`
	Name string `path:"name" example:"www" doc:"In full, or below the zone; @ for the zone's own."`
	Type string `path:"type" example:"TXT"`
	Body RRsetChange
}

func (c *recordChange) path() *recordPath { return &recordPath{c.Zone, c.Name, c.Type} }

func (s *server) addRecords(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/zones/{zone}/records", "list-records", "List the records of a zone, in canonical order of names"), s.listRecords)
	answer(s, api, operation(http.MethodGet, "/zones/{zone}/records/{name}/{type}", "show-records", "Show the records of one type at a name"), s.showRecords)
	set := operation(http.MethodPut, "/zones/{zone}/records/{name}/{type}", "set-records", "Put records in the place of those of one type at a name")
	set.Description = "A problem names the rule that the records would break. Addresses of hosts are changed with the host, the SOA record with the zone."
	answer(s, api, set, s.setRecords)
	act(s, api, operation(http.MethodDelete, "/zones/{zone}/records/{name}/{type}", "delete-records", "Delete the records of one type at a name"), s.deleteRecords)
}

func (s *server) listRecords(ctx context.Context, in *recordQuery) (RRsetPage, error) {
	out := RRsetPage{Records: []RRset{}}
	q := admin.RecordQuery{Prefix: in.Prefix, Limit: in.Limit}
	var err error
	if q.Zone, err = admin.ParseName(in.Zone); err != nil {
		return out, err
	}
	if q.Start, err = orNone(admin.ParseName)(in.Start); err != nil {
		return out, err
	}
	names, next, err := s.as(ctx).Records(q)
	who := &visitOf(ctx).who
	for _, at := range names {
		for _, set := range at.Sets {
			if who.coversRecords(at.Name) {
				out.Records = append(out.Records, viewRRset(at.Name, set))
			}
		}
	}
	out.Next = nameText(next)
	return out, err
}

// read returns which records are meant.
func (p *recordPath) read() (out admin.RecordSet, err error) {
	if out.Zone, err = admin.ParseName(p.Zone); err != nil {
		return out, err
	}
	if out.Name, err = admin.ParseOwner(p.Name, out.Zone); err != nil {
		return out, err
	}
	if out.Type, err = zone.ParseType(p.Type); err != nil {
		return out, newProblem(http.StatusUnprocessableEntity, err.Error(), "write it as TXT, or as TYPE65280 (RFC 3597)")
	}
	return out, nil
}

func (s *server) showRecords(ctx context.Context, in *recordPath) (RRset, error) {
	at, err := in.read()
	if err != nil {
		return RRset{}, err
	}
	set, err := s.as(ctx).RecordSetAt(at.Zone, at.Name, at.Type)
	return viewRRset(at.Name, set), err
}

func (s *server) setRecords(ctx context.Context, in *recordChange) (RRset, error) {
	r, err := in.path().read()
	if err != nil {
		return RRset{}, err
	}
	r.TTL, r.Data = in.Body.TTL, in.Body.Values
	if err := s.as(ctx).SetRecords(ctx, r); err != nil {
		return RRset{}, err
	}
	set, err := s.as(ctx).RecordSetAt(r.Zone, r.Name, r.Type)
	return viewRRset(r.Name, set), err
}

func (s *server) deleteRecords(ctx context.Context, in *recordPath) error {
	r, err := in.read()
	if err != nil {
		return err
	}
	return s.as(ctx).SetRecords(ctx, r)
}

func viewRRset(name zone.Name, set admin.SetView) RRset {
	return RRset{Name: name.String(), Type: set.Type.String(), TTL: set.TTL, Values: set.Data, Fixed: set.Fixed}
}

// Records yields all records of a zone, or those at names that begin like prefix, and an
// error at most once, at the end.
func (c *Client) Records(ctx context.Context, zone, prefix string) iter.Seq2[RRset, error] {
	return all(Page{}, func(p Page) ([]RRset, string, error) {
		page, err := get[RRsetPage](ctx, c, http.MethodGet, "/zones/"+segment(zone)+"/records", values("prefix", prefix, "start", p.Start, "limit", p.limit()), nil)
		return page.Records, page.Next, err
	})
}

// SetRecords puts records in the place of those of one type at a name.
func (c *Client) SetRecords(ctx context.Context, zone, name, kind string, change RRsetChange) (RRset, error) {
	return get[RRset](ctx, c, http.MethodPut, recordsPath(zone, name, kind), nil, change)
}

// DeleteRecords deletes the records of one type at a name.
func (c *Client) DeleteRecords(ctx context.Context, zone, name, kind string) error {
	return c.do(ctx, http.MethodDelete, recordsPath(zone, name, kind), nil, nil)
}

func recordsPath(zone, name, kind string) string {
	return "/zones/" + segment(zone) + "/records/" + segment(name) + "/" + segment(kind)
}
