package brand

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"slices"
	"strings"
)

// The kinds of images that a logo may be, as media types.
const (
	SVG = "image/svg+xml"
	PNG = "image/png"
)

// The most that a logo may have.
const (
	MaxLogo     = 64 << 10 // octets
	maxLogoSide = 2000     // pixels
	maxLogoTags = 5000
)

// What can be wrong with a logo, besides errLogoPart.
var (
	errLogoKind = &Fault{Field: "logo", Reason: LogoKind}
	errLogoSize = &Fault{Field: "logo", Reason: LogoSize}
)

func errLogoPart(what string) *Fault { return &Fault{Field: "logo", Reason: LogoPart, What: what} }

// readLogo reads an image that somebody sent, and returns it made anew: a PNG without
// anything but its pixels, an SVG of shapes, colours and text alone. Its error is a
// *Fault.
func readLogo(content []byte) (clean []byte, kind string, err error) {
	if len(content) > MaxLogo {
		return nil, "", errLogoSize
	}
	if bytes.HasPrefix(content, []byte("\x89PNG\r\n")) {
		clean, err = cleanPNG(content)
		return clean, PNG, err
	}
	clean, err = cleanSVG(content)
	return clean, SVG, err
}

func cleanPNG(content []byte) ([]byte, error) {
	size, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, errLogoKind
	}
	if size.Width > maxLogoSide || size.Height > maxLogoSide {
		return nil, errLogoSize
	}
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, errLogoKind
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, errLogoKind
	}
	if out.Len() > MaxLogo {
		return nil, errLogoSize
	}
	return out.Bytes(), nil
}

// svgTags are the elements that a logo may have, svgAttrs their attributes: shapes,
// groups, gradients and text; nothing that fetches, links, runs or holds foreign
// content.
var (
	svgTags = strings.Fields(`svg g path rect circle ellipse line polyline polygon text tspan title desc defs
		linearGradient radialGradient stop clipPath mask`)
	svgAttrs = strings.Fields(`id width height viewBox x y x1 y1 x2 y2 cx cy r rx ry d points transform fill fill-rule fill-opacity
		stroke stroke-width stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-dasharray opacity color clip-path clip-rule mask
		offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod fx fy clipPathUnits maskUnits
		font-family font-size font-weight font-style text-anchor letter-spacing dominant-baseline preserveAspectRatio version`)
	// svgDropped are left out with all that is in them; what is in no list is a fault.
	svgDropped = strings.Fields(`metadata style namedview`)
)

// cleanSVG writes an SVG anew of what is allowed.
func cleanSVG(content []byte) ([]byte, error) {
	in := xml.NewDecoder(bytes.NewReader(content))
	var out bytes.Buffer
	depth, tags := 0, 0
	for {
		token, err := in.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errLogoKind
		}
		switch token := token.(type) {
		case xml.StartElement:
			if tags++; tags > maxLogoTags {
				return nil, errLogoSize
			}
			if slices.Contains(svgDropped, token.Name.Local) {
				if err := skipElement(in); err != nil {
					return nil, errLogoKind
				}
				continue
			}
			if err := writeStart(&out, token, depth == 0); err != nil {
				return nil, err
			}
			depth++
		case xml.EndElement:
			depth--
			fmt.Fprintf(&out, "</%s>", token.Name.Local)
		case xml.CharData:
			if depth > 0 {
				if err := xml.EscapeText(&out, token); err != nil {
					return nil, errLogoKind
				}
			}
		}
	}
	// Reading it again finds elements that do not match.
	if tags == 0 || depth != 0 || xml.Unmarshal(out.Bytes(), new(struct{ XMLName xml.Name })) != nil {
		return nil, errLogoKind
	}
	return out.Bytes(), nil
}

// writeStart writes the start of an element with what is allowed of it.
func writeStart(out *bytes.Buffer, e xml.StartElement, isRoot bool) error {
	if isRoot && e.Name.Local != "svg" {
		return errLogoKind
	}
	if e.Name.Space != "" && e.Name.Space != "svg" || !slices.Contains(svgTags, e.Name.Local) {
		return errLogoPart("<" + e.Name.Local + ">")
	}
	fmt.Fprintf(out, "<%s", e.Name.Local)
	if isRoot {
		out.WriteString(` xmlns="http://www.w3.org/2000/svg"`)
	}
	for _, a := range e.Attr {
		if a.Name.Space != "" || !slices.Contains(svgAttrs, a.Name.Local) {
			continue
		}
		if reaches(a.Value) {
			return errLogoPart(a.Name.Local)
		}
		fmt.Fprintf(out, ` %s="`, a.Name.Local)
		if err := xml.EscapeText(out, []byte(a.Value)); err != nil {
			return errLogoKind
		}
		out.WriteByte('"')
	}
	out.WriteByte('>')
	return nil
}

// reaches tells whether the value of an attribute reaches outside of the picture.
func reaches(value string) bool {
	value = strings.ToLower(value)
	for rest := value; ; {
		_, after, found := strings.Cut(rest, "url(")
		if !found {
			break
		}
		if !strings.HasPrefix(strings.TrimLeft(after, ` '"`), "#") {
			return true
		}
		rest = after
	}
	// CSS reads "u\72l(" as "url(".
	return strings.Contains(value, "javascript:") || strings.Contains(value, "data:") || strings.Contains(value, `\`)
}

// skipElement reads on past the end of the element that has begun.
func skipElement(in *xml.Decoder) error {
	for depth := 1; depth > 0; {
		token, err := in.RawToken()
		if err != nil {
			return err
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}
