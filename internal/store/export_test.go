package store

import "io/fs"

// Later returns opts of a version to come, whose schema has more steps.
func Later(opts Options, steps fs.FS) Options {
	opts.later = steps
	return opts
}
