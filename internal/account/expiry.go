package account

import (
	"math"
	"strconv"
	"strings"
	"time"

	"stayput.dev/internal/phrase"
)

// Expiry is after how long without a report a host goes offline, in seconds.
type Expiry uint32

// What is no length of time.
const (
	ExpiryDefault Expiry = 0 // as for all other hosts
	ExpiryNever   Expiry = math.MaxUint32
)

// The bounds of an Expiry.
const (
	minExpiry = time.Minute
	maxExpiry = 3650 * day
	day       = 24 * time.Hour
)

// After returns the length of time, where house is that of all other hosts; 0
// for never.
func (e Expiry) After(house time.Duration) time.Duration {
	switch e {
	case ExpiryDefault:
		return house
	case ExpiryNever:
		return 0
	}
	return time.Duration(e) * time.Second
}

// String returns what ParseExpiry reads.
func (e Expiry) String() string {
	switch d := e.After(0); {
	case e == ExpiryDefault:
		return "default"
	case e == ExpiryNever:
		return "never"
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	default:
		return d.String()
	}
}

// ParseExpiry reads days, such as "30d", or what time.ParseDuration reads, from a
// minute to ten years; or "never", for which "none" and "0" may stand, or
// "default". Its error is ErrBadChoice.
func ParseExpiry(s string) (Expiry, error) {
	switch s {
	case "default":
		return ExpiryDefault, nil
	case "never", "none", "0":
		return ExpiryNever, nil
	}
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * day
	}
	if err != nil || d < minExpiry || d > maxExpiry || d%time.Second != 0 {
		return 0, phrase.Errorf(`%w %q: a time such as "30d" or "36h", never, or default`, ErrBadChoice, s)
	}
	return Expiry(d / time.Second), nil
}
