//go:build unix

package upstream

import "syscall"

// nothingToRead reports whether a socket is open and has received nothing that was not
// read: a look at its first byte would have to wait.
func nothingToRead(fd uintptr) bool {
	var b [1]byte
	for {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err != syscall.EINTR {
			return err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		}
	}
}

// receive reads from a socket that does not wait. It returns 0 when nothing is there, and
// when anything is wrong.
func receive(fd uintptr, p []byte) int {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return max(0, n)
		}
	}
}
