package isobmff

import (
	"fmt"
	"io"
)

// FileBoxes walks the boxes of a file that follow each other between two offsets. It reads their headers alone, each
// once, so that the cost does not depend on the payloads.
type FileBoxes struct {
	Header         // of the current box; its SizeBytes is 0 for a box that lasts to the end of the walk
	At       int64 // offset of the current box
	in       io.ReaderAt
	next, to int64
	err      error
}

// WalkFile returns a walk of the boxes in a file from one offset up to another. Next moves to the first one.
func WalkFile(in io.ReaderAt, from, to int64) *FileBoxes {
	return &FileBoxes{in: in, next: from, to: to}
}

// Next moves to the next box. It returns false at the end, and with an error: see Err.
func (w *FileBoxes) Next() bool {
	if w.err != nil || w.next >= w.to {
		return false
	}
	h, err := ReadHeader(w.in, w.next, w.to)
	if err != nil {
		w.err = err
		return false
	}
	if h.SizeBytes > w.to-w.next {
		w.err = fmt.Errorf("box %q at byte %d runs past the end: %w", h.Type, w.next, ErrEnd)
		return false
	}
	w.Header, w.At = h, w.next
	w.next = w.End()
	return true
}

// Err returns the error that has ended the walk: that of a read, or of the content (IsContent), such as a box that lasts
// beyond the end.
func (w *FileBoxes) Err() error { return w.err }

// PayloadAt returns the offset of the current box's payload.
func (w *FileBoxes) PayloadAt() int64 { return w.At + w.HeaderBytes }

// End returns the offset of the end of the current box.
func (w *FileBoxes) End() int64 {
	if w.SizeBytes == 0 {
		return w.to
	}
	return w.At + w.SizeBytes
}

// Read returns the payload of the current box: see ReadPayload for limit and the errors.
func (w *FileBoxes) Read(limit int64) ([]byte, error) {
	h := w.Header
	h.SizeBytes = w.End() - w.At
	return ReadPayload(w.in, w.At, h, w.to, limit)
}

// Seek moves to the first box of a type, behind the current one. The error is that of the walk, or says that there is
// no such box.
func (w *FileBoxes) Seek(fourcc string) error {
	for w.Next() {
		if w.Is(fourcc) {
			return nil
		}
	}
	if w.err != nil {
		return w.err
	}
	return fmt.Errorf("the file has no box %s where one belongs", fourcc)
}

// Find returns the first box at a path of types below the current one, as the current box of its own walk. Its errors
// are those of Seek.
func (w *FileBoxes) Find(path ...string) (*FileBoxes, error) {
	for _, fourcc := range path {
		w = w.Inside()
		if err := w.Seek(fourcc); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Inside returns a walk of the boxes in the payload of the current box.
func (w *FileBoxes) Inside() *FileBoxes { return WalkFile(w.in, w.PayloadAt(), w.End()) }
