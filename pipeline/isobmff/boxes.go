package isobmff

// Boxes walks the boxes that stand one behind the other in a payload:
//
//	boxes := isobmff.Walk(moov)
//	for boxes.Next() {
//		if boxes.Is("trak") { ... boxes.Payload ... }
//	}
//	if !boxes.Whole() { ... }
//
// It allocates nothing. The payloads are views.
type Boxes struct {
	Header         // header of the current box
	At      int    // offset of the current box in the walked payload
	Payload []byte // payload of the current box
	rest    []byte
	end     int // offset of rest
	damaged bool
}

// Walk returns a walk along the boxes of a payload, before the first.
func Walk(payload []byte) Boxes { return Boxes{rest: payload} }

// Next moves to the next box. It returns false at the end, and at bytes that are no complete box.
func (w *Boxes) Next() bool {
	if len(w.rest) == 0 {
		return false
	}
	h, err := parseHeader(w.rest)
	if err != nil || h.SizeBytes == 0 || h.SizeBytes > int64(len(w.rest)) {
		w.damaged = true
		return false
	}
	w.Header, w.At, w.Payload = h, w.end, w.rest[h.HeaderBytes:h.SizeBytes:h.SizeBytes]
	w.rest, w.end = w.rest[h.SizeBytes:], w.end+int(h.SizeBytes)
	return true
}

// IsUUID reports whether the box has a 16-byte type (ISO/IEC 14496-12, 4.2).
func (w *Boxes) IsUUID(uuid string) bool {
	return w.Is("uuid") && len(w.Payload) >= len(uuid) && string(w.Payload[:len(uuid)]) == uuid
}

// Whole reports whether the boxes fill the payload exactly, as far as they were walked.
func (w *Boxes) Whole() bool { return !w.damaged }

// Find returns the payload of the box at a path of types, the first of each; nil without one.
func Find(payload []byte, path ...string) []byte {
	for _, fourcc := range path {
		boxes, found := Walk(payload), false
		for !found && boxes.Next() {
			found = boxes.Is(fourcc)
		}
		if !found {
			return nil
		}
		payload = boxes.Payload
	}
	return payload
}
