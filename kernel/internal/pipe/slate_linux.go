package pipe

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Slate is memory that a session shares with the front: what cells have printed and the session has not sent yet stands
// there too, so that it is not lost with a process that is killed. A nil Slate keeps nothing.
//
// The first eight bytes are the length of the text, written last, so that what is read is whole whenever the writer ends.
type Slate struct{ mem []byte }

const (
	slateName = "godlas-prints"
	slateHead = 64 // length, number of frames sent before, request, stream
	slateSize = 256 << 10
)

// NewSlate makes a slate and the file by which another process opens it.
func NewSlate() (*Slate, *os.File, error) {
	fd, err := unix.MemfdCreate(slateName, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), slateName)
	if err = f.Truncate(slateSize); err == nil {
		var s *Slate
		if s, err = mapSlate(fd); err == nil {
			return s, f, nil
		}
	}
	f.Close()
	return nil, nil, err
}

// OpenSlate opens the slate that was inherited as file descriptor fd; nil if that is none.
func OpenSlate(fd int) *Slate {
	to, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil || !strings.HasPrefix(to, "/memfd:"+slateName) {
		return nil
	}
	s, err := mapSlate(fd)
	syscall.Close(fd)
	if err != nil {
		return nil
	}
	return s
}

func mapSlate(fd int) (*Slate, error) {
	mem, err := unix.Mmap(fd, 0, slateSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return &Slate{mem}, err
}

func (s *Slate) length() *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&s.mem[0])) }

// Begin wipes it for text of a request and stream, before which sent frames with text have been sent.
func (s *Slate) Begin(sent, parent uint64, name string) {
	if s == nil {
		return
	}
	s.length().Store(0)
	binary.LittleEndian.PutUint64(s.mem[8:], sent)
	binary.LittleEndian.PutUint64(s.mem[16:], parent)
	s.mem[24] = 0
	if name == "stderr" {
		s.mem[24] = 1
	}
}

// Add writes more text; what has no room is left out.
func (s *Slate) Add(text []byte) {
	if s == nil {
		return
	}
	at := s.length().Load()
	n := copy(s.mem[slateHead+at:], text)
	s.length().Store(at + uint64(n))
}

// Wipe says that all of it has been sent.
func (s *Slate) Wipe() {
	if s != nil {
		s.length().Store(0)
	}
}

// Take returns the text of a process that has ended, of which received frames with text have arrived, and gives up the
// memory. There is none if its frame is among those.
func (s *Slate) Take(received uint64) (parent uint64, name, text string) {
	if s == nil || s.mem == nil {
		return 0, "", ""
	}
	n := min(s.length().Load(), uint64(len(s.mem)-slateHead)) // a cell may have written there
	if binary.LittleEndian.Uint64(s.mem[8:]) == received {
		text = string(s.mem[slateHead : slateHead+n])
	}
	parent, name = binary.LittleEndian.Uint64(s.mem[16:]), "stdout"
	if s.mem[24] == 1 {
		name = "stderr"
	}
	unix.Munmap(s.mem)
	s.mem = nil
	return parent, name, text
}
