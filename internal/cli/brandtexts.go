package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) brandTextsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "texts",
		Short:   "List what mails say",
		Long:    "List what is written to people, of each kind in each language, and whether it is in\nwords of your own.",
		Example: "  stayput brand texts",
		Args:    takes(),
		RunE: a.asking(func(ctx context.Context, c *api.Client, _ []string) error {
			all, err := c.MailTexts(ctx)
			if err != nil {
				return err
			}
			return list(a, all, "", "KIND|LANGUAGE|OWN|SUBJECT", func(t api.MailText) []string {
				return []string{t.Kind, t.Language, map[bool]string{true: "yes", false: "no"}[t.Own], t.Subject}
			})
		}),
	}
}

func (a *app) brandTextCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "text KIND LANGUAGE",
		Short: "Show what mails of a kind say in a language",
		Long: `Show what mails of a kind say in a language, as "stayput brand set-text" takes it: the
subject, an empty line, and the text.`,
		Example: "  stayput brand text password-reset en",
		Args:    takes("KIND", "LANGUAGE"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			t, err := c.MailText(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return a.show(t, func(w io.Writer) { fmt.Fprintf(w, "%s\n\n%s\n", t.Subject, t.Body) })
		}),
	}
}

func (a *app) brandSetTextCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set-text KIND LANGUAGE FILE",
		Short: "Let mails of a kind say something else in a language",
		Long: `Let mails of a kind say in a language what a file says: the subject, an empty line,
and the text, whose paragraphs are parted by empty lines. A line that begins with =>
holds the words on the button, where a mail has one. What stands in braces, such as
{name}, is filled in; --json of "stayput brand text" says what may be. A FILE of "-" is
standard input.`,
		Example: `  stayput brand text password-reset en >reset.txt
  stayput brand set-text password-reset en reset.txt`,
		Args: takes("KIND", "LANGUAGE", "FILE"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			content, err := a.readAll(args[2])
			if err != nil {
				return err
			}
			subject, body, found := strings.Cut(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n\n")
			if !found {
				return misuse("%s must hold the subject, an empty line, and the text", args[2])
			}
			t, err := c.SetMailText(ctx, args[0], args[1], api.MailWords{Subject: strings.TrimSpace(subject), Body: strings.TrimSpace(body)})
			if err != nil {
				return err
			}
			return a.done(t, "changed what mails of kind %s say in language %s", t.Kind, t.Language)
		}),
	}
}

func (a *app) brandResetTextCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reset-text KIND LANGUAGE",
		Short:   "Bring the built-in text of a mail back",
		Long:    "Let mails of a kind say again in a language what is built in.",
		Example: "  stayput brand reset-text password-reset en",
		Args:    takes("KIND", "LANGUAGE"),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			if err := c.ResetMailText(ctx, args[0], args[1]); err != nil {
				return err
			}
			return a.done(struct{}{}, "mails of kind %s say in language %s what is built in", args[0], args[1])
		}),
	}
}
