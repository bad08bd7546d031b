package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// describeHeaders says what holds of all operations: who may ask, and which headers
// are heeded.
func (s *server) describeHeaders(doc *huma.OpenAPI) {
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An API token, stp_…. The admin socket wants none."},
	}
	doc.Security = []map[string][]string{{"token": {}}}
	for _, item := range doc.Paths {
		tell(item.Get, header("If-None-Match", "Answer 304 where the ETag is still one of these."))
		tell(item.Patch, header("If-Match", "Change it only where the ETag is one of these, and answer 412 otherwise."))
		tell(item.Put, header("If-Match", "Change it only where the ETag is one of these, and answer 412 otherwise."))
		tell(item.Delete, header("If-Match", "Delete it only where the ETag is one of these, and answer 412 otherwise."))
		tell(item.Post, header("Idempotency-Key", "Within a day, the same request with the same key is done once, and answered the same."))
		if item.Get != nil && item.Get.Responses["200"].Headers["ETag"] != nil {
			item.Get.Responses["304"] = &huma.Response{Description: http.StatusText(http.StatusNotModified)}
		}
	}
}

func header(name, text string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: text, Schema: &huma.Schema{Type: "string"}}
}

func tell(op *huma.Operation, p *huma.Param) {
	if op != nil {
		op.Parameters = append(op.Parameters, p)
	}
}
