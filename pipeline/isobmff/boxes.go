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
	Header         // of the box that Next came to
	At      int    // where in the payload that was walked the box begins
	Payload []byte // of the box
	rest    []byte
	end     int // where rest begins
	damaged bool
}

// Walk begins before the first box of a payload.
func Walk(payload []byte) Boxes { return Boxes{rest: payload} }

// Next goes to the next box. It returns false at the end, and at what is no box that
// is all there.
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

// IsUUID reports whether the box is one of a type of 16 bytes (ISO/IEC 14496-12, 4.2).
func (w *Boxes) IsUUID(uuid string) bool {
	return w.Is("uuid") && len(w.Payload) >= len(uuid) && string(w.Payload[:len(uuid)]) == uuid
}

// Whole reports whether boxes filled the payload exactly, as far as they were walked.
func (w *Boxes) Whole() bool { return !w.damaged }

// Find returns the payload of the box at a path of types, the first of each; nil
// where there is none.
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
