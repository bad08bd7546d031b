package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) brandCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "brand COMMAND",
			Short: "Put pages and mails under a company's name",
		},
		a.brandShowCommand(), a.brandSetCommand(), a.brandTextsCommand(), a.brandTextCommand(), a.brandSetTextCommand(), a.brandResetTextCommand(),
	)
}

func (a *app) brandShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show what pages and mails look like",
		Long:    "Show the name, logo, colour and texts under which people see pages and mails. With\n--json the logo itself is part of it, in base64.",
		Example: "  stayput brand show",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			b, err := c.Brand(ctx)
			if err != nil {
				return err
			}
			return a.show(b, func(w io.Writer) {
				logo := ""
				if len(b.Logo) > 0 {
					logo = fmt.Sprintf("%s, %d octets", b.LogoType, len(b.Logo))
				}
				all := []fact{
					{"name", orDash(b.Name)},
					{"colour", orDash(b.Colour)},
					{"logo", orDash(logo)},
					{"welcome", b.Welcome},
					{"contact", b.Help},
					{"footer", b.Footer},
				}
				for _, l := range b.Legal {
					all = append(all, fact{"legal", l.Text + "=" + l.URL})
				}
				facts(w, all...)
			})
		}),
	}
}

func (a *app) brandSetCommand() *cobra.Command {
	var name, colour, logo, welcome, contact, footer string
	var legal []string
	cmd := &cobra.Command{
		Use:   "set [--name TEXT] [--colour COLOUR] [--logo FILE] [--welcome TEXT] [--contact TEXT] [--footer TEXT] [--legal TEXT=URL ...]",
		Short: "Change what pages and mails look like",
		Long: `Change the name, logo, colour and texts under which people see pages and mails.
What is not given stays; an empty value takes away what there is. All links to legal
pages are given at once. A logo is an SVG of shapes and text, or a PNG, of at most
64 KiB.`,
		Example: `  stayput brand set --name 'Example Net' --colour '#0f766e' --logo logo.svg
  stayput brand set --legal Privacy=https://www.example.org/privacy
  stayput brand set --logo ''`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := someChange(cmd, "name", "colour", "logo", "welcome", "contact", "footer", "legal"); err != nil {
				return err
			}
			change := api.BrandChange{
				Name: changed(cmd, "name", name), Colour: changed(cmd, "colour", colour), Welcome: changed(cmd, "welcome", welcome),
				Help: changed(cmd, "contact", contact), Footer: changed(cmd, "footer", footer), Logo: changed(cmd, "logo", ""),
			}
			if logo != "" {
				content, err := a.readAll(logo)
				if err != nil {
					return err
				}
				*change.Logo = base64.StdEncoding.EncodeToString(content)
			}
			if cmd.Flags().Changed("legal") {
				links, err := readLinks(legal)
				if err != nil {
					return err
				}
				change.Legal = &links
			}
			c, err := a.dial(cmd.Context())
			if err != nil {
				return err
			}
			b, err := c.SetBrand(cmd.Context(), change)
			if err != nil {
				return err
			}
			return a.done(b, "changed what pages and mails look like")
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "what the service is called: `text`")
	flags.StringVar(&colour, "colour", "", "`colour` such as #0f766e")
	flags.StringVar(&logo, "logo", "", "`file` with an SVG or a PNG")
	flags.StringVar(&welcome, "welcome", "", "`text` on the page for signing in")
	flags.StringVar(&contact, "contact", "", "`text` about how to reach the company")
	flags.StringVar(&footer, "footer", "", "`text` below mails")
	flags.StringArrayVar(&legal, "legal", nil, "link to a legal page, as `text=url`; can be repeated")
	return cmd
}

// readLinks reads links as people write them.
func readLinks(texts []string) ([]api.LegalLink, error) {
	links := []api.LegalLink{}
	for _, text := range texts {
		if text == "" {
			continue
		}
		words, url, found := strings.Cut(text, "=")
		if !found {
			return nil, misuse("a link is written as in Privacy=https://www.example.org/privacy, not as %q", text)
		}
		links = append(links, api.LegalLink{Text: words, URL: url})
	}
	return links, nil
}

// readAll returns what is in a file; "-" is standard input.
func (a *app) readAll(file string) ([]byte, error) {
	content, err := a.open(file)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}
