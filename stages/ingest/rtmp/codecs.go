package rtmp

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
)

// form is how RTMP carries a codec.
type form struct {
	ids   []flv.Codec
	codec media.Codec
	title string // name of the codec for users if it is recorded as another codec; else empty
	// composed is set if the data of a coded frame begins with a composition time.
	composed bool
	// bySound is set if the properties of a message say what its samples are: others begin another track.
	bySound bool
	// open makes the unpacker of a track from a packet that describes it. It returns nil if the packet does not.
	open func(o *opener, k *flv.Packet) (unpacker, error)
}

// pictureForms and soundForms list the codecs that can be recorded. A new codec is a new row.
var (
	pictureForms = [...]form{
		{ids: []flv.Codec{7, flv.FourCC("avc1")}, codec: codec.H264, composed: true, open: openNALs(readAVC)},
		{ids: []flv.Codec{12, flv.FourCC("hvc1")}, codec: codec.H265, composed: true, open: openNALs(readHEVC)},
		{ids: []flv.Codec{13, flv.FourCC("av01")}, codec: codec.AV1, open: openOBUs},
		{ids: []flv.Codec{flv.FourCC("vp09")}, codec: codec.VP9, open: openWhole},
	}
	soundForms = [...]form{
		{ids: []flv.Codec{10, flv.FourCC("mp4a")}, codec: codec.AAC, open: openAAC},
		{ids: []flv.Codec{2, 14, flv.FourCC(".mp3")}, codec: codec.MP3, open: openFramed(readMP3)},
		{ids: []flv.Codec{flv.FourCC("Opus")}, codec: codec.Opus, open: openOpus},
		{ids: []flv.Codec{flv.FourCC("fLaC")}, codec: codec.FLAC, open: openFLAC},
		{ids: []flv.Codec{flv.FourCC("ac-3")}, codec: codec.AC3, open: openFramed(readAC3)},
		{ids: []flv.Codec{flv.FourCC("ec-3")}, codec: codec.EAC3, open: openFramed(readEAC3)},
		{ids: []flv.Codec{7}, codec: codec.LPCM, title: "G.711", bySound: true, open: openALaw},
		{ids: []flv.Codec{8}, codec: codec.LPCM, title: "G.711", bySound: true, open: openMuLaw},
		{ids: []flv.Codec{0, 3}, codec: codec.LPCM, bySound: true, open: openLPCM},
	}
)

// kept holds the codecs that record G.711 as it is sent, by ID: see hub.Hub.KeepsG711.
var kept = map[flv.Codec]media.Codec{7: codec.ALaw, 8: codec.MuLaw}

// flacMarker begins a stream of FLAC (RFC 9639, 6).
const flacMarker = "fLaC"

// usacCodec records AAC whose configuration is that of xHE-AAC.
var usacCodec = codec.USAC

// isSequenceStart reports whether a decoder can start at a temporal unit of AV1.
var isSequenceStart = codec.Of(codec.AV1).Sync

// others are the names of codecs that cannot be recorded.
var (
	otherPictures = map[flv.Codec]string{2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6", 6: "Screen video 2", flv.FourCC("vp08"): "VP8", flv.FourCC("vvc1"): "H.266"}
	otherSound    = map[flv.Codec]string{1: "ADPCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser", 11: "Speex", 15: "device-specific sound"}
)

// formOf returns the row of a codec, or nil if it cannot be recorded.
func formOf(video bool, id flv.Codec) *form {
	forms := soundForms[:]
	if video {
		forms = pictureForms[:]
	}
	for i := range forms {
		if slices.Contains(forms[i].ids, id) {
			return &forms[i]
		}
	}
	return nil
}

// nameOf returns the name of a codec that cannot be recorded, for users.
func nameOf(video bool, id flv.Codec) string {
	if video {
		return cmp.Or(otherPictures[id], fmt.Sprintf("pictures of %s", id))
	}
	return cmp.Or(otherSound[id], fmt.Sprintf("sound of %s", id))
}

// fourCCs lists the codecs of Enhanced RTMP that can be recorded, and recordable all codecs, as the end of a sentence.
var fourCCs, recordable = func() (letters []string, sentence string) {
	var titles []string
	for _, f := range append(slices.Clone(pictureForms[:]), soundForms[:]...) {
		for _, id := range f.ids {
			if id > 15 {
				letters = append(letters, id.String())
			}
		}
		if title := cmp.Or(f.title, codec.Of(f.codec).Title); !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	last := len(titles) - 1
	for i, title := range titles[:last] {
		if i > 0 {
			sentence += ", "
		}
		sentence += title
	}
	return letters, sentence + " and " + titles[last] + " can be"
}()
