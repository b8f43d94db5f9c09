package codec

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Timed metadata has no parameter sets, and each access unit can be read alone.
var (
	// ONVIF is the metadata of ONVIF cameras (ONVIF Streaming Specification, 5.1.2). An access unit is one XML document, a
	// MetadataStream. GStreamer stores it in the same sample entry.
	ONVIF = Register(metadata("onvif", "ONVIF metadata", SampleEntry{
		Types: []string{"metx"}, Write: writeEntryONVIF, Read: readEntryONVIF,
		Forms: map[string]func([]byte, *media.Track) error{"mett": readText(onvifMIME)},
	}))
	// KLV is SMPTE ST 336. An access unit holds one or more items with the same time. The sample entry has the media type
	// of RFC 6597, because the URI of urim would name the key of one set, which a live track announces only with its first
	// item.
	KLV = Register(metadata("klv", "KLV", SampleEntry{
		Types: []string{"mett"}, Write: writeEntryKLV, Read: readText(klvMIME),
		Forms: map[string]func([]byte, *media.Track) error{"urim": readEntryURI},
	}))
)

const (
	onvifNamespace = "http://www.onvif.org/ver10/schema"
	onvifMIME      = "application/vnd.onvif.metadata"
	klvMIME        = "application/smpte336m"
	klvURI         = "urn:smpte:ul:060e2b34" // the beginning of all URIs of SMPTE's keys (RFC 5119), in lower case
)

func metadata(name, title string, entry SampleEntry) Codec {
	return Codec{
		CodecTraits: media.CodecTraits{Name: name, Kind: media.Metadata},
		Title:       title,
		Describe:    func(*media.Track) error { return nil },
		MIME:        func(*media.Track) string { return entry.Types[0] },
		MayBeZeros:  true, // the values of KLV may be
		Entry:       entry,
	}
}

func writeEntryONVIF(w *isobmff.Writer, fourcc string, _ *media.Track) (isobmff.PixelAspect, error) {
	w.MetadataEntry(fourcc, "", onvifNamespace, "")
	return isobmff.SquarePixels, nil
}

func readEntryONVIF(entry []byte, _ *media.Track) error {
	var encoding, namespace, location string
	if !isobmff.ReadMetadataEntry(entry, &encoding, &namespace, &location) {
		return errors.New("the sample entry is cut")
	}
	for _, n := range strings.Fields(namespace) {
		if n == onvifNamespace {
			return notEncoded(encoding)
		}
	}
	return fmt.Errorf("XML of the namespace %q: %w", namespace, ErrNotRecorded)
}

func writeEntryKLV(w *isobmff.Writer, fourcc string, _ *media.Track) (isobmff.PixelAspect, error) {
	w.MetadataEntry(fourcc, "", klvMIME)
	return isobmff.SquarePixels, nil
}

// readText returns the function that reads an entry mett with a media type.
func readText(mime string) func([]byte, *media.Track) error {
	return func(entry []byte, _ *media.Track) error {
		var encoding, is string
		if !isobmff.ReadMetadataEntry(entry, &encoding, &is) {
			return errors.New("the sample entry is cut")
		}
		if of, _, _ := strings.Cut(is, ";"); !strings.EqualFold(strings.TrimSpace(of), mime) {
			return fmt.Errorf("metadata of the type %q: %w", is, ErrNotRecorded)
		}
		return notEncoded(encoding)
	}
}

// readEntryURI reads an entry urim, whose box "uri " names the key of a set of SMPTE.
func readEntryURI(entry []byte, _ *media.Track) error {
	if !isobmff.ReadMetadataEntry(entry) {
		return errors.New("the sample entry is cut")
	}
	uri := isobmff.Find(entry[isobmff.EntryFieldsBytes:], "uri ")
	if len(uri) < 4 {
		return errors.New("the sample entry has no URI")
	}
	text, _, _ := strings.Cut(string(uri[4:]), "\x00")
	if plain := strings.ReplaceAll(strings.ToLower(text), ".", ""); !strings.HasPrefix(plain, klvURI) {
		return fmt.Errorf("metadata of the URI %q: %w", text, ErrNotRecorded)
	}
	return nil
}

// notEncoded returns an error for compressed metadata, which spool does not record.
func notEncoded(encoding string) error {
	if encoding != "" {
		return fmt.Errorf("metadata in the encoding %q: %w", encoding, ErrNotRecorded)
	}
	return nil
}

// BeginsXML reports whether data is the beginning of an XML document in UTF-8.
func BeginsXML(data []byte) bool {
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(data) > 0 && data[0] == '<'
}

// BeginsKLV reports whether data begins with a key of SMPTE ST 336.
func BeginsKLV(data []byte) bool { return bytes.HasPrefix(data, []byte{0x06, 0x0e, 0x2b, 0x34}) }
