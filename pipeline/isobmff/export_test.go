package isobmff

import gomp4 "github.com/abema/go-mp4"

// Marshal and OpenMarshal are for tests that compare with go-mp4.
func (w *Writer) Marshal(box gomp4.IImmutableBox) { w.marshal(box) }

func (w *Writer) OpenMarshal(box gomp4.IImmutableBox) (at int) { return w.openMarshal(box) }
