package brand

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrColour says that a text is no colour.
var ErrColour = errors.New("not a colour such as #0f766e")

// Colour is one of sRGB.
type Colour struct{ r, g, b uint8 }

// ParseColour reads "#rrggbb". Its error is ErrColour.
func ParseColour(text string) (Colour, error) {
	if len(text) != 7 || text[0] != '#' {
		return Colour{}, ErrColour
	}
	n, err := strconv.ParseUint(text[1:], 16, 24)
	if err != nil {
		return Colour{}, ErrColour
	}
	return Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// String returns "#rrggbb".
func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// The grounds on which the brand's colour stands: the tint of it that CSS mixes is
// nearer to the colour than the card, so more contrast is asked for than needed.
var (
	lightCard = Colour{255, 255, 255}
	darkCard  = Colour{0x20, 0x28, 0x2b}

	// DarkInk is what is written on buttons in dark.
	DarkInk = Colour{0x10, 0x18, 0x1a}
)

const (
	lightContrast = 5.6
	darkContrast  = 6.5
)

// OnLight returns the colour, as dark as it takes to be read on light cards, and under
// white text (WCAG 2.2, 1.4.3).
func (c Colour) OnLight() Colour { return c.shifted(lightCard, lightContrast, -0.01) }

// OnDark returns the colour, as light as it takes to be read on dark cards, and under
// DarkInk.
func (c Colour) OnDark() Colour { return c.shifted(darkCard, darkContrast, 0.01) }

// shifted changes the lightness in steps until the contrast with ground is enough.
func (c Colour) shifted(ground Colour, least, step float64) Colour {
	l, a, b := c.oklab()
	for ; c.contrast(ground) < least && l >= 0 && l <= 1; l += step {
		c = fromOKLab(l, a, b)
	}
	return c
}

// contrast is that of WCAG 2.2, from 1 to 21.
func (c Colour) contrast(other Colour) float64 {
	x, y := c.luminance(), other.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c Colour) luminance() float64 {
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// linear undoes the transfer function of sRGB.
func linear(v uint8) float64 {
	x := float64(v) / 255
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

// encoded is the reverse of linear; ok tells whether there is such a value.
func encoded(x float64) (v uint8, ok bool) {
	y := x * 12.92
	if x > 0.0031308 {
		y = 1.055*math.Pow(x, 1/2.4) - 0.055
	}
	return uint8(math.Round(min(max(y, 0), 1) * 255)), y > -0.002 && y < 1.002
}

// oklab returns the colour in OKLab (Björn Ottosson, 2020): lightness from 0 to 1,
// and two axes of hue.
func (c Colour) oklab() (l, a, b float64) {
	r, g, bl := linear(c.r), linear(c.g), linear(c.b)
	x := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*bl)
	y := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*bl)
	z := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*bl)
	return 0.2104542553*x + 0.7936177850*y - 0.0040720468*z,
		1.9779984951*x - 2.4285922050*y + 0.4505937099*z,
		0.0259040371*x + 0.7827717662*y - 0.8086757660*z
}

// fromOKLab returns the colour of sRGB with the lightness and hue, as vivid as it can
// be up to what is asked for.
func fromOKLab(l, a, b float64) Colour {
	for vivid := 1.0; vivid > 0; vivid -= 0.05 {
		if c, ok := exactOKLab(l, a*vivid, b*vivid); ok {
			return c
		}
	}
	c, _ := exactOKLab(l, 0, 0)
	return c
}

func exactOKLab(l, a, b float64) (c Colour, ok bool) {
	x := math.Pow(l+0.3963377774*a+0.2158037573*b, 3)
	y := math.Pow(l-0.1055613458*a-0.0638541728*b, 3)
	z := math.Pow(l-0.0894841775*a-1.2914855480*b, 3)
	var fits [3]bool
	c.r, fits[0] = encoded(4.0767416621*x - 3.3077115913*y + 0.2309699292*z)
	c.g, fits[1] = encoded(-1.2684380046*x + 2.6097574011*y - 0.3413193965*z)
	c.b, fits[2] = encoded(-0.0041960863*x - 0.7034186147*y + 1.7076147010*z)
	return c, fits[0] && fits[1] && fits[2]
}
