package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// variablePrefix starts the name of each of our variables.
const variablePrefix = "STAYPUT_"

// readEnvironment takes up the variables that override settings. One that no
// setting knows is a fault if it is close enough to be a slip; others are let
// be, for container platforms make some up (STAYPUT_PORT, STAYPUT_SERVICE_HOST).
func (l *loader) readEnvironment(env []string) {
	given := ours(env)
	l.bind("")
	known := make([]string, len(l.settings))
	for i, s := range l.settings {
		known[i] = strings.TrimPrefix(s.variable(), variablePrefix)
		if text, ok := given[known[i]]; ok && !s.repeated() {
			at := place{variable: s.variable()}
			at.faulty = !l.set(s, text, at)
			l.note(s.key, at)
		}
	}
	l.certificatesFrom(given)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		near := closest(name, known)
		if near != "" && near != name {
			l.report(place{variable: variablePrefix + name}, "", "unknown variable", didYouMean(variablePrefix+near))
		}
	}
}

// ours returns the variables of env that have our prefix, without it. None of
// ours has a name that could not be a key.
func ours(env []string) map[string]string {
	given := make(map[string]string)
	for _, assignment := range env {
		name, text, ok := strings.Cut(assignment, "=")
		if name, mine := strings.CutPrefix(name, variablePrefix); ok && mine && isBare(name) {
			given[name] = text
		}
	}
	return given
}

// certificatesFrom takes up the certificates that the environment names as two
// lists, the files of the certificates and those of their keys. They replace
// those of the file.
func (l *loader) certificatesFrom(given map[string]string) {
	certs, cert := l.filesFrom(given, certificateSection+".cert")
	keys, key := l.filesFrom(given, certificateSection+".key")
	if len(certs) != len(keys) {
		l.reported[certificateSection] = true
		l.report(cert, "", fmt.Sprintf("names %d files, but %s names %d", len(certs), key.variable, len(keys)), "")
		return
	}
	if len(certs) > 0 {
		l.config.HTTP.Certificates = nil
	}
	for i := range certs {
		l.addCertificate(cert, "")
		l.setFile(certificateSection+".cert", certs[i], cert)
		l.setFile(certificateSection+".key", keys[i], key)
	}
}

// filesFrom returns the files that the variable of a certificate's setting
// names, and the variable.
func (l *loader) filesFrom(given map[string]string, key string) ([]string, place) {
	s, _ := l.find(key)
	text := given[strings.TrimPrefix(s.variable(), variablePrefix)]
	return field{shape: list}.split(text), place{variable: s.variable()}
}

// setFile gives the last certificate one of its files.
func (l *loader) setFile(key, path string, at place) {
	s, _ := l.find(key)
	at.faulty = !l.set(s, path, at)
	l.note(key, at)
}
