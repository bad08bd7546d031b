package api

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
)

// Problem says what went wrong (RFC 9457 §3).
type Problem struct {
	Title  string `json:"title" doc:"The kind of problem in a few words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Detail string `json:"detail" doc:"What is wrong, in a sentence."`
	Hint   string `json:"hint,omitempty" doc:"What may be done about it."`

	Rule  string `json:"rule,omitempty" example:"alias" doc:"Which rule records would break: data, name, soa, catalog, host, option, alias, single, servers, hides, hidden or norecord; absent for other problems."`
	Value int    `json:"value,omitempty" doc:"Which of the values is wrong, from 1; absent where it is none alone."`
}

// Error returns what is wrong.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of a problem (RFC 9457 §6.1).
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

func newProblem(status int, detail, hint string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Hint: hint}
}

// problem turns an error of the rooms below into what the client hears.
func problem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	p := newProblem(status(err), err.Error(), admin.Hint(err))
	if broken, ok := errors.AsType[*admin.RecordError](err); ok {
		p.Rule, p.Value = string(broken.Rule), broken.Line
	}
	return p
}

// problemFor is problem for who asks, who may be one that hears nothing of others.
func problemFor(ctx context.Context, err error) *Problem {
	p := problem(err)
	if role := visitOf(ctx).who.role; role == account.Customer && p.Detail == err.Error() {
		p.Detail, p.Hint = admin.Outside(err), admin.OutsideHint(err)
	}
	return p
}

func status(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	switch {
	case errors.Is(err, admin.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, admin.ErrExists), errors.Is(err, admin.ErrConflict), errors.Is(err, fs.ErrExist), errors.Is(err, shelf.ErrChanged):
		return http.StatusConflict
	case errors.Is(err, admin.ErrInvalid), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return http.StatusUnprocessableEntity
	case errors.Is(err, registry.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fromModel turns what huma says of a request that it cannot read into a problem
// whose detail says all of it.
func fromModel(m *huma.ErrorModel) *Problem {
	if len(m.Errors) == 0 {
		return newProblem(m.Status, m.Detail, "")
	}
	var faults []string
	for _, e := range m.Errors {
		if e == nil {
			continue
		}
		faults = append(faults, strings.TrimPrefix(e.Location+": "+e.Message, ": "))
	}
	return newProblem(m.Status, strings.Join(faults, "; "), "")
}

// writeProblem answers with a problem where huma is not at hand.
func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
