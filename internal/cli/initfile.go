package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stayput.dev/internal/config"
)

// foundingConfig returns the text of a first configuration.
func foundingConfig(data string, dns, http []string) string {
	return fmt.Sprintf("# The configuration of Stayput; `stayput config example` explains every setting.\n\n"+
		"data = %s\n\n[dns]\nlisten = %s\n\n[http]\nlisten = %s\n",
		strconv.Quote(data), quotedList(dns), quotedList(http))
}

func quotedList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// writeDraft writes text to a new file beside the given one, on disk when it
// returns, and returns its path.
func writeDraft(file, text string) (path string, err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".stayput-*.toml")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(0o644) // it holds no secrets
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// replace puts the draft in the place of file, durably.
func replace(draft, file string) error {
	if err := os.Rename(draft, file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// inFile returns faults of the draft as those of the file that it is to become.
func inFile(err error, file string) error {
	faults, ok := errors.AsType[config.Faults](err)
	if !ok {
		return err
	}
	for i := range faults {
		faults[i].File = file
	}
	return faults
}
