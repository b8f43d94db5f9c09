package isobmff

// Boxes walks the consecutive boxes in a payload:
//
//	boxes := isobmff.Walk(moov)
//	for boxes.Next() {
//		if boxes.Is("trak") { ... boxes.Payload ... }
//	}
//	if !boxes.Whole() { ... }
//
// It allocates nothing. The payloads share the memory of the walked payload.
type Boxes struct {
	Header         // header of the current box
	At      int    // offset of the current box in the walked payload
	Payload []byte // payload of the current box
	rest    []byte
	end     int // offset of rest
	damaged bool
}

// Walk returns a walk of the boxes in a payload. The first call of Next moves to the first box.
func Walk(payload []byte) Boxes { return Boxes{rest: payload} }

// Next moves to the next box. It returns false at the end of the payload, and at bytes that are not
// a complete box: see Whole.
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

// IsUUID reports whether the current box is a uuid box with the given extended type of 16 bytes
// (ISO/IEC 14496-12, 4.2).
func (w *Boxes) IsUUID(uuid string) bool {
	return w.Is("uuid") && len(w.Payload) >= len(uuid) && string(w.Payload[:len(uuid)]) == uuid
}

// Whole reports whether all walked bytes were complete boxes. After Next has returned false, it
// reports whether boxes fill the payload exactly.
func (w *Boxes) Whole() bool { return !w.damaged }

// Find returns the payload of the box at a path of box types, such as "mdia", "mdhd". At each level
// it takes the first box of the type; it returns nil if the type is missing.
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
