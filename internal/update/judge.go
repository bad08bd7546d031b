package update

import (
	"context"
	"log/slog"

	"stayput.dev/internal/registry"
)

// NewJudge returns a service that says what would become of each request, by the
// same rules as any other and against the live state, and changes nothing: what it
// calls Good would have been good. Its limits and its memory of passwords are its own, so
// that what it is asked counts against nobody, and it replaces no hash of another
// program. Of opts, Seen, Pushes and Logger do not count.
func NewJudge(reg Registry, opts Options) *Service {
	opts.Seen, opts.Pushes, opts.Logger = nil, nil, slog.New(slog.DiscardHandler)
	s := New(onlyLooking{reg}, opts)
	s.judges = true
	return s
}

// onlyLooking is a Registry whose edits are run and forgotten.
type onlyLooking struct{ Registry }

// Apply implements Registry.
func (l onlyLooking) Apply(_ context.Context, _ registry.Actor, edit registry.Edit) (registry.Revision, error) {
	st := l.State()
	_, err := edit(st)
	return st.Revision, err
}
