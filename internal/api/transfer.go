package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"stayput.dev/internal/admin"
)

// maxImport bounds the octets of one import.
const maxImport = 1 << 30

// masterFile is the media type of a master file (RFC 4027).
const masterFile = "text/dns"

func (s *server) addExport(api huma.API) {
	op := operation(http.MethodGet, "/zones/{zone}/export", "export-zone", "Write a zone as a master file")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The zone, the SOA record first, then in canonical order of names.",
		Content:     map[string]*huma.MediaType{masterFile: {Schema: &huma.Schema{Type: "string"}}},
	}}
	flow(s, api, op, func(ctx context.Context, in *zonePath) (*huma.StreamResponse, error) {
		name, err := admin.ParseName(in.Zone)
		if err != nil {
			return nil, err
		}
		return stream(masterFile, func(w io.Writer) error { return s.as(ctx).ExportZone(name, w) }), nil
	})
}

// stream answers with what write writes. An error before the first octet becomes
// a problem; after it, the connection is cut, so that the client notices.
func stream(mediaType string, write func(io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humago.Unwrap(ctx)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as long as data goes; not every connection has one
		body := &firstWrite{w: w, mediaType: mediaType}
		err := write(body)
		switch {
		case err == nil:
			body.begin()
		case body.begun:
			panic(http.ErrAbortHandler)
		default:
			writeProblem(w, problem(err))
		}
	}}
}

// firstWrite sends the header when the first octets of the body come.
type firstWrite struct {
	w         http.ResponseWriter
	mediaType string
	begun     bool
}

func (f *firstWrite) begin() {
	if !f.begun {
		f.begun = true
		f.w.Header().Set("Content-Type", f.mediaType)
		f.w.WriteHeader(http.StatusOK)
	}
}

func (f *firstWrite) Write(p []byte) (int, error) {
	f.begin()
	return f.w.Write(p)
}

// importRequest is a form of master files that are read as they come: each part
// is named after its zone, and may bear a file name.
type importRequest struct {
	body  io.Reader
	parts *multipart.Reader
	err   error
}

// Resolve takes the body before anyone reads it.
func (in *importRequest) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, maxImport)
	_ = ctx.SetReadDeadline(time.Time{}) // as long as data comes; not every connection has one
	in.body = r.Body
	in.parts, in.err = r.MultipartReader()
	return nil
}

// files yields the parts. Each is to be read before the next is asked for.
func (in *importRequest) files() iter.Seq2[admin.ZoneFile, error] {
	return func(yield func(admin.ZoneFile, error) bool) {
		for {
			part, err := in.parts.NextPart()
			if errors.Is(err, io.EOF) {
				return
			}
			f := admin.ZoneFile{}
			if err == nil {
				f.File, f.Content = fileName(part), part
				f.Zone, err = admin.ParseName(part.FormName())
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// fileName returns what the client calls the file, folders and all: it is only
// said back in messages.
func fileName(part *multipart.Part) string {
	_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	return params["filename"]
}

// importReport is the answer to an import.
type importReport struct {
	Zones []Imported `json:"zones" nullable:"false"`
}

func (s *server) addImport(api huma.API) {
	op := operation(http.MethodPost, "/zones:import", "import-zones", "Make zones of master files, or replace their content")
	op.Description = "All in one commit. Hosts stay hosts, with the addresses that the files have for them."
	answer(s, api, op, s.importZones)
	// Said afterwards, because huma would read a body that it knows of.
	api.OpenAPI().Paths["/zones:import"].Post.RequestBody = &huma.RequestBody{
		Required:    true,
		Description: "Each part is a master file (RFC 1035 §5), named after its zone.",
		Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type: "object", AdditionalProperties: &huma.Schema{Type: "string"},
		}}},
	}
}

func (s *server) importZones(ctx context.Context, in *importRequest) (importReport, error) {
	if in.err != nil {
		return importReport{}, newProblem(http.StatusUnsupportedMediaType, "an import is a form of master files (multipart/form-data)", "")
	}
	imported, err := s.as(ctx).Import(ctx, in.files())
	if err != nil {
		_, _ = io.Copy(io.Discard, in.body) // whoever is still sending hears the answer only after it
		return importReport{}, tooLarge(err)
	}
	out := importReport{Zones: []Imported{}}
	for _, i := range imported {
		view := Imported{Zone: i.Zone.String(), Names: i.Names}
		for _, w := range i.Warnings {
			view.Warnings = append(view.Warnings, w.String())
		}
		out.Zones = append(out.Zones, view)
	}
	return out, nil
}

// tooLarge names the bound where it was passed.
func tooLarge(err error) error {
	if limit, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the files have more than %d octets", limit.Limit), "")
	}
	return err
}
