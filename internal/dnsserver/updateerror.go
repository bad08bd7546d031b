package dnsserver

import (
	"errors"

	"stayput.dev/internal/update"
)

// updateError is why an UPDATE changes nothing, as a response code. It is an
// update.ErrRejected.
type updateError rcode

// Error returns the mnemonic of the code.
func (e updateError) Error() string { return rcode(e).String() }

// Unwrap returns update.ErrRejected.
func (e updateError) Unwrap() error { return update.ErrRejected }

// reject returns the error for a code, nil for rcodeNoError.
func reject(code rcode) error {
	if code == rcodeNoError {
		return nil
	}
	return updateError(code)
}

// updateCode returns the response code for what became of an UPDATE.
func updateCode(err error) rcode {
	if fault, ok := errors.AsType[updateError](err); ok {
		return rcode(fault)
	}
	switch {
	case err == nil:
		return rcodeNoError
	case errors.Is(err, update.ErrRejected):
		return rcodeRefused
	}
	return rcodeServFail // asking again later may help
}
