package isobmff

import "bytes"

// Nmhd appends an nmhd, the media header of a track that is neither video nor sound (ISO/IEC 14496-12, 8.4.5.2).
func (w *Writer) Nmhd() { w.Close(w.OpenFull("nmhd", 0, 0)) }

// Describes appends a tref: the track describes the track with an ID (cdsc of ISO/IEC 14496-12, 8.3.3).
func (w *Writer) Describes(id uint32) {
	tref := w.Open("tref")
	cdsc := w.Open("cdsc")
	w.U32(id)
	w.Close(cdsc)
	w.Close(tref)
}

// MetadataEntry appends a sample entry of timed metadata (ISO/IEC 14496-12, 12.3.3). texts are its first fields, such as
// the content encoding and the namespace of metx. They must not contain a byte 0.
func (w *Writer) MetadataEntry(fourcc string, texts ...string) {
	at := w.openEntry(fourcc)
	for _, text := range texts {
		w.AppendString(text)
		w.U8(0)
	}
	w.Close(at)
}

// EntryFieldsBytes is the size of the fields that each sample entry begins with.
const EntryFieldsBytes = 6 + 2

// ReadMetadataEntry reads the payload of a sample entry of timed metadata. It sets texts to its first fields, as
// MetadataEntry writes them. ok is false if they are cut.
func ReadMetadataEntry(payload []byte, texts ...*string) (ok bool) {
	f := NewFields(payload)
	f.Skip(EntryFieldsBytes)
	rest := f.Rest()
	for _, to := range texts {
		text, after, found := bytes.Cut(rest, []byte{0})
		if !found {
			return false
		}
		*to, rest = string(text), after
	}
	return !f.Short()
}
