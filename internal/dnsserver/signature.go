package dnsserver

import (
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
)

// verify checks the signature of a query that has one (RFC 8945 §5.2). When it is not
// good, that is the answer.
func (r *Responder) verify(state *registry.State, packet []byte) {
	r.session = nil
	if r.code != rcodeNoError || !r.query.signed {
		return
	}
	var fault tsig.Error
	switch r.session, fault = tsig.Verify(packet, r.query.tsig, state.TSIG, time.Now()); fault {
	case tsig.NoError:
	case tsig.FormErr:
		r.code = rcodeFormErr
	default:
		r.code = rcodeNotAuth
		r.doubtful = r.query.opcode == opcodeUpdate && (fault == tsig.BadKey || fault == tsig.BadSig)
	}
}

// signRoom returns how many octets sign appends at most.
func (r *Responder) signRoom() int {
	if r.session == nil {
		return 0
	}
	return r.session.Room()
}

// sign signs a reply to a query that was signed (RFC 8945 §5.3). What only says that the
// signature was not good is left out when it does not fit; its receiver may be anybody.
func (r *Responder) sign(reply []byte) []byte {
	s := r.session
	if s == nil {
		return reply
	}
	if fault := s.Error(); fault == tsig.BadKey || fault == tsig.BadSig {
		if r.via == UDP && len(reply)+s.Room() > r.query.udpLimit(r.opts.UDPSize) {
			return reply
		}
	}
	return s.Sign(reply, time.Now())
}

// isTrusted tells whether the query was signed with a key of ours, so that its sender is
// no forger.
func (r *Responder) isTrusted() bool { return r.session != nil && r.session.Error() == tsig.NoError }
