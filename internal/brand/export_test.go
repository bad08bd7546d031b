package brand

// Contrasts returns the contrast of a brand's colour with the cards and with what
// stands on buttons of it, in light and in dark.
func Contrasts(text string) (all [4]float64, err error) {
	c, err := ParseColour(text)
	light, dark := c.OnLight(), c.OnDark()
	return [4]float64{light.contrast(lightCard), dark.contrast(darkCard), light.contrast(Colour{255, 255, 255}), dark.contrast(DarkInk)}, err
}

// ReadLogo reads an image as somebody sent it.
var ReadLogo = readLogo
