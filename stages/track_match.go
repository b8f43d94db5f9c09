package stages

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// TrackMatch matches a track that has all of the given properties.
type TrackMatch struct {
	Kind     string `yaml:"kind,omitempty" oneof:"video audio metadata" doc:"video, audio or metadata"`
	Codec    string `yaml:"codec,omitempty" reaches:"nothing" doc:"name of the codec, such as h264 or aac"`
	Language string `yaml:"language,omitempty" reaches:"nothing" doc:"three letters of ISO 639-2, such as eng; und matches a track without a language"`
	Index    int    `yaml:"index,omitempty" takes:"nothing" doc:"number of the track in the stream, from 1; the first of all tracks is 1"`
	Size     string `yaml:"size,omitempty" reaches:"nothing" doc:"width and height of the pictures in pixels, such as 1920x1080"`
	Rate     int    `yaml:"rate,omitempty" takes:"nothing" doc:"sample rate of the sound in Hz, such as 48000"`
	Channels int    `yaml:"channels,omitempty" takes:"nothing" doc:"number of channels of the sound"`
	MIME     string `yaml:"mime,omitempty" reaches:"nothing" doc:"codecs parameter of RFC 6381, such as avc1.640028, or its beginning up to a dot, such as avc1; spool probe prints it"`
}

// Validate refuses a match without properties, an invalid property, and properties that no track has together.
func (m TrackMatch) Validate() error {
	switch _, _, sized := m.size(); {
	case m == (TrackMatch{}):
		return config.Problem{Msg: "matches every track", Hint: "give it a property, such as a kind, a codec or a language"}
	case m.Index < 0 || m.Index > maxTrackIndex:
		return config.At("index", "%d is no number of a track: it is from 1 to %d", m.Index, maxTrackIndex)
	case m.Size != "" && !sized:
		return config.At("size", "%q cannot be read: write WIDTHxHEIGHT, such as 1920x1080", m.Size)
	case m.Rate < 0:
		return config.At("rate", "%d Hz is no sample rate", m.Rate)
	case m.Channels < 0:
		return config.At("channels", "%d is no number of channels", m.Channels)
	case strings.HasSuffix(m.MIME, "."):
		return config.At("mime", "%q ends with a dot: leave the dot out", m.MIME)
	}
	kind := m.Kind
	if m.Codec != "" {
		known, err := codec.Named(m.Codec)
		switch {
		case err != nil:
			return config.At("codec", "%v", err)
		case kind != "" && kind != known.Kind.String():
			return config.At("kind", "%s is not %s: this matches no track", m.Codec, kind)
		}
		kind = known.Kind.String()
	}
	video, audio := media.Video.String(), media.Audio.String()
	switch {
	case m.Size != "" && (kind == audio || m.Rate > 0 || m.Channels > 0):
		return config.At("size", "sound has no size: this matches no track")
	case m.Size != "" && kind != "" && kind != video:
		return config.At("size", "%s has no size: this matches no track", kind)
	case m.Rate > 0 && kind == video:
		return config.At("rate", "pictures have no sample rate: this matches no track")
	case m.Channels > 0 && kind == video:
		return config.At("channels", "pictures have no channels: this matches no track")
	case (m.Rate > 0 || m.Channels > 0) && kind != "" && kind != audio:
		return config.At("kind", "%s has neither a sample rate nor channels: this matches no track", kind)
	}
	return nil
}

// maxTrackIndex bounds Index. No stream has more tracks.
const maxTrackIndex = 64

// size returns the width and the height of Size, in pixels. ok is false if it cannot be read.
func (m TrackMatch) size() (width, height int, ok bool) {
	w, h, _ := strings.Cut(m.Size, "x")
	width, err := strconv.Atoi(w)
	if err != nil {
		return 0, 0, false
	}
	height, err = strconv.Atoi(h)
	return width, height, err == nil && width > 0 && height > 0
}

// matches reports whether a track, which is number index of its stream, from 1, has all properties.
func (m TrackMatch) matches(t *media.Track, index int) bool {
	width, height, _ := m.size()
	return (m.Kind == "" || m.Kind == t.Kind().String()) &&
		(m.Codec == "" || m.Codec == t.Codec.String()) &&
		(m.Language == "" || m.Language == cmp.Or(t.Language, "und")) &&
		(m.Index == 0 || m.Index == index) &&
		(m.Size == "" || width == t.Width && height == t.Height) &&
		(m.Rate == 0 || m.Rate == t.SampleRate) &&
		(m.Channels == 0 || m.Channels == t.Channels) &&
		(m.MIME == "" || m.ofMIME(mimeOf(t)))
}

func mimeOf(t *media.Track) string {
	if c := codec.Of(t.Codec); c != nil && c.MIME != nil {
		return c.MIME(t)
	}
	return ""
}

// ofMIME reports whether MIME is a codecs parameter, or its beginning up to a dot, in upper or lower case.
func (m TrackMatch) ofMIME(parameter string) bool {
	n := len(m.MIME)
	return len(parameter) >= n && strings.EqualFold(parameter[:n], m.MIME) && (len(parameter) == n || parameter[n] == '.')
}

// covers reports whether each track that o matches is certainly a track that m matches: o has each property of m.
func (m TrackMatch) covers(o TrackMatch) bool {
	return (m.Kind == "" || m.Kind == o.kind()) && (m.Codec == "" || m.Codec == o.Codec) &&
		(m.Language == "" || m.Language == o.Language) && (m.Index == 0 || m.Index == o.Index) && (m.Size == "" || m.Size == o.Size) &&
		(m.Rate == 0 || m.Rate == o.Rate) && (m.Channels == 0 || m.Channels == o.Channels) && (m.MIME == "" || m.ofMIME(o.MIME))
}

// kind returns the kind of the tracks that m matches, or "" if it matches both kinds.
func (m TrackMatch) kind() string {
	if known, err := codec.Named(m.Codec); err == nil {
		return known.Kind.String()
	}
	switch {
	case m.Size != "":
		return media.Video.String()
	case m.Rate > 0 || m.Channels > 0:
		return media.Audio.String()
	}
	return m.Kind
}

// leaves reports whether a track may be left of the tracks that m matches, after those that drop matches. Each track
// has a codec, so drop leaves none if it covers each codec of the kind.
func (m TrackMatch) leaves(drop []TrackMatch) bool {
	for _, known := range codec.All() {
		of := m
		if m.Codec != "" && m.Codec != known.Name || m.kind() != "" && m.kind() != known.Kind.String() {
			continue
		}
		of.Codec = known.Name
		if !slices.ContainsFunc(drop, func(d TrackMatch) bool { return d.covers(of) }) {
			return true
		}
	}
	return false
}
