package history

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"stayput.dev/internal/account"
	"stayput.dev/internal/codec"
	"stayput.dev/internal/update"
)

// Entry is a request and its reply, or several that were the same.
type Entry struct {
	First, Last time.Time // to the second; the same for a single one
	Count       int       // at least 1
	Source      netip.Addr
	Username    string // of the update key whose secret was right, or wrong; empty: of none, or of one that is gone
	Via         string // the dialect
	Request     string // method, path, parameters; without secrets
	Agent       string // User-Agent
	Status      int    // 0 where the protocol knows none
	Reply       string // the body
	Why         Why
	Pending     string // servers elsewhere that did not have yet what was acknowledged, with ", " between; empty: none

	arrival uint32 // number of the last one
}

// Why says what a reply leaves open.
type Why uint8

// The reasons. Their numbers are part of the stored form.
const (
	Plain         Why = iota // the reply says it
	NoCredentials            // neither user name nor secret was given
	BadSecret                // the secret is not that of the update key
	UnknownUser              // there is no such update key
	Suspended                // the account is
	Limited                  // too many came
	Unavailable              // our fault: the store does not work, or took too long
	Ignored                  // an address cannot be reached from outside, and was left out
	InTheClear               // the update key is for TLS only
	NotPushed                // it is durable here, and a server elsewhere does not have it yet
)

// String returns the reason in words; empty for Plain.
func (w Why) String() string {
	words := [...]string{
		"", "no user name and secret", "wrong secret", "unknown user name", "account suspended", "too many requests", "service unavailable",
		"address ignored, not reachable from outside", "secret sent in the clear, its key is for TLS only", "not yet at every server that the zone is pushed to",
	}
	if int(w) >= len(words) {
		return "unknown"
	}
	return words[w]
}

// IsProven tells whether the request came with the right secret.
func (x *Exchange) IsProven() bool {
	_, ok := errors.AsType[*update.KeyError](x.Err)
	return x.Err == nil || ok
}

// Why returns what the reply leaves open.
func (x *Exchange) Why() Why {
	if x.Err != nil {
		return reason(x.Err)
	}
	if slices.ContainsFunc(x.Results, func(r update.Result) bool { return r.Outcome == update.Ignored }) {
		return Ignored
	}
	return Plain
}

// reason returns why a request failed.
func reason(err error) Why {
	switch {
	case errors.Is(err, update.ErrBadAddress), errors.Is(err, update.ErrTooManyHosts), errors.Is(err, update.ErrNoHostNamed),
		errors.Is(err, update.ErrBadText), errors.Is(err, update.ErrBadChallenge), errors.Is(err, update.ErrRejected):
		return Plain
	case errors.Is(err, update.ErrNoCredentials):
		return NoCredentials
	case errors.Is(err, update.ErrPlain):
		return InTheClear
	case errors.Is(err, account.ErrBadCredential):
		return BadSecret
	case errors.Is(err, account.ErrSuspended):
		return Suspended
	case errors.Is(err, update.ErrLimited):
		return Limited
	case errors.Is(err, update.ErrNotPushed):
		return NotPushed
	}
	return Unavailable
}

// A record is an entry as it is kept: a head of fixed length, which changes when
// the same happens again, and a body.
//
//	0   2  size of it all
//	2   4  seconds since 1970 of the first time
//	6   4  and of the last
//	10  4  count
//	14  4  number of arrival of the last time, see arrive
//	18  8  hash of the body
//	26     body: update key, why, status, source, via, request, agent, reply, and pending unless it is empty
type record []byte

const headSize = 26

func (r record) size() int        { return int(binary.LittleEndian.Uint16(r)) }
func (r record) first() uint32    { return binary.LittleEndian.Uint32(r[2:]) }
func (r record) last() uint32     { return binary.LittleEndian.Uint32(r[6:]) }
func (r record) count() uint32    { return binary.LittleEndian.Uint32(r[10:]) }
func (r record) arrival() uint32  { return binary.LittleEndian.Uint32(r[14:]) }
func (r record) hash() uint64     { return binary.LittleEndian.Uint64(r[18:]) }
func (r record) setHash(h uint64) { binary.LittleEndian.PutUint64(r[18:], h) }

