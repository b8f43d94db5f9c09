package rtsp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/rtp"
)

// Description describes the tracks of a stream that can be sent.
type Description struct {
	Session *description.Session
	Set     *media.TrackSet
	LeftOut []string // why tracks are not sent

	tracks   []int // of each section of Session: index in Set.Tracks
	document []byte
}

// ErrNoTracks is the error of Describe for a stream whose tracks cannot be sent.
var ErrNoTracks = errors.New("no track of the stream can be sent by RTSP")

// firstDynamic is the first payload type that the standard leaves free (RFC 3551, 3).
const firstDynamic = 96

// kinds holds the media types of kinds of tracks.
var kinds = map[media.Kind]description.MediaType{
	media.Video: description.MediaTypeVideo, media.Audio: description.MediaTypeAudio, media.Metadata: description.MediaTypeApplication,
}

// Describe describes the tracks of a set. Its error is ErrNoTracks.
func Describe(set *media.TrackSet, title string) (*Description, error) {
	d := &Description{Set: set, Session: &description.Session{Title: title}}
	for i := range set.Tracks {
		t := &set.Tracks[i]
		f, err := rtp.Describe(t, uint8(firstDynamic+len(d.tracks)))
		if err != nil {
			d.LeftOut = append(d.LeftOut, err.Error())
			continue
		}
		d.Session.Medias = append(d.Session.Medias, &description.Media{
			Type: kinds[t.Kind()], Formats: []format.Format{f}, Control: "trackID=" + strconv.Itoa(len(d.tracks)),
		})
		d.tracks = append(d.tracks, i)
	}
	if len(d.tracks) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoTracks, strings.Join(d.LeftOut, "; "))
	}
	var err error
	d.document, err = d.Session.Marshal()
	return d, err
}

// Add adds lines with attributes to the session description: to that of the session, and to that of each section.
func (d *Description) Add(session []string, section func(track *media.Track) string) {
	const begin = "\r\nm="
	parts := strings.Split(strings.TrimSuffix(string(d.document), "\r\n"), begin)
	out := strings.Join(append(parts[:1:1], session...), "\r\n")
	for i, part := range parts[1:] {
		out += begin + part + "\r\n" + section(&d.Set.Tracks[d.tracks[i]])
	}
	d.document = []byte(out + "\r\n")
}

// Document returns the session description (RFC 8866).
func (d *Description) Document() []byte { return d.document }
