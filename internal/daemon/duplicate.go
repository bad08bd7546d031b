package daemon

import (
	"os"
	"syscall"
)

// duplicate returns another descriptor of a socket. What package net would return
// puts the socket into a mode that its other descriptors cannot work in.
func duplicate(conn syscall.Conn) (*os.File, error) {
	var fresh int
	err := control(conn, func(fd int) (err error) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fresh, err = syscall.Dup(fd); err == nil {
			syscall.CloseOnExec(fresh)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fresh), "socket"), nil
}

// control runs f on the descriptor of a socket.
func control(conn syscall.Conn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	if err := raw.Control(func(fd uintptr) { fault = f(int(fd)) }); err != nil {
		return err
	}
	return fault
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
