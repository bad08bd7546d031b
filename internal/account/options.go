package account

import (
	"net/netip"
	"slices"
	"strings"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// ErrBadTarget says that a text is not the full name of a machine.
var ErrBadTarget = phrase.Errorf("not a full host name")

// Options are what may be chosen for a host beside its addresses. The zero
// Options are usual.
type Options struct {
	Wildcard bool      // all names below that do not exist have its addresses
	MX       zone.Name // takes its mail; empty for none
	BackupMX bool      // MX takes it only when the host itself does not

	WhenOffline WhenOffline
	Expiry      Expiry        // how long it may be silent
	Devices     DeviceOptions // whether its devices may choose Wildcard, MX and BackupMX
}

// Equal tells whether the two are the same in every part.
func (o *Options) Equal(other *Options) bool {
	return o.Wildcard == other.Wildcard && o.MX == other.MX && o.BackupMX == other.BackupMX &&
		o.WhenOffline.Equal(&other.WhenOffline) && o.Expiry == other.Expiry && o.Devices == other.Devices
}

// WhenOffline is what stands at a host's name while it is offline: one of the
// three, or where all are zero the placeholder, so that the name exists and has
// no address.
type WhenOffline struct {
	NXDOMAIN bool         // nothing, so that the name does not exist
	Addrs    []netip.Addr // in order
	Alias    zone.Name    // the name that it is an alias of, such as that of a page
}

const (
	wordNodata   = "nodata"
	wordNXDOMAIN = "nxdomain"
)

// Equal tells whether the two are the same in every part.
func (w *WhenOffline) Equal(other *WhenOffline) bool {
	return w.NXDOMAIN == other.NXDOMAIN && w.Alias == other.Alias && slices.Equal(w.Addrs, other.Addrs)
}

// String returns what ParseWhenOffline reads.
func (w *WhenOffline) String() string {
	var texts []string
	for _, a := range w.Addrs {
		texts = append(texts, a.String())
	}
	switch {
	case w.NXDOMAIN:
		return wordNXDOMAIN
	case w.Alias != "":
		return w.Alias.String()
	case len(texts) > 0:
		return strings.Join(texts, ",")
	}
	return wordNodata
}

// ParseWhenOffline reads what is to stand while a host is offline: "nodata",
// "nxdomain", addresses with commas between, or a host name of two labels or
// more. Its error is ErrBadChoice.
func ParseWhenOffline(s string) (WhenOffline, error) {
	switch s {
	case wordNodata:
		return WhenOffline{}, nil
	case wordNXDOMAIN:
		return WhenOffline{NXDOMAIN: true}, nil
	}
	var w WhenOffline
	for text := range strings.SplitSeq(s, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			w.Addrs = nil
			break
		}
		w.Addrs = append(w.Addrs, a)
	}
	if len(w.Addrs) > 0 {
		return w, nil
	}
	name, err := ParseTarget(s)
	if err != nil {
		return w, phrase.Errorf("%w %q: %s, %s, addresses, or a full host name", ErrBadChoice, s, wordNodata, wordNXDOMAIN)
	}
	return WhenOffline{Alias: name}, nil
}

// ParseTarget reads the name of another machine, as mail exchangers and aliases
// need it: a host name of two labels or more that cannot be a mistyped address.
// Its error is ErrBadTarget.
func ParseTarget(s string) (zone.Name, error) {
	name, err := zone.ParseName(s)
	last := ""
	for label := range name.Labels() {
		last = label
	}
	if err != nil || !name.IsHostname() || name.CountLabels() < 2 || strings.Trim(last, "0123456789") == "" {
		return "", phrase.Errorf("%w: %q", ErrBadTarget, s)
	}
	return name, nil
}

// hasDefaults tells whether nothing is to be stored of the host's options and of
// what came of them.
func (h *Host) hasDefaults() bool {
	return h.Alias == "" && !h.IsOffline() && h.Options.Equal(new(Options))
}

// appendOptions appends the options, and what came of them, as one string, so
// that it may grow as the whole does; a host without any costs one octet.
func (h *Host) appendOptions(dst []byte) []byte {
	if h.hasDefaults() {
		return append(dst, 0)
	}
	o := &h.Options
	b := appendBool(make([]byte, 0, 64), o.Wildcard)
	b = codec.AppendString(b, o.MX)
	b = appendBool(b, o.BackupMX)
	b = appendBool(b, o.WhenOffline.NXDOMAIN)
	b = codec.AppendString(b, o.WhenOffline.Alias)
	b = codec.AppendUint(b, uint64(len(o.WhenOffline.Addrs)))
	for _, a := range o.WhenOffline.Addrs {
		b = codec.AppendAddr(b, a)
	}
	b = codec.AppendUint(b, uint64(o.Expiry))
	b = codec.AppendUint(b, uint64(o.Devices))
	b = codec.AppendString(b, h.Alias)
	return codec.AppendString(dst, appendSource(b, h.Offline))
}

func (h *Host) readOptions(raw []byte) {
	if len(raw) == 0 {
		return
	}
	r := codec.NewReader(raw)
	o := &h.Options
	o.Wildcard = r.Uint() != 0
	o.MX = zone.Name(r.String())
	o.BackupMX = r.Uint() != 0
	o.WhenOffline.NXDOMAIN = r.Uint() != 0
	o.WhenOffline.Alias = zone.Name(r.String())
	for range r.Count(1) {
		o.WhenOffline.Addrs = append(o.WhenOffline.Addrs, r.Addr())
	}
	o.Expiry = Expiry(r.Uint())
	o.Devices = readChoice[DeviceOptions](r, takeWords)
	h.Alias = zone.Name(r.String())
	h.Offline = readSource(r)
}

// names yields all names that the host has beside its own, some of them empty.
func (h *Host) names() [4]zone.Name {
	return [4]zone.Name{h.Follows, h.Options.MX, h.Options.WhenOffline.Alias, h.Alias}
}
