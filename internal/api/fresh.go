package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// ofThisNode are the operations on this process, or on what it has heard itself, which
// no other one changes.
var ofThisNode = map[string]bool{
	"show-status": true, "show-cluster": true, "check-secondaries": true, "show-shadow": true, "list-pushes": true,
	"show-host-history": true, "show-key-history": true, "list-events": true, "upgrade": true, "make-backup": true,
}

// catchUp returns when the state shows all that any node had said was done when the
// request came: that is what is shown, and what a change finds or misses. Without a
// database nobody knows it, and catchUp fails; the operator, who may be here to find out
// why, sees what there is.
func (s *server) catchUp(ctx context.Context, op *huma.Operation) error {
	v := visitOf(ctx)
	if ofThisNode[op.OperationID] || v.pinned != nil {
		return nil
	}
	if _, err := s.registry.Fresh(ctx, s.registry.State()); err != nil && v.who.role != operator {
		return nobodyKnows()
	}
	return nil
}

// nobodyKnows is what is said where another node may have done something.
func nobodyKnows() *Problem {
	return newProblem(http.StatusServiceUnavailable, "the database does not answer, and nobody else knows what the other nodes did", "ask again later")
}