// repeat notes that the same happened again.
func (r record) repeat(at, arrival uint32) {
	binary.LittleEndian.PutUint32(r[14:], arrival)
	binary.LittleEndian.PutUint32(r[6:], max(at, r.last()))
	if n := r.count() + 1; n != 0 {
		binary.LittleEndian.PutUint32(r[10:], n)
	}
}

// How much of a text is kept, in octets.
const (
	maxRequest = 512
	maxAgent   = 128
	maxReply   = 512
	maxPending = 128
)

// form is a record that is being filled in.
type form struct {
	record      record
	why         Why
	at, arrival uint32
}

// fill makes the record of an exchange with the key.
func (f *form) fill(seed maphash.Seed, x *Exchange, key uint32, why Why) {
	f.why = why
	f.record = append(f.record[:0], make([]byte, headSize)...)
	f.record = codec.AppendUint(f.record, uint64(key))
	f.record = codec.AppendUint(f.record, uint64(f.why))
	f.record = codec.AppendUint(f.record, uint64(x.Status))
	f.record = codec.AppendAddr(f.record, x.Asked.Source)
	f.record = codec.AppendString(f.record, x.Asked.Via)
	f.record = codec.AppendString(f.record, upTo(maxRequest, x.Request))
	f.record = codec.AppendString(f.record, upTo(maxAgent, x.Agent))
	f.record = codec.AppendString(f.record, upTo(maxReply, x.Reply))
	if pending := pendingAt(x.Results); pending != "" {
		f.record = codec.AppendString(f.record, upTo(maxPending, pending))
	}
	f.seal(seed)
}

// seal writes the head.
func (f *form) seal(seed maphash.Seed) {
	binary.LittleEndian.PutUint16(f.record, uint16(len(f.record)))
	binary.LittleEndian.PutUint32(f.record[2:], f.at)
	binary.LittleEndian.PutUint32(f.record[6:], f.at)
	binary.LittleEndian.PutUint32(f.record[10:], 1)
	binary.LittleEndian.PutUint32(f.record[14:], f.arrival)
	f.record.setHash(maphash.Bytes(seed, f.record[headSize:]))
}

// pendingAt returns the servers at which something of the results is pending, as text.
func pendingAt(results []update.Result) string {
	var all []string
	for i := range results {
		for _, at := range results[i].Pending {
			if text := at.String(); !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return strings.Join(all, ", ")
}

func upTo[T string | []byte](n int, text T) T { return text[:min(len(text), n)] }

// read returns the entry; names are those of update keys by ID.
func (r record) read(names map[uint32]string) (Entry, error) {
	in := codec.NewReader(r[headSize:])
	e := Entry{
		First: moment(r.first()), Last: moment(r.last()), Count: int(r.count()), arrival: r.arrival(),
		Username: names[uint32(in.Uint())], Why: Why(in.Uint()), Status: int(in.Uint()), Source: in.Addr(),
		Via: in.String(), Request: clean(in.String()), Agent: clean(in.String()), Reply: clean(in.String()),
	}
	if in.Err() == nil && in.Len() > 0 {
		e.Pending = clean(in.String())
	}
	if in.Err() == nil && in.Len() > 0 {
		in.Fail()
	}
	return e, in.Err()
}

// clean returns text that is safe to print: what is not a printable character,
// but for the ends of lines, becomes a question mark.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c != unicode.ReplacementChar && unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, text)
}

// list returns all that is known of a subject that belongs to an account.
func (h *History) list(d account.Directory, owner uint32, subject uint64) []Entry {
	names := map[uint32]string{}
	for k := range d.KeysOf(owner) {
		names[k.ID] = k.Username
	}
	var all []Entry
	for _, s := range h.shelves() {
		for r := range records(s.copy(subject)) {
			if e, err := r.read(names); err == nil {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(0, int32(a.arrival-b.arrival))) // they go round every hour or so
	})
	return all
}

// seconds is the time as records hold it.
func seconds(t time.Time) uint32 { return uint32(max(t.Unix(), 0)) } // enough until the year 2106

func moment(seconds uint32) time.Time { return time.Unix(int64(seconds), 0).UTC() }
