package isobmff

import (
	"bytes"
	"fmt"

	gomp4 "github.com/abema/go-mp4"
)

// Marshal appends a box as go-mp4 encodes it, for tests that compare with go-mp4.
func (w *Writer) Marshal(box gomp4.IImmutableBox) { w.Close(w.OpenMarshal(box)) }

func (w *Writer) OpenMarshal(box gomp4.IImmutableBox) (at int) {
	at = w.Open(box.GetType().String())
	var out bytes.Buffer
	if _, err := gomp4.Marshal(&out, box, gomp4.Context{}); err != nil {
		w.Fail(fmt.Errorf("box %s: %w", box.GetType(), err))
	}
	w.B = append(w.B, out.Bytes()...)
	return at
}

// ByHand appends a box with the function that the package has for its type. It returns false for a type without such a function.
func (w *Writer) ByHand(box gomp4.IImmutableBox) bool {
	switch b := box.(type) {
	case *gomp4.Mvhd:
		w.mvhd(b)
	case *gomp4.Tkhd:
		w.tkhd(b)
	case *gomp4.Mdhd:
		w.mdhd(b)
	case *gomp4.Hdlr:
		w.hdlr(b)
	case *gomp4.Vmhd:
		w.vmhd(b)
	case *gomp4.Smhd:
		w.smhd(b)
	case *gomp4.Dref:
		w.Close(w.openDref(b))
	case *gomp4.Url:
		w.url(b)
	case *gomp4.Trex:
		w.trex(b)
	default:
		return false
	}
	return true
}
