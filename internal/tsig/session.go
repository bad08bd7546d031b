package tsig

import (
	"crypto/hmac"
	"encoding/binary"
	"time"

	"stayput.dev/internal/zone"
)

// Fudge is how many seconds the clock of who reads our messages may differ from
// ours (RFC 8945 §10).
const Fudge = 300

// MaxFudge is how many seconds a clock may differ from ours, whatever its owner asks
// for: as long could a message be sent again by others.
const MaxFudge = 3600

// Session is what a signed request began: the replies to it are signed by the same
// key. It is not safe for concurrent use.
type Session struct {
	key    Key
	record Record // of the request; in replies, its key and algorithm stand again
	size   int    // octets of MACs
	prior  []byte // the MAC before: that of the request, then that of our last message
	more   bool   // a message has been signed
	err    Error
	full   []byte // MAC of the request, not truncated
}

// Verify checks the MAC of a request and then when it was signed (RFC 8945 §5.2).
// With NoError, the request is what the owner of the key sent. With any other error
// it must not be heeded; replies are to be signed by the session all the same, which
// says why. For FormErr there is no session.
func Verify(message []byte, r Record, keys Keyring, now time.Time) (*Session, Error) {
	s := &Session{record: r}
	var known bool
	if s.key, known = keys.Get(r.Key); !known {
		return s.fail(BadKey)
	}
	scheme, known := schemeFor(s.key.Schemes, r.Algorithm)
	if !known {
		return s.fail(BadKey)
	}
	s.size = len(r.MAC)
	if s.size > scheme.Algorithm.Size() || s.size < scheme.Algorithm.leastMAC() {
		return nil, FormErr
	}
	s.full = s.sum(nil, r.signed(message), r.appendVariables(nil))
	if !hmac.Equal(s.full[:s.size], r.MAC) {
		return s.fail(BadSig)
	}
	s.prior = s.full[:s.size]
	if !r.isTimely(now) {
		return s.fail(BadTime)
	}
	if s.size < scheme.Octets {
		s.size = scheme.Octets // a reply is not truncated further than policy has it
		return s.fail(BadTrunc)
	}
	return s, NoError
}

func (s *Session) fail(err Error) (*Session, Error) {
	s.err = err
	return s, err
}

// signed returns the part of the message that is signed, as it was then.
func (r *Record) signed(message []byte) []byte {
	out := append([]byte(nil), message[:r.start]...)
	binary.BigEndian.PutUint16(out, r.ID)
	binary.BigEndian.PutUint16(out[10:], binary.BigEndian.Uint16(out[10:])-1)
	return out
}

func (r *Record) isTimely(now time.Time) bool {
	at, fudge := now.Unix(), int64(min(r.Fudge, MaxFudge))
	return int64(r.Time) >= at-fudge && int64(r.Time) <= at+fudge
}

// sum returns the MAC of the parts of a message, with the MAC before in front if
// there is one.
func (s *Session) sum(prior []byte, parts ...[]byte) []byte {
	scheme, _ := schemeFor(s.key.Schemes, s.record.Algorithm)
	m := hmac.New(algorithms[scheme.Algorithm].hash, s.key.Secret)
	if prior != nil {
		m.Write(binary.BigEndian.AppendUint16(nil, uint16(len(prior))))
		m.Write(prior)
	}
	for _, part := range parts {
		m.Write(part)
	}
	return m.Sum(nil)
}

// Key returns the key that signed the request. After BadKey it has no more than a
// name, and after BadSig somebody else may have sent the request.
func (s *Session) Key() Key { return s.key }

// KeyName returns the name that the request has for its key, which may be none of
// ours.
func (s *Session) KeyName() zone.Name { return s.record.Key }

// Error returns what Verify did.
func (s *Session) Error() Error { return s.err }

// Identity returns octets that no other request has, be it signed with the same key.
// The request must have been found good.
func (s *Session) Identity() (id [16]byte) {
	copy(id[:], s.full)
	return id
}

// Until returns when the request will be too old to be found good again.
func (s *Session) Until() time.Time {
	return time.Unix(int64(s.record.Time)+int64(min(s.record.Fudge, MaxFudge)), 0)
}

// Room returns how many octets Sign appends at most.
func (s *Session) Room() int {
	return len(s.record.Key) + 10 + len(s.record.Algorithm) + 16 + s.size + 6
}

// Sign appends the TSIG record to a reply whose header is written, and counts it
// there. Where a reply is several messages, as with transfers, Sign is called for
// each of them in order (RFC 8945 §5.3.1). After BadKey and BadSig the record has no
// MAC (§5.3.2). The name of the key is spelled as in the request: clients made of
// miekg/dns do not know it in another case.
func (s *Session) Sign(message []byte, now time.Time) []byte {
	r := Record{
		Key: s.record.Key, Algorithm: s.record.Algorithm, Time: uint64(now.Unix()), Fudge: Fudge,
		ID: binary.BigEndian.Uint16(message), Error: s.err, spelled: s.record.spelled,
	}
	switch s.err {
	case BadKey, BadSig:
		r.Time, r.Fudge = s.record.Time, s.record.Fudge
		return r.append(message)
	case BadTime: // the client's time, that it may verify this, and ours (§5.2.3)
		r.Other = appendTime48(nil, r.Time)
		r.Time, r.Fudge = s.record.Time, s.record.Fudge
	}
	variables := r.appendVariables(nil)
	if s.more {
		variables = r.appendTime(nil)
	}
	full := s.sum(s.prior, message, variables)
	r.MAC = full[:s.size]
	s.prior, s.more = r.MAC, true
	return r.append(message)
}

func appendTime48(b []byte, seconds uint64) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, uint16(seconds>>32)), uint32(seconds))
}
