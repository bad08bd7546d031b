package config

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// sizeUnits returns the units of a size; each is 1024 of the one before.
func sizeUnits() []string { return []string{"B", "KiB", "MiB", "GiB", "TiB"} }

// size returns a field for a number of octets from low to high, written with
// its unit.
func size(p *int64, low, high int64) field {
	wants := fmt.Sprintf("a size from %s to %s", formatSize(low), formatSize(high))
	return single(p, quoted, wants, func(text string) (int64, string, bool) {
		n, ok := parseSize(text)
		hint := ""
		if !ok {
			hint = `write a whole number and B, KiB, MiB, GiB or TiB, such as "64MiB"`
		}
		return n, hint, ok && n >= low && n <= high
	})
}

// parseSize returns the octets that text says; false if it is not a size or
// overflows.
func parseSize(text string) (int64, bool) {
	digits := strings.TrimRight(text, "BKMGTi")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, false
	}
	for i, unit := range sizeUnits() {
		if unit == text[len(digits):] {
			return int64(n << (10 * i)), bits.Len64(n)+10*i <= 63
		}
	}
	return 0, false
}

// formatSize returns n in the largest unit that divides it.
func formatSize(n int64) string {
	units := sizeUnits()
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + units[i]
}
