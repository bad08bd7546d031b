package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal returns standard input if a person sits there, else nil.
func (a *app) terminal() *os.File {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// readSecret reads a secret that was announced with the flag: one line of
// standard input, asked for where a person sits there.
func (a *app) readSecret(flag, what string) (string, error) {
	read := func() (string, error) { return readLine(a.in) }
	if tty := a.terminal(); tty != nil {
		read = func() (string, error) { return a.askSecret(tty, what) }
	}
	secret, err := read()
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	if secret == "" {
		return "", misuse("--%s, but standard input holds no %s", flag, what)
	}
	return secret, nil
}

// askSecret asks twice for a secret, which the terminal does not show. It may be
// empty.
func (a *app) askSecret(tty *os.File, what string) (string, error) {
	first, err := a.askHidden(tty, capital(what)+": ")
	if err != nil || first == "" {
		return "", err
	}
	again, err := a.askHidden(tty, "Again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two are not the same")
	}
	return first, nil
}

func (a *app) askHidden(tty *os.File, prompt string) (string, error) {
	fmt.Fprint(a.err, prompt)
	secret, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", fmt.Errorf("reading from the terminal: %w", err)
	}
	return string(secret), nil
}

// ask asks for a line; an empty one stands for usual, which may be empty.
func (a *app) ask(question, usual string) (string, error) {
	if usual != "" {
		question += " [" + usual + "]"
	}
	fmt.Fprintf(a.err, "%s: ", question)
	line, err := readLine(a.in)
	if err != nil {
		return "", fmt.Errorf("reading from the terminal: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return usual, nil
	}
	return line, nil
}

// confirm asks a person whether to destroy something. Scripts are not asked.
func (a *app) confirm(yes bool, format string, args ...any) error {
	if yes || a.terminal() == nil {
		return nil
	}
	answer, err := a.ask(fmt.Sprintf(format, args...)+" [y/N]", "")
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// readLine reads one line, without its end, octet by octet: what follows is left
// for others.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReaderSize(&single{r}, 16).ReadString('\n')
	if err != nil && !(errors.Is(err, io.EOF) && line != "") {
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// single reads one octet at a time.
type single struct{ r io.Reader }

// Read reads at most one octet.
func (s *single) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 1)]) }

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
